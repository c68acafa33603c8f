/** Padded batches of samples, and samples in batches of like lengths. */
import type { Value } from '../engines/value.ts'
import type { BoundInput, BoundTarget } from './binding.ts'

/** A sample as a model takes it. */
export interface Example {
  readonly id: string
  /** By input name: rows of the input's width, one after another. */
  readonly rows: Readonly<Record<string, Float32Array>>
  /** By target name: ids or numbers, row by row; empty where only predictions are wanted. */
  readonly targets: Readonly<Record<string, readonly number[]>>
}

/** How many rows an example has for an input. */
export const rowsOf = (example: Example, input: BoundInput): number =>
  (example.rows[input.name]?.length ?? 0) / input.width

/** Gives zeros to assemble a batch's array of a name in. */
export type Memory = (name: string, size: number) => Float32Array

/** New memory each time. */
export const freshMemory: Memory = (_, size) => new Float32Array(size)

/**
 * The same memory for each batch of a loop, which must be done with one before it assembles the next: large arrays that come
 * and go by the step would be cleared away late, and the process would grow.
 */
export function reusedMemory(): Memory {
  const kept = new Map<string, Float32Array>()
  return (name, size) => {
    const had = kept.get(name)
    const memory = had && had.length >= size ? had : new Float32Array(Math.ceil(size * 1.25))
    kept.set(name, memory)
    return memory.subarray(0, size).fill(0)
  }
}

/** The inputs and their lengths, padded with zeros to the longest of the batch. */
export function assembleInputs(
  inputs: readonly BoundInput[],
  examples: readonly Example[],
  memory: Memory = freshMemory,
): Record<string, Value> {
  const batch: Record<string, Value> = {}
  for (const input of inputs) {
    const lengths = examples.map((example) => rowsOf(example, input))
    // Engines dislike axes of size 0, and a row of padding changes nothing.
    const longest = Math.max(1, ...lengths)
    const data = memory(input.name, examples.length * longest * input.width)
    examples.forEach((example, i) => {
      const rows = example.rows[input.name]
      if (rows) data.set(rows, i * longest * input.width)
    })
    batch[input.name] = { dtype: 'f32', data, dims: [examples.length, longest, input.width] }
    batch[input.lengths] = { dtype: 'i64', data: BigInt64Array.from(lengths, BigInt), dims: [examples.length] }
  }
  return batch
}

/** The targets, by name. */
export function assembleTargets(targets: readonly BoundTarget[], examples: readonly Example[]): Record<string, Value> {
  return Object.fromEntries(
    targets.map(({ name, dtype, dims }): [string, Value] => {
      const values = examples.flatMap((example) => example.targets[name] ?? [])
      const shape = [examples.length, ...dims]
      return dtype === 'i64'
        ? [name, { dtype, data: BigInt64Array.from(values, BigInt), dims: shape }]
        : [name, { dtype, data: Float32Array.from(values), dims: shape }]
    }),
  )
}

/** A measure of what an example costs, to put like ones together: its padded size in numbers. */
export const costOf = (inputs: readonly BoundInput[], example: Example): number =>
  inputs.reduce((sum, input) => sum + (example.rows[input.name]?.length ?? 0), 0)

/** Cuts a list into parts of at most `most`, whose sizes differ by one at most, so that none is tiny. */
export function evenParts<T>(items: readonly T[], most: number): T[][] {
  const parts = Math.ceil(items.length / most)
  const at = (k: number): number => Math.round((k * items.length) / parts)
  return Array.from({ length: parts }, (_, k) => items.slice(at(k), at(k + 1)))
}

/** Indices of the examples, in batches by length: for evaluation, where the order means nothing. */
export function batchesByLength(costs: readonly number[], most: number): number[][] {
  const order = costs.map((_, i) => i).sort((a, b) => (costs[a] ?? 0) - (costs[b] ?? 0) || a - b)
  return evenParts(order, most)
}
