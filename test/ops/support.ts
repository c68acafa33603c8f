/** Ragged batches for the tests of ops: drawn values, samples cut out of them, and comparisons. */
import { expect } from 'vitest'
import { type NdArray, ndArray, sizeOf, stridesOf } from '../../compiler/interpret/array.ts'
import { type Env, extent, fillInvalid, forInvalid, lengthsOf, shapeOf } from '../../compiler/interpret/ragged.ts'
import { type Builder, createBuilder } from '../../compiler/ir/builder.ts'
import type { TensorType, ValueId } from '../../compiler/ir/graph.ts'
import type { OpName } from '../../compiler/ops/op.ts'
import { type Dim, isBatch, isRagged } from '../../compiler/shapes/dim.ts'
import type { Domain, Example } from './examples.ts'

/** Four samples, with a length of 0 and of 1 on both sequences. */
export const ENV: Env = { batch: 4, lengths: { frames: [5, 0, 1, 3], words: [2, 4, 0, 1] } }
/** The same with more padding. */
export const WIDE: Env = { ...ENV, padded: { frames: 8, words: 6 } }

/** Numbers in [0, 1): mulberry32. */
export function randomSource(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Valid elements drawn from the domain; NaN (0 for whole numbers) outside the samples. */
export function draw(type: TensorType, domain: Domain | undefined, env: Env, random: () => number): NdArray {
  const shape = shapeOf(type.dims, env)
  const size = sizeOf(shape)
  const array = ndArray(shape, new Float64Array(size), type.dtype)
  const order = Array.from({ length: size }, (_, i) => i).sort(() => random() - 0.5)
  const below = typeof domain === 'object' ? domain.below : undefined
  const limits =
    below && (isRagged(below) ? lengthsOf(below, env) : new Array<number>(env.batch).fill(extent(below, env)))
  const perSample = size / (type.dims[0] && isBatch(type.dims[0]) ? env.batch : 1)
  for (let i = 0; i < size; i++) {
    const sample = Math.floor(i / perSample)
    if (limits) array.data[i] = Math.floor(random() * (limits[sample] ?? limits[0] ?? 0))
    else if (type.dtype === 'bool') array.data[i] = random() < 0.5 ? 0 : 1
    else if (type.dtype === 'i64' || domain === 'ties') array.data[i] = Math.floor(random() * 5) - 2
    else if (domain === 'positive') array.data[i] = 0.5 + 2 * random()
    // Far enough apart, and from 0, that a small step changes no order.
    else if (domain === 'distinct') array.data[i] = ((order[i] as number) + 0.5 - size / 2) * 0.37 + 0.01
    else array.data[i] = 4 * random() - 2
  }
  fillInvalid(array.data, type, env, type.dtype === 'f32' ? Number.NaN : 0)
  return array
}

/** The element at an index. */
export const at = (array: NdArray, index: readonly number[]): number => {
  const strides = stridesOf(array.shape)
  return array.data[index.reduce((sum, i, axis) => sum + i * (strides[axis] as number), 0)] as number
}

/** All indices of a shape, row by row. */
export function indicesOf(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (rows, size) => rows.flatMap((row) => Array.from({ length: size }, (_, i) => [...row, i])),
    [[]],
  )
}

/** Sample b of a batch, cut to its own lengths; arrays without a batch axis as they are. */
export function sampleOf(array: NdArray, type: TensorType, env: Env, b: number): NdArray {
  if (!type.dims.some(isBatch)) return array
  const shape = type.dims.map((dim, axis) =>
    isBatch(dim) ? 1 : isRagged(dim) ? (lengthsOf(dim, env)[b] as number) : (array.shape[axis] as number),
  )
  const pick = (index: readonly number[]): number[] => index.map((i, axis) => (isBatch(type.dims[axis] as Dim) ? b : i))
  return ndArray(
    shape,
    indicesOf(shape).map((index) => at(array, pick(index))),
    array.dtype,
  )
}

export const envOf = (env: Env, b: number): Env => ({
  batch: 1,
  lengths: Object.fromEntries(Object.entries(env.lengths).map(([name, lengths]) => [name, [lengths[b] as number]])),
})

/** The array padded to another environment's extents. */
export function repad(array: NdArray, type: TensorType, to: Env): NdArray {
  const shape = shapeOf(type.dims, to)
  const inside = (index: readonly number[]): boolean => index.every((i, axis) => i < (array.shape[axis] as number))
  const values = indicesOf(shape).map((index) =>
    inside(index) ? at(array, index) : type.dtype === 'f32' ? Number.NaN : 0,
  )
  return ndArray(shape, values, array.dtype)
}

/** Indices of elements inside their samples. */
export function validIndices(type: TensorType, env: Env): number[] {
  const shape = shapeOf(type.dims, env)
  const valid = new Set(Array.from({ length: sizeOf(shape) }, (_, i) => i))
  forInvalid(type, env, (from, to) => {
    for (let i = from; i < to; i++) valid.delete(i)
  })
  return [...valid]
}

/** Fails unless the arrays have one shape and agree inside the samples. */
export function expectClose(
  actual: NdArray,
  expected: NdArray,
  tolerance: number,
  what: string,
  valid?: readonly number[],
): void {
  expect(actual.shape, what).toEqual(expected.shape)
  for (const i of valid ?? actual.data.keys()) {
    const [a, e] = [actual.data[i] as number, expected.data[i] as number]
    if (Object.is(a, e) || (Number.isNaN(a) && Number.isNaN(e))) continue
    const error = Math.abs(a - e) / Math.max(1, Math.abs(e))
    if (!(error <= tolerance)) expect.fail(`${what}: element ${i} is ${a} instead of ${e}`)
  }
}

export interface Built {
  readonly builder: Builder
  readonly inputs: readonly ValueId[]
  readonly result: ValueId
  /** The type of each fed input by name, with its domain. */
  readonly fed: ReadonlyMap<string, { readonly type: TensorType; readonly domain: Domain | undefined }>
}

/** One call of an op on inputs x0, x1, … */
export function build<K extends OpName>(op: K, example: Example<K>, simplify: boolean): Built {
  const builder = createBuilder(undefined, { simplify })
  const fed = new Map<string, { type: TensorType; domain: Domain | undefined }>()
  const inputs = example.operands.map((type, k) => {
    const name = `x${example.shared ? 0 : k}`
    fed.set(name, { type, domain: example.domains?.[k] })
    return builder.input(name, 'data', type)
  })
  const result = builder.emit(op, inputs, example.attributes, undefined, example.own)
  if (op === 'input' && example.own) fed.set('x', { type: example.own, domain: 'any' })
  return { builder, inputs, result, fed }
}

export function drawFeeds(fed: Built['fed'], env: Env, seed: number): Record<string, NdArray> {
  const random = randomSource(seed)
  return Object.fromEntries([...fed].map(([name, { type, domain }]) => [name, draw(type, domain, env, random)]))
}
