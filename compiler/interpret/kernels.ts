/** What each op computes, in float64 on dense arrays: the reference that every target is compared with. */
import type { TensorType } from '../ir/graph.ts'
import { type BinaryOp, binaryArithmetic, type UnaryOp, unaryArithmetic } from '../ops/arithmetic.ts'
import type { Attributes, OpName } from '../ops/op.ts'
import { ownerOf } from '../ops/types.ts'
import { evaluateDim, isRagged } from '../shapes/dim.ts'
import { broadcastStrides, forRuns, gatherStrided, type NdArray, sizeOf, stridesOf } from './array.ts'
import { contractArrays } from './contract.ts'
import { type Env, extent, lengthsOf, validMask, valuesOf } from './ragged.ts'

export interface Call<K extends OpName> {
  readonly operands: readonly NdArray[]
  readonly attributes: Attributes[K]
  /** The type of the result, and its padded shape. */
  readonly type: TensorType
  readonly shape: readonly number[]
  readonly env: Env
  /** 1 for each element of the first operand that is inside its sample; absent where all count. */
  readonly valid?: Uint8Array | undefined
}

/** The elements of the result, row by row. */
export type Kernel<K extends OpName> = (call: Call<K>) => Float64Array

const operand = (call: { readonly operands: readonly NdArray[] }, at: number): NdArray => call.operands[at] as NdArray

const unary =
  <K extends OpName>(op: UnaryOp): Kernel<K> =>
  (call) =>
    operand(call, 0).data.map(unaryArithmetic[op])

const binary =
  <K extends OpName>(op: BinaryOp): Kernel<K> =>
  (call) => {
    const f = binaryArithmetic[op]
    const { shape } = call
    const [x, y] = [operand(call, 0), operand(call, 1)]
    const out = new Float64Array(sizeOf(shape))
    const strides = [broadcastStrides(x.shape, shape), broadcastStrides(y.shape, shape), stridesOf(shape)]
    forRuns(shape, strides, ([xs = 0, ys = 0, to = 0], length, [dx = 0, dy = 0]) => {
      for (let i = 0; i < length; i++) out[to + i] = f(x.data[xs + i * dx] as number, y.data[ys + i * dy] as number)
    })
    return out
  }

/** Copies of nothing: the same elements under another shape. */
const same = <K extends OpName>(call: Call<K>): Float64Array => operand(call, 0).data

/** Folds the first operand along axes into an array that starts with `start` everywhere. */
function reduce(
  x: NdArray,
  axes: readonly number[],
  start: number,
  fold: (total: number, value: number) => number,
): Float64Array {
  const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
  const out = new Float64Array(sizeOf(kept)).fill(start)
  forRuns(
    x.shape,
    [stridesOf(x.shape), broadcastStrides(kept, x.shape)],
    ([from = 0, to = 0], length, [, step = 0]) => {
      for (let i = 0; i < length; i++)
        out[to + i * step] = fold(out[to + i * step] as number, x.data[from + i] as number)
    },
  )
  return out
}

/** Sizes before, along and after an axis. */
const around = (shape: readonly number[], axis: number): readonly [number, number, number] => [
  sizeOf(shape.slice(0, axis)),
  shape[axis] as number,
  sizeOf(shape.slice(axis + 1)),
]

/** Where in x and y the slices of gather and scatterAdd lie: visits (start in the indexed array, start in the other). */
function forSlices(
  indexed: readonly number[],
  ids: NdArray,
  batchAxes: number,
  visit: (inside: boolean, at: number, slice: number, size: number) => void,
): void {
  const [shared, extentAlong, size] = around(indexed, batchAxes)
  const each = sizeOf(ids.shape.slice(batchAxes))
  for (let p = 0; p < shared; p++)
    for (let n = 0; n < each; n++) {
      const id = ids.data[p * each + n] as number
      visit(id >= 0 && id < extentAlong, (p * extentAlong + id) * size, (p * each + n) * size, size)
    }
}

