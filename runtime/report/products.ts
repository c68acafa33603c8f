/** A training step's matrix products, and each of them alone in ONNX Runtime. */
import type { Program } from '../../compiler/artefact.ts'
import { encodeModel } from '../../compiler/emit/onnx/model.ts'
import type { ValueId } from '../../compiler/ir/graph.ts'
import { groupLabels } from '../../compiler/ir/product.ts'
import { runPasses } from '../../compiler/passes/pass.ts'
import { type Dim, evaluateDim } from '../../compiler/shapes/dim.ts'
import { buildTrainingGraph, trainingPasses } from '../../compiler/train/training-graph.ts'
import { openSession, type SessionOptions } from '../engines/ort/session.ts'
import type { Value } from '../engines/value.ts'

/** A clock, in milliseconds. */
export type Clock = () => number

/** `batch` products of [rows, depth] by [depth, columns]. */
export interface Product {
  readonly batch: number
  readonly rows: number
  readonly depth: number
  readonly columns: number
}

export const flopsOf = ({ batch, rows, depth, columns }: Product): number => 2 * batch * rows * depth * columns
export const nameOf = ({ batch, rows, depth, columns }: Product): string => `${batch} x ${rows} x ${depth} x ${columns}`

export interface CountedProduct extends Product {
  /** How often a step has it. */
  readonly count: number
}

/** Products of a smaller share of the work are left out: alone, little but the call would be measured. */
const leastShare = 2e-5

/** Passes that do not change what a step multiplies; `taps` joins products, and each is counted as the spec has it. */
const keeping = trainingPasses.filter(({ name }) => name !== 'padding' && name !== 'taps')

/** The matrix products of a program's training step, forward and backward, at given sizes; none with a single row or column. */
export function productsOf(program: Program, sizeOf: (name: string) => number): CountedProduct[] {
  const graph = runPasses(buildTrainingGraph(program, 'adam').graph, keeping)
  const dimsOf = new Map<ValueId, readonly Dim[]>(graph.nodes.map((node) => [node.id, node.type.dims]))
  const found = new Map<string, CountedProduct>()
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
    if (groups.summed.length === 0 || product.rows === 1 || product.columns === 1) continue
    const key = nameOf(product)
    found.set(key, { ...product, count: (found.get(key)?.count ?? 0) + 1 })
  }
  const products = [...found.values()]
  const least = leastShare * products.reduce((sum, product) => sum + product.count * flopsOf(product), 0)
  return products.filter((product) => flopsOf(product) >= least)
}

/** Runs before those that count: the first allocates, and the next are still slower than all later ones. */
export const warmUps = 4

/**
 * The times of one product as a model of its own, in milliseconds. Only the result's first rows are handed out, so that
 * no copy is measured.
 */
export async function timeProduct(
  product: Product,
  options: SessionOptions,
  now: Clock,
  runs: number,
): Promise<number[]> {
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
  const session = await openSession(onnx, options)
  const random = (...dims: number[]): Value => ({
    dtype: 'f32',
    dims,
    data: Float32Array.from({ length: dims.reduce((x, y) => x * y, 1) }, (_, i) => Math.sin(i * 12.9898)),
  })
  const feeds = { a: random(...lead, rows, depth), b: random(...lead, depth, columns) }
  const times: number[] = []
  for (let k = 0; k < warmUps + runs; k++) {
    const start = now()
    await session.run(feeds, { y: null })
    if (k >= warmUps) times.push(now() - start)
  }
  await session.release()
  return times
}
