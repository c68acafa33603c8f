/**
 * Times the compiled training step of MCFN beside its twin of tfjs-twin.ts on each of tfjs's backends: the same batch, the
 * same weights, in turns. `npm run bench` bundles and runs it; given a backend's name, it measures that one and tells.
 */
import type * as Tfjs from '@tensorflow/tfjs-core'
import { openTelling, type ProbeLimits, runProbe, sayBriefly } from '../../bin/probes.ts'
import { loadProgram } from '../../bin/spec.ts'
import { DiagnosticError } from '../../compiler/diagnostics/diagnostic.ts'
import { emitTfjs } from '../../compiler/emit/tfjs/module.ts'
import { type Backend, backendNames, isSoftware, openBackend } from '../../runtime/engines/tfjs/backends.ts'
import { evaluateModule, type ModuleBatch } from '../../runtime/engines/tfjs/module.ts'
import { encodeSafetensors, type StoredTensor } from '../../runtime/formats/safetensors.ts'
import { shippedFile } from '../../runtime/formats/shipped.ts'
import { formatTime } from '../../runtime/report/doctor.ts'
import { watchTensors } from '../../runtime/report/probe.ts'
import {
  chooseSize,
  formatMemory,
  formatSize,
  median,
  peakMemory,
  repeat,
  sizeTitle,
} from '../../runtime/report/rates.ts'
import { batchFeeds, type StepSize } from '../../runtime/report/step-feeds.ts'
import { formatTable } from '../../runtime/report/table.ts'
import { nameWeights } from '../../runtime/train/checkpoint.ts'
import { startVectors } from '../../runtime/train/weights.ts'
import { batchTensors, createTwin, type TwinBatch } from './tfjs-twin.ts'

const full: StepSize = { batch: 32, lengths: { frames: 300, words: 32 } }
const limits: ProbeLimits = { find: 240_000, step: 60_000 }
const learningRate = 1e-4
/** The greatest relative difference of the two losses before the first step. */
const tolerance = 1e-3

type FloatTensor = Extract<StoredTensor, { readonly dtype: 'F32' }>

/** A way to take steps. */
interface Subject {
  step(batch: Batch): Tfjs.Tensor
  dispose(): void
}

interface Batch {
  readonly twin: TwinBatch
  readonly compiled: ModuleBatch
}

interface Measured {
  readonly ms: number
  /** The most tensors at once, besides the batch. */
  readonly tensors_mib: number
}

/** What a process tells. */
type Finding =
  | { readonly kind: 'none'; readonly absent: boolean; readonly why: string }
  | {
      readonly kind: 'measured'
      readonly software: boolean
      readonly size: StepSize
      readonly compiled: Measured
      readonly twin: Measured & { readonly rss_mib: number }
    }
  | { readonly kind: 'end' }

