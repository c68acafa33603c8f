/** Rules about tensor types that several ops share: broadcasting, owners of ragged axes, regrouping, printing. */
import type { TensorType } from '../ir/graph.ts'
import {
  constantOf,
  type Dim,
  formatDim,
  isBatch,
  isOne,
  isRagged,
  mulDim,
  oneDim,
  sameDim,
  scaleDim,
} from '../shapes/dim.ts'
import { compareRational, divRational, one, type Rational } from '../shapes/rational.ts'

export const sameDims = (a: readonly Dim[], b: readonly Dim[]): boolean =>
  a.length === b.length && a.every((dim, axis) => sameDim(dim, b[axis] as Dim))

export const sameType = (a: TensorType, b: TensorType): boolean => a.dtype === b.dtype && sameDims(a.dims, b.dims)

/** `f32[batch, frames, 256]`. */
export const formatType = (type: TensorType): string => `${type.dtype}[${type.dims.map(formatDim).join(', ')}]`

/** The batch axis that a ragged axis belongs to: the nearest on its left, or -1 where there is none. */
export function ownerOf(dims: readonly Dim[], axis: number): number {
  for (let at = axis - 1; at >= 0; at--) if (isBatch(dims[at] as Dim)) return at
  return -1
}

/** Why dims cannot be a tensor's, or undefined: each ragged axis needs a batch axis on its left. */
export function illFormed(dims: readonly Dim[]): string | undefined {
  const axis = dims.findIndex((dim, at) => isRagged(dim) && ownerOf(dims, at) < 0)
  return axis < 0 ? undefined : `axis ${axis} (${formatDim(dims[axis] as Dim)}) has no batch axis on its left`
}

/**
 * The dims that element-wise operands of these dims give: aligned on the right, 1 with anything; or why there are
 * none. A ragged axis must belong to the same batch axis in each operand.
 */
export function broadcastDims(operands: readonly (readonly Dim[])[]): readonly Dim[] | string {
  const [first] = operands
  if (first && operands.every((dims) => dims === first || sameDims(dims, first))) return first
  const rank = Math.max(0, ...operands.map((dims) => dims.length))
  const out: Dim[] = Array.from({ length: rank }, () => oneDim)
  for (const dims of operands) {
    const shift = rank - dims.length
    for (const [axis, dim] of dims.entries()) {
      const seen = out[axis + shift] as Dim
      if (isOne(seen)) out[axis + shift] = dim
      else if (!isOne(dim) && !sameDim(dim, seen))
        return `axis ${axis + shift} is ${formatDim(seen)} in one operand and ${formatDim(dim)} in another`
    }
  }
  for (const dims of operands) {
    const shift = rank - dims.length
    for (const [axis, dim] of dims.entries())
      if (isRagged(dim) && ownerOf(dims, axis) + shift !== ownerOf(out, axis + shift))
        return `axis ${axis + shift} (${formatDim(dim)}) belongs to different batch axes`
  }
  return out
}

/** The number that a is times b, where there is one. */
function ratioOf(a: Dim, b: Dim): Rational | undefined {
  const [first] = a.terms
  const [other] = b.terms
  if (!first || !other) return undefined
  const ratio = divRational(first.coefficient, other.coefficient)
  return sameDim(scaleDim(b, ratio), a) ? ratio : undefined
}

/** Axes of two shapes that hold the same elements in row order; axes of size 1 stand in no group. */
export interface ReshapeGroup {
  readonly from: readonly number[]
  readonly to: readonly number[]
}

/**
 * How a reshape regroups axes, or why it cannot. A batch axis stands alone in its group; a ragged axis comes first in
 * its group, before static ones, so that a sample's valid elements stay a prefix.
 */
export function alignReshape(from: readonly Dim[], to: readonly Dim[]): readonly ReshapeGroup[] | string {
  const groups: ReshapeGroup[] = []
  const skip = (dims: readonly Dim[], at: number): number => {
    let next = at
    while (next < dims.length && isOne(dims[next] as Dim)) next++
    return next
  }
  let i = skip(from, 0)
  let j = skip(to, 0)
  while (i < from.length && j < to.length) {
    const group = { from: [i], to: [j] }
    let p = from[i] as Dim
    let q = to[j] as Dim
    while (!sameDim(p, q)) {
      const value = ratioOf(q, p)
      if (!value) return `${formatDim(p)} cannot become ${formatDim(q)}`
      const side = compareRational(value, one) > 0
      if (side) i = skip(from, i + 1)
      else j = skip(to, j + 1)
      const next = side ? from[i] : to[j]
      if (!next || !constantOf(next)) return `${formatDim(p)} cannot become ${formatDim(q)}`
      if (side) {
        group.from.push(i)
        p = mulDim(p, next)
      } else {
        group.to.push(j)
        q = mulDim(q, next)
      }
    }
    if ((group.from.length > 1 || group.to.length > 1) && isBatch(from[group.from[0] as number] as Dim))
      return 'the batch axis cannot merge with others'
    groups.push(group)
    i = skip(from, i + 1)
    j = skip(to, j + 1)
  }
  return i < from.length || j < to.length ? 'the number of elements differs' : groups
}

/** The dims without `axes`, or with 1 in their place where `keep`. */
export const reduceDims = (dims: readonly Dim[], axes: readonly number[], keep: boolean): readonly Dim[] =>
  keep ? dims.map((dim, axis) => (axes.includes(axis) ? oneDim : dim)) : dims.filter((_, axis) => !axes.includes(axis))

/** Axes 0 to rank - 1. */
export const axesOf = (rank: number): number[] => Array.from({ length: rank }, (_, axis) => axis)
