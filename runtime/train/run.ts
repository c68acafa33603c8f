/** One run, from prepared samples to a folder with a trained, verified model and its scores. */
import { readFile } from 'node:fs/promises'
import type { Program } from '../../compiler/artefact.ts'
import { exportInference } from '../../compiler/emit/onnx/export.ts'
import { buildTrainingGraph } from '../../compiler/train/training-graph.ts'
import type { Engine } from '../engines/engine.ts'
import { openSession } from '../engines/ort/session.ts'
import { verifyExport } from '../engines/ort/verify.ts'
import { predictAll } from '../engines/predict-all.ts'
import { writeFileAtomic } from '../formats/atomic.ts'
import { writeSafetensors } from '../formats/safetensors.ts'
import type { Example } from '../predict/batch.ts'
import { bindInputs, bindPredictions, bindTargets } from '../predict/binding.ts'
import { describeModel, type FeatureSettings } from '../predict/metadata.ts'
import { type Score, scorePredictions } from '../predict/scores.ts'
import { version } from '../version.ts'
import { nameWeights } from './checkpoint.ts'
import { chooseMonitor, type Reporter, type TrainingTask, train } from './loop.ts'
import { parameterGroups } from './parameter-groups.ts'
import type { Recipe } from './recipe.ts'
import {
  abandonFolder,
  formatJson,
  hashOf,
  inspectFolder,
  type RunConfig,
  type RunFolder,
  removeParts,
  runFolder,
  startFolder,
} from './run-folder.ts'
import { flatWeights, startVectors } from './weights.ts'

/** What one or several runs on the same samples share. */
export interface Experiment {
  readonly program: Program
  /** The texts of the spec's files. */
  readonly sources: ReadonlyMap<string, string>
  /** What `-D` set. */
  readonly overrides: Readonly<Record<string, string>>
  readonly recipe: Recipe
  readonly features: FeatureSettings
  /** Hashes of what the samples were made of, for the configuration. */
  readonly data: Readonly<Record<string, string | number>>
  /** Where things were found; no part of what a resumed run must match. */
  readonly paths: Readonly<Record<string, string>>
  readonly engine: Engine
  /** Of ONNX Runtime, which verifies and scores what was trained. */
  readonly threads: number
}

/** The examples of each part of a split, and what to call it. */
export interface Parts {
  readonly train: readonly Example[]
  readonly validation: readonly Example[]
  readonly test: readonly Example[]
  /** `{ test_session: 1 }` and the like, for the configuration. */
  readonly held: Readonly<Record<string, string | number>>
}

export interface RunContext {
  readonly resume: boolean
  readonly reporter: Reporter
  readonly interrupted: () => boolean
  readonly now: () => number
}

/** metrics.json. */
export interface RunMetrics {
  readonly best_epoch: number
  readonly epochs: number
  readonly steps: number
  readonly validation: Readonly<Record<string, Score>>
  /** Absent where nothing was held out. */
  readonly test?: Readonly<Record<string, Score>>
}

export type RunOutcome =
  | {
      readonly kind: 'finished'
      /** False where the run to be resumed had finished before. */
      readonly trained: boolean
      readonly metrics: RunMetrics
      readonly folder: RunFolder
    }
  | { readonly kind: 'interrupted'; readonly epoch: number; readonly folder: RunFolder }

/**
 * Throws a DiagnosticError where a model has no loss, or a recipe's globs name none of its parameters; asked before data are
 * read.
 */
export function checkTrainable(program: Program, recipe: Recipe): void {
  parameterGroups(buildTrainingGraph(program, recipe.optimiser).params, recipe)
}

/** A program's step and inference graph, ready for the loop. */
export function prepare(experiment: Experiment): Omit<TrainingTask, 'train' | 'validation'> {
  const { program, recipe, engine } = experiment
  const { signature } = program
  const compiled = engine.compile(program, recipe.optimiser)
  const predictions = bindPredictions(signature)
  return {
    compiled,
    inputs: bindInputs(signature),
    targets: bindTargets(signature),
    predictions,
    start: startVectors(compiled.layout, recipe.seed),
    recipe: { ...recipe, monitor: chooseMonitor(recipe, predictions) },
  }
}

