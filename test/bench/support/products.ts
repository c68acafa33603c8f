/** A model's matrix products, and each of them alone in ONNX Runtime. */
import { encodeModel } from '../../../compiler/emit/onnx/model.ts'
import type { Graph, ValueId } from '../../../compiler/ir/graph.ts'
import { groupLabels } from '../../../compiler/ir/product.ts'
import { type Dim, evaluateDim } from '../../../compiler/shapes/dim.ts'
import { openSession } from '../../../runtime/engines/ort/session.ts'
import type { Value } from '../../../runtime/engines/value.ts'

/** `batch` products of [rows, depth] by [depth, columns]. */
export interface Product {
  readonly batch: number
  readonly rows: number
  readonly depth: number
  readonly columns: number
}

export const flopsOf = ({ batch, rows, depth, columns }: Product): number => 2 * batch * rows * depth * columns
export const nameOf = ({ batch, rows, depth, columns }: Product): string => `${batch} x ${rows} x ${depth} x ${columns}`

/** Products of less work are left out, since alone little but the call would be measured; and those with a row or column. */
const least = 1e6

/** The products of a graph at given sizes, with how often each occurs. */
export function productsOf(graph: Graph, sizeOf: (name: string) => number): Map<string, Product & { count: number }> {
  const dimsOf = new Map<ValueId, readonly Dim[]>(graph.nodes.map((node) => [node.id, node.type.dims]))
  const found = new Map<string, Product & { count: number }>()
  for (const node of graph.nodes) {
    if (node.op !== 'contract') continue
    const { left, right } = node.attributes
    const sizes = new Map<number, number>()
    for (const [side, labels] of [left, right].entries())
      for (const [axis, label] of labels.entries()) {
        const dim = dimsOf.get(node.operands[side] as ValueId)?.[axis]
        if (dim) sizes.set(label, evaluateDim(dim, sizeOf))
      }
    const count = (labels: readonly number[]): number => labels.reduce((n, label) => n * (sizes.get(label) ?? 1), 1)
    const groups = groupLabels(node.attributes)
    const product = {
      batch: count(groups.kept),
      rows: count(groups.rows),
      depth: count(groups.summed),
      columns: count(groups.columns),
    }
    if (groups.summed.length === 0 || product.rows === 1 || product.columns === 1 || flopsOf(product) < least) continue
    const key = nameOf(product)
    found.set(key, { ...product, count: (found.get(key)?.count ?? 0) + 1 })
  }
  return found
}

/**
 * The times of one product as a model of its own, in milliseconds. Only the result's first rows are handed out, so that
 * no copy is measured.
 */
export async function timeProduct(product: Product, threads: number, runs: number): Promise<number[]> {
  const { batch, rows, depth, columns } = product
  const lead = batch > 1 ? [batch] : []
  const ints = (name: string, value: number) =>
    ({ name, dtype: 'i64', dims: [1], data: BigInt64Array.of(BigInt(value)) }) as const
  const onnx = encodeModel({
    opset: 17,
    producerVersion: '',
    metadata: {},
    graph: {
      name: 'product',
      nodes: [
        { name: 'product', type: 'MatMul', inputs: ['a', 'b'], outputs: ['c'], attributes: {} },
        { name: 'first', type: 'Slice', inputs: ['c', 'zero', 'one', 'axis'], outputs: ['y'], attributes: {} },
      ],
      inputs: [
        { name: 'a', dtype: 'f32', dims: [...lead, rows, depth] },
        { name: 'b', dtype: 'f32', dims: [...lead, depth, columns] },
      ],
      outputs: [{ name: 'y', dtype: 'f32', dims: [1, ...(batch > 1 ? [rows] : []), columns] }],
      initialisers: [ints('zero', 0), ints('one', 1), ints('axis', 0)],
      values: [],
    },
  })
  const session = await openSession(onnx, { threads, spinning: true })
  const random = (...dims: number[]): Value => ({
    dtype: 'f32',
    dims,
    data: Float32Array.from({ length: dims.reduce((x, y) => x * y, 1) }, (_, i) => Math.sin(i * 12.9898)),
  })
  const feeds = { a: random(...lead, rows, depth), b: random(...lead, depth, columns) }
  const times: number[] = []
  for (let k = 0; k <= runs; k++) {
    const start = performance.now()
    await session.run(feeds, { y: null })
    // The first run allocates.
    if (k > 0) times.push(performance.now() - start)
  }
  await session.release()
  return times
}
