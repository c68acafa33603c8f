/** How each op is written in ONNX: one row an op, for graphs whose masks are explicit. */
import type { DType, Node, TensorType } from '../../ir/graph.ts'
import { clipped, leakyRectifier, scaled } from '../../ir/match.ts'
import type { OpName } from '../../ops/op.ts'
import { isRagged, oneDim, productDims, staticSize } from '../../shapes/dim.ts'
import { emitInBands } from './bands.ts'
import { emitContract, zeroWithout } from './contract.ts'
import type { Emission, OnnxAttributes, Operand } from './emission.ts'
import { emitGather, emitScatterAdd } from './gather.ts'
import { emitShifts, emitWindow, rangeOf } from './window.ts'

/** Adds the nodes of one op and returns the name of the value they make. */
export type OnnxLowering<K extends OpName> = (node: Node<K>, operands: readonly Operand[], e: Emission) => string

/** Constants of up to this many numbers are shared where they are equal. */
const smallTable = 64

const elementTypes: Readonly<Record<DType, number>> = { f32: 1, i64: 7, bool: 9 }

const at = (operands: readonly Operand[], i: number): Operand => operands[i] as Operand

/** An ONNX operator of the same operands and result. */
const plain =
  (op: string, attributes?: OnnxAttributes) =>
  (node: Node, operands: readonly Operand[], e: Emission): string =>
    e.op(
      op,
      operands.map((operand) => operand.name),
      attributes,
      node.type,
    )

const same = (_: Node, operands: readonly Operand[]): string => at(operands, 0).name

/** ReduceMax takes its axes as an input from opset 18, ReduceSum from 13. */
const reduce = (
  op: 'ReduceSum' | 'ReduceMax',
  [x]: readonly Operand[],
  { axes, keep }: { readonly axes: readonly number[]; readonly keep: boolean },
  type: TensorType,
  e: Emission,
): string => {
  const { name } = x as Operand
  const keepdims = { int: keep ? 1 : 0 }
  if (op === 'ReduceMax' && e.opset < 18) return e.op(op, [name], { axes: { ints: axes }, keepdims }, type)
  return e.op(op, [name, e.ints(axes)], { keepdims }, type)
}

/** A value of dims that are all 1 or the operand's own, repeated to the full dims. */
const expand = (name: string, type: TensorType, e: Emission): string =>
  e.op('Expand', [name, e.shape(type.dims)], {}, type)

/**
 * A sum over all axes but static ones at the end, as products with a row of ones and the sum of those: three times as
 * fast in ONNX Runtime.
 */
function sumOfRows(node: Node<'sum'>, [x]: readonly Operand[], e: Emission): string | undefined {
  const { name, type } = x as Operand
  const count = node.attributes.axes.length
  const [lead, ...rows] = type.dims.slice(0, count)
  const columns = type.dims.slice(count)
  const leading = node.attributes.axes.every((axis) => axis < count)
  if (!leading || !lead || rows.length === 0 || columns.length === 0) return undefined
  if (rows.every((dim) => staticSize(dim) !== undefined)) return undefined
  if (!columns.every((dim) => staticSize(dim) !== undefined)) return undefined
  const [height, width] = [productDims(rows), productDims(columns)]
  // A row for each, as ONNX Runtime does not repeat one for a batch of none.
  const ones = e.once(`ones:${lead.key}:${height.key}`, () =>
    e.op('Expand', [e.float(1), e.shape([lead, oneDim, height])]),
  )
  const matrix = e.reshape(name, 'f32', type.dims, [lead, height, width])
  const dims = [lead, oneDim, width]
  const products = zeroWithout(height, e.op('MatMul', [ones, matrix], {}, { dtype: 'f32', dims }), dims, e)
  const sums = e.op('ReduceSum', [products, e.ints([0, 1])], { keepdims: { int: 0 } }, { dtype: 'f32', dims: [width] })
  return e.reshape(sums, 'f32', [width], node.type.dims)
}

/** ONNX's LeakyRelu, Clip and HardSigmoid: one pass over memory for what is written as maxima and products. */
function shortMax(node: Node<'max'>, e: Emission): string | undefined {
  const leaky = leakyRectifier(node, e.definition)
  if (leaky) return e.op('LeakyRelu', [e.nameOf(leaky.x)], { alpha: { float: leaky.slope } }, node.type)
  const clip = clipped(node, e.definition)
  if (!clip) return undefined
  const { x, low, high } = clip
  const product = low === 0 && high === 1 ? scaled(x, e.definition) : undefined
  if (product)
    return e.op('HardSigmoid', [e.nameOf(product.x)], { alpha: { float: product.by }, beta: { float: 0 } }, node.type)
  return e.op('Clip', [e.nameOf(x), e.float(low), e.float(high)], {}, node.type)
}

