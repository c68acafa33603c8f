/** How far batches must reach for every tensor to have elements: not every backend has tensors without. */
import type { Graph } from '../../ir/graph.ts'
import { BATCH, type Dim, evaluateDim, isRagged, lengthNames } from '../../shapes/dim.ts'

/** Beyond this a dim is taken to need what no padding gives. */
const most = 1 << 20

/**
 * For each length, the least padded extent at which every dim that grows with it is 1 or more: 3 where a graph has
 * `frames - 2`. Left out are lengths of which no sample has less.
 */
export function leastExtents(graph: Graph): ReadonlyMap<string, number> {
  const least = new Map<string, number>()
  const low = new Map(graph.seqs.map((seq) => [seq.name, seq.low]))
  for (const dim of raggedDims(graph)) {
    const needed = leastFor(dim)
    for (const name of lengthNames(dim))
      if (name !== BATCH && needed > (least.get(name) ?? low.get(name) ?? 0)) least.set(name, needed)
  }
  return least
}

/** The least number that, as each of its lengths, makes a dim that grows with them 1; 1 where none up to the limit does. */
function leastFor(dim: Dim): number {
  const at = (n: number): number => evaluateDim(dim, (name) => (name === BATCH ? 1 : n))
  if (at(1) >= 1 || at(most) < 1) return 1
  let [low, high] = [1, most]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (at(middle) >= 1) high = middle
    else low = middle
  }
  return high
}

function raggedDims(graph: Graph): Iterable<Dim> {
  const dims = new Map<string, Dim>()
  for (const node of graph.nodes) for (const dim of node.type.dims) if (isRagged(dim)) dims.set(dim.key, dim)
  return dims.values()
}
