/** The training loop: epochs of steps, validation, early stopping and checkpoints, resumable at any moment. */
import type { NoiseSignature } from '../../compiler/artefact.ts'
import * as messages from '../../compiler/diagnostics/catalogue/training.ts'
import { DiagnosticError, diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import { type Compiled, emptySlots, type StepResult, type Trainer, type Weights } from '../engines/engine.ts'
import type { Value } from '../engines/value.ts'
import { assembleInputs, assembleTargets, costOf, type Example, type Memory, reusedMemory } from '../predict/batch.ts'
import type { BoundInput, BoundPrediction, BoundTarget } from '../predict/binding.ts'
import { type Score, scorePredictions } from '../predict/scores.ts'
import { assembleNoise, planEpoch } from './batches.ts'
import { loadCheckpoint, type Progress, type Snapshot, saveCheckpoint } from './checkpoint.ts'
import { parameterGroups } from './parameter-groups.ts'
import type { Monitor, Recipe } from './recipe.ts'
import { appendLog, type RunFolder, rewindLog } from './run-folder.ts'
import { learningRateAt } from './schedule.ts'

/** A model ready to train. */
export interface TrainingTask {
  readonly compiled: Compiled
  readonly inputs: readonly BoundInput[]
  readonly targets: readonly BoundTarget[]
  readonly predictions: readonly BoundPrediction[]
  readonly start: Pick<Weights, 'params' | 'states'>
  readonly recipe: Recipe
  readonly train: readonly Example[]
  readonly validation: readonly Example[]
}

/** What the loop asks of its surroundings. */
export interface Surroundings {
  readonly folder: RunFolder
  readonly reporter: Reporter
  /** Asked after each step: true to write a checkpoint and stop. */
  readonly interrupted: () => boolean
  /** Milliseconds; only when checkpoints are written within an epoch depends on it. */
  readonly now: () => number
}

/** Told what happens; draws it. */
export interface Reporter {
  /** A line of its own. */
  note(text: string): void
  beginEpoch(epoch: number, epochs: number, batches: number, done: number): void
  endStep(loss: number): void
  endEpoch(record: EpochRecord): void
  /** Leaves the terminal as it was, whatever happened. */
  close(): void
}

/** A line of log.jsonl. No time of day stands in it: a resumed run writes the same bytes. */
export interface EpochRecord {
  readonly epoch: number
  readonly step: number
  readonly learning_rate: number
  readonly train: Readonly<Record<string, number>>
  readonly validation: Readonly<Record<string, number>>
  readonly monitor: number
  readonly best: boolean
}

export interface TrainingOutcome {
  readonly finished: boolean
  /** Where it stopped, or would go on. */
  readonly progress: Progress
  /** The weights to export: the best on validation. */
  readonly best: Pick<Weights, 'params' | 'states'>
}

/** A checkpoint is also written within an epoch once this much time has passed since the last. */
const checkpointEvery = 60_000

/** Trains to the end, or until interrupted. Throws a DiagnosticError where the numbers break down. */
export async function train(task: TrainingTask, surroundings: Surroundings): Promise<TrainingOutcome> {
  const { recipe } = task
  const { layout } = task.compiled
  const { folder, reporter, now } = surroundings
  const monitor = chooseMonitor(recipe, task.predictions)
  const groups = parameterGroups(layout.params, recipe)
  const restored = await loadCheckpoint(folder.checkpoints, layout)
  await rewindLog(folder, restored?.progress.logBytes ?? 0)
  if (restored && !restored.progress.finished) {
    const { epoch, batch } = restored.progress
    reporter.note(`resuming in epoch ${epoch}${batch > 0 ? ` after ${batch} batches` : ''}`)
  }
  let snapshot: Snapshot = restored ?? freshSnapshot(task)
  if (snapshot.progress.finished) return outcome(snapshot)

  const scored = task.predictions.filter((p) => p.classes !== undefined).map((p) => p.name)
  const trainer = await task.compiled.open(snapshot.weights, task.inputs, scored)
  const costs = task.train.map((example) => costOf(task.inputs, example))
  const memory = reusedMemory()
  let saved = now()
  const save = async (progress: Progress): Promise<void> => {
    snapshot = { ...snapshot, progress, weights: await trainer.weights() }
    await saveCheckpoint(folder.checkpoints, layout, snapshot)
    saved = now()
  }

  try {
    while (!snapshot.progress.finished) {
      let { progress } = snapshot
      const { epoch } = progress
      const batches = planEpoch(costs, {
        seed: recipe.seed,
        epoch,
        batchSize: recipe.batch_size,
        bucket: recipe.bucket,
      })
      reporter.beginEpoch(epoch, recipe.epochs, batches.length, progress.batch)
      for (let batch = progress.batch; batch < batches.length; batch++) {
        const examples = (batches[batch] ?? []).map((i) => task.train[i] as Example)
        const result = await trainer.take(assembleStep({ ...task, layout }, examples, epoch, memory), {
          step: progress.step + 1,
          learningRate: rateAt(recipe, epoch - 1 + (batch + 1) / batches.length),
          clipNorm: recipe.clip_norm ?? Number.POSITIVE_INFINITY,
          ...groups,
        })
        if (!Number.isFinite(result.loss) || !Number.isFinite(result.gradientNorm)) {
          const params = { epoch, step: progress.step + 1, loss: result.loss, norm: result.gradientNorm }
          throw new DiagnosticError([diagnose(messages.lossNotFinite, undefined, params)])
        }
        if (snapshot.average)
          blend(snapshot.average, (await trainer.weights()).params, recipe.average, progress.step + 1)
        const sums = addSums(progress.sums, result, examples, task.predictions)
        progress = { ...progress, batch: batch + 1, step: progress.step + 1, sums }
        reporter.endStep(result.loss)
        if (surroundings.interrupted()) {
          await save(progress)
          return outcome(snapshot)
        }
        if (now() - saved > checkpointEvery && batch + 1 < batches.length) await save(progress)
      }

      const weights = await trainer.weights()
      const current = { params: snapshot.average ?? weights.params, states: weights.states }
      const scores = await evaluate(trainer, task, current)
      const value = monitored(monitor, scores, task.predictions)
      const better =
        progress.best === null || (monitor === 'loss' ? value < progress.best.value : value > progress.best.value)
      const best = better ? { epoch, value } : progress.best
      const record: EpochRecord = {
        epoch,
        step: progress.step,
        learning_rate: rateAt(recipe, epoch),
        train: means(progress.sums, batches.length),
        validation: flattenScores(scores),
        monitor: value,
        best: better,
      }
      const logBytes = await appendLog(folder, record, progress.logBytes)
      if (better) snapshot = { ...snapshot, best: { params: current.params.slice(), states: current.states.slice() } }
      const waited = epoch - (best?.epoch ?? epoch)
      const finished = epoch >= recipe.epochs || (recipe.patience !== null && waited >= recipe.patience)
      await save({ ...progress, epoch: finished ? epoch : epoch + 1, batch: 0, sums: {}, best, finished, logBytes })
      reporter.endEpoch(record)
      if (!finished && surroundings.interrupted()) return outcome(snapshot)
    }
    return outcome(snapshot)
  } finally {
    await trainer.release()
  }
}

const outcome = (snapshot: Snapshot): TrainingOutcome => ({
  finished: snapshot.progress.finished,
  progress: snapshot.progress,
  best: snapshot.best ?? snapshot.weights,
})

function freshSnapshot({ compiled, start, recipe }: TrainingTask): Snapshot {
  return {
    progress: { epoch: 1, batch: 0, step: 0, sums: {}, best: null, finished: false, logBytes: 0 },
    weights: { ...start, slots: emptySlots(compiled.layout) },
    average: recipe.average > 0 ? start.params.slice() : undefined,
    best: undefined,
  }
}

/** All that a step is fed but weights and control. */
export const assembleStep = (
  task: Pick<TrainingTask, 'inputs' | 'targets' | 'recipe'> & {
    readonly layout: { readonly noise: readonly NoiseSignature[] }
  },
  examples: readonly Example[],
  epoch: number,
  memory: Memory,
): Record<string, Value> => ({
  ...assembleInputs(task.inputs, examples, memory),
  ...assembleTargets(task.targets, examples),
  ...assembleNoise(task.layout.noise, task.inputs, examples, task.recipe.seed, epoch, memory),
})

const rateAt = (recipe: Recipe, progress: number): number =>
  learningRateAt(
    {
      kind: recipe.schedule,
      peak: recipe.learning_rate,
      warmupEpochs: recipe.warmup_epochs,
      finalFraction: recipe.final_fraction,
      epochs: recipe.epochs,
    },
    progress,
  )

/** The running average of the weights; its decay grows from nothing, so that the start is soon forgotten. */
function blend(average: Float32Array, params: Float32Array, decay: number, step: number): void {
  const kept = Math.min(decay, step / (step + 9))
  for (let i = 0; i < average.length; i++) {
    const now = params[i] as number
    average[i] = now + kept * ((average[i] as number) - now)
  }
}

/** The scores of the validation split under given weights. */
async function evaluate(
  trainer: Trainer,
  { predictions, validation }: TrainingTask,
  weights: Pick<Weights, 'params' | 'states'>,
): Promise<Record<string, Score>> {
  const names = predictions.map((p) => p.name)
  return scorePredictions(predictions, await trainer.predict(weights, validation, names), validation)
}

/** Throws a DiagnosticError where classes are to be counted and the model predicts none. */
export function chooseMonitor(recipe: Recipe, predictions: readonly BoundPrediction[]): Monitor {
  const counted = predictions.some((p) => p.classes !== undefined)
  const monitor = recipe.monitor ?? (counted ? 'ua' : 'loss')
  if (monitor !== 'loss' && !counted)
    throw new DiagnosticError([diagnose(messages.nothingToMonitor, undefined, { monitor })])
  return monitor
}

/** Losses add up over predictions; of classes, the first prediction that has them counts. */
function monitored(monitor: Monitor, scores: Record<string, Score>, predictions: readonly BoundPrediction[]): number {
  if (monitor === 'loss') return Object.values(scores).reduce((sum, score) => sum + score.loss, 0)
  const first = predictions.find((p) => p.classes !== undefined)
  return scores[first?.name ?? '']?.classes?.[monitor] ?? Number.NaN
}

function addSums(
  sums: Readonly<Record<string, number>>,
  result: StepResult,
  examples: readonly Example[],
  predictions: readonly BoundPrediction[],
): Record<string, number> {
  const next: Record<string, number> = { ...sums }
  const add = (name: string, value: number): void => {
    next[name] = (next[name] ?? 0) + value
  }
  add('samples', examples.length)
  add('gradient_norm', result.gradientNorm)
  add('loss', result.loss * examples.length)
  for (const [name, value] of Object.entries(result.losses)) add(`loss.${name}`, value * examples.length)
  for (const { name, classes } of predictions) {
    const made = result.predictions[name]?.data
    if (!classes || !(made instanceof Float32Array)) continue
    const rows = examples.map((_, i) => ({ [name]: made.subarray(i * classes.length, (i + 1) * classes.length) }))
    const score = scorePredictions([{ name, kind: 'distribution', classes }], rows, examples)[name]
    add(`accuracy.${name}`, (score?.classes?.accuracy ?? 0) * examples.length)
  }
  return next
}

/** Sums as means: over the batches for the gradient's norm, over the samples for the rest. */
function means(sums: Readonly<Record<string, number>>, batches: number): Record<string, number> {
  const { samples = 1, gradient_norm: norms = 0, ...rest } = sums
  const entries = Object.entries(rest).map(([name, sum]): [string, number] => [name, sum / samples])
  return { ...Object.fromEntries(entries), gradient_norm: norms / batches }
}

/** `emotion.ua` and the like, one number each. */
export const flattenScores = (scores: Readonly<Record<string, Score>>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(scores).flatMap(([name, { loss, classes }]): [string, number][] => [
      [`${name}.loss`, loss],
      ...(classes
        ? (['ua', 'wa', 'accuracy', 'weighted_f1'] as const).map((key): [string, number] => [
            `${name}.${key}`,
            classes[key],
          ])
        : []),
    ]),
  )
