/** A second meaning of each op, one element at a time by its formula, to hold the kernels against. */
import type { NdArray } from '../../compiler/interpret/array.ts'
import type { Env } from '../../compiler/interpret/ragged.ts'
import type { Attributes, OpName } from '../../compiler/ops/op.ts'
import { BATCH, type Dim, evaluateDim } from '../../compiler/shapes/dim.ts'
import { at, indicesOf } from './support.ts'

interface NaiveCall<K extends OpName> {
  readonly operands: readonly NdArray[]
  readonly attributes: Attributes[K]
  readonly index: readonly number[]
  readonly shape: readonly number[]
  readonly env: Env
}
type Naive<K extends OpName> = (call: NaiveCall<K>) => number

const op = (call: { operands: readonly NdArray[] }, k: number): NdArray => call.operands[k] as NdArray
/** The operand's element under a result index, aligned on the right. */
const read = (array: NdArray, index: readonly number[]): number => {
  const own = index.slice(index.length - array.shape.length)
  return at(
    array,
    own.map((i, axis) => (array.shape[axis] === 1 ? 0 : i)),
  )
}
const map =
  <K extends OpName>(f: (...values: number[]) => number): Naive<K> =>
  (call) =>
    f(...call.operands.map((array) => read(array, call.index)))

/** Simpson's rule on 2/√π exp(-t²). */
function erf(x: number): number {
  const steps = 2000
  const h = x / steps
  let total = 0
  for (let k = 0; k <= steps; k++)
    total += (k === 0 || k === steps ? 1 : k % 2 === 1 ? 4 : 2) * Math.exp(-((k * h) ** 2))
  return (2 / Math.sqrt(Math.PI)) * (h / 3) * total
}

/** The elements of a reduced operand that go into one result element. */
function reduced(call: NaiveCall<'sum'> | NaiveCall<'maximum'>): number[] {
  const { axes, keep } = call.attributes
  const x = op(call, 0)
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis))
  return indicesOf(x.shape)
    .filter((from) => kept.every((axis, k) => from[axis] === call.index[keep ? axis : k]))
    .map((from) => at(x, from))
}

/** A whole number that depends on lengths, where there is one sample. */
const value = (dim: Dim, env: Env): number =>
  evaluateDim(dim, (name) => (name === BATCH ? 1 : (env.lengths[name]?.[0] as number)))