/** Trains into a folder, or goes on there. Throws a DiagnosticError before anything is written where it cannot begin. */
export async function runTraining(
  experiment: Experiment,
  parts: Parts,
  path: string,
  context: RunContext,
): Promise<RunOutcome> {
  const folder = runFolder(path)
  const task: TrainingTask = { ...prepare(experiment), train: parts.train, validation: parts.validation }
  const config = describeRun(experiment, task, parts)
  const state = await inspectFolder(folder, config, context.resume)
  if (state === 'resumed') {
    const metrics = await readMetrics(folder)
    if (metrics) return { kind: 'finished', trained: false, metrics, folder }
    await removeParts(folder)
  }
  await startFolder(folder, config, experiment.sources)
  const { reporter, interrupted, now } = context
  const trained = train(task, { folder, reporter, interrupted, now })
  const { finished, progress, best } = await trained.catch(async (failure: unknown) => {
    if (state === 'fresh') await abandonFolder(folder)
    throw failure
  })
  if (!finished) return { kind: 'interrupted', epoch: progress.epoch, folder }

  const { layout } = task.compiled
  const named = nameWeights(layout, best)
  await writeSafetensors(folder.weights, {
    tensors: named,
    metadata: { 'mcfnc.spec_sha256': experiment.program.signature.specHash },
  })
  const weights = flatWeights(layout, best)
  const onnx = await exportVerified(experiment, weights)
  await writeFileAtomic(folder.model, onnx.bytes)
  reporter.note(`model.onnx agrees with the reference to ${onnx.worst.toExponential(1)}`)
  const metrics = await scoreModel(onnx.bytes, task, experiment.threads, parts, {
    best_epoch: progress.best?.epoch ?? 0,
    epochs: progress.epoch,
    steps: progress.step,
  })
  // Last of all: where this file is, the run is done.
  await writeFileAtomic(folder.metrics, formatJson(metrics))
  return { kind: 'finished', trained: true, metrics, folder }
}

/** The inference model with weights inside and its card, once it is known to be right. */
export async function exportVerified(
  { program, features, threads }: Pick<Experiment, 'program' | 'features' | 'threads'>,
  weights: ReadonlyMap<string, Float32Array>,
  opset?: number,
): Promise<{ bytes: Uint8Array; worst: number }> {
  const { signature, inference } = program
  const options = {
    metadata: describeModel({ signature, features }),
    producerVersion: version,
    ...(opset === undefined ? {} : { opset }),
  }
  const bytes = exportInference(program, weights, options)
  const { worst } = await verifyExport(bytes, inference, signature, weights, {
    threads,
    spinning: false,
    emit: (graph) => exportInference({ ...program, inference: graph }, weights, options),
  })
  return { bytes, worst }
}

async function scoreModel(
  onnx: Uint8Array,
  { inputs, predictions }: TrainingTask,
  threads: number,
  parts: Parts,
  head: Pick<RunMetrics, 'best_epoch' | 'epochs' | 'steps'>,
): Promise<RunMetrics> {
  const session = await openSession(onnx, { threads, spinning: false })
  const names = predictions.map(({ name }) => name)
  const score = async (examples: readonly Example[]): Promise<Record<string, Score>> =>
    scorePredictions(predictions, await predictAll(session, inputs, examples, names), examples)
  try {
    const validation = await score(parts.validation)
    return { ...head, validation, ...(parts.test.length > 0 ? { test: await score(parts.test) } : {}) }
  } finally {
    await session.release()
  }
}

function describeRun(experiment: Experiment, task: TrainingTask, parts: Parts): RunConfig {
  const { program, overrides, features, data, paths, engine } = experiment
  const { model, variants, specHash, hypers, labels } = program.signature
  const ids = (examples: readonly Example[]): string => hashOf(examples.map(({ id }) => id).join('\n'))
  return {
    paths,
    spec: { model, variants, sha256: specHash, overrides, hypers, labels },
    recipe: task.recipe,
    data: {
      ...data,
      ...parts.held,
      train: parts.train.length,
      validation: parts.validation.length,
      test: parts.test.length,
      split_sha256: hashOf(ids(parts.train), ids(parts.validation), ids(parts.test)),
    },
    features,
    engine: engine.description,
    version,
  }
}

async function readMetrics(folder: RunFolder): Promise<RunMetrics | undefined> {
  try {
    return JSON.parse(await readFile(folder.metrics, 'utf8')) as RunMetrics
  } catch {
    return undefined
  }
}

/** SHA-256 of everything that training sees of some examples. */
export const hashExamples = (examples: readonly Example[]): string =>
  hashOf(
    ...examples.flatMap(({ id, rows, targets }) => [
      JSON.stringify([id, targets, Object.keys(rows)]),
      ...Object.values(rows).map((row) => new Uint8Array(row.buffer, row.byteOffset, row.byteLength)),
    ]),
  )
