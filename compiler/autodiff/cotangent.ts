/**
 * Cotangents that are stored small: one of the same rank as its value, with size 1 along axes where it is only
 * repeated. They are broadcast where something must read every element, and nowhere else.
 */
import type { Builder } from '../ir/builder.ts'
import { padRank } from '../ir/contract.ts'
import type { ValueId } from '../ir/graph.ts'
import { axesOf, ownerOf, sameDims } from '../ops/types.ts'
import { type Dim, isOne, isRagged, negateDim, oneDim, sameDim, staticSize } from '../shapes/dim.ts'

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

/** What a cotangent of a slice adds: the slice's own cotangent, and where it lies. */
interface Piece {
  readonly value: ValueId
  readonly axis: number
  readonly start: number
  readonly end: number
}

/** The piece that a window puts into zeros along a static axis, where it is one. */
function pieceOf(b: Builder, d: ValueId): Piece | undefined {
  const node = b.node(d)
  if (node.op !== 'window') return undefined
  const { axis, offset, stride, dilation } = node.attributes
  const value = node.operands[0] as ValueId
  const start = staticSize(negateDim(offset))
  const size = staticSize(b.dimsOf(value)[axis] as Dim)
  if (stride !== 1 || dilation !== 1 || start === undefined || size === undefined) return undefined
  return { value, axis, start, end: start + size }
}

/** Cotangents of slices that tile one axis, joined instead of padded with zeros and added. */
function joinPieces(b: Builder, cotangents: readonly ValueId[]): ValueId | undefined {
  const pieces = cotangents.map((d) => pieceOf(b, d)).filter((piece) => piece !== undefined)
  const [first, ...rest] = pieces.sort((p, q) => p.start - q.start)
  if (!first || pieces.length < cotangents.length || rest.some((piece) => piece.axis !== first.axis)) return undefined
  const size = staticSize(b.dimsOf(cotangents[0] as ValueId)[first.axis] as Dim)
  const dims = (piece: Piece): readonly Dim[] => b.dimsOf(piece.value).filter((_, axis) => axis !== first.axis)
  const fits = rest.every((piece, at) => piece.start === pieces[at]?.end && sameDims(dims(piece), dims(first)))
  if (!fits || first.start !== 0 || pieces.at(-1)?.end !== size) return undefined
  return b.concat(
    pieces.map((piece) => piece.value),
    first.axis,
  )
}

/** The sum of cotangents of one value, small ones first so that few additions are large. */
export function accumulate(b: Builder, cotangents: readonly ValueId[]): ValueId | undefined {
  const joined = cotangents.length > 1 ? joinPieces(b, cotangents) : undefined
  if (joined !== undefined) return joined
  const size = (d: ValueId): number => b.dimsOf(d).filter((dim) => !isOne(dim)).length
  const [first, ...rest] = [...cotangents].sort((x, y) => size(x) - size(y))
  return first === undefined ? undefined : rest.reduce((total, d) => b.add(total, d), first)
}
