/** `npm run bench`: the training step against the model's own matrix products, its memory, and the compiler's time. */
import { createHash } from 'node:crypto'
import v8 from 'node:v8'
import vm from 'node:vm'
import { compile } from '../../compiler/compile.ts'
import { exportInference } from '../../compiler/emit/onnx/export.ts'
import { makeNodeReader } from '../../compiler/source/node-reader.ts'
import { emitTraining } from '../../compiler/train/training-graph.ts'
import { defaultThreads } from '../../runtime/engines/ort/threads.ts'
import { flopsOf, median, openStepBench, productsOf, timeProduct } from '../../runtime/report/bench.ts'
import { formatTable } from '../../runtime/report/table.ts'
import { startWeights } from '../../runtime/train/weights.ts'
import { version } from '../../runtime/version.ts'
import { exitCodes } from '../failure.ts'
import { loadProgram, type SpecOptions } from '../spec.ts'

interface BenchOptions extends SpecOptions {
  readonly batch: number
  readonly frames: number
  readonly words: number
  readonly steps: number
  readonly threads?: number
  readonly spinning?: boolean
  readonly json?: boolean
}

export async function bench(file: string, options: BenchOptions): Promise<number> {
  const now = (): number => performance.now()
  const threads = options.threads ?? defaultThreads()
  const session = { threads, spinning: options.spinning ?? false }
  const lengths = { frames: options.frames, words: options.words }
  // First, while nothing has warmed up.
  const compileTime = measureCompiler(file, options, now)
  const { program } = loadProgram(file, options)
  const artefact = emitTraining(program, { optimiser: 'adam', producerVersion: version })

  const step = await openStepBench(program, artefact, options.batch, session, now)
  for (let i = 0; i < 3; i++) await step.take(lengths)
  const times: number[] = []
  for (let i = 0; i < 15; i++) times.push(await step.take(lengths))
  const stepTime = median(times)

  const products = productsOf(program, options.batch, lengths)
  const rows: { shape: string; count: number; each: number; rate: number }[] = []
  for (const product of products) {
    const each = await timeProduct(product, session, now)
    const { stack, rows: m, inner, columns } = product
    rows.push({
      shape: `${stack > 1 ? `${stack} × ` : ''}[${m}, ${inner}] · [${inner}, ${columns}]`,
      count: product.count,
      each,
      rate: flopsOf(product) / each / 1e6,
    })
  }
  const productTime = rows.reduce((sum, { count, each }) => sum + count * each, 0)
  const flops = products.reduce((sum, product) => sum + product.count * flopsOf(product), 0)
  const square = { stack: 1, rows: 2048, inner: 2048, columns: 2048 }
  const squareTime = await timeProduct(square, session, now)
  const peak = flopsOf(square) / squareTime / 1e6

  const memory = await measureMemory(step.take, options)
  await step.release()
  const report = {
    threads,
    batch: options.batch,
    lengths,
    step_ms: stepTime,
    products_ms: productTime,
    ratio: stepTime / productTime,
    step_gflops: flops / stepTime / 1e6,
    square_gflops: peak,
    memory,
    compile_ms: compileTime,
  }
  if (options.json) process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`)
  else {
    const ms = (x: number): string => `${x.toFixed(1)} ms`
    const gflops = (x: number): string => `${x.toFixed(0)} GFLOP/s`
    const table = formatTable(
      ['product', 'count', 'each', 'all', 'rate'],
      rows.map(({ shape, count, each, rate }) => [shape, `${count}`, ms(each), ms(each * count), gflops(rate)]),
      'lrrrr',
    )
    process.stdout.write(
      `${[
        ...table,
        '',
        `training step          ${ms(stepTime)} at a batch of ${options.batch}, ${options.frames} frames, ${options.words} words; ${threads} threads`,
        `its matrix products    ${ms(productTime)} each alone; the step takes ${(stepTime / productTime).toFixed(2)} times as long (at most 1.5)`,
        `rate                   ${gflops(report.step_gflops)}; a product of 2048³ runs at ${gflops(peak)} (${((100 * report.step_gflops) / peak).toFixed(0)}%)`,
        `memory                 at most ${memory.early_mib.toFixed(0)} MiB in the first ${memory.early_steps} steps of varying lengths, ${memory.late_mib.toFixed(0)} MiB in the ${memory.late_steps} after`,
        `compiler               ${ms(compileTime.first_ms)} from text to ONNX bytes the first time, ${ms(compileTime.again_ms)} after (target: 100 ms)`,
      ].join('\n')}\n`,
    )
  }
  return exitCodes.fine
}

/**
 * The greatest resident size over steps whose lengths vary: early ones, and those after. Garbage is collected before each
 * look, as its comings and goings would hide a growth.
 */
async function measureMemory(
  take: (lengths: Readonly<Record<string, number>>) => Promise<number>,
  { steps, frames, words }: BenchOptions,
): Promise<{ early_steps: number; early_mib: number; late_steps: number; late_mib: number }> {
  const early = Math.min(50, Math.ceil(steps / 4))
  const peaks = [0, 0]
  v8.setFlagsFromString('--expose-gc')
  const collect: () => void = vm.runInNewContext('gc')
  for (let i = 0; i < steps; i++) {
    const share = (((i * 37) % 41) + 1) / 41
    await take({ frames: Math.max(1, Math.round(frames * share)), words: Math.max(1, Math.round(words * share)) })
    collect()
    const side = i < early ? 0 : 1
    peaks[side] = Math.max(peaks[side] ?? 0, process.memoryUsage().rss / 2 ** 20)
  }
  return { early_steps: early, early_mib: peaks[0] ?? 0, late_steps: steps - early, late_mib: peaks[1] ?? 0 }
}

/** From the text to the bytes of both targets, everything cold but the code at first; then warm. */
function measureCompiler(
  file: string,
  options: SpecOptions,
  now: () => number,
): { first_ms: number; again_ms: number; training_ms: number } {
  const read = makeNodeReader()
  const hash = (text: string): string => createHash('sha256').update(text).digest('hex')
  const once = (): [number, number] => {
    const start = now()
    const { program } = compile(file, read, { variants: options.variant ?? [], overrides: options.D ?? {}, hash })
    if (!program) throw new Error('the spec is wrong')
    exportInference(program, startWeights(program, 0), { producerVersion: version })
    const middle = now()
    emitTraining(program, { optimiser: 'adam', producerVersion: version })
    return [middle - start, now() - middle]
  }
  const [first] = once()
  const warm = Array.from({ length: 7 }, once)
  return { first_ms: first, again_ms: median(warm.map(([x]) => x)), training_ms: median(warm.map(([, x]) => x)) }
}
