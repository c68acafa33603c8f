/**
 * Chooses the order of axes of values between products, so that few tensors are moved. A product gives its axes in any
 * order and takes them in several, so a transpose that reaches one costs nothing; between products transposes move
 * through element-wise operations to where the tensors are small.
 */
import type { Builder } from '../ir/builder.ts'
import { padRank } from '../ir/contract.ts'
import type { Graph, Node, ValueId } from '../ir/graph.ts'
import {
  costOf,
  guessSize,
  type Label,
  type ProductPlan,
  planProduct,
  readingOf,
  sameOrder,
  transposeCost,
} from '../ir/product.ts'
import type { Attributes } from '../ops/op.ts'
import { ops } from '../ops/table.ts'
import { type Dim, isOne, oneDim } from '../shapes/dim.ts'
import type { Pass } from './pass.ts'
import { mapWithReaders } from './readers.ts'

/** The pass, for graphs before and after differentiation. */
export const layout: Pass = {
  name: 'layout',
  description: 'Orders axes so that products take and give them as they stand.',
  run: (graph: Graph) => mapWithReaders(graph, (node, operands, b, alone) => place({ b, alone }, node, operands)),
}

interface Mover {
  readonly b: Builder
  /** Whether a value has one reader at most, so that it need not be kept in its old order as well. */
  readonly alone: (value: ValueId) => boolean
}

/** A value with its axes in another order: what that costs in elements moved, and how to make it. */
interface Move {
  readonly cost: number
  readonly build: () => ValueId
}

function place(mover: Mover, node: Node, operands: readonly ValueId[]): ValueId | undefined {
  const { b } = mover
  const [x] = operands as [ValueId]
  if (isOp(node, 'transpose')) {
    const move = moved(mover, x, node.attributes.permutation)
    return move.cost < transposeCost(b.dimsOf(x), node.attributes.permutation) ? move.build() : undefined
  }
  if (isOp(node, 'softmax')) {
    const rank = b.dimsOf(x).length
    const { axis } = node.attributes
    if (axis === rank - 1) return undefined
    const permutation = [...Array(rank).keys()].filter((at) => at !== axis).concat(axis)
    const move = moved(mover, x, permutation)
    if (move.cost >= transposeCost(b.dimsOf(x), permutation)) return undefined
    return b.transpose(b.softmax(move.build(), rank - 1), inverse(permutation))
  }
  return isOp(node, 'contract') ? placeProduct(mover, node, operands) : undefined
}

const isOp = <K extends Node['op']>(node: Node, op: K): node is Node<K> => node.op === op

/** A product over operands as they stand before transposes, and its result as it comes. */
function placeProduct(mover: Mover, node: Node<'contract'>, operands: readonly ValueId[]): ValueId {
  const { b } = mover
  const sides = operands.map((operand, k) =>
    untransposed(b, operand, k === 0 ? node.attributes.left : node.attributes.right),
  )
  const [l, r] = sides as [Side, Side]
  let labels: Attributes['contract'] = { left: l.labels, right: r.labels, out: node.attributes.out }
  const values: [ValueId, ValueId] = [l.value, r.value]
  const dims = new Map<Label, Dim>()
  for (const side of [l, r])
    for (const [axis, label] of side.labels.entries()) dims.set(label, b.dimsOf(side.value)[axis] as Dim)
  const dimsOf = (list: readonly Label[]): Dim[] => list.map((label) => dims.get(label) as Dim)
  const isProduct = labels.left.some((label) => labels.right.includes(label) && !labels.out.includes(label))
  if (isProduct) {
    for (const side of [0, 1] as const) {
      const plan = planProduct(labels, dimsOf)
      const isA = (side === 0) !== plan.swap
      const own = side === 0 ? labels.left : labels.right
      const wanted = orderFor(plan, isA, own)
      if (sameOrder(own, wanted)) continue
      const permutation = wanted.map((label) => own.indexOf(label))
      const move = moved(mover, values[side], permutation)
      if (move.cost >= transposeCost(b.dimsOf(values[side]), permutation)) continue
      values[side] = move.build()
      labels = side === 0 ? { ...labels, left: wanted } : { ...labels, right: wanted }
    }
    const plan = planProduct(labels, dimsOf)
    if (plan.moves.result > 0) {
      const natural = [...plan.kept, ...plan.rows, ...plan.columns]
      const product = b.contract(values[0], values[1], labels.left, labels.right, natural)
      return b.transpose(
        product,
        labels.out.map((label) => natural.indexOf(label)),
      )
    }
  }
  return b.contract(values[0], values[1], labels.left, labels.right, labels.out)
}

/** The order in which a product reads an operand. */
function orderFor({ kind, kept, rows, summed, columns }: ProductPlan, isA: boolean, own: readonly Label[]): Label[] {
  const front = isA && kind === 'spread' ? [] : kept
  const { outer, inner } = isA ? readingOf(own, front, rows, summed) : readingOf(own, front, summed, columns)
  return [...front, ...outer, ...inner]
}

