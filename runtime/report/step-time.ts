/** Training steps of an engine over made-up batches, and the time of each. */
import type { Program } from '../../compiler/artefact.ts'
import { type Compiled, emptySlots } from '../engines/engine.ts'
import type { Value } from '../engines/value.ts'
import { startVectors } from '../train/weights.ts'
import { batchFeeds, type StepSize } from './step-feeds.ts'

/** A model in training. */
export interface Stepper {
  /**
   * Takes a step, and gives its time in milliseconds: the first of a size may compile, and its batch is kept. Throws a DiagnosticError where the
   * engine fails.
   */
  take(size: StepSize): Promise<number>
  release(): Promise<void>
}

/** Starts a model that an engine has compiled. */
export async function openStepper({ layout, open }: Compiled, program: Program, now: () => number): Promise<Stepper> {
  const trainer = await open({ ...startVectors(layout, 1), slots: emptySlots(layout) }, [], [])
  const control = {
    learningRate: 1e-4,
    clipNorm: Number.POSITIVE_INFINITY,
    learningRateScale: new Float32Array(layout.params.size).fill(1),
    weightDecay: new Float32Array(layout.params.size),
  }
  let step = 0
  // Made once: a device that waits for a batch slows down, and a process that throws one away keeps some of its memory.
  const batches = new Map<StepSize, Readonly<Record<string, Value>>>()
  return {
    async take(size) {
      const feeds = batches.get(size) ?? batchFeeds(program, layout, size)
      batches.set(size, feeds)
      step++
      const begin = now()
      await trainer.take(feeds, { ...control, step })
      return now() - begin
    },
    release: () => trainer.release(),
  }
}
