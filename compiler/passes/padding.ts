/**
 * The padding pass: from a graph over ragged samples to one over padded tensors that gives the same values at every
 * valid position, whatever stands in the padding. It runs after differentiation, so that no derivative sees a mask.
 */
import { type Builder, mapGraph } from '../ir/builder.ts'
import type { AnyNode, Graph, Node, ValueId } from '../ir/graph.ts'
import type { OpName } from '../ops/op.ts'
import type { Need, OperandView, PaddingFacts } from '../ops/padding.ts'
import {
  analyse,
  checkPadding,
  type Masks,
  needsOf,
  operandsOf,
  paddingFacts,
  unmetNeeds,
  viewOf,
} from './padding-analysis.ts'
import { lowered, maximumOf, replaced, sumOfRows, zeroed } from './padding-masks.ts'
import { planMasks } from './padding-plan.ts'
import type { Pass } from './pass.ts'

export interface PadOptions {
  /**
   * What the padding of data and target inputs holds: `zero` for a loader that is our own, `any` for a model that
   * others feed.
   */
  readonly inputs: 'any' | 'zero'
}

/**
 * The graph with every mask explicit and `padded` true. Each ragged output is zero in its padding. Padded extents are
 * at least 1. A graph that is padded already is given back. Throws an internal Error where a need is left unmet.
 */
export function pad(graph: Graph, options: PadOptions): Graph {
  if (graph.padded) return graph
  const facts = paddingFacts(graph, options.inputs)
  let current = graph
  let problems: readonly string[] = []
  // Products with masks are simplified as they are built, which may leave a need unmet; then one more round meets it.
  for (let round = 0; round < 3; round++) {
    current = insertMasks(current, facts)
    problems = checkPadding(current, options)
    if (problems.length === 0) return current
  }
  throw new Error(`internal: padding reaches valid positions\n${problems.join('\n')}`)
}

function insertMasks(graph: Graph, facts: PaddingFacts): Graph {
  const masks = planMasks(graph, facts)
  const views = analyse(graph, facts, masks)
  const visit = (node: AnyNode, operands: readonly ValueId[], builder: Builder): ValueId =>
    rewrite(node, operands, builder, views, masks, facts)
  return mapGraph(graph, visit, { padded: true })
}

/** The pass, for lists of passes. */
export const padding = (options: PadOptions): Pass => ({
  name: 'padding',
  description: `Keeps padding out of every valid position; the padding of inputs holds ${options.inputs === 'any' ? 'anything' : 'zeros'}.`,
  run: (graph) => pad(graph, options),
})

function rewrite(
  node: AnyNode,
  operands: readonly ValueId[],
  b: Builder,
  views: ReadonlyMap<ValueId, OperandView>,
  masks: Masks,
  facts: PaddingFacts,
): ValueId {
  const before = operandsOf(node, views)
  const unmet = unmetNeeds(node, before, facts).flat()
  // A number put beyond one length stands beyond the others too, so those that are met are repaired again.
  const alike = needsOf(node, before, facts)
    .flat()
    .filter(
      (need) =>
        need.repair === 'one' && unmet.some(({ operand, repair }) => operand === need.operand && repair === 'one'),
    )
  const value = repaired(node, operands, b, [...unmet.filter((need) => need.repair !== 'one'), ...alike], facts)
  const axes = [...(masks.get(node.id) ?? [])].sort((x, y) => x - y)
  if (axes.length === 0) return value
  const { padding } = viewOf(node, before, facts)
  return zeroed(b, value, axes, !axes.some((axis) => padding[axis] === 'any'))
}

/** The node over operands that hold what it needs. */
function repaired(
  node: AnyNode,
  operands: readonly ValueId[],
  b: Builder,
  unmet: readonly Need[],
  facts: PaddingFacts,
): ValueId {
  const axesOf = (operand: number, repair: Need['repair']): number[] =>
    unmet.filter((need) => need.operand === operand && need.repair === repair).map((need) => need.axis)
  if (node.op === 'sum' || node.op === 'maximum') {
    const { axes, keep } = node.attributes
    const [x] = operands as [ValueId]
    const rows = axesOf(0, 'rows')
    const lowest = axesOf(0, 'lowest')
    if (rows.length > 0) return sumOfRows(b, x, axes, rows, keep)
    if (lowest.length > 0) return maximumOf(b, x, axes, lowest, keep, facts.neverEmpty)
  }
  const mended = operands.map((operand, index) => {
    const one = axesOf(index, 'one')
    const low = axesOf(index, 'low')
    const x = one.length > 0 ? replaced(b, operand, one, 1) : operand
    return low.length > 0 ? lowered(b, x, low) : x
  })
  return emitAgain(b, node, mended)
}

/** The node over other operands; the builder stands at its place already. */
const emitAgain = <K extends OpName>(b: Builder, node: Node<K>, operands: readonly ValueId[]): ValueId =>
  b.emit(node.op, operands, node.attributes, undefined, node.type)
