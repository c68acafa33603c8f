/** Which lengths a graph speaks of. */
import { type Dim, lengthNames } from '../shapes/dim.ts'
import type { Graph } from './graph.ts'

/** The names of the lengths that the graph's types and attributes speak of. */
export function lengthsRead(graph: Graph): Set<string> {
  const names = new Set<string>()
  for (const node of graph.nodes) {
    const dims: Dim[] = [...node.type.dims]
    if ('dim' in node.attributes) dims.push(node.attributes.dim)
    if ('offset' in node.attributes) dims.push(node.attributes.offset)
    for (const name of dims.flatMap(lengthNames)) names.add(name)
  }
  return names
}