async function measure(backend: Backend): Promise<Finding> {
  const { tf } = backend
  const { program } = loadProgram(shippedFile('mcfn.model'), {})
  const emitted = emitTfjs(program, { optimiser: 'adam' })
  const module = evaluateModule(emitted.text, 'mcfn.mjs')
  const weights = nameWeights(emitted, startVectors(emitted, 1)) as ReadonlyMap<string, FloatTensor>
  const lengths = new Set(program.signature.inputs.map((input) => input.lengths))

  const openTwin = (): Subject => {
    const twin = createTwin(tf, weights)
    return { step: (batch) => twin.trainStep(batch.twin, { learningRate }), dispose: twin.dispose }
  }
  const openCompiled = (): Subject => {
    const state = module.load(tf, encodeSafetensors({ tensors: weights, metadata: {} }))
    return {
      step(batch) {
        const { loss, ...rest } = module.trainStep(state, batch.compiled, { learningRate })
        tf.dispose(rest as object as Tfjs.TensorContainer)
        return loss
      },
      dispose: () => module.dispose(state),
    }
  }
  const openBatch = (size: StepSize): Batch => {
    const feeds = batchFeeds(program, emitted, size)
    const twin = batchTensors(tf, feeds)
    const compiled = Object.entries(feeds).map(([name, { data }]) => [
      name,
      lengths.has(name) ? Array.from(data, Number) : twin[name],
    ])
    return { twin, compiled: Object.fromEntries(compiled) }
  }
  /** Takes a step to its end. */
  const take = async (subject: Subject, batch: Batch): Promise<{ readonly ms: number; readonly loss: number }> => {
    const begin = performance.now()
    const total = subject.step(batch)
    const [loss = Number.NaN] = await total.data()
    const ms = performance.now() - begin
    total.dispose()
    backend.check()
    return { ms, loss }
  }
  /** Opens it and takes the first step, which may compile. */
  const start = async (open: () => Subject, batch: Batch) => {
    const before = tf.memory().numBytes
    const subject = open()
    let loss = Number.NaN
    const peak = await watchTensors(tf)(async () => {
      loss = (await take(subject, batch)).loss
    })
    return { subject, loss, tensors_mib: (peak - before) / 2 ** 20 }
  }

  const tried = openCompiled()
  const slow = isSoftware(backend) || backend.name === 'cpu'
  const size = await chooseSize(slow, full, async (one) => {
    const batch = openBatch(one)
    const { ms } = await take(tried, batch)
    tf.dispose({ ...batch.twin })
    return ms
  })
  tried.dispose()

  const batch = openBatch(size)
  // The twin first and alone, so that the peak of resident memory is its own.
  const twin = await start(openTwin, batch)
  const rss_mib = peakMemory()
  const compiled = await start(openCompiled, batch)
  const off = Math.abs(compiled.loss / twin.loss - 1)
  if (!(off < tolerance)) throw new Error(`the losses are ${compiled.loss} and ${twin.loss}`)
  const times: number[] = []
  const twinTimes = await repeat(async () => {
    times.push((await take(compiled.subject, batch)).ms)
    return (await take(twin.subject, batch)).ms
  })
  return {
    kind: 'measured',
    software: isSoftware(backend),
    size,
    compiled: { ms: median(times), tensors_mib: compiled.tensors_mib },
    twin: { ms: median(twinTimes), tensors_mib: twin.tensors_mib, rss_mib },
  }
}

async function measureOne(name: string): Promise<void> {
  const tell = openTelling()
  try {
    const found = backendNames.find((one) => one === name)
    if (found) await tell(await measure(await openBackend(found)))
  } catch (failure) {
    const why = failure instanceof Error ? failure.message : String(failure)
    await tell({ kind: 'none', absent: failure instanceof DiagnosticError, why })
  }
  await tell({ kind: 'end' })
}

async function measureAll(): Promise<void> {
  const rows: string[][] = []
  for (const name of backendNames) {
    sayBriefly(`trying ${name}`)
    const { findings, cut } = await runProbe<Finding>(process.argv[1] ?? '', [name], limits)
    const [found] = findings
    if (found?.kind === 'measured') {
      const { compiled, twin } = found
      rows.push([
        name,
        formatSize(found.size),
        formatTime(compiled.ms),
        formatTime(twin.ms),
        (compiled.ms / twin.ms).toFixed(2),
        formatMemory(compiled.tensors_mib),
        formatMemory(twin.tensors_mib),
        formatMemory(twin.rss_mib),
        found.software ? 'software adapter' : '',
      ])
    } else if (found?.kind !== 'none') rows.push([name, '', '', '', '', '', '', '', cut ?? ''])
    else if (!found.absent) rows.push([name, '', '', '', '', '', '', '', found.why])
  }
  sayBriefly('')
  const head = ['a step', 'by hand', 'ratio', 'tensors', 'by hand', 'resident by hand', '']
  const table = formatTable(['tfjs backend', sizeTitle(full), ...head], rows, 'lrrrrrrrl')
  const title = 'the compiled step of MCFN beside the same step by hand (tf.variableGrads), in turns in one process:'
  process.stdout.write(`\n${[title, ...table].join('\n')}\n`)
}

const [chosen] = process.argv.slice(2)
await (chosen === undefined ? measureAll() : measureOne(chosen))
