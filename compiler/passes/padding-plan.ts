/** Decides which values are masked where they are made: few, small, and none that nothing relies on. */
import type { AnyNode, Graph, ValueId } from '../ir/graph.ts'
import { isShift } from '../ir/match.ts'
import type { OperandView, PaddingFacts } from '../ops/padding.ts'
import { BATCH, type Dim, evaluateDim, isRagged, sameDim } from '../shapes/dim.ts'
import {
  analyse,
  isMet,
  type Masks,
  maskedView,
  needsOf,
  operandsOf,
  paddingOf,
  unmetNeeds,
  viewOf,
  withPadding,
} from './padding-analysis.ts'

/** One ragged axis of one value. */
interface Place {
  readonly value: ValueId
  readonly axis: number
}

type Mutable = Map<ValueId, Set<number>>
const has = (set: Masks, { value, axis }: Place): boolean => set.get(value)?.has(axis) ?? false
const add = (set: Mutable, { value, axis }: Place): void => {
  const axes = set.get(value) ?? new Set()
  set.set(value, axes.add(axis))
}

/** Sizes are compared at this batch and these lengths; only their order matters. */
const NOMINAL = { batch: 32, length: 500 }
const sizeOf = (dims: readonly Dim[]): number =>
  dims.reduce((n, dim) => n * evaluateDim(dim, (name) => (name === BATCH ? NOMINAL.batch : NOMINAL.length)), 1)

/** How far above the value that needs it a mask may stand. */
const REACH = 6

/** The masks that a graph needs. */
export function planMasks(graph: Graph, facts: PaddingFacts): Masks {
  const nodes = new Map<ValueId, AnyNode>(graph.nodes.map((node) => [node.id, node]))
  const wanted: Mutable = new Map()
  for (const { value } of graph.outputs)
    for (const [axis, dim] of (nodes.get(value)?.type.dims ?? []).entries())
      if (isRagged(dim)) add(wanted, { value, axis })
  // A mask that one round asks for makes later values zero in the next, so the first round's masks are few.
  for (;;) {
    const { masks, changed } = walk(graph, nodes, wanted, facts)
    if (!changed) return withoutIdle(graph, masks, facts)
  }
}

/** One walk: masks what is wanted and not zero by itself, and wants more where a need is not met. */
function walk(
  graph: Graph,
  nodes: ReadonlyMap<ValueId, AnyNode>,
  wanted: Mutable,
  facts: PaddingFacts,
): { readonly masks: Masks; readonly changed: boolean } {
  const views = new Map<ValueId, OperandView>()
  const masks: Mutable = new Map()
  let changed = false
  for (const node of graph.nodes) {
    const operands = operandsOf(node, views)
    for (const needs of needsOf(node, operands, facts)) {
      if (needs.some((need) => isMet(need, operands) || need.repair !== 'mask')) continue
      const [cheapest] = needs
        .map((need) => {
          const place = { value: node.operands[need.operand] as ValueId, axis: need.axis }
          return { at: place, ...cheapestPlace(place, nodes, views, facts) }
        })
        .sort((a, b) => a.cost - b.cost)
      if (!cheapest) continue
      // A place that is wanted already was not enough: then the operand itself is masked, which always is.
      add(wanted, has(wanted, cheapest.place) ? cheapest.at : cheapest.place)
      changed = true
      // For the rest of this walk it counts as done, so that nothing else is asked for in its stead.
      for (const { value, axis } of [cheapest.at, cheapest.place])
        views.set(value, maskedView(views.get(value) as OperandView, [axis]))
    }
    const view = viewOf(node, operandsOf(node, views), facts)
    for (const [axis, padding] of view.padding.entries()) {
      const place = { value: node.id, axis }
      // What may be NaN is cut at once: no later product can undo it.
      if (padding === 'any' || (padding !== undefined && padding !== 0 && has(wanted, place))) add(masks, place)
    }
    views.set(node.id, maskedView(view, masks.get(node.id) ?? []))
  }
  return { masks, changed }
}

/**
 * Where to mask so that a value is zero on an axis: at the value, or at a smaller operand that its zeros come from.
 * A mask on a value that is only repeated along the axis replaces the repetition, and costs nothing.
 */
