/**
 * Drops shifts that a mean takes away again: with m the mean of u + r, u + r - m is u less its own mean, and r has no
 * gradient. A layer's bias before batch normalisation is such a shift; adding it only costs time, and the rounding that
 * is left of its gradient would send an optimiser astray.
 */
import { type Builder, mapGraph } from '../ir/builder.ts'
import type { Graph, Node, ValueId } from '../ir/graph.ts'
import { numberOf } from '../ir/simplify.ts'
import { ownerOf } from '../ops/types.ts'
import { type Dim, isOne, isRagged, oneDim } from '../shapes/dim.ts'
import type { Pass } from './pass.ts'

/** The pass, for graphs before differentiation. */
export const centre: Pass = {
  name: 'centre',
  description: 'Drops shifts that the mean they go into takes away again.',
  run: (graph: Graph) =>
    mapGraph(graph, (node, operands, b) => {
      const [x, y] = operands as [ValueId, ValueId]
      if (node.op === 'div') return meanOfShifted(b, x, y)
      return node.op === 'sub' ? difference(b, x, y) : undefined
    }),
}

/** sum(u + r) / n as sum(u) / n + r, where r does not vary along the summed axes and n counts their positions. */
function meanOfShifted(b: Builder, total: ValueId, n: ValueId): ValueId | undefined {
  const sum = b.node(total)
  if (sum.op !== 'sum') return undefined
  const { axes, keep } = sum.attributes
  const [x] = sum.operands as [ValueId]
  const dims = b.dimsOf(x)
  const count = countOf(b, dims, axes, keep)
  if (describeCount(b, n) !== describeCount(b, count)) return undefined
  for (const [u, r] of sides(b, x)) {
    const whole = b.dimsOf(u).length === dims.length && axes.every((axis) => b.dimsOf(u)[axis]?.key === dims[axis]?.key)
    if (!whole || !isConstantAlong(b.dimsOf(r), dims.length, axes)) continue
    const own = b.div(b.sum(u, axes, keep), n)
    // Over no position at all a mean is 0, and so is what the shift adds to it.
    const some = b.min(count, b.constant(1))
    const wanted = b.dimsOf(own)
    const size = b.dimsOf(r).length
    const shift = size <= wanted.length ? r : b.reshape(r, b.dimsOf(r).slice(size - wanted.length))
    return b.add(own, b.mul(shift, some))
  }
  return undefined
}

/** How many positions a sum along axes runs over; of the sum's rank, with 1 on the axes that do not matter. */
function countOf(b: Builder, dims: readonly Dim[], axes: readonly number[], keep: boolean): ValueId {
  const owners = axes.filter((axis) => isRagged(dims[axis] as Dim)).map((axis) => ownerOf(dims, axis))
  const counted = dims.map((dim, axis) => (axes.includes(axis) || owners.includes(axis) ? dim : oneDim))
  return b.sum(b.broadcast(b.constant(1), counted), axes, keep)
}

/** (u + r) - (v + r) as u - v, for v + r the mean of u + r as it is written above: over no position there is no result. */
function difference(b: Builder, x: ValueId, y: ValueId): ValueId | undefined {
  for (const [v, product] of sides(b, y)) {
    const factors = b.node(product)
    if (factors.op !== 'mul') continue
    const [r, some] = factors.operands as [ValueId, ValueId]
    for (const [u, row] of sides(b, x))
      if (source(b, row).id === source(b, r).id && isMeanOf(b, v, u, some)) return b.sub(u, v)
  }
  return undefined
}

/** Whether v is a mean of u, and `some` tells whether it is over any position. */
function isMeanOf(b: Builder, v: ValueId, u: ValueId, some: ValueId): boolean {
  const [quotient, least] = [source(b, v), source(b, some)]
  const sum = quotient.op === 'div' ? b.node(quotient.operands[0] as ValueId) : undefined
  if (sum?.op !== 'sum' || sum.operands[0] !== u || least.op !== 'min') return false
  const [count, one] = least.operands as [ValueId, ValueId]
  return (
    numberOf(b, one) === 1 &&
    describeCount(b, count) === describeCount(b, countOf(b, b.dimsOf(u), sum.attributes.axes, true))
  )
}

/** The two sides of a sum, either way round. */
function sides(b: Builder, x: ValueId): readonly (readonly [ValueId, ValueId])[] {
  const node = b.node(x)
  if (node.op !== 'add') return []
  const [p, q] = node.operands as [ValueId, ValueId]
  return [
    [p, q],
    [q, p],
  ]
}

const isConstantAlong = (dims: readonly Dim[], rank: number, axes: readonly number[]): boolean => {
  const lacking = rank - dims.length
  return axes.every((axis) => axis < lacking || isOne(dims[axis - lacking] as Dim))
}

/** What a value holds, seen through changes of shape. */
function source(b: Builder, value: ValueId): Node {
  const node = b.node(value)
  return node.op === 'reshape' ? source(b, node.operands[0] as ValueId) : node
}

/** Text that is equal for equal counts of positions, whatever their axes; a count that is kept from 0 is that count. */
function describeCount(b: Builder, value: ValueId): string {
  const node = b.node(value)
  const inner = (): string[] => node.operands.map((operand) => describeCount(b, operand))
  if (node.op === 'reshape') return inner().join()
  if (node.op === 'length') return `length(${node.attributes.dim.key})`
  if (node.op === 'sum') return `sum(${inner().join()})`
  if (node.op === 'mul') return `(${inner().sort().join('*')})`
  if (node.op === 'max') {
    const [p, q] = node.operands as [ValueId, ValueId]
    if (numberOf(b, q) === 1) return describeCount(b, p)
    if (numberOf(b, p) === 1) return describeCount(b, q)
  }
  return String(numberOf(b, value) ?? `%${value}`)
}
