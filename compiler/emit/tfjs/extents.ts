/** How far batches must reach for every tensor to have elements: not every backend has tensors without. */
import type { Graph } from '../../ir/graph.ts'
import { BATCH, type Dim, evaluateDim, isRagged, lengthNames } from '../../shapes/dim.ts'

/** Beyond this a dim is taken to need what no padding gives. */
const most = 1 << 20

/**
 * For each length, the least padded extent at which every dim of that length alone is 1 or more: 3 where a graph has
 * `frames - 2`. Lengths for which 1 is enough are left out.
 */
export function leastExtents(graph: Graph): ReadonlyMap<string, number> {
  const least = new Map<string, number>()
  for (const dim of raggedDims(graph)) {
    const [name, ...others] = lengthNames(dim).filter((one) => one !== BATCH)
    if (name === undefined || others.length > 0) continue
    const needed = leastFor(dim)
    if (needed > (least.get(name) ?? 1)) least.set(name, needed)
  }
  return least
}

/** The least length at which a dim that grows with it is 1; 1 where none up to the limit is. */
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