interface Side {
  readonly value: ValueId
  readonly labels: readonly Label[]
}

/** What a transpose reorders, with its labels; other values as they are. */
function untransposed(b: Builder, value: ValueId, labels: readonly Label[]): Side {
  const node = b.node(value)
  if (node.op !== 'transpose') return { value, labels }
  const { permutation } = node.attributes
  const source: Label[] = []
  for (const [at, axis] of permutation.entries()) source[axis] = labels[at] as Label
  return untransposed(b, node.operands[0] as ValueId, source)
}

/** The cheapest way to a value whose axis k is axis permutation[k] of `x`. */
function moved(mover: Mover, x: ValueId, permutation: readonly number[]): Move {
  const { b } = mover
  const dims = b.dimsOf(x)
  const to = permutation.map((axis) => dims[axis] as Dim)
  const large = permutation.filter((axis) => !isOne(dims[axis] as Dim))
  if (large.every((axis, at) => at === 0 || axis > (large[at - 1] as number)))
    return { cost: 0, build: () => b.reshape(x, to) }
  const node = b.node(x)
  const [source] = node.operands as [ValueId]
  if (node.op === 'transpose') {
    const { permutation: inner } = node.attributes
    return moved(
      mover,
      source,
      permutation.map((axis) => inner[axis] as number),
    )
  }
  const explicit: Move = { cost: transposeCost(dims, permutation), build: () => b.transpose(x, permutation) }
  if (!mover.alone(x)) return explicit
  const through = movedThrough(mover, node, permutation, to)
  return through && through.cost < explicit.cost ? through : explicit
}

/** A node over reordered operands, where that is the same as reordering its result. */
function movedThrough(mover: Mover, node: Node, permutation: readonly number[], to: readonly Dim[]): Move | undefined {
  const b = mover.b.in({ scope: node.scope, label: node.label, span: node.span })
  const { dims } = node.type
  const [x] = node.operands as [ValueId]
  const traits: readonly string[] = ops[node.op].traits
  if (traits.includes('elementwise')) {
    const parts = node.operands.map((operand) =>
      b.dimsOf(operand).length === 0
        ? { cost: 0, build: () => operand }
        : moved(mover, padRank(b, operand, dims.length), permutation),
    )
    return {
      cost: parts.reduce((sum, part) => sum + part.cost, 0),
      build: () =>
        b.emit(
          node.op,
          parts.map((part) => part.build()),
          node.attributes,
        ),
    }
  }
  if (isOp(node, 'softmax')) {
    const last = dims.length - 1
    const axis = permutation.indexOf(node.attributes.axis)
    const inner = moved(mover, x, permutation)
    const size = 4 * guessSize(dims)
    const change = (axis === last ? 0 : size) - (node.attributes.axis === last ? 0 : size)
    return { cost: inner.cost + change, build: () => b.softmax(inner.build(), axis) }
  }
  if (isOp(node, 'broadcast')) {
    const inner = moved(mover, padRank(b, x, dims.length), permutation)
    return { cost: inner.cost, build: () => b.broadcast(inner.build(), to) }
  }
  if (isOp(node, 'reshape')) {
    const induced = throughOnes(b.dimsOf(x), dims, permutation)
    if (!induced) return undefined
    const inner = moved(mover, x, induced)
    return { cost: inner.cost, build: () => b.reshape(inner.build(), to) }
  }
  if (!isOp(node, 'contract')) return undefined
  const { left, right, out } = node.attributes
  const [l, r] = node.operands as [ValueId, ValueId]
  const reordered = { left, right, out: permutation.map((axis) => out[axis] as Label) }
  const dimsOf = (list: readonly Label[]): Dim[] =>
    list.map((label) => {
      const at = left.indexOf(label)
      return (at >= 0 ? b.dimsOf(l)[at] : b.dimsOf(r)[right.indexOf(label)]) ?? oneDim
    })
  return {
    cost: costOf(planProduct(reordered, dimsOf)) - costOf(planProduct(node.attributes, dimsOf)),
    build: () => b.contract(l, r, left, right, reordered.out),
  }
}

/** The order of the source's axes under a reshape that only puts in or takes out axes of size 1. */
function throughOnes(from: readonly Dim[], to: readonly Dim[], permutation: readonly number[]): number[] | undefined {
  const large = (list: readonly Dim[]): number[] => [...list.keys()].filter((axis) => !isOne(list[axis] as Dim))
  const [sources, results] = [large(from), large(to)]
  if (sources.length !== results.length) return undefined
  if (sources.some((axis, at) => from[axis]?.key !== to[results[at] as number]?.key)) return undefined
  const order = permutation
    .filter((axis) => results.includes(axis))
    .map((axis) => sources[results.indexOf(axis)] as number)
  const ones = [...from.keys()].filter((axis) => !sources.includes(axis))
  return [...ones, ...order]
}

const inverse = (permutation: readonly number[]): number[] => permutation.map((_, axis) => permutation.indexOf(axis))
