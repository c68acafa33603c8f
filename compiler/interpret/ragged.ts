/** Lengths at run time: extents of dims, and which positions of a padded array are inside their samples. */
import type { TensorType } from '../ir/graph.ts'
import { ownerOf } from '../ops/types.ts'
import { BATCH, type Dim, evaluateDim, isRagged } from '../shapes/dim.ts'
import { sizeOf } from './array.ts'

export interface Env {
  readonly batch: number
  /** By the name of a seq: the length in each sample. */
  readonly lengths: Readonly<Record<string, readonly number[]>>
  /** By the name of a seq: the length that arrays are padded to; the greatest of its lengths where absent. */
  readonly padded?: Readonly<Record<string, number>>
}

function lengthsNamed(name: string, env: Env): readonly number[] {
  const lengths = env.lengths[name]
  if (!lengths) throw new Error(`internal: no lengths are given for \`${name}\``)
  return lengths
}

/** The padded extent of a dim. */
export const extent = (dim: Dim, env: Env): number =>
  Math.max(
    0,
    evaluateDim(dim, (name) =>
      name === BATCH ? env.batch : (env.padded?.[name] ?? Math.max(0, ...lengthsNamed(name, env))),
    ),
  )

/** The value of a number that depends on lengths, in each sample; it may be negative, as offsets are. */
export const valuesOf = (dim: Dim, env: Env): number[] =>
  Array.from({ length: env.batch }, (_, b) =>
    evaluateDim(dim, (name) => (name === BATCH ? env.batch : (lengthsNamed(name, env)[b] as number))),
  )

/** The value of a dim in each sample. */
export const lengthsOf = (dim: Dim, env: Env): number[] => valuesOf(dim, env).map((length) => Math.max(0, length))

/** 1 where a position of a ragged dim is inside the sample, [batch, extent] row by row. */
export function validMask(dim: Dim, env: Env): Uint8Array {
  const size = extent(dim, env)
  const mask = new Uint8Array(env.batch * size)
  for (const [b, length] of lengthsOf(dim, env).entries()) mask.fill(1, b * size, b * size + Math.min(length, size))
  return mask
}

export const shapeOf = (dims: readonly Dim[], env: Env): number[] => dims.map((dim) => extent(dim, env))

/** Calls back with each run [from, to) of elements that lie outside their samples. */
export function forInvalid({ dims }: TensorType, env: Env, found: (from: number, to: number) => void): void {
  const lastRagged = dims.findLastIndex(isRagged)
  if (lastRagged < 0) return
  const shape = shapeOf(dims, env)
  const lengths = dims.map((dim) => (isRagged(dim) ? lengthsOf(dim, env) : undefined))
  const owners = dims.map((_, axis) => ownerOf(dims, axis))
  const at = shape.map(() => 0)
  const walk = (axis: number, start: number, size: number): void => {
    const step = size / (shape[axis] as number)
    const own = lengths[axis]
    const valid = own
      ? Math.min(own[at[owners[axis] as number] as number] as number, shape[axis] as number)
      : (shape[axis] as number)
    if (start + valid * step < start + size) found(start + valid * step, start + size)
    if (axis === lastRagged) return
    for (let i = 0; i < valid; i++) {
      at[axis] = i
      walk(axis + 1, start + i * step, step)
    }
  }
  const size = sizeOf(shape)
  if (size > 0) walk(0, 0, size)
}

/** Overwrites the elements that lie outside their samples. */
export function fillInvalid(data: Float64Array, type: TensorType, env: Env, value: number): void {
  forInvalid(type, env, (from, to) => data.fill(value, from, to))
}
