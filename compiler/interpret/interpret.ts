/** Runs a graph in float64. On a ragged graph its result defines what the graph means. */
import type { AnyNode, Graph, Node, TensorType, ValueId } from '../ir/graph.ts'
import type { OpName } from '../ops/op.ts'
import { isRagged } from '../shapes/dim.ts'
import { type NdArray, sizeOf } from './array.ts'
import { runKernel } from './kernels.ts'
import { type Env, fillInvalid, forInvalid, shapeOf } from './ragged.ts'

export type Feeds = ReadonlyMap<string, NdArray> | Readonly<Record<string, NdArray>>

export interface InterpretOptions {
  /**
   * Overwrites what is fed outside the samples (true: NaN, or a number) before a padded graph runs; ids become -1.
   * A ragged graph never sees those places.
   */
  readonly poison?: boolean | number
  /** Sees every value as it is made. */
  readonly observe?: (node: AnyNode, value: NdArray) => void
}

/**
 * What ops that read other positions must find outside the samples, in each operand; the ops that are absent read
 * their own place only.
 */
const NEUTRAL: { readonly [K in OpName]?: readonly number[] } = {
  window: [0],
  gather: [0, 0],
  scatterAdd: [0, 0],
  sum: [0],
  maximum: [Number.NEGATIVE_INFINITY],
  softmax: [Number.NEGATIVE_INFINITY],
  contract: [0, 0],
}

const isMap = (feeds: Feeds): feeds is ReadonlyMap<string, NdArray> => feeds instanceof Map
const neutralOf = (op: OpName, at: number): number | undefined => NEUTRAL[op]?.[at]
const ragged = (type: TensorType): boolean => type.dims.some(isRagged)

/** A copy whose elements outside the samples are `value`; the array itself where there are none. */
function withOutside(array: NdArray, type: TensorType, env: Env, value: number): NdArray {
  if (!ragged(type)) return array
  const data = array.data.slice()
  fillInvalid(data, type, env, value)
  return { ...array, data }
}

function validElements(type: TensorType, env: Env): Uint8Array | undefined {
  if (!ragged(type)) return undefined
  const mask = new Uint8Array(sizeOf(shapeOf(type.dims, env))).fill(1)
  forInvalid(type, env, (from, to) => mask.fill(0, from, to))
  return mask
}

/**
 * The outputs' values, by name. A ragged graph (`padded` false) is run as if each sample stood alone: ops that read
 * across positions find neutral values outside the samples, and whatever an op leaves there is overwritten with NaN
 * (0 for i64 and bool), so that a read of it shows. A padded graph is run as it stands. Inputs of lengths that are
 * not fed are taken from `env`. Throws an internal Error where a feed is missing or has another shape.
 */
export function interpret(graph: Graph, feeds: Feeds, env: Env, options: InterpretOptions = {}): Map<string, NdArray> {
  const fed: ReadonlyMap<string, NdArray> = isMap(feeds) ? feeds : new Map(Object.entries(feeds))
  const values = new Map<ValueId, NdArray>()
  const types = new Map<ValueId, TensorType>(graph.nodes.map((node) => [node.id, node.type]))
  const lastUse = new Map<ValueId, ValueId>()
  for (const node of graph.nodes) for (const operand of node.operands) lastUse.set(operand, node.id)
  for (const output of graph.outputs) lastUse.delete(output.value)

  const read = (node: Node<'input'>): NdArray => {
    const { name, role } = node.attributes
    const shape = shapeOf(node.type.dims, env)
    const given = fed.get(name) ?? (role === 'lengths' ? lengthsInput(graph, name, env) : undefined)
    if (!given) throw new Error(`internal: the input ${name} is not fed`)
    if (given.shape.length !== shape.length || given.shape.some((size, axis) => size !== shape[axis]))
      throw new Error(`internal: the input ${name} is [${given.shape.join(', ')}] instead of [${shape.join(', ')}]`)
    if (!graph.padded) return withOutside(given, node.type, env, node.type.dtype === 'f32' ? Number.NaN : 0)
    if (options.poison === undefined || options.poison === false) return given
    const garbage = options.poison === true ? Number.NaN : options.poison
    return withOutside(given, node.type, env, node.type.dtype === 'f32' ? garbage : -1)
  }

  for (const node of graph.nodes) {
    let value: NdArray
    if (node.op === 'input') value = read(node)
    else {
      const operands = node.operands.map((operand, at) => {
        const array = values.get(operand) as NdArray
        const neutral = graph.padded ? undefined : neutralOf(node.op, at)
        return neutral === undefined ? array : withOutside(array, types.get(operand) as TensorType, env, neutral)
      })
      value = compute(node, operands, env, graph.padded ? undefined : types.get(node.operands[0] as ValueId))
      if (!graph.padded && ragged(node.type)) {
        const shared = node.operands.some((operand) => values.get(operand)?.data === value.data)
        const data = shared ? value.data.slice() : value.data
        fillInvalid(data, node.type, env, node.type.dtype === 'f32' ? Number.NaN : 0)
        value = { ...value, data }
      }
    }
    values.set(node.id, value)
    options.observe?.(node, value)
    for (const operand of node.operands) if (lastUse.get(operand) === node.id) values.delete(operand)
  }
  return new Map(graph.outputs.map((output) => [output.name, values.get(output.value) as NdArray]))
}

/** `first` is the type of the first operand where elements outside the samples do not count. */
function compute<K extends OpName>(
  node: Node<K>,
  operands: readonly NdArray[],
  env: Env,
  first: TensorType | undefined,
): NdArray {
  const shape = shapeOf(node.type.dims, env)
  const valid = first && node.op === 'maximum' ? validElements(first, env) : undefined
  const data = runKernel(node.op, { operands, attributes: node.attributes, type: node.type, shape, env, valid })
  return { dtype: node.type.dtype, shape, data }
}

function lengthsInput(graph: Graph, name: string, env: Env): NdArray | undefined {
  const seq = graph.seqs.find(({ sources }) => sources.some(({ lengths }) => lengths === name))
  const lengths = seq && env.lengths[seq.name]
  return lengths && { dtype: 'i64', shape: [lengths.length], data: Float64Array.from(lengths) }
}
