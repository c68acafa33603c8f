/** How often values are read, so that a rewrite does not make again what others still need. */
import { type Builder, mapGraph } from '../ir/builder.ts'
import type { AnyNode, Graph, ValueId } from '../ir/graph.ts'

/** The number of operands and outputs that each value of a graph is. */
export function readersOf({ nodes, outputs }: Graph): Map<ValueId, number> {
  const readers = new Map<ValueId, number>()
  for (const id of [...nodes.flatMap((node) => node.operands), ...outputs.map(({ value }) => value)])
    readers.set(id, (readers.get(id) ?? 0) + 1)
  return readers
}

/** `mapGraph`, whose visitor is also told whether a value of the new graph has one reader at most, as far as it is built. */
export function mapWithReaders(
  graph: Graph,
  visit: (
    node: AnyNode,
    operands: readonly ValueId[],
    b: Builder,
    alone: (value: ValueId) => boolean,
  ) => ValueId | undefined,
): Graph {
  const before = readersOf(graph)
  const readers = new Map<ValueId, number>()
  const alone = (value: ValueId): boolean => (readers.get(value) ?? 1) <= 1
  return mapGraph(graph, (node, operands, b) => visit(node, operands, b, alone), {
    onMapped: ({ id }, value) => void readers.set(value, (readers.get(value) ?? 0) + (before.get(id) ?? 0)),
  })
}
