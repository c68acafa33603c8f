/** Picks how each node of a graph is written: as one, or in the parts that its value is held in. */
import type { AnyNode, Graph, Node, ValueId } from '../../ir/graph.ts'
import type { OpName } from '../../ops/op.ts'
import type { Emission, Operand } from './emission.ts'
import { createGroups, planGroups } from './groups.ts'
import { lowerings, type OnnxLowering } from './lowerings.ts'
import type { Make, Parted, PartNames } from './parts.ts'
import { createPhases, type Ends, planPhases } from './phases.ts'
import { findShifts } from './window.ts'
import { emitConvolution, emitCorrelation, endsOf, type ThreeTaps, threeTapsOf } from './winograd.ts'

export interface Writer {
  /** The values that something reads; three taps read the tensor that they shift themselves. */
  readonly needed: ReadonlySet<ValueId>
  /** The name of a node's value, or how to put it together. */
  node(node: AnyNode, operands: readonly Operand[]): string | Parted
}

export function createWriter(graph: Graph, names: PartNames, e: Emission): Writer {
  const lower: Make = (node, operands) => lowerNode(node, operands, e)
  if (!e.forOnnxRuntime) return { needed: new Set(graph.nodes.map(({ id }) => id)), node: lower }
  const threeTaps = new Map<ValueId, ThreeTaps>()
  for (const node of graph.nodes) {
    const taps = threeTapsOf(node, e)
    if (taps) threeTaps.set(node.id, taps)
  }
  // Other convolutions are written in bands of positions, from the tensor that they shift.
  const banded = new Set(
    graph.nodes.flatMap(({ id, op, operands }) =>
      op === 'contract' && operands.some((value) => findShifts(value, e)) ? [id] : [],
    ),
  )
  const endsOfNode = ({ id }: AnyNode): Ends | undefined => {
    const taps = threeTaps.get(id)
    return taps && endsOf(taps)
  }
  const inPhases = planPhases(graph, e.definition, endsOfNode, banded)
  const needed = neededBy(graph, threeTaps)
  const elsewhere = (value: ValueId): boolean => inPhases.held.has(value) || banded.has(value) || !needed.has(value)
  const inGroups = e.forCaches ? planGroups(graph, e.definition, elsewhere) : new Set<ValueId>()
  const phases = createPhases(inPhases, names, e)
  const groups = createGroups(names, e)
  return {
    needed,
    node: (node, operands) => {
      const taps = threeTaps.get(node.id)
      const other = taps && (operands[1 - taps.side] as Operand)
      if (taps && other) {
        if (taps.kind === 'correlation') return emitCorrelation(taps, other, phases, e)
        return phases.keep(node, emitConvolution(taps, other, phases, e))
      }
      const cut = inPhases.held.get(node.id)
      if (cut) return phases.hold(node, cut, operands, lower)
      if (banded.has(node.id)) return lower(node, operands)
      if (inGroups.has(node.id)) return groups.hold(node, operands, lower)
      return groups.sum(node, operands, lower) ?? phases.sum(node, operands, lower) ?? lower(node, operands)
    },
  }
}

/** The row of one op, applied to a node of that op. */
const lowerNode = <K extends OpName>(node: Node<K>, operands: readonly Operand[], e: Emission): string => {
  const table: { readonly [P in OpName]: OnnxLowering<P> } = lowerings
  return table[node.op](node, operands, e)
}

function neededBy(graph: Graph, threeTaps: ReadonlyMap<ValueId, ThreeTaps>): ReadonlySet<ValueId> {
  const needed = new Set(graph.outputs.map(({ value }) => value))
  for (const node of graph.nodes.toReversed()) {
    if (!needed.has(node.id)) continue
    const taps = threeTaps.get(node.id)
    for (const value of taps ? node.operands.with(taps.side, taps.shifts.source) : node.operands) needed.add(value)
  }
  return needed
}