/** The lowering of every op, in the table's order of `ops/op.ts`. */
export const lowerings = {
  // Declared before any node is written.
  input: (node) => node.attributes.name,
  constant: (node, _, e) => {
    const { value } = node.attributes
    const { dtype, dims } = node.type
    const sizes = dims.map(staticSize)
    if (typeof value !== 'number') {
      if (value.length <= smallTable) return e.tensor(dtype, sizes as number[], value)
      return e.table(
        `${node.scope === '' ? '' : `${node.scope}.`}${node.label ?? 'table'}`,
        dtype,
        sizes as number[],
        value,
      )
    }
    const scalar = e.tensor(dtype, [], [value])
    return dims.length === 0 ? scalar : expand(scalar, node.type, e)
  },
  iota: (node, _, e) => {
    const { dim } = node.attributes
    const size = staticSize(dim)
    if (size !== undefined) return e.tensor('f32', [size], [...Array(size).keys()])
    const row = e.once(`iota:${dim.key}`, () => e.op('Cast', [rangeOf(dim, e)], { to: { int: 1 } }))
    return isRagged(dim) ? e.once(`rows:${dim.key}`, () => expand(row, node.type, e)) : row
  },
  length: (node, _, e) => {
    const { dim } = node.attributes
    const size = staticSize(dim)
    if (size !== undefined) return e.float(size)
    if (isRagged(dim))
      return e.once(`length:${dim.key}`, () => e.op('Cast', [e.lengths(dim)], { to: { int: 1 } }, node.type))
    return e.once(`length:${dim.key}`, () => {
      const scalar = e.op('Squeeze', [e.extent(dim), e.ints([0])])
      return e.op('Cast', [scalar], { to: { int: 1 } }, node.type)
    })
  },
  valid: (node, _, e) =>
    e.once(`valid:${node.attributes.dim.key}`, () => {
      const column = e.op('Unsqueeze', [e.lengths(node.attributes.dim), e.ints([1])])
      return e.op('Less', [rangeOf(node.attributes.dim, e), column], {}, node.type)
    }),

  neg: plain('Neg'),
  exp: plain('Exp'),
  log: plain('Log'),
  sqrt: plain('Sqrt'),
  abs: plain('Abs'),
  sin: plain('Sin'),
  cos: plain('Cos'),
  tanh: plain('Tanh'),
  sigmoid: plain('Sigmoid'),
  relu: plain('Relu'),
  erf: plain('Erf'),
  floor: plain('Floor'),
  stopGradient: same,

  add: plain('Add'),
  sub: plain('Sub'),
  mul: plain('Mul'),
  div: plain('Div'),
  pow: (node, operands, e) => {
    // ONNX Runtime 1.30 on `webgpu` has no power of a table that is repeated along the last axis; a number is well.
    const last = node.type.dims.at(-1)?.key
    const repeats = ({ type: { dims } }: Operand): boolean =>
      dims.at(-1)?.key !== last && dims.some(({ key }) => key !== oneDim.key)
    const [x, y] = operands.map((operand) => (repeats(operand) ? expand(operand.name, node.type, e) : operand.name))
    return e.op('Pow', [x as string, y as string], {}, node.type)
  },
  max: (node, operands, e) => shortMax(node, e) ?? plain('Max')(node, operands, e),
  min: plain('Min'),
  equal: plain('Equal'),
  less: plain('Less'),
  lessEqual: plain('LessOrEqual'),
  and: plain('And'),
  or: plain('Or'),
  not: plain('Not'),
  select: plain('Where'),
  cast: (node, operands, e) => {
    const { to } = node.attributes
    return to === at(operands, 0).type.dtype
      ? at(operands, 0).name
      : e.op('Cast', [at(operands, 0).name], { to: { int: elementTypes[to] } }, node.type)
  },

  transpose: (node, operands, e) =>
    e.op('Transpose', [at(operands, 0).name], { perm: { ints: node.attributes.permutation } }, node.type),
  reshape: (node, operands, e) => {
    const x = at(operands, 0)
    return e.reshape(x.name, x.type.dtype, x.type.dims, node.attributes.dims)
  },
  broadcast: (node, operands, e) => {
    const x = at(operands, 0)
    const grows =
      x.type.dims.length < node.type.dims.length || x.type.dims.some((dim, i) => dim.key !== node.type.dims[i]?.key)
    return grows ? expand(x.name, node.type, e) : x.name
  },
  concat: (node, operands, e) =>
    operands.length === 1
      ? at(operands, 0).name
      : (emitShifts(node, e) ?? plain('Concat', { axis: { int: node.attributes.axis } })(node, operands, e)),
  window: (node, operands, e) => emitWindow(at(operands, 0), node.attributes, node.type, e),
  gather: (node, operands, e) => emitGather(at(operands, 0), at(operands, 1), node.attributes.batchAxes, node.type, e),
  scatterAdd: (node, operands, e) => emitScatterAdd(at(operands, 0), at(operands, 1), node.attributes, node.type, e),

  sum: (node, operands, e) =>
    node.attributes.axes.length === 0
      ? at(operands, 0).name
      : (sumOfRows(node, operands, e) ?? reduce('ReduceSum', operands, node.attributes, node.type, e)),
  maximum: (node, operands, e) =>
    node.attributes.axes.length === 0
      ? at(operands, 0).name
      : reduce('ReduceMax', operands, node.attributes, node.type, e),
  softmax: (node, operands, e) =>
    e.op('Softmax', [at(operands, 0).name], { axis: { int: node.attributes.axis } }, node.type),
  contract: (node, operands, e) => {
    const [x, y] = [at(operands, 0), at(operands, 1)]
    return emitInBands([x, y], node.attributes, node.type, e) ?? emitContract(x, y, node.attributes, node.type, e)
  },
} satisfies { readonly [K in OpName]: OnnxLowering<K> }
