/** Decides which values are masked where they are made: few, small, and none that nothing relies on. */
import type { AnyNode, Graph, ValueId } from '../ir/graph.ts'
import type { Facts, Need, OperandView } from '../ops/padding.ts'
import { BATCH, type Dim, evaluateDim, isRagged, sameDim } from '../shapes/dim.ts'
import {
  analyse,
  isMet,
  type Masks,
  maskedView,
  needsOf,
  operandsOf,
  paddingOf,
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
const NOMINAL = { batch: 32, length: 100 }
const sizeOf = (dims: readonly Dim[]): number =>
  dims.reduce((n, dim) => n * evaluateDim(dim, (name) => (name === BATCH ? NOMINAL.batch : NOMINAL.length)), 1)

/** How far above the value that needs it a mask may stand. */
const REACH = 6

/** The masks that a graph needs. */
export function planMasks(graph: Graph, facts: Facts): Masks {
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
  facts: Facts,
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
      add(wanted, cheapest.place)
      changed = true
      // For the rest of this walk it counts as done, so that nothing else is asked for in its stead.
      for (const { value, axis } of [cheapest.at, cheapest.place])
        views.set(value, maskedView(views.get(value) as OperandView, [axis]))
    }
    const view = viewOf(node, operands, facts)
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
  facts: Facts,
  reach = REACH,
): { readonly place: Place; readonly cost: number } {
  const node = nodes.get(place.value) as AnyNode
  const operands = operandsOf(node, views)
  const repeated = node.op === 'broadcast' && operands.every((x) => x.padding.every((padding) => padding === undefined))
  let best = { place, cost: repeated ? 0 : sizeOf(node.type.dims) }
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

const sameLength = (x: OperandView, axis: number, node: AnyNode, at: number): boolean =>
  node.op === 'reshape' || sameDim(x.type.dims[axis] as Dim, node.type.dims[at] as Dim)

/** The masks without those that nothing relies on, since later ones made them needless. */
function withoutIdle(graph: Graph, masks: Masks, facts: Facts): Masks {
  const views = analyse(graph, facts, masks)
  const relied: Mutable = new Map()
  for (const { value } of graph.outputs)
    for (const [axis, padding] of (views.get(value)?.padding ?? []).entries())
      if (padding === 0) add(relied, { value, axis })
  for (const node of [...graph.nodes].reverse()) {
    const operands = operandsOf(node, views)
    const placeOf = (need: Need): Place => ({ value: node.operands[need.operand] as ValueId, axis: need.axis })
    for (const needs of needsOf(node, operands, facts)) {
      // What is repaired at its one use relies on nothing.
      if (needs.some(({ repair, demand }) => repair !== 'mask' || demand === 'finite')) continue
      const met = needs.filter((need) => isMet(need, operands)).map(placeOf)
      const chosen = met.find((place) => has(relied, place)) ?? met.find((place) => !has(masks, place)) ?? met[0]
      if (chosen) add(relied, chosen)
    }
    for (const [axis] of node.type.dims.entries()) {
      const place = { value: node.id, axis }
      if (!has(relied, place) || has(masks, place)) continue
      for (const support of supportOf(node, axis, operands, facts, relied)) add(relied, support)
    }
  }
  const natural = analyse(graph, facts)
  const kept: Mutable = new Map()
  for (const [value, axes] of masks)
    for (const axis of axes)
      if (has(relied, { value, axis }) || natural.get(value)?.padding[axis] === 'any') add(kept, { value, axis })
  return kept
}

/** Which claims about the operands the claim about the result rests on: those that cannot be forgotten. */
function supportOf(
  node: AnyNode,
  axis: number,
  operands: readonly OperandView[],
  facts: Facts,
  relied: Masks,
): Place[] {
  const claim = paddingOf(node, axis, operands, facts)
  const support: Place[] = []
  let views = operands
  const order = operands
    .flatMap((x, index) => x.padding.map((padding, at) => ({ index, at, padding, size: sizeOf(x.type.dims) })))
    .filter(({ padding }) => typeof padding === 'number' || padding === 'low')
    .sort((a, b) => b.size - a.size)
  for (const { index, at } of order) {
    const place = { value: node.operands[index] as ValueId, axis: at }
    const weaker = views.map((view, i) => (i === index ? withPadding(view, at, 'finite') : view))
    if (!has(relied, place) && paddingOf(node, axis, weaker, facts) === claim) views = weaker
    else support.push(place)
  }
  return support
}
