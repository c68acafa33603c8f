/** What a graph consists of: its blocks with shapes, parameters and arithmetic. */
import type { AnyNode, Graph, Node } from '../../compiler/ir/graph.ts'
import type { OpName } from '../../compiler/ops/op.ts'
import { factsOf } from '../../compiler/ops/table.ts'
import { BATCH, type Dim, evaluateDim, formatDim } from '../../compiler/shapes/dim.ts'
import { ownLength } from './step-feeds.ts'

/** At which sizes arithmetic is counted. */
export interface Sizes {
  readonly batch: number
  /** By the name of a seq. */
  readonly lengths: Readonly<Record<string, number>>
}

/** One block: everything whose path begins with its own. */
export interface BlockSummary {
  /** `Os.uflb2.conv1d`; empty for the whole model. */
  readonly path: string
  readonly depth: number
  /** The types of the values that leave it, as a spec writes them, without the batch axis. */
  readonly shapes: readonly string[]
  readonly parameters: number
  readonly flops: number
}

export const defaultLength = 100

/** Parameters of a graph, states apart. */
export const countParameters = (graph: Graph): number =>
  graph.variables.reduce((sum, { role, shape }) => sum + (role === 'param' ? shape.reduce((a, b) => a * b, 1) : 0), 0)

/** Arithmetic operations of a graph. */
export const countFlops = (graph: Graph, sizes: Sizes): number =>
  [...nodeCosts(graph, sizes).values()].reduce((a, b) => a + b, 0)

/** Every block in the order in which they end, each before those inside it; the whole model first. */
export function summarise(graph: Graph, sizes: Sizes): BlockSummary[] {
  const costs = nodeCosts(graph, sizes)
  const byId = new Map(graph.nodes.map((node) => [node.id, node]))
  const insides = new Map<string, AnyNode[]>([['', []]])
  for (const node of graph.nodes) {
    if (node.op === 'input' || node.op === 'constant') continue
    for (const path of pathsOf(node.scope)) {
      const inside = insides.get(path)
      if (inside) inside.push(node)
      else insides.set(path, [node])
    }
  }
  // A block's weights are cut long before they meet its data, so its end tells its place.
  const ends = new Map([...insides].map(([path, inside]) => [path, inside.at(-1)?.id ?? 0]))
  const place = (path: string): number[] => pathsOf(path).map((prefix) => ends.get(prefix) ?? 0)
  const order = [...insides.keys()].sort((a, b) => compareLists(place(a), place(b)))
  return order.map((path) => {
    const inside = insides.get(path) ?? []
    const ids = new Set(inside.map(({ id }) => id))
    const leaving = new Set<number>()
    for (const node of graph.nodes) {
      if (ids.has(node.id)) continue
      for (const operand of node.operands) if (ids.has(operand)) leaving.add(operand)
    }
    for (const { value } of graph.outputs) if (ids.has(value)) leaving.add(value)
    const shapes = [...leaving].map((id) => formatSampleType((byId.get(id) as AnyNode).type.dims))
    return {
      path,
      depth: path === '' ? 0 : path.split('.').length,
      shapes: [...new Set(shapes)],
      parameters: graph.variables
        .filter((variable) => variable.role === 'param' && (path === '' || variable.path.startsWith(`${path}.`)))
        .reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
      flops: inside.reduce((sum, { id }) => sum + (costs.get(id) ?? 0), 0),
    }
  })
}

function nodeCosts(graph: Graph, sizes: Sizes): Map<number, number> {
  const sizeOf = (dim: Dim): number =>
    Math.max(
      0,
      evaluateDim(dim, (name) => (name === BATCH ? sizes.batch : (ownLength(sizes.lengths, name) ?? defaultLength))),
    )
  const types = new Map(graph.nodes.map(({ id, type }) => [id, type]))
  const cost = <K extends OpName>(node: Node<K>): number => {
    const operands = node.operands.flatMap((id) => types.get(id) ?? [])
    return factsOf(node.op).cost(operands, node.attributes, node.type, sizeOf).flops
  }
  return new Map(graph.nodes.map((node) => [node.id, cost(node)]))
}

/** '' and each prefix of a path. */
const pathsOf = (path: string): string[] =>
  path === '' ? [''] : ['', ...path.split('.').map((_, i, parts) => parts.slice(0, i + 1).join('.'))]

function compareLists(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return (a[i] ?? 0) - (b[i] ?? 0)
  return a.length - b.length
}

const formatSampleType = (dims: readonly Dim[]): string =>
  `[${dims
    .filter((dim, axis) => axis > 0 || formatDim(dim) !== BATCH)
    .map(formatDim)
    .join(', ')}]`

/** 1,234,567. */
export const formatCount = (n: number): string => Math.round(n).toLocaleString('en-GB')

/** 59.3 GFLOP, 120 kFLOP. */
export function formatFlops(n: number): string {
  const units = ['', 'k', 'M', 'G', 'T', 'P']
  const power = Math.min(units.length - 1, n < 1000 ? 0 : Math.floor(Math.log10(n) / 3))
  const value = n / 1000 ** power
  return `${power === 0 ? value : value.toPrecision(3)} ${units[power]}FLOP`
}
