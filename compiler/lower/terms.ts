/** Terms: values of the graph whose axes are index variables, and how two of them meet. */
import type { IndexVar } from '../check/core.ts'
import type { Builder } from '../ir/builder.ts'
import type { ValueId } from '../ir/graph.ts'
import { type Dim, isBatch, isRagged, oneDim } from '../shapes/dim.ts'

/** A value with one axis for each of `axes`, in order; it does not vary with any other index. */
export interface Term {
  readonly id: ValueId
  readonly axes: readonly IndexVar[]
}

/** The range of a variable; the checker has settled them all. */
export function rangeOf(v: IndexVar): Dim {
  if (!v.dim) throw new Error(`internal: the index ${v.name} has no range`)
  return v.dim
}

export const isSample = (v: IndexVar): boolean => isBatch(rangeOf(v))

/**
 * The order of axes in which terms meet: that of the widest, with the others' axes where they fit. Samples come
 * first, since a ragged axis belongs to the batch axis on its left.
 */
export function jointOrder(terms: readonly Term[]): IndexVar[] {
  const byWidth = [...terms].sort((a, b) => b.axes.length - a.axes.length)
  const order = [...(byWidth[0]?.axes ?? [])]
  for (const term of byWidth.slice(1)) {
    term.axes.forEach((v, k) => {
      if (order.includes(v)) return
      if (isSample(v)) {
        order.unshift(v)
        return
      }
      // Behind its left neighbour in its own term, or in front of the first axis that follows it there.
      const next = term.axes.slice(k + 1).find((other) => order.includes(other))
      const left = term.axes[k - 1]
      if (left && order.includes(left)) order.splice(order.indexOf(left) + 1, 0, v)
      else if (next) order.splice(order.indexOf(next), 0, v)
      else order.push(v)
    })
  }
  return ownersFirst(order)
}

/** Moves a ragged axis behind the sample that it belongs to where it would stand in front of it. */
function ownersFirst(order: readonly IndexVar[]): IndexVar[] {
  const samples = order.filter(isSample)
  if (samples.length <= 1) return [...samples, ...order.filter((v) => !isSample(v))]
  const result: IndexVar[] = []
  for (const s of samples)
    result.push(s, ...order.filter((v) => !isSample(v) && isRagged(rangeOf(v)) && v.sample === s))
  return [...result, ...order.filter((v) => !result.includes(v))]
}

/** The term with its axes in the order of `order`, size 1 where it lacks one; leading missing axes are left out. */
export function arrange(b: Builder, term: Term, order: readonly IndexVar[]): ValueId {
  const present = order.filter((v) => term.axes.includes(v))
  const permutation = present.map((v) => term.axes.indexOf(v))
  const moved = permutation.every((at, k) => at === k) ? term.id : b.transpose(term.id, permutation)
  const first = order.findIndex((v) => term.axes.includes(v))
  const rest = first < 0 ? [] : order.slice(first)
  if (rest.length === present.length) return moved
  const dims = b.dimsOf(moved)
  let at = 0
  return b.reshape(
    moved,
    rest.map((v) => (term.axes.includes(v) ? (dims[at++] as Dim) : oneDim)),
  )
}

/** The term with exactly the axes of `order`, repeated along those that it lacks. */
export function spread(b: Builder, term: Term, order: readonly IndexVar[]): ValueId {
  const arranged = arrange(b, term, order)
  const wanted = order.map(rangeOf)
  const dims = b.dimsOf(arranged)
  const same = dims.length === wanted.length && dims.every((dim, k) => dim.key === (wanted[k] as Dim).key)
  return same ? arranged : b.broadcast(arranged, wanted)
}

/** An element-wise operation on terms. */
export function pointwise(b: Builder, terms: readonly Term[], apply: (ids: readonly ValueId[]) => ValueId): Term {
  const order = jointOrder(terms)
  return { id: apply(terms.map((term) => arrange(b, term, order))), axes: order }
}
