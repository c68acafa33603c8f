/** Computes what is known before the graph runs: once, in float64, rounded to f32 at the end. */
import type { NdArray } from '../interpret/array.ts'
import { interpret } from '../interpret/interpret.ts'
import { deadCodeElimination, liveNodes } from '../ir/builder.ts'
import type { AnyNode, Graph, GraphOutput, ValueId } from '../ir/graph.ts'
import { sameType } from '../ops/types.ts'
import { staticSize } from '../shapes/dim.ts'
import { knownValues } from './known.ts'
import type { Pass } from './pass.ts'

/** Values of params and states by path, row by row. */
export type Weights = ReadonlyMap<string, Float32Array>

/** A table may take this many numbers where it is made of far fewer, such as a row that is only repeated. */
const largestTable = 1 << 22

/** The pass; with `weights`, what depends on them alone is known too. */
export const foldConstants = (weights?: Weights): Pass => ({
  name: 'fold-constants',
  description: 'Computes once, in float64, what is made of constants and given weights alone.',
  run: (graph) => fold(graph, weights),
})

/** Without the builder, which would compare long tables number by number. */
function fold(graph: Graph, weights: Weights | undefined): Graph {
  const nodeOf = new Map<ValueId, AnyNode>(graph.nodes.map((node) => [node.id, node]))
  const isKnown = knownValues(weights !== undefined, (value) => nodeOf.get(value) as AnyNode)
  const wanted = new Set(graph.outputs.map((output) => output.value))
  for (const node of graph.nodes) if (!isKnown(node.id)) for (const operand of node.operands) wanted.add(operand)
  const ends = graph.nodes.filter((node) => wanted.has(node.id) && isKnown(node.id) && isWorthFolding(node, nodeOf))
  if (ends.length === 0) return graph
  const tables = compute(graph, ends, weights ?? new Map())
  const nodes = graph.nodes.map((node): AnyNode => {
    const table = tables.get(node.id)
    if (!table) return node
    const label = node.label ?? 'folded'
    return { ...node, op: 'constant', operands: [], attributes: { value: toNumbers(table.data) }, label }
  })
  return deadCodeElimination(withoutIdentities({ ...graph, nodes }))
}

/** The graph without reads of all places in order, and without choices that always fall the same way. */
function withoutIdentities(graph: Graph): Graph {
  const nodeOf = new Map<ValueId, AnyNode>()
  const standsFor = new Map<ValueId, ValueId>()
  const nodes = graph.nodes.map((node): AnyNode => {
    const operands = node.operands.map((operand) => standsFor.get(operand) ?? operand)
    const changed = operands.some((operand, at) => operand !== node.operands[at])
    const current: AnyNode = changed ? { ...node, operands } : node
    nodeOf.set(node.id, current)
    const same = identityOf(current, (value) => nodeOf.get(value) as AnyNode)
    if (same !== undefined && sameType(node.type, (nodeOf.get(same) as AnyNode).type)) standsFor.set(node.id, same)
    return current
  })
  if (standsFor.size === 0) return graph
  const outputs = graph.outputs.map((output) => ({ ...output, value: standsFor.get(output.value) ?? output.value }))
  return { ...graph, nodes, outputs }
}

/** The operand that the node gives as it stands, where constants show it. */
function identityOf(node: AnyNode, nodeOf: (value: ValueId) => AnyNode): ValueId | undefined {
  const tableOf = (value: ValueId | undefined): readonly number[] | undefined => {
    const { op, attributes } = nodeOf(value as ValueId)
    return op === 'constant' && typeof attributes.value !== 'number' ? attributes.value : undefined
  }
  const [x, y, z] = node.operands
  if (node.op === 'gather')
    return node.attributes.batchAxes === 0 && tableOf(y)?.every((id, place) => id === place) ? x : undefined
  if (node.op !== 'select') return undefined
  const table = tableOf(x)
  if (table?.every((truth) => truth !== 0)) return y
  return table?.every((truth) => truth === 0) ? z : undefined
}

/** Tables of a million numbers: `Array.from` takes ten times as long. */
function toNumbers(data: Float64Array): number[] {
  const numbers = new Array<number>(data.length)
  for (let i = 0; i < data.length; i++) numbers[i] = data[i] as number
  return numbers
}

/** Leaves are there already, and engines read other shapes of one tensor for nothing. */
function isWorthFolding(node: AnyNode, nodeOf: ReadonlyMap<ValueId, AnyNode>): boolean {
  if (node.op === 'reshape') return isWorthFolding(nodeOf.get(node.operands[0] as ValueId) as AnyNode, nodeOf)
  if (node.op === 'input' || node.op === 'constant' || node.op === 'broadcast') return false
  return node.type.dims.reduce((n, dim) => n * (staticSize(dim) ?? 0), 1) <= largestTable
}

function compute(graph: Graph, ends: readonly AnyNode[], weights: Weights): Map<ValueId, NdArray> {
  const outputs: GraphOutput[] = ends.map(({ id }) => ({ name: String(id), value: id, role: 'output' }))
  const nodes = liveNodes(graph.nodes, outputs)
  const feeds = new Map<string, NdArray>()
  for (const node of nodes) {
    if (node.op !== 'input') continue
    const { name } = node.attributes
    const values = weights.get(name)
    const shape = node.type.dims.map((dim) => staticSize(dim) ?? 0)
    // A weight that is missing or misshapen is reported where weights are written.
    const data = values ? new Float64Array(values) : new Float64Array(shape.reduce((a, b) => a * b, 1))
    feeds.set(name, { dtype: node.type.dtype, shape, data })
  }
  const made = interpret({ ...graph, nodes, outputs, padded: false }, feeds, { batch: 1, lengths: {} })
  return new Map(ends.map(({ id }) => [id, made.get(String(id)) as NdArray]))
}
