/** Measures a training step against its own matrix products, each timed alone, and its memory over varying lengths. */
import type { Program, TrainingArtefact } from '../../compiler/artefact.ts'
import { BATCH } from '../../compiler/shapes/dim.ts'
import type { Compiled } from '../engines/engine.ts'
import { openSession, type SessionOptions } from '../engines/ort/session.ts'
import { ortTrainer } from '../engines/ort/trainer.ts'
import { type Clock, type CountedProduct, flopsOf, productsOf, timeProduct, warmUps } from './products.ts'
import { ownLength, type StepSize } from './step-feeds.ts'
import { openStepper, type Stepper } from './step-time.ts'

/** What is measured, and how. */
export interface Bench extends StepSize {
  readonly program: Program
  readonly artefact: TrainingArtefact
  readonly options: SessionOptions
  readonly now: Clock
}

/** Times in milliseconds. */
export interface SpeedReport {
  readonly steps: readonly number[]
  readonly products: readonly { readonly product: CountedProduct; readonly times: readonly number[] }[]
  /** Of a 2048³ product: what the machine can do. */
  readonly squares: readonly number[]
}

/** The sum over all products, by one measure of each one's times. */
export const productTime = ({ products }: SpeedReport, of: (times: readonly number[]) => number): number =>
  products.reduce((sum, { product, times }) => sum + product.count * of(times), 0)

export const productFlops = ({ products }: SpeedReport): number =>
  products.reduce((sum, { product }) => sum + product.count * flopsOf(product), 0)

/** Runs of each product, and of the step each time that it has its turn. */
const rounds = 11

/** Steps are taken before, between and after the products, so that what else the machine does falls on both. */
export async function measureSpeed(bench: Bench): Promise<SpeedReport> {
  const { program, batch, lengths, options, now } = bench
  const list = productsOf(program, (name) => (name === BATCH ? batch : (ownLength(lengths, name) ?? 1)))
  const steps: number[] = []
  // One session at a time: the threads of others would wait in a loop beside it.
  const takeSteps = async (): Promise<void> => {
    const step = await openStep(bench)
    for (let k = 0; k < warmUps + rounds; k++) {
      const time = await step.take(bench)
      if (k >= warmUps) steps.push(time)
    }
    await step.release()
  }
  const products: { product: CountedProduct; times: readonly number[] }[] = []
  const third = Math.ceil(list.length / 3)
  for (const [i, product] of list.entries()) {
    if (i % third === 0) await takeSteps()
    products.push({ product, times: await timeProduct(product, options, now, rounds) })
  }
  await takeSteps()
  const squares = await timeProduct({ batch: 1, rows: 2048, depth: 2048, columns: 2048 }, options, now, rounds)
  return { steps, products, squares }
}

/** The most resident memory, in MiB, over some early steps and over those after, of 41 lengths in turn. */
export async function measureMemory(bench: Bench, count: number): Promise<{ early: number; late: number }> {
  const step = await openStep(bench)
  const early = earlySteps(count)
  const peaks = { early: 0, late: 0 }
  const sizes = Array.from({ length: 41 }, (_, k): StepSize => {
    const share = (((k * 37) % 41) + 1) / 41
    const lengths = Object.entries(bench.lengths).map(([name, most]) => [name, Math.max(1, Math.round(most * share))])
    return { batch: bench.batch, lengths: Object.fromEntries(lengths) }
  })
  for (let k = 0; k < count; k++) {
    await step.take(sizes[k % sizes.length] as StepSize)
    const part = k < early ? 'early' : 'late'
    peaks[part] = Math.max(peaks[part], process.memoryUsage().rss / 2 ** 20)
  }
  await step.release()
  return peaks
}

export const earlySteps = (count: number): number => Math.min(50, Math.ceil(count / 4))

/** A step in a session of its own, with nothing to predict beside it. */
function openStep({ program, artefact, options, now }: Bench): Promise<Stepper> {
  const open: Compiled['open'] = async (start) =>
    ortTrainer(artefact, await openSession(artefact.onnx, options), undefined, start, [], [])
  return openStepper({ layout: artefact, open }, program, now)
}
