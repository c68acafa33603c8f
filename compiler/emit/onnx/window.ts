/** Affine reads along an axis (`window`) as Slice and Pad, or as a gather where the offset differs by sample. */
import type { Node, TensorType, ValueId } from '../../ir/graph.ts'
import { isShift } from '../../ir/match.ts'
import type { Attributes } from '../../ops/op.ts'
import {
  addDim,
  constantDim,
  type Dim,
  floorDivDim,
  isBatch,
  isRagged,
  oneDim,
  sameDim,
  scaleDim,
  staticSize,
  subDim,
  sumDims,
} from '../../shapes/dim.ts'
import { rational } from '../../shapes/rational.ts'
import type { Emission, Operand } from './emission.ts'

/** ONNX's way to say "to the end" in Slice. */
const end = Number.MAX_SAFE_INTEGER

/** The type with another dim on one axis. */
export const withAxis = ({ dtype, dims }: TensorType, axis: number, dim: Dim): TensorType => ({
  dtype,
  dims: dims.with(axis, dim),
})
const zeros = (count: number): number[] => Array.from({ length: count }, () => 0)

/** Emits `window`, see ops/op.ts. */
export function emitWindow(x: Operand, attributes: Attributes['window'], type: TensorType, e: Emission): string {
  const { axis, stride, dilation, dim } = attributes
  const offset = staticSize(attributes.offset)
  if (offset === undefined) return emitPositions(x, attributes, type, e)
  return emitAffine(dilation === 1 ? x : spreadOut(x, axis, dilation, e), axis, offset, stride, dim, e)
}

/** Zeros before and after an axis, or cuts where below 0; `back` may be the name of an i64 [1]. */
function pad(x: Operand, axis: number, front: number, back: number | string, dim: Dim, e: Emission): Operand {
  if (front === 0 && back === 0) return x
  const { dtype, dims } = x.type
  const rest = zeros(dims.length - 1)
  const [left, right] = [zeros(axis), zeros(dims.length - 1 - axis)]
  const pads =
    typeof back === 'number'
      ? e.ints([...left, front, ...rest, back, ...right])
      : e.op('Concat', [e.ints([...left, front, ...rest]), back, ...(right.length > 0 ? [e.ints(right)] : [])], {
          axis: { int: 0 },
        })
  const type: TensorType = { dtype, dims: dims.with(axis, dim) }
  return { id: x.id, name: e.op('Pad', [x.name, pads], {}, type), type }
}

/** Every `step`-th position of an axis from `from` up to `to`, which may be the name of an i64 [1]. */
function cut(
  x: Operand,
  axis: number,
  from: number,
  to: number | string,
  step: number,
  dim: Dim,
  e: Emission,
): Operand {
  if (from === 0 && to === end && step === 1) return x
  const { dtype, dims } = x.type
  const stop = typeof to === 'number' ? e.ints([to]) : to
  const inputs = [x.name, e.ints([from]), stop, e.ints([axis]), ...(step === 1 ? [] : [e.ints([step])])]
  const type: TensorType = { dtype, dims: dims.with(axis, dim) }
  return { id: x.id, name: e.op('Slice', inputs, {}, type), type }
}

/** Puts dilation - 1 zeros after each position of the axis. */
function spreadOut(x: Operand, axis: number, dilation: number, e: Emission): Operand {
  const { dtype, dims } = x.type
  const size = dims[axis] as Dim
  const apart = [...dims.slice(0, axis + 1), oneDim, ...dims.slice(axis + 1)]
  const name = e.reshape(x.name, dtype, dims, apart)
  const wide = pad(
    { id: x.id, name, type: { dtype, dims: apart } },
    axis + 1,
    0,
    dilation - 1,
    constantDim(dilation),
    e,
  )
  const merged = dims.with(axis, scaleDim(size, rational(dilation)))
  return { id: x.id, name: e.reshape(wide.name, dtype, wide.type.dims, merged), type: { dtype, dims: merged } }
}

