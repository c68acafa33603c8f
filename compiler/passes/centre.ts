/**
 * Drops shifts that a mean takes away again: with m the mean of u + r, u + r - m is u less its own mean, and r has no
 * gradient. A layer's bias before batch normalisation is such a shift; adding it only costs time, and the rounding that
 * is left of its gradient would send an optimiser astray.
 */
import { type Builder, mapGraph } from '../ir/builder.ts'
import type { Graph, Node, ValueId } from '../ir/graph.ts'
import { numberOf } from '../ir/simplify.ts'
import type { Attributes } from '../ops/op.ts'
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
      if (node.op === 'sum') return sumOfShifted(b, x, node.attributes)
      if (node.op === 'div') return meanOfShifted(b, x, y)
      return node.op === 'sub' ? difference(b, x, y) : undefined
    }),
}

/** sum(u + r) as sum(u) + r * n, where r does not vary along the n positions of the summed axes. */
function sumOfShifted(b: Builder, x: ValueId, { axes, keep }: Attributes['sum']): ValueId | undefined {
  const dims = b.dimsOf(x)
  for (const [u, r] of sides(b, x)) {
    const whole = b.dimsOf(u).length === dims.length && axes.every((axis) => b.dimsOf(u)[axis]?.key === dims[axis]?.key)
    if (!whole || !isConstantAlong(b.dimsOf(r), dims.length, axes)) continue
    const own = b.sum(u, axes, keep)
    const lacking = dims.length - b.dimsOf(r).length
    const left = keep ? b.dimsOf(r) : b.dimsOf(r).filter((_, axis) => !axes.includes(axis + lacking))
    const shift = b.reshape(r, left)
    return b.add(own, b.mul(shift, countOf(b, dims, axes, keep)))
  }
  return undefined
}

/** (sum(u) + r * n) / n as sum(u) / n + r, with n kept from 0 where it divides. */
function meanOfShifted(b: Builder, total: ValueId, n: ValueId): ValueId | undefined {
  for (const [own, product] of sides(b, total)) {
    const factors = b.node(product)
    if (factors.op !== 'mul') continue
    const [f, g] = factors.operands as [ValueId, ValueId]
    // Over no position at all a mean is 0, and so is what the shift adds to it.
    for (const [r, count] of [[f, g] as const, [g, f] as const])
      if (isCount(b, count) && describeCount(b, count) === describeCount(b, n))
        return b.add(b.div(own, n), b.mul(r, b.min(count, b.constant(1))))
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
    const [f, g] = factors.operands as [ValueId, ValueId]
    for (const [r, some] of [[f, g] as const, [g, f] as const])
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

/** Whether a value is made of lengths alone. */
const isCount = (b: Builder, value: ValueId): boolean => !describeCount(b, value).includes('%')

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
