/** `mcfnc bench`: each engine's training step; ONNX Runtime's against the model's own products; memory; the compiler's time. */
import { setFlagsFromString } from 'node:v8'
import { exportInference } from '../../compiler/emit/onnx/export.ts'
import { emitTraining } from '../../compiler/train/training-graph.ts'
import { defaultThreads } from '../../runtime/engines/ort/threads.ts'
import {
  earlySteps,
  measureMemory,
  measureSpeed,
  productFlops,
  productTime,
  type SpeedReport,
} from '../../runtime/report/bench.ts'
import type { DoctorRow } from '../../runtime/report/doctor.ts'
import { nameOf as nameOfTarget, probe, targets } from '../../runtime/report/probe.ts'
import { flopsOf, nameOf } from '../../runtime/report/products.ts'
import { best, formatRates, measureRate, median } from '../../runtime/report/rates.ts'
import { startWeights } from '../../runtime/train/weights.ts'
import { version } from '../../runtime/version.ts'
import { exitCodes } from '../failure.ts'
import { openTelling, type ProbeLimits, probeAll } from '../probes.ts'
import { compileFile, loadProgram, type SpecOptions } from '../spec.ts'

interface BenchOptions extends SpecOptions {
  readonly batch: number
  readonly frames: number
  readonly words: number
  readonly steps: number
  readonly threads?: number
  readonly products?: boolean
  readonly json?: boolean
  /** A target's name: this process measures that alone, and tells the one that started it. */
  readonly probe?: string
}

const limits: ProbeLimits = { find: 60_000, step: 180_000 }

const now = (): number => performance.now()

export async function bench(file: string, options: BenchOptions): Promise<number> {
  const { batch, frames, words, steps } = options
  const size = { batch, lengths: { frames, words } }
  if (options.probe !== undefined) {
    const target = targets.find((one) => nameOfTarget(one) === options.probe)
    if (!target) return exitCodes.usage
    const program = () => loadProgram(file, options).program
    await probe(target, { program, measure: (subject) => measureRate(subject, size), now }, openTelling())
    return exitCodes.fine
  }
  // Before this process grows: a new one begins with the greatest size of the one that starts it, as some systems count.
  const engines = await probeAll((name) => [...process.argv.slice(2), '--probe', name], limits)
  const threads = options.threads ?? defaultThreads()
  // While nothing has warmed up.
  const compiler = timeCompiler(file, options)
  const { program } = loadProgram(file, options)
  const artefact = emitTraining(program, { optimiser: 'adam', producerVersion: version })
  const session = { threads, spinning: true }
  const subject = { ...size, program, artefact, options: session, now }
  const speed = await measureSpeed(subject)
  const memory = await measureMemory(subject, steps)
  const figures = { ...summarise(speed), memory_mib: memory, compile_ms: compiler, engines }
  if (options.json) print(JSON.stringify({ threads, ...size, ...figures }, undefined, 2))
  else {
    print(`a batch of ${batch}, ${frames} frames, ${words} words; ${threads} threads`)
    for (const line of describe(figures, steps)) print(line)
    if (options.products) for (const line of listProducts(speed)) print(line)
    for (const line of ['', ...formatRates(engines, size)]) print(line)
    print("a step: the middle one of several; resident: the process's peak; tensors: the peak that tf.profile tells")
  }
  return exitCodes.fine
}

const print = (text: string): void => void process.stdout.write(`${text}\n`)

function summarise(speed: SpeedReport) {
  const flops = productFlops(speed)
  const pair = (of: (measure: (times: readonly number[]) => number) => number) => ({
    best: of(best),
    middle: of(median),
  })
  const step = pair((measure) => measure(speed.steps))
  const alone = pair((measure) => productTime(speed, measure))
  return {
    step_ms: step,
    products_ms: alone,
    products: speed.products.reduce((sum, { product }) => sum + product.count, 0),
    ratio: { best: step.best / alone.best, middle: step.middle / alone.middle },
    gflop: flops / 1e9,
    gflops: flops / step.best / 1e6,
    square_gflops: (2 * 2048 ** 3) / best(speed.squares) / 1e6,
  }
}

type Figures = ReturnType<typeof summarise> & {
  readonly memory_mib: { readonly early: number; readonly late: number }
  readonly compile_ms: ReturnType<typeof timeCompiler>
  readonly engines: readonly DoctorRow[]
}

function describe(figures: Figures, steps: number): string[] {
  const { step_ms, products_ms, ratio, gflops, square_gflops, memory_mib, compile_ms } = figures
  const ms = (value: number): string => `${value.toFixed(1)} ms`
  const both = ({ best, middle }: { best: number; middle: number }): string =>
    `${ms(best)} at best, ${ms(middle)} in the middle`
  const compiled = ({ first, warm }: { first: number; warm: number }): string =>
    `${ms(first)} the first time, ${ms(warm)} when warm`
  const early = earlySteps(steps)
  const growth = (100 * (memory_mib.late - memory_mib.early)) / memory_mib.early
  return [
    `training step: ${both(step_ms)}`,
    `its ${figures.products} products alone: ${both(products_ms)}`,
    `step / products: ${ratio.best.toFixed(2)} at best, ${ratio.middle.toFixed(2)} in the middle (1.5 is allowed)`,
    `rate: ${gflops.toFixed(0)} GFLOP/s over ${figures.gflop.toFixed(1)} GFLOP; a 2048³ product: ${square_gflops.toFixed(0)} GFLOP/s; ${((100 * gflops) / square_gflops).toFixed(0)}%`,
    `memory: ${memory_mib.early.toFixed(0)} MiB at most in ${early} steps of varying lengths, ${memory_mib.late.toFixed(0)} MiB in the next ${steps - early} (${growth.toFixed(1)}%)`,
    `compile time, text to bytes: the model ${compiled(compile_ms.model)}; the training step ${compiled(compile_ms.step)}`,
  ]
}

const listProducts = ({ products }: SpeedReport): string[] =>
  products.map(({ product, times }) => {
    const time = best(times)
    const rate = flopsOf(product) / time / 1e6
    return `  ${product.count} of ${nameOf(product)}: ${time.toFixed(2)} ms, ${rate.toFixed(0)} GFLOP/s`
  })

/** V8's own in Node 20: how much of a function runs before it is made faster. */
const ownBudget = 67_584

/**
 * From the text to the bytes of both targets: cold but for the code's loading, as a command compiles, then warm, as a
 * process does that compiles often.
 */
function timeCompiler(file: string, options: SpecOptions) {
  const model: number[] = []
  const step: number[] = []
  for (let round = 0; round < 24; round++) {
    // Commands start with another budget, see bin/mcfnc.js.
    if (round === 1) setFlagsFromString(`--interrupt-budget=${ownBudget}`)
    const start = now()
    const { program } = compileFile(file, options)
    const compiled = now() - start
    // What is wrong with the spec is told where it is loaded.
    if (!program) break
    const weights = startWeights(program, 0)
    const ready = now()
    exportInference(program, weights, { producerVersion: version })
    const exported = now()
    emitTraining(program, { optimiser: 'adam', producerVersion: version })
    model.push(compiled + exported - ready)
    step.push(compiled + now() - exported)
  }
  const figures = (times: readonly number[]) => ({ first: times[0] ?? 0, warm: best(times) })
  return { model: figures(model), step: figures(step) }
}
