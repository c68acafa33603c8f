/**
 * `npm run bench`: how fast the training step of specs/mcfn.model is, against its own matrix products each timed alone
 * in the same run; the rate against a 2048³ product; memory over steps of varying lengths; the time to compile.
 */
import type { Program, TrainingArtefact } from '../../compiler/artefact.ts'
import { compile } from '../../compiler/compile.ts'
import { exportInference } from '../../compiler/emit/onnx/export.ts'
import { runPasses } from '../../compiler/passes/pass.ts'
import { makeNodeReader, packageRoot } from '../../compiler/source/node-reader.ts'
import { initialValues, layoutOf } from '../../compiler/train/initialise.ts'
import { buildTrainingGraph, emitTraining, trainingPasses } from '../../compiler/train/training-graph.ts'
import { openSession, type Session } from '../../runtime/engines/ort/session.ts'
import { defaultThreads } from '../../runtime/engines/ort/threads.ts'
import type { Value } from '../../runtime/engines/value.ts'
import { flopsOf, nameOf, productsOf, timeProduct } from './support/products.ts'
import { batchFeeds, type Extents, stateFeeds } from './support/step.ts'

const batch = 32
const frames = 300
const words = 32
const rounds = 7
const print = (text: string): void => void process.stdout.write(`${text}\n`)
const milliseconds = (value: number): string => `${value.toFixed(1)} ms`
const best = (times: readonly number[]): number => Math.min(...times)
const median = (times: readonly number[]): number => [...times].sort((a, b) => a - b)[times.length >> 1] ?? 0

const filled = (length: number): readonly number[] => Array.from({ length: batch }, () => length)

function compileSpec(): Program {
  const { program, diagnostics } = compile('specs/mcfn.model', makeNodeReader(packageRoot()))
  if (!program) throw new Error(diagnostics.map((d) => d.message).join('\n'))
  return program
}

const step = (artefact: TrainingArtefact, session: Session) => {
  let state = stateFeeds(artefact)
  const kept = ['params', ...(artefact.states.size > 0 ? ['states'] : []), ...artefact.slots]
  const wanted = Object.fromEntries(['loss', ...kept.map((name) => `next.${name}`)].map((name) => [name, null]))
  return async (feeds: Record<string, Value>): Promise<number> => {
    const start = performance.now()
    const made = await session.run({ ...feeds, ...state }, wanted)
    const time = performance.now() - start
    state = { ...state, ...Object.fromEntries(kept.map((name) => [name, made[`next.${name}`] as Value])) }
    return time
  }
}

/** Steps are taken before, between and after the products, so that what else the machine does falls on both. */
async function compareSpeed(program: Program, artefact: TrainingArtefact, threads: number): Promise<void> {
  const feeds = batchFeeds(program, artefact, { batch, lengths: { frames: filled(frames), words: filled(words) } })
  const sizes: Readonly<Record<string, number>> = { batch, frames, words }
  const unpadded = trainingPasses.filter((pass) => pass.name !== 'padding')
  const joint = runPasses(buildTrainingGraph(program, 'adam').graph, unpadded)
  const products = [...productsOf(joint, (name) => sizes[name] ?? 1).values()]
  const times: number[][] = []
  const steps: number[] = []
  // One session at a time: the threads of others would wait in a loop beside it.
  const takeSteps = async (count: number): Promise<void> => {
    const session = await openSession(artefact.onnx, { threads, spinning: true })
    const take = step(artefact, session)
    await take(feeds)
    for (let k = 0; k < count; k++) steps.push(await take(feeds))
    await session.release()
  }
  const third = Math.ceil(products.length / 3)
  for (const [i, product] of products.entries()) {
    if (i % third === 0) await takeSteps(rounds)
    times.push(await timeProduct(product, threads, rounds))
  }
  await takeSteps(rounds)
  const squares = await timeProduct({ batch: 1, rows: 2048, depth: 2048, columns: 2048 }, threads, rounds)
  const sum = (of: (times: readonly number[]) => number): number =>
    products.reduce((total, { count }, i) => total + count * of(times[i] ?? []), 0)
  const flops = products.reduce((total, product) => total + product.count * flopsOf(product), 0)
  const [fastest, alone] = [best(steps), sum(best)]
  const rate = flops / fastest / 1e6
  const peak = (2 * 2048 ** 3) / best(squares) / 1e6
  const count = products.reduce((n, product) => n + product.count, 0)
  print(`training step: ${milliseconds(fastest)} at best, ${milliseconds(median(steps))} in the middle`)
  print(`its ${count} products alone: ${milliseconds(alone)} at best, ${milliseconds(sum(median))} in the middle`)
  print(
    `step / products: ${(fastest / alone).toFixed(2)} at best, ${(median(steps) / sum(median)).toFixed(2)} in the middle (1.5 is allowed)`,
  )
  print(
    `rate: ${rate.toFixed(0)} GFLOP/s over ${(flops / 1e9).toFixed(1)} GFLOP; a 2048³ product: ${peak.toFixed(0)} GFLOP/s; ${((100 * rate) / peak).toFixed(0)}%`,
  )
  if (!process.argv.includes('--products')) return
  for (const [i, product] of products.entries()) {
    const time = best(times[i] ?? [])
    print(
      `  ${product.count} of ${nameOf(product)}: ${milliseconds(time)}, ${(flopsOf(product) / time / 1e6).toFixed(0)} GFLOP/s`,
    )
  }
}

