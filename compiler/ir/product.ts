/** How a contraction becomes a matrix product: the order of axes that moves the least memory. */
import type { Attributes } from '../ops/op.ts'
import { BATCH, type Dim } from '../shapes/dim.ts'
import { toNumber } from '../shapes/rational.ts'

export type Label = number

/** The axes of a contraction by the part they play, in the order of the result, or of the left operand where summed. */
export interface ProductGroups {
  /** In both operands and the result. */
  readonly kept: readonly Label[]
  /** In the left operand and the result. */
  readonly rows: readonly Label[]
  /** In both operands and not in the result. */
  readonly summed: readonly Label[]
  /** In the right operand and the result. */
  readonly columns: readonly Label[]
}

/**
 * A product of a = [kept…, rows…, summed…] and b = [kept…, summed…, columns…], which gives [kept…, rows…, columns…].
 * `flat`: nothing is kept, b is one matrix. `batched`: one product for each position of the kept axes. `spread`: as
 * batched, but the kept axes are b's alone and a is one matrix.
 */
export interface ProductPlan extends ProductGroups {
  readonly kind: 'flat' | 'batched' | 'spread'
  /** True where a is the right operand. */
  readonly swap: boolean
  /** Elements moved to bring a, b and the result into order; the last two groups of an operand may stand either way. */
  readonly moves: { readonly a: number; readonly b: number; readonly result: number }
}

export const sameOrder = (a: readonly Label[], b: readonly Label[]): boolean =>
  a.length === b.length && a.every((label, i) => label === b[i])

/** The number of elements of a tensor of these dims, with a guess for what is known at run time only. */
export const guessSize = (dims: readonly Dim[]): number => dims.reduce((size, dim) => size * guessDim(dim), 1)

const guesses = new WeakMap<Dim, number>()
function guessDim(dim: Dim): number {
  const known = guesses.get(dim)
  if (known !== undefined) return known
  const guess = dim.terms.reduce(
    (sum, { coefficient, atoms }) =>
      sum + atoms.reduce((n, a) => n * (a.kind === 'seq' && a.name === BATCH ? 32 : 200), toNumber(coefficient)),
    0,
  )
  guesses.set(dim, guess)
  return guess
}

/** What it costs to bring axes from one order into another: twice as much where the innermost one moves, as rows are torn apart. */
export function transposeCost(dims: readonly Dim[], permutation: readonly number[]): number {
  if (permutation.every((axis, at) => axis === at)) return 0
  return (permutation.at(-1) === dims.length - 1 ? 2 : 4) * guessSize(dims)
}

/** How an operand is handed to a product that wants [kept, first, second]: as [kept, outer, inner], which are `turned` or not. */
export interface Reading {
  readonly outer: readonly Label[]
  readonly inner: readonly Label[]
  /** outer is second, inner is first: engines read the last two axes either way round. */
  readonly turned: boolean
}

/** The reading that takes an operand as it stands, where there is one; else one that leaves its innermost axis in place. */
export function readingOf(
  labels: readonly Label[],
  kept: readonly Label[],
  first: readonly Label[],
  second: readonly Label[],
): Reading {
  const stands = sameOrder(labels, [...kept, ...first, ...second])
  const innermost = labels.at(-1)
  const turned = !stands && second.length > 0 && first.length > 0 && first.at(-1) === innermost
  return turned ? { outer: second, inner: first, turned } : { outer: first, inner: second, turned }
}

export function groupLabels({ left, right, out }: Attributes['contract']): ProductGroups {
  const shared = left.filter((label) => right.includes(label))
  return {
    kept: out.filter((label) => shared.includes(label)),
    rows: out.filter((label) => left.includes(label) && !shared.includes(label)),
    summed: shared.filter((label) => !out.includes(label)),
    columns: out.filter((label) => right.includes(label) && !shared.includes(label)),
  }
}

/** The cheapest plan: either operand first, the axes of each group in the result's order or in an operand's own. */
export function planProduct(labels: Attributes['contract'], dimsOf: (labels: readonly Label[]) => Dim[]): ProductPlan {
  const groups = groupLabels(labels)
  const reorder = (from: readonly Label[], to: readonly Label[]): number =>
    transposeCost(
      dimsOf(from),
      to.map((label) => from.indexOf(label)),
    )
  let best: ProductPlan | undefined
  const consider = (plan: Omit<ProductPlan, 'moves'>): void => {
    const { kept, rows, summed, columns, swap } = plan
    const [a, b] = swap ? [labels.right, labels.left] : [labels.left, labels.right]
    const move = (
      from: readonly Label[],
      front: readonly Label[],
      x: readonly Label[],
      y: readonly Label[],
    ): number => {
      const { outer, inner, turned } = readingOf(from, front, x, y)
      return (turned ? 1 : 0) + reorder(from, [...front, ...outer, ...inner])
    }
    const order = [...kept, ...rows, ...columns]
    const moves = {
      a: move(a, plan.kind === 'spread' ? [] : kept, rows, summed),
      b: move(b, kept, summed, columns),
      result: reorder(order, labels.out),
    }
    if (!best || costOf({ ...plan, moves }) < costOf(best)) best = { ...plan, moves }
  }
  for (const swap of [false, true]) {
    const [a, b] = swap ? [labels.right, labels.left] : [labels.left, labels.right]
    const [rowGroup, columnGroup] = swap ? [groups.columns, groups.rows] : [groups.rows, groups.columns]
    for (const rows of orders(rowGroup, a))
      for (const summed of orders(within(a, groups.summed), b)) {
        for (const columns of orders(columnGroup, b))
          for (const kept of orders(groups.kept, a))
            consider({ kind: kept.length === 0 ? 'flat' : 'batched', swap, kept, rows, summed, columns })
        // The result's leading axes that only b has, where the rest of b's follow behind the rows.
        const lead = labels.out.findIndex((label) => !columnGroup.includes(label))
        if (groups.kept.length === 0 && lead > 0 && lead < columnGroup.length)
          consider({
            kind: 'spread',
            swap,
            kept: labels.out.slice(0, lead),
            rows,
            summed,
            columns: columnGroup.slice(lead),
          })
      }
  }
  return best as ProductPlan
}

export const costOf = ({ moves }: ProductPlan): number => moves.a + moves.b + moves.result

const within = (list: readonly Label[], group: readonly Label[]): Label[] =>
  list.filter((label) => group.includes(label))
/** A group in its own order, and in that of an operand where it differs. */
function orders(group: readonly Label[], operand: readonly Label[]): (readonly Label[])[] {
  const own = within(operand, group)
  return sameOrder(group, own) ? [group] : [group, own]
}
