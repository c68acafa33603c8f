/**
 * One product for the taps of a convolution. Lowering makes a product of each tap and adds them; the shifts side by side
 * over the kernel's taps below each other give the sum at once, which writes the result a single time. The weights'
 * gradient reads the same shifts side by side.
 */
import { type Builder, mapGraph } from '../ir/builder.ts'
import type { Graph, Node, ValueId } from '../ir/graph.ts'
import { isShift } from '../ir/match.ts'
import type { Attributes } from '../ops/op.ts'
import { constantDim, type Dim, staticSize } from '../shapes/dim.ts'
import type { Pass } from './pass.ts'
import { mapWithReaders } from './readers.ts'

/** The pass, for ragged graphs that are differentiated already. */
export const taps: Pass = {
  name: 'taps',
  description: 'Joins the products of a convolution with its taps into one.',
  run: (graph: Graph) => joinGradients(joinSums(graph)),
}

type Spec = Attributes['contract']

/** A product of a tensor with a matrix, summed along one axis of each. */
interface Tap {
  readonly tensor: ValueId
  readonly matrix: ValueId
  /** With the tensor on the left; labels of the result count from 0, the summed one is -1. */
  readonly spec: Spec
}

/** Sums of taps of one tensor as a product of concatenations. */
const joinSums = (graph: Graph): Graph =>
  mapWithReaders(graph, (node, [x, y], b, alone) =>
    node.op === 'add' && x !== undefined && y !== undefined
      ? (addTap(b, alone, x, y) ?? addTap(b, alone, y, x))
      : undefined,
  )

/** `sum + tap`, where a term of the sum is a tap of the same tensor. */
function addTap(b: Builder, alone: (id: ValueId) => boolean, sum: ValueId, tap: ValueId): ValueId | undefined {
  if (!alone(sum) || !alone(tap)) return undefined
  const [one, other] = [tapOf(b, sum), tapOf(b, tap)]
  if (other === undefined) return undefined
  if (one !== undefined) return join(b, one, other)
  const node = b.node(sum)
  if (node.op !== 'add') return undefined
  const [p, q] = node.operands as [ValueId, ValueId]
  const right = addTap(b, alone, q, tap)
  if (right !== undefined) return b.add(p, right)
  const left = addTap(b, alone, p, tap)
  return left === undefined ? undefined : b.add(left, q)
}

function tapOf(b: Builder, value: ValueId): Tap | undefined {
  const node = b.node(value)
  if (node.op !== 'contract') return undefined
  const { left, right, out } = node.attributes
  const summed = left.filter((label) => right.includes(label) && !out.includes(label))
  if (summed.length !== 1) return undefined
  const name = (label: number): number => out.indexOf(label)
  const names = out.map((_, axis) => axis)
  const [x, y] = node.operands as [ValueId, ValueId]
  const isMatrix = (id: ValueId): boolean =>
    b.dimsOf(id).length === 2 && b.dimsOf(id).every((dim) => staticSize(dim) !== undefined)
  if (isMatrix(y)) return { tensor: x, matrix: y, spec: { left: left.map(name), right: right.map(name), out: names } }
  if (isMatrix(x)) return { tensor: y, matrix: x, spec: { left: right.map(name), right: left.map(name), out: names } }
  return undefined
}

function join(b: Builder, p: Tap, q: Tap): ValueId | undefined {
  if (JSON.stringify(p.spec) !== JSON.stringify(q.spec)) return undefined
  const { left, right, out } = p.spec
  const [along, down] = [left.indexOf(-1), right.indexOf(-1)]
  const source = sourceOf(b, p.tensor, along)
  if (source === undefined || source !== sourceOf(b, q.tensor, along)) return undefined
  const parts = (id: ValueId, axis: number): readonly ValueId[] => {
    const node = b.node(id)
    return node.op === 'concat' && node.attributes.axis === axis ? node.operands : [id]
  }
  const beside = (x: ValueId, y: ValueId, axis: number): ValueId =>
    b.concat([...parts(x, axis), ...parts(y, axis)], axis)
  return b.contract(beside(p.tensor, q.tensor, along), beside(p.matrix, q.matrix, down), left, right, out)
}