/** y[j] = x[stride * j + offset] for j below `dim`, zero outside. */
function emitAffine(x: Operand, axis: number, offset: number, stride: number, dim: Dim, e: Emission): string {
  const size = x.type.dims[axis] as Dim
  const before = Math.max(0, -offset)
  /** One more than the last position read. */
  const last = addDim(scaleDim(subDim(dim, oneDim), rational(stride)), constantDim(offset + 1))
  const beyond = subDim(last, size)
  const after = staticSize(beyond)
  const cuts = offset > 0 || after === undefined || after < 0
  if (after !== undefined && stride === 1 && cuts && e.forOnnxRuntime && (before > 0 || after > 0)) {
    return pad(x, axis, -offset, after, dim, e).name
  }
  // Padding comes first, so that an axis that is shorter than the offset is cut where it should be.
  const back = after === undefined ? e.extent(beyond) : Math.max(0, after)
  const behind = after === undefined ? beyond : constantDim(Math.max(0, after))
  const padded = pad(x, axis, before, back, addDim(addDim(size, behind), constantDim(before)), e)
  const stop = after === undefined ? e.extent(addDim(last, constantDim(before))) : after < 0 ? after : end
  return cut(padded, axis, Math.max(0, offset), stop, stride, dim, e).name
}

/** Shifts of one tensor along an axis, side by side along the next. */
export interface Shifts {
  readonly axis: number
  readonly source: ValueId
  /** How far each reads ahead. */
  readonly offsets: readonly number[]
  /**
   * Some rows of them all, by their positions (i64 [rows]): one gather from the padded tensor, whose rows ONNX Runtime
   * copies in parallel, in place of a pad for each shift and a concatenation.
   */
  read(positions: string, rows: Dim, e: Emission): Operand
}

/** What a value is as shifts side by side, where it is and the model is for ONNX Runtime. */
export function findShifts(id: ValueId, m: Pick<Emission, 'definition' | 'forOnnxRuntime'>): Shifts | undefined {
  const { op, operands, attributes, type } = m.definition(id)
  if (!m.forOnnxRuntime || op !== 'concat' || operands.length === 1) return undefined
  const beside = attributes.axis
  const axis = beside - 1
  const dim = type.dims[axis]
  if (dim === undefined) return undefined
  const shifts = operands.map((operand): readonly [ValueId, number | undefined] => {
    const node = m.definition(operand)
    if (!isShift(node) || node.attributes.axis !== axis) return [operand, 0]
    return [node.operands[0] as ValueId, staticSize(node.attributes.offset)]
  })
  const [source] = shifts[0] as readonly [ValueId, number | undefined]
  const { dtype, dims } = m.definition(source).type
  const same = shifts.every(([id]) => id === source) && sameDim(dims[axis] as Dim, dim)
  const offsets = shifts.flatMap(([, offset]) => offset ?? [])
  if (!same || offsets.length < shifts.length) return undefined
  const [front, back] = [Math.max(0, -Math.min(...offsets)), Math.max(0, ...offsets)]
  return {
    axis,
    source,
    offsets,
    read: (positions, rows, e) => {
      const from = padRows(source, axis, front, back, e).name
      const places = e.once(`shifts:${positions}:${offsets}`, () =>
        e.op('Add', [e.op('Unsqueeze', [positions, e.ints([1])]), e.ints(offsets.map((offset) => offset + front))]),
      )
      const read = { dtype, dims: type.dims.with(axis, rows) }
      const apart = [...dims.slice(0, axis), rows, constantDim(offsets.length), ...dims.slice(beside)]
      const name = e.shared(`read:${from}:${places}`, () =>
        e.reshape(
          e.op('Gather', [from, places], { axis: { int: axis } }, { dtype, dims: apart }),
          dtype,
          apart,
          read.dims,
        ),
      )
      return { id, name, type: read }
    },
  }
}