export const kernels = {
  input: () => {
    throw new Error('internal: an input is fed, not computed')
  },
  constant: ({ attributes: { value }, shape }) =>
    typeof value === 'number' ? new Float64Array(sizeOf(shape)).fill(value) : Float64Array.from(value),
  iota: ({ attributes: { dim }, shape, env }) => {
    const size = extent(dim, env)
    return new Float64Array(sizeOf(shape)).map((_, i) => i % size)
  },
  length: ({ attributes: { dim }, env }) => Float64Array.from(isRagged(dim) ? lengthsOf(dim, env) : [extent(dim, env)]),
  valid: ({ attributes: { dim }, env }) => Float64Array.from(validMask(dim, env)),

  neg: unary('neg'),
  exp: unary('exp'),
  log: unary('log'),
  sqrt: unary('sqrt'),
  abs: unary('abs'),
  sin: unary('sin'),
  cos: unary('cos'),
  tanh: unary('tanh'),
  sigmoid: unary('sigmoid'),
  relu: unary('relu'),
  erf: unary('erf'),
  floor: unary('floor'),
  stopGradient: same,
  add: binary('add'),
  sub: binary('sub'),
  mul: binary('mul'),
  div: binary('div'),
  pow: binary('pow'),
  max: binary('max'),
  min: binary('min'),
  equal: binary('equal'),
  less: binary('less'),
  lessEqual: binary('lessEqual'),
  and: binary('and'),
  or: binary('or'),
  not: unary('not'),
  select: (call) => {
    const { shape } = call
    const [c, x, y] = [operand(call, 0), operand(call, 1), operand(call, 2)]
    const out = new Float64Array(sizeOf(shape))
    const strides = [...[c, x, y].map((array) => broadcastStrides(array.shape, shape)), stridesOf(shape)]
    forRuns(shape, strides, ([cs = 0, xs = 0, ys = 0, to = 0], length, [dc = 0, dx = 0, dy = 0]) => {
      for (let i = 0; i < length; i++)
        out[to + i] = (c.data[cs + i * dc] === 0 ? y.data[ys + i * dy] : x.data[xs + i * dx]) as number
    })
    return out
  },
  cast: (call) => (call.attributes.to === 'i64' ? operand(call, 0).data.map(Math.trunc) : operand(call, 0).data),

  transpose: (call) => {
    const strides = stridesOf(operand(call, 0).shape)
    return gatherStrided(
      operand(call, 0).data,
      call.attributes.permutation.map((axis) => strides[axis] as number),
      call.shape,
    )
  },
  reshape: same,
  broadcast: (call) =>
    gatherStrided(operand(call, 0).data, broadcastStrides(operand(call, 0).shape, call.shape), call.shape),
  concat: ({ operands, attributes: { axis }, shape }) => {
    const out = new Float64Array(sizeOf(shape))
    const [outer, total, inner] = around(shape, axis)
    let start = 0
    for (const { data, shape: own } of operands) {
      const run = (own[axis] as number) * inner
      for (let o = 0; o < outer; o++) out.set(data.subarray(o * run, (o + 1) * run), o * total * inner + start)
      start += run
    }
    return out
  },
  window: (call) => {
    const { axis, offset, stride, dilation } = call.attributes
    const x = operand(call, 0)
    const out = new Float64Array(sizeOf(call.shape))
    const [outer, size, inner] = around(x.shape, axis)
    const count = call.shape[axis] as number
    const offsets = valuesOf(offset, call.env)
    const owner = isRagged(offset) ? ownerOf(call.type.dims, axis) : -1
    const [, samples, perSample] = owner < 0 ? [1, 1, 1] : around(x.shape.slice(0, axis), owner)
    for (let o = 0; o < outer; o++) {
      const shift = owner < 0 ? fixedOffset(call) : (offsets[Math.floor(o / perSample) % samples] as number)
      for (let j = 0; j < count; j++) {
        const place = stride * j + shift
        const i = place / dilation
        if (place % dilation !== 0 || i < 0 || i >= size) continue
        out.set(x.data.subarray((o * size + i) * inner, (o * size + i + 1) * inner), (o * count + j) * inner)
      }
    }
    return out
  },
  gather: (call) => {
    const [x, ids] = [operand(call, 0), operand(call, 1)]
    const out = new Float64Array(sizeOf(call.shape))
    forSlices(x.shape, ids, call.attributes.batchAxes, (inside, at, slice, size) => {
      if (inside) out.set(x.data.subarray(at, at + size), slice)
      else out.fill(x.dtype === 'f32' ? Number.NaN : 0, slice, slice + size)
    })
    return out
  },
  scatterAdd: (call) => {
    const [y, ids] = [operand(call, 0), operand(call, 1)]
    const out = new Float64Array(sizeOf(call.shape))
    forSlices(call.shape, ids, call.attributes.batchAxes, (inside, at, slice, size) => {
      for (let i = 0; i < size; i++) {
        const value = y.data[slice + i] as number
        if (inside) out[at + i] = (out[at + i] as number) + value
        else if (value !== 0) throw new RangeError('internal: scatterAdd adds outside the result')
      }
    })
    return out
  },

  sum: (call) => reduce(operand(call, 0), call.attributes.axes, 0, (total, value) => total + value),
  maximum: (call) => {
    const x = operand(call, 0)
    const { axes } = call.attributes
    const out = reduce(x, axes, Number.NEGATIVE_INFINITY, Math.max)
    const data = call.valid ? Float64Array.from(call.valid) : new Float64Array(x.data.length).fill(1)
    const counts = reduce({ ...x, data }, axes, 0, (total, value) => total + value)
    return out.map((value, i) => (counts[i] === 0 ? 0 : value))
  },
  softmax: (call) => {
    const x = operand(call, 0)
    const out = new Float64Array(x.data.length)
    const [outer, size, inner] = around(x.shape, call.attributes.axis)
    for (let o = 0; o < outer; o++)
      for (let i = 0; i < inner; i++) {
        const start = o * size * inner + i
        let top = Number.NEGATIVE_INFINITY
        for (let j = 0; j < size; j++) top = Math.max(top, x.data[start + j * inner] as number)
        if (top === Number.NEGATIVE_INFINITY) continue
        let total = 0
        for (let j = 0; j < size; j++) {
          const value = Math.exp((x.data[start + j * inner] as number) - top)
          out[start + j * inner] = value
          total += value
        }
        for (let j = 0; j < size; j++) out[start + j * inner] = (out[start + j * inner] as number) / total
      }
    return out
  },
  contract: (call) => contractArrays(operand(call, 0), operand(call, 1), call.attributes),
} satisfies { readonly [K in OpName]: Kernel<K> }

/** A window's offset where it is the same in every sample. */
function fixedOffset({ attributes: { offset }, env }: Call<'window'>): number {
  return evaluateDim(offset, () => env.batch)
}

/** Runs the kernel of an op. */
export function runKernel<K extends OpName>(op: K, call: Call<K>): Float64Array {
  const table: { readonly [P in OpName]: Kernel<P> } = kernels
  return table[op](call)
}
