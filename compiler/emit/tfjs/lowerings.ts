/** How each op is written in tfjs: one row an op, for graphs whose masks are explicit. */
import type { Node } from '../../ir/graph.ts'
import { clipped, leakyRectifier } from '../../ir/match.ts'
import type { OpName } from '../../ops/op.ts'
import { type Dim, isRagged, oneDim, productDims, staticSize } from '../../shapes/dim.ts'
import { emitContract, emitSum } from './contract.ts'
import type { Emission, Operand, Ref } from './emission.ts'
import { emitGather, emitScatterAdd, emitWindow } from './indexing.ts'
import { highRank, pointwise } from './pointwise.ts'
import { dtypes, printNumber } from './text.ts'

/** Adds the calls of one op and returns the value that they make. */
export type TfjsLowering<K extends OpName> = (node: Node<K>, operands: readonly Operand[], e: Emission) => Ref

const at = (operands: readonly Operand[], i: number): Operand => operands[i] as Operand

/** A function of tfjs with the same operands and result. */
const plain =
  (fn: string) =>
  (node: Node, operands: readonly Operand[], e: Emission): Ref =>
    pointwise(fn, operands, node.type, e)

const same = (_: Node, operands: readonly Operand[]): Ref => at(operands, 0)

/** A leaky rectifier and a clip take one pass over memory, maxima and products two or more. */
function shortMax(node: Node<'max'>, e: Emission): Ref | undefined {
  const leaky = leakyRectifier(node, e.definition)
  if (leaky) return e.call('leakyRelu', [e.operandOf(leaky.x), printNumber(leaky.slope)], node.type)
  const clip = clipped(node, e.definition)
  return clip && e.call('clipByValue', [e.operandOf(clip.x), printNumber(clip.low), printNumber(clip.high)], node.type)
}

/** 0, 1, … below a dim. */
const rangeOf = (dim: Dim, e: Emission): Ref =>
  e.once(`iota:${dim.key}`, () =>
    e.call('range', ['0', e.sizes.text(dim), '1', `'float32'`], { dtype: 'f32', dims: [dim] }),
  )

/** The value of a dim in each sample. */
const lengthsOf = (dim: Dim, e: Emission): Ref =>
  e.once(`length:${dim.key}`, () =>
    e.callOwn('perSample', ['tf', e.sizes.text(e.sizes.batch), e.sizes.perSample(dim)], {
      dtype: 'f32',
      dims: [e.sizes.batch],
    }),
  )

/** Ops that read their operands element by element, in one call. */
const arithmetic: ReadonlySet<OpName> = new Set(['add', 'sub', 'mul', 'div', 'min'])

