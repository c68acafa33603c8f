/** Calls that work element by element on operands of different shapes. */
import type { TensorType } from '../../ir/graph.ts'
import { sameDims } from '../../ops/types.ts'
import { type Dim, isOne, oneDim, productDims } from '../../shapes/dim.ts'
import type { Emission, Ref } from './emission.ts'

/** From this rank on, backends repeat along axes in some cases only. */
export const highRank = 5

/** Functions of tfjs that a module does its own way on some backends. */
const own: ReadonlySet<string> = new Set(['add', 'sub', 'mul', 'div'])

/** A call whose operands have the result's shape, or shapes that repeat to it. */
const call = (fn: string, operands: readonly Ref[], type: TensorType, e: Emission): Ref =>
  own.has(fn) && type.dtype === 'f32' && type.dims.length > 0
    ? e.callOwn('pointwise', ['tf', `'${fn}'`, ...operands], type)
    : e.call(fn, operands, type)

/** A call of tfjs whose result has the operands' shapes, broadcast. At high rank, neighbouring axes are taken as one. */
export function pointwise(fn: string, operands: readonly Ref[], type: TensorType, e: Emission): Ref {
  const { dims } = type
  if (dims.length < highRank) return call(fn, withoutLead(operands, dims, e), type, e)
  const aligned = operands.map((x) => [...dims.slice(x.type.dims.length).map(() => oneDim), ...x.type.dims])
  const groups = groupAxes(dims, aligned)
  const merge = (of: readonly Dim[]): Dim[] => groups.map((axes) => productDims(axes.map((axis) => of[axis] as Dim)))
  const low = { ...type, dims: merge(dims) }
  const sides = operands.map((x, at) =>
    groups.length < highRank ? e.reshape(x, merge(aligned[at] ?? [])) : e.reshape(e.expand(x, dims), low.dims),
  )
  return e.reshape(call(fn, sides, low, e), dims)
}

/**
 * Operands without axes of size 1 in front, where the result has more there: `cpu` repeats a row in a plain loop, and finds the
 * place of each number anew where the row says that it has rows above it.
 */
function withoutLead(operands: readonly Ref[], dims: readonly Dim[], e: Emission): readonly Ref[] {
  if (!operands.some((x) => sameDims(x.type.dims, dims))) return operands
  return operands.map((x) => {
    const first = x.type.dims.findIndex((dim) => !isOne(dim))
    const start = first < 0 ? x.type.dims.length : first
    return start === 0 || sameDims(x.type.dims, dims) ? x : e.reshape(x, x.type.dims.slice(start))
  })
}

/** Runs of neighbouring axes along which each operand either repeats throughout or not at all. */
function groupAxes(dims: readonly Dim[], aligned: readonly (readonly Dim[])[]): number[][] {
  const groups: number[][] = []
  let last: string | undefined
  for (const [axis, dim] of dims.entries()) {
    const pattern = aligned.map((of) => (isOne(of[axis] as Dim) ? 'repeats' : 'has')).join()
    // An axis of size 1 goes with any other.
    if (groups.length > 0 && (isOne(dim) || last === undefined || pattern === last)) groups.at(-1)?.push(axis)
    else groups.push([axis])
    if (!isOne(dim)) last = pattern
  }
  return groups
}
