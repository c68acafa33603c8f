/** `mcfnc train`: manifest, features, splits, and one run for each part that is held out. */
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { conflictingOptions } from '../../compiler/diagnostics/catalogue/commands.ts'
import { recipeUnreadable } from '../../compiler/diagnostics/catalogue/training.ts'
import { DiagnosticError, diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import { readManifest, targetFields } from '../../runtime/data/manifest.ts'
import { type EngineName, findBackendFault, openEngine } from '../../runtime/engines/choose.ts'
import { defaultThreads } from '../../runtime/engines/ort/threads.ts'
import { explainFileError } from '../../runtime/formats/file-error.ts'
import { shippedFile } from '../../runtime/formats/shipped.ts'
import { bindInputs, bindPredictions, bindTargets } from '../../runtime/predict/binding.ts'
import { fromManifest, makeExamples } from '../../runtime/predict/examples.ts'
import { formatScores } from '../../runtime/report/scores.ts'
import { formatTable } from '../../runtime/report/table.ts'
import { type FoldSummary, type HoldOut, makeFolds, summariseFolds, writeSummary } from '../../runtime/train/folds.ts'
import { chooseMonitor } from '../../runtime/train/loop.ts'
import { createReporter } from '../../runtime/train/progress.ts'
import { type Recipe, resolveRecipe } from '../../runtime/train/recipe.ts'
import { checkTrainable, type Experiment, hashExamples, type RunMetrics, runTraining } from '../../runtime/train/run.ts'
import { refuseMissing, refuseOccupied } from '../../runtime/train/run-folder.ts'
import { loadSources, sayCoverage } from '../data.ts'
import { CallError, colourful, exitCodes, printDiagnostics } from '../failure.ts'
import { loadProgram, type SpecOptions } from '../spec.ts'

interface TrainOptions extends SpecOptions {
  readonly data: string
  readonly vectors?: string
  readonly testSession?: number | 'all'
  readonly folds?: number
  readonly out: string
  readonly resume?: boolean
  readonly recipe?: string
  readonly epochs?: number
  readonly seed?: number
  readonly lr?: number
  readonly batchSize?: number
  readonly weightDecay?: number
  readonly optimiser?: Recipe['optimiser']
  readonly patience?: number
  readonly threads?: number
  readonly engine: EngineName
  readonly backend?: string
}

export async function train(file: string, options: TrainOptions): Promise<number> {
  const holdOut = chooseHoldOut(options)
  const fault = findBackendFault({ name: options.engine, backend: options.backend })
  if (fault) throw new CallError([fault])
  const { program, texts } = loadProgram(file, options)
  const { signature } = program
  const recipe = await readRecipe(options)
  const inputs = bindInputs(signature)
  bindTargets(signature)
  chooseMonitor(recipe, bindPredictions(signature))
  checkTrainable(program, recipe)
  const many = holdOut.kind === 'sessions' || holdOut.kind === 'folds'
  await (options.resume ? refuseMissing : refuseOccupied)(options.out)

  const threads = options.threads ?? defaultThreads()
  const inputFor = (field: 'audio' | 'text'): string | undefined => inputs.find((input) => input.field === field)?.name
  const samples = await readManifest(options.data, {
    targets: targetFields(signature),
    needs: { audio: inputFor('audio'), text: inputFor('text') },
  })
  const { sources, features } = await loadSources(inputs, { ...options, threads })
  const examples = await makeExamples(samples.map(fromManifest), inputs, signature, {
    ...sources,
    covered: sayCoverage,
  })
  const folds = makeFolds(samples, examples, holdOut, recipe)

  const { engine, why } = await openEngine({ name: options.engine, backend: options.backend, threads })
  const experiment: Experiment = {
    program,
    sources: texts,
    overrides: options.D ?? {},
    recipe,
    features,
    data: { samples: samples.length, examples_sha256: hashExamples(examples) },
    paths: {
      spec: file,
      data: resolve(options.data),
      ...(options.vectors === undefined ? {} : { vectors: resolve(options.vectors) }),
    },
    engine,
    threads,
  }
  const reporter = await createReporter({ stream: process.stderr, colour: colourful(process.stderr), now: Date.now })
  const signal = listen()
  const context = { resume: options.resume ?? false, reporter, interrupted: () => signal.caught, now: Date.now }
  const results: Record<string, RunMetrics> = {}
  try {
    if (why !== undefined) reporter.note(why)
    for (const { name, parts, warnings } of folds) {
      printDiagnostics(warnings, new Map())
      const { train: fit, validation, test } = parts
      reporter.note(
        `${name ? `${name}: ` : ''}${fit.length} samples to train, ${validation.length} to validate, ${test.length} to test`,
      )
      const outcome = await runTraining(experiment, parts, join(options.out, name), context)
      if (outcome.kind === 'interrupted') {
        reporter.note(`stopped in epoch ${outcome.epoch}; go on with the same command and --resume`)
        return exitCodes.interrupted
      }
      results[name] = outcome.metrics
      const { metrics, trained } = outcome
      const lead = name ? `${name}  ` : ''
      if (!trained) process.stdout.write(`${lead}the run had finished already: nothing was trained\n`)
      process.stdout.write(`${lead}best epoch ${metrics.best_epoch} of ${metrics.epochs}\n`)
      process.stdout.write(formatScores('validation', metrics.validation))
      if (metrics.test) process.stdout.write(formatScores('test', metrics.test))
    }
  } finally {
    signal.stop()
    reporter.close()
  }
  if (many) {
    const summary = summariseFolds(results)
    await writeSummary(options.out, summary)
    process.stdout.write(`\n${formatSummary(summary)}\n`)
  }
  const folder = many ? join(options.out, folds[0]?.name ?? '') : options.out
  process.stdout.write(
    `the model is ${join(folder, 'model.onnx')}${many ? ', and one in each folder beside it' : ''}\n`,
  )
  return exitCodes.fine
}

function chooseHoldOut({ testSession, folds }: TrainOptions): HoldOut {
  if (testSession !== undefined && folds !== undefined)
    throw new CallError([diagnose(conflictingOptions, undefined, { first: '--test-session', second: '--folds' })])
  if (folds !== undefined) return { kind: 'folds', count: folds }
  if (testSession === undefined) return { kind: 'nothing' }
  return testSession === 'all' ? { kind: 'sessions' } : { kind: 'session', session: testSession }
}

async function readRecipe(options: TrainOptions): Promise<Recipe> {
  const path = options.recipe
  let text = ''
  try {
    if (path !== undefined) text = await readFile(path, 'utf8')
  } catch (failure) {
    throw new DiagnosticError([
      diagnose(recipeUnreadable, undefined, { path: path ?? '', reason: explainFileError(failure) }),
    ])
  }
  const flags = {
    epochs: options.epochs,
    seed: options.seed,
    learning_rate: options.lr,
    batch_size: options.batchSize,
    weight_decay: options.weightDecay,
    optimiser: options.optimiser,
    patience: options.patience,
  }
  const schema = JSON.parse(readFileSync(shippedFile('schemas/recipe.schema.json'), 'utf8')) as object
  const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined)) as Partial<Recipe>
  return resolveRecipe(path === undefined ? undefined : { path, text }, given, schema)
}

/** The first SIGINT or SIGTERM is taken note of; a second ends the process at once, which is safe too. */
function listen(): { readonly caught: boolean; stop(): void } {
  const state = { caught: false }
  const note = (): void => {
    state.caught = true
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.removeListener(name, note)
    process.stderr.write('\nending after this step\n')
  }
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, note)
  return {
    get caught() {
      return state.caught
    },
    stop: () => {
      for (const name of ['SIGINT', 'SIGTERM'] as const) process.removeListener(name, note)
    },
  }
}

function formatSummary({ folds, mean, deviation }: FoldSummary): string {
  const keys = Object.keys(mean)
  const cells = (row: Readonly<Record<string, number>>): string[] =>
    keys.map((key) => (row[key] ?? Number.NaN).toFixed(3))
  const rows = [
    ...Object.entries(folds).map(([name, row]) => [name, ...cells(row)]),
    ['mean', ...cells(mean)],
    ['deviation', ...cells(deviation)],
  ]
  return formatTable(['test', ...keys], rows, `l${'r'.repeat(keys.length)}`).join('\n')
}
