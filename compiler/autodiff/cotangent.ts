/**
 * Cotangents that are stored small: one of the same rank as its value, with size 1 along axes where it is only
 * repeated. They are broadcast where something must read every element, and nowhere else.
 */
import type { Builder } from '../ir/builder.ts'
import { padRank } from '../ir/contract.ts'
import type { ValueId } from '../ir/graph.ts'
import { axesOf, ownerOf } from '../ops/types.ts'
import { type Dim, isOne, isRagged, oneDim, sameDim } from '../shapes/dim.ts'

/** Repeats a cotangent of a value of dims `full` along some axes, and along the batch axes that ragged ones need. */
export function materialise(
  b: Builder,
  d: ValueId,
  full: readonly Dim[],
  axes: readonly number[] = axesOf(full.length),
): ValueId {
  const wanted = new Set(axes)
  for (const axis of axes) if (isRagged(full[axis] as Dim)) wanted.add(ownerOf(full, axis))
  return b.broadcast(
    d,
    b.dimsOf(d).map((dim, axis) => (wanted.has(axis) ? (full[axis] as Dim) : dim)),
  )
}

/**
 * The cotangent of an operand of dims `to` that was broadcast to dims `from`, given one that broadcasts to `from`: the
 * sum along the axes where the operand was repeated.
 */
export function reduceTo(b: Builder, d: ValueId, from: readonly Dim[], to: readonly Dim[]): ValueId {
  const shift = from.length - to.length
  const axes = axesOf(from.length).filter(
    (axis) => !isOne(from[axis] as Dim) && (axis < shift || !sameDim(from[axis] as Dim, to[axis - shift] as Dim)),
  )
  const padded = padRank(b, d, from.length)
  const summed = axes.length === 0 ? padded : b.sum(materialise(b, padded, from, axes), axes, true)
  return b.reshape(summed, b.dimsOf(summed).slice(shift))
}

/** A value that was reduced along axes of a tensor of some rank, with size 1 along them. */
export function keepAxes(b: Builder, value: ValueId, rank: number, axes: readonly number[]): ValueId {
  const dims = [...b.dimsOf(value)]
  return dims.length === rank
    ? value
    : b.reshape(
        value,
        axesOf(rank).map((axis) => (axes.includes(axis) ? oneDim : (dims.shift() as Dim))),
      )
}

/** The sum of cotangents of one value, small ones first so that few additions are large. */
export function accumulate(b: Builder, cotangents: readonly ValueId[]): ValueId | undefined {
  const size = (d: ValueId): number => b.dimsOf(d).filter((dim) => !isOne(dim)).length
  const [first, ...rest] = [...cotangents].sort((x, y) => size(x) - size(y))
  return first === undefined ? undefined : rest.reduce((total, d) => b.add(total, d), first)
}