/** Resident memory over 200 steps; each is of other lengths. */
async function watchMemory(program: Program, artefact: TrainingArtefact, threads: number): Promise<void> {
  const session = await openSession(artefact.onnx, { threads, spinning: true })
  const take = step(artefact, session)
  let early = 0
  let late = 0
  for (let k = 0; k < 200; k++) {
    const longest = 100 + ((k * 73) % 201)
    const lengths = (most: number): number[] =>
      Array.from({ length: batch }, (_, b) => Math.max(1, most - ((b * 5) % most)))
    const extents: Extents = { batch, lengths: { frames: lengths(longest), words: lengths(8 + ((k * 11) % 25)) } }
    await take(batchFeeds(program, artefact, extents))
    const resident = process.memoryUsage().rss / 2 ** 20
    if (k < 50) early = Math.max(early, resident)
    else late = Math.max(late, resident)
  }
  const growth = ((late - early) / early) * 100
  print(
    `memory: ${early.toFixed(0)} MiB at most in 50 steps, ${late.toFixed(0)} MiB in the next 150 (${growth.toFixed(1)}%)`,
  )
  await session.release()
}

function timeCompilation(): void {
  const times = { model: [] as number[], step: [] as number[] }
  for (let round = 0; round < 8; round++) {
    const start = performance.now()
    const program = compileSpec()
    const parsed = performance.now()
    const layout = layoutOf(program.inference.variables)
    const values = initialValues(layout, 1)
    const weights = new Map(
      layout.entries.map(({ variable: { path, shape }, offset }) => [
        path,
        values.subarray(offset, offset + shape.reduce((a, b) => a * b, 1)),
      ]),
    )
    const ready = performance.now()
    exportInference(program, weights)
    const exported = performance.now()
    emitTraining(program, { optimiser: 'adam' })
    times.model.push(parsed - start + exported - ready)
    times.step.push(parsed - start + performance.now() - exported)
  }
  const text = (list: readonly number[]): string =>
    `${milliseconds(list[0] ?? 0)} the first time, ${milliseconds(best(list))} when warm`
  print(`compile time, text to bytes: the model ${text(times.model)}; the training step ${text(times.step)}`)
}

const threads = Number(/^--threads=(\d+)$/m.exec(process.argv.join('\n'))?.[1] ?? defaultThreads())
print(`MCFN, batch ${batch}, ${frames} frames, ${words} words; ${threads} threads`)
timeCompilation()
const program = compileSpec()
const artefact = emitTraining(program, { optimiser: 'adam' })
await compareSpeed(program, artefact, threads)
if (!process.argv.includes('--products')) await watchMemory(program, artefact, threads)