/** A value of the graph with rows of zeros around an axis: a Concat, as ONNX Runtime pads in a single thread. */
export function padRows(
  source: ValueId,
  axis: number,
  front: number,
  back: number,
  e: Emission,
): { readonly name: string; readonly type: TensorType } {
  const { dtype, dims } = e.definition(source).type
  const name = e.nameOf(source)
  if (front === 0 && back === 0) return { name, type: { dtype, dims } }
  const zeros = (count: number): string[] => {
    const shape = dims.with(axis, constantDim(count))
    const key = `zeros:${shape.map(({ key }) => key)}`
    return count === 0 ? [] : [e.once(key, () => e.op('Expand', [e.float(0), e.shape(shape)]))]
  }
  const type = { dtype, dims: dims.with(axis, addDim(dims[axis] as Dim, constantDim(front + back))) }
  const grown = e.shared(`padded:${name}:${axis}:${front}:${back}`, () =>
    e.op('Concat', [...zeros(front), name, ...zeros(back)], { axis: { int: axis } }, type),
  )
  return { name: grown, type }
}

/** Emits a concatenation that is shifts side by side; undefined for others. */
export function emitShifts({ id, type }: Node, e: Emission): string | undefined {
  const shifts = findShifts(id, e)
  const dim = shifts && type.dims[shifts.axis]
  return dim && shifts.read(rangeOf(dim, e), dim, e).name
}

/** Reads whose offset depends on lengths: positions are computed, and those outside the operand read a row of zeros. */
function emitPositions(x: Operand, attributes: Attributes['window'], type: TensorType, e: Emission): string {
  const { axis, stride, dilation, dim, offset } = attributes
  const { dims } = x.type
  const size = dims[axis] as Dim
  const grown = pad(x, axis, 0, 1, addDim(size, oneDim), e)
  const key = `positions:${offset.key}:${stride}:${dilation}:${dim.key}:${size.key}`
  /** i64 [batch, dim], or [1, dim] where no sample differs from another. */
  const positions = e.once(key, () => {
    const row = stride === 1 ? rangeOf(dim, e) : e.op('Mul', [rangeOf(dim, e), e.int(stride)])
    const numerator = e.op('Add', [row, e.op('Unsqueeze', [e.offsets(offset), e.ints([1])])])
    const remainder = e.op('Mod', [numerator, e.int(dilation)])
    const place = dilation === 1 ? numerator : e.op('Div', [e.op('Sub', [numerator, remainder]), e.int(dilation)])
    const limits = [e.op('Less', [place, e.extent(size)]), e.op('LessOrEqual', [e.int(0), place])]
    if (dilation > 1) limits.push(e.op('Equal', [remainder, e.int(0)]))
    const inside = limits.reduce((a, b) => e.op('And', [a, b]))
    return e.op('Where', [inside, place, e.extent(size)])
  })
  if (!isRagged(offset)) {
    const row = e.once(`${key}:row`, () => e.op('Squeeze', [positions, e.ints([0])]))
    return e.op('Gather', [grown.name, row], { axis: { int: axis } }, type)
  }
  const batch = dims.findLastIndex((d, i) => i < axis && isBatch(d))
  const order = [batch, axis, ...dims.keys()].filter((i, at, all) => all.indexOf(i) === at)
  const back = [...dims.keys()].map((i) => order.indexOf(i))
  const straight = order.every((from, to) => from === to)
  const turned = straight ? grown.name : e.op('Transpose', [grown.name], { perm: { ints: order } })
  const indices = e.once(`${key}:rows`, () => e.op('Unsqueeze', [positions, e.ints([2])]))
  const read = e.op('GatherND', [turned, indices], { batch_dims: { int: 1 } })
  return straight ? read : e.op('Transpose', [read], { perm: { ints: back } }, type)
}

/** i64 [n]: 0, 1, … below a dim's padded extent. */
export function rangeOf(dim: Dim, e: Emission): string {
  const size = staticSize(dim)
  if (size !== undefined) return e.ints([...Array(size).keys()])
  return e.once(`range:${dim.key}`, () => {
    const limit = e.op('Squeeze', [e.extent(dim), e.ints([0])])
    return e.op('Range', [e.int(0), limit, e.int(1)])
  })
}

/** An axis in parts that differ by one position at most: n is the sum of floor((n + k) / count) over k below count. */
export function splitEvenly(dim: Dim, count: number): { readonly from: Dim; readonly size: Dim }[] {
  const sizes = Array.from({ length: count }, (_, k) => floorDivDim(addDim(dim, constantDim(k)), BigInt(count)))
  return sizes.map((size, k) => ({ from: sumDims(sizes.slice(0, k)), size }))
}