/** The lowering of every op, in the table's order of `ops/op.ts`. */
export const lowerings = {
  input: () => {
    throw new Error('internal error in emit/tfjs: an input is fed, not computed')
  },
  constant: (node, _, e) => {
    const { value } = node.attributes
    const { dtype, dims } = node.type
    if (typeof value !== 'number') return e.table(value, node.type)
    return dims.length === 0 ? e.constant(value, dtype) : e.fill(value, node.type)
  },
  iota: (node, _, e) => {
    const { dim } = node.attributes
    const row = rangeOf(dim, e)
    return isRagged(dim) ? e.once(`rows:${dim.key}`, () => e.expand(row, node.type.dims)) : row
  },
  length: (node, _, e) => {
    const { dim } = node.attributes
    const size = staticSize(dim)
    if (size !== undefined) return e.constant(size, 'f32')
    if (isRagged(dim)) return lengthsOf(dim, e)
    return e.once(`length:${dim.key}`, () => e.call('scalar', [e.sizes.text(dim)], node.type))
  },
  valid: (node, _, e) => {
    const { dim } = node.attributes
    return e.once(`valid:${dim.key}`, () => {
      const column = e.reshape(lengthsOf(dim, e), [e.sizes.batch, oneDim])
      return e.call('less', [rangeOf(dim, e), column], node.type)
    })
  },

  neg: plain('neg'),
  exp: plain('exp'),
  log: plain('log'),
  sqrt: plain('sqrt'),
  abs: plain('abs'),
  sin: plain('sin'),
  cos: plain('cos'),
  tanh: plain('tanh'),
  sigmoid: plain('sigmoid'),
  relu: plain('relu'),
  erf: plain('erf'),
  floor: plain('floor'),
  stopGradient: same,

  add: plain('add'),
  sub: plain('sub'),
  mul: plain('mul'),
  div: plain('div'),
  pow: plain('pow'),
  max: (node, operands, e) => shortMax(node, e) ?? plain('maximum')(node, operands, e),
  min: plain('minimum'),
  equal: plain('equal'),
  less: plain('less'),
  lessEqual: plain('lessEqual'),
  and: plain('logicalAnd'),
  or: plain('logicalOr'),
  not: plain('logicalNot'),
  select: (node, operands, e) => {
    const { dtype, dims } = node.type
    const [condition, yes, no] = operands as [Operand, Operand, Operand]
    if (dtype === 'bool') {
      // `where` of truth values writes outside its memory on `wasm`.
      const type = { dtype, dims }
      const otherwise = e.call('logicalNot', [condition], condition.type)
      return e.call(
        'logicalOr',
        [e.call('logicalAnd', [condition, yes], type), e.call('logicalAnd', [otherwise, no], type)],
        type,
      )
    }
    // Some backends choose in tensors of few axes only.
    const flat = dims.length < highRank ? dims : [productDims(dims)]
    const sides = [condition, yes, no].map((operand) => e.reshape(e.expand(operand, dims), flat))
    return e.reshape(e.call('where', sides, { dtype, dims: flat }), dims)
  },
  cast: (node, operands, e) => {
    const { to } = node.attributes
    const x = at(operands, 0)
    if (to === x.type.dtype) return x
    // `webgpu` leaves the whole numbers as they are and takes them for f32, which arithmetic allows for and little else.
    const isRead = to === 'f32' && !e.readersOf(node.id).every((reader) => reader && arithmetic.has(reader.op))
    return isRead
      ? e.call('mul', [x, e.constant(1, 'f32')], node.type)
      : e.call('cast', [x, `'${dtypes[to]}'`], node.type)
  },

  transpose: (node, operands, e) => e.transpose(at(operands, 0), node.attributes.permutation),
  reshape: (node, operands, e) => e.reshape(at(operands, 0), node.attributes.dims),
  broadcast: (node, operands, e) => e.expand(at(operands, 0), node.type.dims),
  concat: (node, operands, e) =>
    operands.length === 1 ? at(operands, 0) : e.call('concat', [operands, String(node.attributes.axis)], node.type),
  window: (node, operands, e) => emitWindow(at(operands, 0), node.attributes, node.type, e),
  gather: (node, operands, e) => emitGather(at(operands, 0), at(operands, 1), node.attributes.batchAxes, node.type, e),
  scatterAdd: (node, operands, e) => emitScatterAdd(at(operands, 0), at(operands, 1), node.attributes, node.type, e),

  sum: (node, operands, e) => e.reshape(emitSum(at(operands, 0), node.attributes.axes, e), node.type.dims),
  maximum: (node, operands, e) => {
    const { axes } = node.attributes
    if (axes.length === 0) return at(operands, 0)
    return e.reshape(
      e.call('max', [at(operands, 0), `[${axes.join(', ')}]`, 'true'], keptType(node, operands)),
      node.type.dims,
    )
  },
  softmax: (node, operands, e) => {
    const x = at(operands, 0)
    const { axis } = node.attributes
    const rank = x.type.dims.length
    const order = [...Array(rank).keys()].filter((i) => i !== axis).concat(axis)
    const turned = e.transpose(x, order)
    const rows = e.reshape(turned, [productDims(turned.type.dims.slice(0, -1)), ...turned.type.dims.slice(-1)])
    const y = e.callOwn('softmax', ['tf', rows], rows.type)
    return e.transpose(
      e.reshape(y, turned.type.dims),
      [...Array(rank).keys()].map((i) => order.indexOf(i)),
    )
  },
  contract: (node, operands, e) => emitContract(at(operands, 0), at(operands, 1), node.attributes, e),
} satisfies { readonly [K in OpName]: TfjsLowering<K> }

/** The type of a reduction that keeps its axes. */
const keptType = ({ attributes: { axes } }: Node<'maximum'>, [x]: readonly Operand[]) => {
  const { dtype, dims } = (x as Operand).type
  return { dtype, dims: dims.map((dim, axis) => (axes.includes(axis) ? oneDim : dim)) }
}
