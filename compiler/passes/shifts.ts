/**
 * Shares shifts between products. A convolution's derivative shifts each tap's product on its way to the input, and the
 * weight's gradient reads the shifted inputs of the forward part. Both may read shifts of the cotangent instead, which
 * are made once and read while they are still in a cache; shifted inputs then need not be kept.
 */
import { type Builder, mapGraph } from '../ir/builder.ts'
import type { Graph, Node, ValueId } from '../ir/graph.ts'
import { guessSize } from '../ir/product.ts'
import type { Attributes } from '../ops/op.ts'
import { type Dim, negateDim, staticSize } from '../shapes/dim.ts'
import type { Pass } from './pass.ts'
import { readersOf } from './readers.ts'

/** The pass, for ragged graphs that are differentiated already. */
export const shifts: Pass = {
  name: 'shifts',
  description: 'Shifts operands of products in place of results, where the same shift serves several.',
  run: (graph: Graph) => takeOver(takeBack(graph)),
}

type Window = Attributes['window']

const keyOf = (operand: ValueId, { axis, offset, stride, dilation, dim }: Window): string =>
  [operand, axis, offset.key, stride, dilation, dim.key].join()

/** A window of a product as a product of a window, where that is no larger and nothing else reads the product. */
function takeBack(graph: Graph): Graph {
  const readers = readersOf(graph)
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]))
  return mapGraph(graph, (node, [x], b) => {
    if (node.op !== 'window' || x === undefined || staticSize(node.attributes.offset) === undefined) return undefined
    const [source] = node.operands as [ValueId]
    const product = b.node(x)
    if (product.op !== 'contract' || nodes.get(source)?.op !== 'contract' || readers.get(source) !== 1) return undefined
    return ofOperand(b, product, node.attributes)
  })
}

function ofOperand(b: Builder, product: Node<'contract'>, window: Window): ValueId | undefined {
  const { left, right, out } = product.attributes
  const label = out[window.axis] as number
  const sides = [left, right].map((labels) => labels.indexOf(label)) as [number, number]
  // In both operands, both would have to be shifted.
  if (sides.every((axis) => axis >= 0)) return undefined
  const side = sides[0] >= 0 ? 0 : 1
  const operand = product.operands[side] as ValueId
  if (guessSize(b.dimsOf(operand)) > guessSize(product.type.dims)) return undefined
  const moved = b.window(operand, { ...window, axis: sides[side] })
  const [x, y] = product.operands.with(side, moved) as [ValueId, ValueId]
  return b.contract(x, y, left, right, out)
}

/** A product summed along one operand's window as that of the other's, where the graph has that window anyway. */
function takeOver(graph: Graph): Graph {
  const made = new Set(
    graph.nodes.flatMap((node) => (node.op === 'window' ? [keyOf(node.operands[0] as ValueId, node.attributes)] : [])),
  )
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]))
  return mapGraph(graph, (node, operands, b) => {
    if (node.op !== 'contract') return undefined
    const labels = [node.attributes.left, node.attributes.right] as const
    for (const side of [0, 1] as const) {
      const window = nodes.get(node.operands[side] as ValueId)
      const built = b.node(operands[side] as ValueId)
      if (window?.op !== 'window' || built.op !== 'window') continue
      const { axis, offset, stride, dilation } = window.attributes
      const label = labels[side][axis] as number
      const at = labels[1 - side]?.indexOf(label) ?? -1
      if (at < 0 || node.attributes.out.includes(label) || staticSize(offset) === undefined) continue
      const dim = nodes.get(window.operands[0] as ValueId)?.type.dims[axis] as Dim
      // The adjoint: the sum of x[j + o] * d[j] over j is that of x[i] * d[i - o] over i.
      const adjoint = { axis: at, offset: negateDim(offset), stride: dilation, dilation: stride, dim }
      if (!made.has(keyOf(node.operands[1 - side] as ValueId, adjoint))) continue
      const pair = [0, 0].map((_, k) =>
        k === side ? (built.operands[0] as ValueId) : b.window(operands[k] as ValueId, adjoint),
      )
      return b.contract(
        pair[0] as ValueId,
        pair[1] as ValueId,
        node.attributes.left,
        node.attributes.right,
        node.attributes.out,
      )
    }
    return undefined
  })
}
