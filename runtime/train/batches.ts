/** The order in which an epoch visits the training samples, and what a training batch holds besides inputs. */
import type { NoiseSignature } from '../../compiler/artefact.ts'
import { evaluateDim } from '../../compiler/shapes/dim.ts'
import type { Value } from '../engines/value.ts'
import { type Example, evenParts, freshMemory, type Memory, rowsOf } from '../predict/batch.ts'
import type { BoundInput } from '../predict/binding.ts'
import { fillNoise, keyOf, permutation } from './noise.ts'

export interface EpochPlan {
  readonly seed: number
  readonly epoch: number
  readonly batchSize: number
  /** How many batches' worth of samples are sorted by length together. */
  readonly bucket: number
}

/**
 * Batches of indices: shuffled, then sorted by cost within runs of `bucket` batches, and the batches shuffled. Sizes differ by
 * one at most. A function of (seed, epoch) and the costs alone, so that a resumed run goes on where it was.
 */
export function planEpoch(costs: readonly number[], plan: EpochPlan): number[][] {
  const order = permutation(costs.length, keyOf('order', plan.seed, plan.epoch))
  const sizes = evenParts(order, plan.batchSize).map((part) => part.length)
  const batches: number[][] = []
  let start = 0
  for (let first = 0; first < sizes.length; first += plan.bucket) {
    const here = sizes.slice(first, first + plan.bucket)
    const end = here.reduce((a, b) => a + b, start)
    const run = order.slice(start, end).sort((a, b) => (costs[a] ?? 0) - (costs[b] ?? 0) || a - b)
    for (const size of here) batches.push(run.splice(0, size))
    start = end
  }
  return permutation(batches.length, keyOf('batches', plan.seed, plan.epoch)).map((i) => batches[i] ?? [])
}

/**
 * The noise inputs of a step: numbers in [0, 1), a function of (seed, epoch, sample, name, position in the sample). What
 * else is in the batch, and how far it is padded, changes none of them.
 */
export function assembleNoise(
  noise: readonly NoiseSignature[],
  inputs: readonly BoundInput[],
  examples: readonly Example[],
  seed: number,
  epoch: number,
  memory: Memory = freshMemory,
): Record<string, Value> {
  const lengths = examples.map((example) => new Map(inputs.map((input) => [input.seq, rowsOf(example, input)])))
  const longest = (name: string): number => Math.max(1, ...lengths.map((of) => of.get(name) ?? 0))
  return Object.fromEntries(
    noise.map(({ name, dims }) => {
      const inner = dims.slice(1)
      const padded = inner.map((dim) => Math.max(0, evaluateDim(dim, longest)))
      const stride = padded.reduce((a, b) => a * b, 1)
      const data = memory(name, examples.length * stride)
      examples.forEach((example, i) => {
        const valid = inner.map((dim) =>
          Math.max(
            0,
            evaluateDim(dim, (seq) => lengths[i]?.get(seq) ?? 0),
          ),
        )
        fillNoise(data, i * stride, keyOf('noise', seed, epoch, example.id, name), valid, padded)
      })
      return [name, { dtype: 'f32', data, dims: [examples.length, ...padded] } satisfies Value]
    }),
  )
}