/** The tensor that a value shifts, or several shifts of which stand side by side along an axis. */
function sourceOf(b: Builder, value: ValueId, along: number): ValueId | undefined {
  const node = b.node(value)
  if (node.op === 'concat' && node.attributes.axis === along) {
    const sources = new Set(node.operands.map((part) => sourceOf(b, part, along)))
    return sources.size === 1 ? [...sources][0] : undefined
  }
  return isShift(node) && node.attributes.axis !== along ? node.operands[0] : value
}

/** One of some shifts side by side: how the tensor is read (undefined for as it stands), and where its columns lie. */
interface Part {
  readonly beside: Node<'concat'>
  readonly window: Attributes['window'] | undefined
  readonly start: number
  readonly size: number
}

/** Products of one tensor with each of some shifts, which stand side by side anyway, as parts of one product. */
function joinGradients(graph: Graph): Graph {
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]))
  const parts = partsOf(graph)
  const groups = new Map<string, number>()
  const keyOf = ({ operands, attributes }: Node<'contract'>, side: 0 | 1, { beside }: Part): string =>
    JSON.stringify([beside.id, side, operands[1 - side], attributes])
  const found = function* (node: Node<'contract'>): Generator<readonly [0 | 1, Part, string]> {
    for (const side of [0, 1] as const)
      for (const part of parts.get(node.operands[side] as ValueId) ?? []) {
        const labels = [node.attributes.left, node.attributes.right] as const
        const label = labels[side][part.beside.attributes.axis] as number
        const free = node.attributes.out.includes(label) && !labels[1 - side]?.includes(label)
        if (free) yield [side, part, keyOf(node, side, part)]
      }
  }
  for (const node of graph.nodes)
    if (node.op === 'contract') for (const [, , key] of found(node)) groups.set(key, (groups.get(key) ?? 0) + 1)
  return mapGraph(graph, (node, operands, b) => {
    if (node.op !== 'contract') return undefined
    for (const [side, part, key] of found(node)) {
      if (groups.get(key) !== part.beside.operands.length) continue
      const own = operands[side] as ValueId
      const source = part.window ? b.node(own).operands[0] : own
      if (source === undefined) continue
      const { axis } = part.beside.attributes
      const shifts = part.beside.operands.map((id) => {
        const shift = nodes.get(id) as Node
        return isShift(shift) ? b.window(source, shift.attributes) : source
      })
      const [x, y] = operands.with(side, b.concat(shifts, axis)) as [ValueId, ValueId]
      const { left, right, out } = node.attributes
      const whole = b.contract(x, y, left, right, out)
      const label = (side === 0 ? left : right)[axis] as number
      const place = { axis: out.indexOf(label), offset: constantDim(part.start), dim: constantDim(part.size) }
      return b.window(whole, place)
    }
    return undefined
  })
}

/** The shifts that stand side by side, by value. */
function partsOf(graph: Graph): ReadonlyMap<ValueId, readonly Part[]> {
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]))
  const parts = new Map<ValueId, Part[]>()
  for (const node of graph.nodes) {
    if (node.op !== 'concat') continue
    const { axis } = node.attributes
    const shifts = node.operands.map((id) => nodes.get(id) as Node)
    const windows = shifts.filter(isShift)
    const source = windows[0]?.operands[0]
    const whole = shifts.every((shift) =>
      isShift(shift) ? shift.operands[0] === source && shift.attributes.axis !== axis : shift.id === source,
    )
    if (!whole) continue
    let start = 0
    for (const shift of shifts) {
      const size = staticSize(shift.type.dims[axis] as Dim) ?? 0
      const part = { beside: node, window: isShift(shift) ? shift.attributes : undefined, start, size }
      parts.set(shift.id, [...(parts.get(shift.id) ?? []), part])
      start += size
    }
  }
  return parts
}
