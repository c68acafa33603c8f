/**
 * The order of nodes that ONNX Runtime runs best. It walks from the outputs down, of a node's inputs to the one that
 * stands last in the file first, and runs a node once its inputs have run. What it runs last before a node is still in a
 * cache when the node reads it; what it runs first has to be kept meanwhile.
 */
import type { OnnxNode } from './model.ts'

/**
 * The nodes by depth, so that of two inputs the one that takes longer runs first and the other right before it is read.
 * What only a Concat reads comes the other way round: each of many values is made as soon as it can be.
 */
export function orderNodes(nodes: readonly OnnxNode[]): OnnxNode[] {
  const makers = new Map<string, number>()
  for (const [at, node] of nodes.entries()) for (const name of node.outputs) makers.set(name, at)
  const sources = nodes.map((node) => [...new Set(node.inputs.flatMap((name) => makers.get(name) ?? []))])
  const readers = nodes.map(() => 0)
  for (const list of sources) for (const source of list) readers[source] = numberAt(readers, source) + 1
  const depths: number[] = []
  for (const list of sources) depths.push(1 + Math.max(0, ...list.map((source) => numberAt(depths, source))))

  /** Where a node stands: by the first number, then the second, then its own depth. */
  const places = depths.map((depth): readonly [number, number] => [depth, 0])
  const joined = new Set<number>()
  const join = (at: number, place: readonly [number, number]): void => {
    if (readers[at] !== 1) return
    joined.add(at)
    places[at] = place
    for (const source of sources[at] ?? []) join(source, place)
  }
  for (let at = nodes.length - 1; at >= 0; at--)
    if (nodes[at]?.type === 'Concat' && !joined.has(at))
      for (const source of sources[at] ?? []) join(source, [numberAt(depths, at) - 0.5, -numberAt(depths, source)])

  const compare = (a: number, b: number): number => {
    const [p, q] = [places[a] ?? [0, 0], places[b] ?? [0, 0]]
    return p[0] - q[0] || p[1] - q[1] || numberAt(depths, a) - numberAt(depths, b) || a - b
  }
  return [...nodes.keys()].sort(compare).map((at) => nodes[at] as OnnxNode)
}

const numberAt = (list: readonly number[], at: number): number => list[at] ?? 0