export const naive = {
  input: () => Number.NaN,
  constant: ({ attributes: { value }, index, shape }) =>
    typeof value === 'number'
      ? value
      : (value[index.reduce((n, i, axis) => n * (shape[axis] as number) + i, 0)] as number),
  iota: ({ index }) => index.at(-1) as number,
  length: ({ attributes: { dim }, env }) => value(dim, env),
  valid: () => 1,
  neg: map((x) => 0 - x),
  exp: map((x) => Math.E ** x),
  log: map((x) => Math.log2(x) * Math.LN2),
  sqrt: map((x) => x ** 0.5),
  abs: map((x) => (x < 0 ? 0 - x : x)),
  sin: map((x) => Math.cos(x - Math.PI / 2)),
  cos: map((x) => Math.sin(x + Math.PI / 2)),
  tanh: map((x) => (Math.exp(2 * x) - 1) / (Math.exp(2 * x) + 1)),
  sigmoid: map((x) => 0.5 * (1 + Math.tanh(x / 2))),
  relu: map((x) => (x + Math.abs(x)) / 2),
  erf: map(erf),
  floor: map((x) => x - (((x % 1) + 1) % 1)),
  stopGradient: map((x) => x),
  add: map((x, y) => x - (0 - y)),
  sub: map((x, y) => x + (0 - y)),
  mul: map((x, y) =>
    x === 0 || y === 0 ? 0 : Math.sign(x) * Math.sign(y) * Math.exp(Math.log(Math.abs(x)) + Math.log(Math.abs(y))),
  ),
  div: map((x, y) => x * y ** -1),
  pow: map((x, y) => Math.exp(y * Math.log(x))),
  max: map((x, y) => (x + y + Math.abs(x - y)) / 2),
  min: map((x, y) => (x + y - Math.abs(x - y)) / 2),
  equal: map((x, y) => Number(!(x < y) && !(x > y))),
  less: map((x, y) => Number(y - x > 0)),
  lessEqual: map((x, y) => Number(y - x >= 0)),
  and: map((x, y) => Number(x + y === 2)),
  or: map((x, y) => Number(x + y > 0)),
  not: map((x) => 1 - x),
  select: map((c, x, y) => (c === 1 ? x : y)),
  cast: ({ operands, attributes: { to }, index }) => {
    const x = read(operands[0] as NdArray, index)
    return to === 'i64' ? (x < 0 ? Math.ceil(x) : Math.floor(x)) : x
  },
  transpose: (call) => {
    const from: number[] = []
    for (const [k, axis] of call.attributes.permutation.entries()) from[axis] = call.index[k] as number
    return at(op(call, 0), from)
  },
  reshape: (call) => {
    const row = indicesOf(call.shape).findIndex((other) => other.every((i, axis) => i === call.index[axis]))
    return at(op(call, 0), indicesOf(op(call, 0).shape)[row] as number[])
  },
  broadcast: map((x) => x),
  concat: ({ operands, attributes: { axis }, index }) => {
    let left = index[axis] as number
    for (const array of operands) {
      const size = array.shape[axis] as number
      if (left < size)
        return at(
          array,
          index.map((i, k) => (k === axis ? left : i)),
        )
      left -= size
    }
    return Number.NaN
  },
  window: (call) => {
    const { axis, offset, stride, dilation } = call.attributes
    const shift = value(offset, call.env)
    const place = (stride * (call.index[axis] as number) + shift) / dilation
    const inside = Number.isInteger(place) && place >= 0 && place < (op(call, 0).shape[axis] as number)
    return inside
      ? at(
          op(call, 0),
          call.index.map((i, k) => (k === axis ? place : i)),
        )
      : 0
  },
  gather: (call) => {
    const { batchAxes } = call.attributes
    const [x, ids] = [op(call, 0), op(call, 1)]
    const where = call.index.slice(0, ids.shape.length)
    return at(x, [...call.index.slice(0, batchAxes), at(ids, where), ...call.index.slice(ids.shape.length)])
  },
  scatterAdd: (call) => {
    const { batchAxes } = call.attributes
    const [y, ids] = [op(call, 0), op(call, 1)]
    const sent = indicesOf(y.shape).filter((from) => {
      const to = [
        ...from.slice(0, batchAxes),
        at(ids, from.slice(0, ids.shape.length)),
        ...from.slice(ids.shape.length),
      ]
      return to.every((i, axis) => i === call.index[axis])
    })
    return sent.reduce((total, from) => total + at(y, from), 0)
  },
  sum: (call) => reduced(call).reduce((total, value) => total + value, 0),
  maximum: (call) => reduced(call).sort((a, b) => b - a)[0] ?? 0,
  softmax: (call) => {
    const { axis } = call.attributes
    const x = op(call, 0)
    const line = Array.from({ length: x.shape[axis] as number }, (_, j) =>
      at(
        x,
        call.index.map((i, k) => (k === axis ? j : i)),
      ),
    )
    return Math.exp(at(x, call.index)) / line.reduce((total, value) => total + Math.exp(value), 0)
  },
  contract: (call) => {
    const { left, right, out } = call.attributes
    const [x, y] = [op(call, 0), op(call, 1)]
    const summed = left.filter((label) => !out.includes(label))
    let total = 0
    for (const inner of indicesOf(summed.map((label) => x.shape[left.indexOf(label)] as number))) {
      const place = (label: number): number =>
        (out.includes(label) ? call.index[out.indexOf(label)] : inner[summed.indexOf(label)]) as number
      total += at(x, left.map(place)) * at(y, right.map(place))
    }
    return total
  },
} satisfies { readonly [K in OpName]: Naive<K> }

export const naiveOf = <K extends OpName>(name: K): Naive<K> => {
  const table: { readonly [P in OpName]: Naive<P> } = naive
  return table[name]
}
