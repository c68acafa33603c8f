/** Makes masks and puts them on values: each is the `valid` row of a length, at the place of the axis it guards. */
import type { Builder } from '../ir/builder.ts'
import type { TensorType, ValueId } from '../ir/graph.ts'
import { LOW, LOWEST } from '../ops/padding.ts'
import { ownerOf } from '../ops/types.ts'
import { batchDim, type Dim, isRagged, oneDim } from '../shapes/dim.ts'

/** A row [batch, dim] reshaped so that it broadcasts along all axes of `dims` but one ragged axis and its batch axis. */
function inPlace(b: Builder, row: ValueId, dims: readonly Dim[], axis: number): ValueId {
  const owner = ownerOf(dims, axis)
  const own = dims.map((dim, at) => (at === owner ? batchDim : at === axis ? dim : oneDim))
  return b.reshape(row, own.slice(owner))
}

/** bool: which positions are inside the sample on all of the axes. */
export function validAt(b: Builder, dims: readonly Dim[], axes: readonly number[]): ValueId {
  return axes.map((axis) => inPlace(b, b.valid(dims[axis] as Dim), dims, axis)).reduce((x, y) => b.and(x, y))
}

/** f32 [batch, dim]: 1 inside the sample, 0 beyond. */
export const maskRow = (b: Builder, dim: Dim): ValueId => b.cast(b.valid(dim), 'f32')

/** f32: 1 where a position is inside the sample on all of the axes, else 0. */
export function maskAt(b: Builder, dims: readonly Dim[], axes: readonly number[]): ValueId {
  return axes.map((axis) => inPlace(b, maskRow(b, dims[axis] as Dim), dims, axis)).reduce((x, y) => b.mul(x, y))
}

const number = (b: Builder, value: number, { dtype }: TensorType): ValueId => b.constant(value, { dtype, dims: [] })

/** The value with a number in place of what stands beyond the lengths, which may be NaN. */
export const replaced = (b: Builder, x: ValueId, axes: readonly number[], value: number): ValueId =>
  b.select(validAt(b, b.dimsOf(x), axes), x, number(b, value, b.typeOf(x)))

/** The value with zeros beyond the lengths; `finite`: what stands there is. */
export function zeroed(b: Builder, x: ValueId, axes: readonly number[], finite: boolean): ValueId {
  const { dtype, dims } = b.typeOf(x)
  if (dtype === 'bool') return b.and(x, validAt(b, dims, axes))
  if (dtype === 'i64' || !finite) return replaced(b, x, axes, 0)
  return b.mul(x, maskAt(b, dims, axes))
}

/** The value, finite, with -1e30 added beyond the lengths. */
export const lowered = (b: Builder, x: ValueId, axes: readonly number[]): ValueId =>
  b.add(x, b.mul(b.sub(maskAt(b, b.dimsOf(x), axes), b.constant(1)), b.constant(-LOW)))

/** The sum over `axes`, of which `weighted` are ragged and hold finite values beyond the lengths. */
export function sumOfRows(
  b: Builder,
  x: ValueId,
  axes: readonly number[],
  weighted: readonly number[],
  keep: boolean,
): ValueId {
  const dims = b.dimsOf(x)
  let value = x
  let labels = dims.map((_, axis) => axis)
  for (const [at, axis] of weighted.entries()) {
    const owner = ownerOf(dims, axis)
    // The last product may sum the batch axis too, where no other ragged axis is left that belongs to it.
    const closes =
      at === weighted.length - 1 &&
      axes.includes(owner) &&
      labels.every((label) => label === axis || ownerOf(dims, label) !== owner || !isRaggedAt(dims, label))
    const out = labels.filter((label) => label !== axis && !(closes && label === owner))
    value = b.contract(value, maskRow(b, dims[axis] as Dim), labels, [owner, axis], out)
    labels = out
  }
  const left = labels.flatMap((label, at) => (axes.includes(label) ? [at] : []))
  value = b.sum(value, left)
  return keep
    ? b.reshape(
        value,
        dims.map((dim, axis) => (axes.includes(axis) ? oneDim : dim)),
      )
    : value
}

const isRaggedAt = (dims: readonly Dim[], axis: number): boolean => isRagged(dims[axis] as Dim)

/** The greatest over `axes`, 0 over nothing; `unguarded` are ragged and hold other than the lowest number beyond the lengths. */
export function maximumOf(
  b: Builder,
  x: ValueId,
  axes: readonly number[],
  unguarded: readonly number[],
  keep: boolean,
  neverEmpty: (dim: Dim) => boolean,
): ValueId {
  const dims = b.dimsOf(x)
  const greatest = b.maximum(replaced(b, x, unguarded, LOWEST), axes, keep)
  if (unguarded.every((axis) => neverEmpty(dims[axis] as Dim))) return greatest
  const mask = maskAt(b, dims, unguarded)
  const rank = dims.length - b.dimsOf(mask).length
  const full = b.reshape(mask, [...dims.slice(0, rank).map(() => oneDim), ...b.dimsOf(mask)])
  const some = b.less(b.constant(0), b.sum(full, axes, keep))
  return b.select(some, greatest, b.constant(0))
}