function cheapestPlace(
  place: Place,
  nodes: ReadonlyMap<ValueId, AnyNode>,
  views: ReadonlyMap<ValueId, OperandView>,
  facts: PaddingFacts,
  reach = REACH,
): { readonly place: Place; readonly cost: number } {
  const node = nodes.get(place.value) as AnyNode
  const operands = operandsOf(node, views)
  const repeated = node.op === 'broadcast' && operands.every((x) => x.padding.every((padding) => padding === undefined))
  let best = { place, cost: repeated ? 0 : sizeOf(node.type.dims) * (movesWhole(node, nodes) ? shiftFactor : 1) }
  if (reach === 0) return best
  for (const [index, x] of operands.entries())
    for (const [axis, padding] of x.padding.entries()) {
      if (padding === undefined || padding === 0 || !sameLength(x, axis, node, place.axis)) continue
      const masked = operands.map((view, at) => (at === index ? withPadding(view, axis, 0) : view))
      if (paddingOf(node, place.axis, masked, facts) !== 0) continue
      const above = cheapestPlace({ value: node.operands[index] as ValueId, axis }, nodes, views, facts, reach - 1)
      if (above.cost < best.cost) best = above
    }
  return best
}

/** Shifts that stand side by side are read in one go, as long as nothing is done to one of them alone. */
const shiftFactor = 4

/** Whether a value is another, shifted as a whole. */
function movesWhole(node: AnyNode, nodes: ReadonlyMap<ValueId, AnyNode>): boolean {
  if (!isShift(node)) return false
  const { axis, dim } = node.attributes
  return sameDim((nodes.get(node.operands[0] as ValueId) as AnyNode).type.dims[axis] as Dim, dim)
}

const sameLength = (x: OperandView, axis: number, node: AnyNode, at: number): boolean =>
  node.op === 'reshape' || sameDim(x.type.dims[axis] as Dim, node.type.dims[at] as Dim)

/** The masks without those that later ones made needless; the largest are tried first. */
function withoutIdle(graph: Graph, masks: Masks, facts: PaddingFacts): Masks {
  const left: Mutable = new Map([...masks].map(([value, axes]) => [value, new Set(axes)]))
  const views = analyse(graph, facts, left)
  const outputs = new Set(graph.outputs.map(({ value }) => value))
  const index = new Map(graph.nodes.map((node, at) => [node.id, at]))
  const candidates = [...masks]
    .flatMap(([value, axes]) => {
      const at = index.get(value) as number
      const size = sizeOf((graph.nodes[at] as AnyNode).type.dims)
      return [...axes].map((axis) => ({ value, axis, at, size }))
    })
    .sort((a, b) => b.size - a.size || b.at - a.at)
  for (const { value, axis, at } of candidates) {
    const axes = left.get(value) as Set<number>
    axes.delete(axis)
    const changes = withoutMask(graph, at, views, left, outputs, facts)
    if (changes) for (const [id, view] of changes) views.set(id, view)
    else axes.add(axis)
  }
  return left
}

/** How the views change once the masks of the node at `from` are fewer, or undefined where something relied on it. */
function withoutMask(
  graph: Graph,
  from: number,
  views: ReadonlyMap<ValueId, OperandView>,
  masks: Masks,
  outputs: ReadonlySet<ValueId>,
  facts: PaddingFacts,
): ReadonlyMap<ValueId, OperandView> | undefined {
  const changes = new Map<ValueId, OperandView>()
  const now = { get: (id: ValueId) => changes.get(id) ?? views.get(id) }
  for (let at = from; at < graph.nodes.length; at++) {
    const node = graph.nodes[at] as AnyNode
    if (at > from && !node.operands.some((operand) => changes.has(operand))) continue
    const operands = operandsOf(node, now)
    if (at > from && unmetNeeds(node, operands, facts).some((needs) => needs.some(({ repair }) => repair === 'mask')))
      return undefined
    const view = maskedView(viewOf(node, operands, facts), masks.get(node.id) ?? [])
    const old = views.get(node.id)?.padding ?? []
    if (view.padding.every((claim, axis) => claim === old[axis])) continue
    if (view.padding.includes('any')) return undefined
    if (outputs.has(node.id) && view.padding.some((claim) => claim !== undefined && claim !== 0)) return undefined
    changes.set(node.id, view)
  }
  return changes
}
