/**
 * How the builder simplifies sums: sizes for what is only repeated, constant factors outside, and no pass over a large
 * tensor for what is known from other sums.
 */
import type { Attributes } from '../ops/op.ts'
import { ownerOf } from '../ops/types.ts'
import { type Dim, isOne, isRagged, oneDim, sameDim, staticSize } from '../shapes/dim.ts'
import type { Builder } from './builder.ts'
import { padRank, unbroadcast } from './contract.ts'
import type { TensorType, ValueId } from './graph.ts'
import { match, negated, spread } from './match.ts'

/**
 * The sum of a value that is only repeated along some of the axes: times their sizes, which for a ragged axis are the
 * lengths of the samples. `value` has the rank of `dims`, with 1 where it is repeated.
 */
function sumRepeated(b: Builder, value: ValueId, dims: readonly Dim[], axes: readonly number[]): ValueId {
  let v = value
  const repeated = axes.filter((axis) => isOne(b.dimsOf(value)[axis] as Dim) && !isOne(dims[axis] as Dim))
  for (const axis of repeated.filter((at) => isRagged(dims[at] as Dim))) {
    const owner = ownerOf(dims, axis)
    const lengths = b.length(dims[axis] as Dim)
    v = b.mul(
      v,
      b.reshape(
        lengths,
        dims.map((dim, at) => (at === owner ? dim : oneDim)),
      ),
    )
  }
  for (const axis of repeated) {
    const dim = dims[axis] as Dim
    if (isRagged(dim) || !isOne(b.dimsOf(v)[axis] as Dim)) continue
    const size = staticSize(dim)
    v = b.mul(v, size === undefined ? b.length(dim) : b.constant(size))
  }
  return v
}

interface Factors {
  /** What varies along the axes; undefined where nothing does. */
  readonly rest: ValueId | undefined
  /** Undefined where there is none. */
  readonly over: ValueId | undefined
  readonly under: ValueId | undefined
  readonly negative: boolean
}

const times = (b: Builder, x: ValueId | undefined, y: ValueId | undefined): ValueId | undefined =>
  x === undefined ? y : y === undefined ? x : b.mul(x, y)

/** Splits a product into what is constant along `axes` (of `rank`) and the rest. */
function splitFactors(b: Builder, value: ValueId, rank: number, axes: readonly number[]): Factors {
  const own = b.dimsOf(value)
  const shift = rank - own.length
  if (axes.every((axis) => axis < shift || isOne(own[axis - shift] as Dim)))
    return { rest: undefined, over: value, under: undefined, negative: false }
  const whole: Factors = { rest: value, over: undefined, under: undefined, negative: false }
  const minus = negated(b, value)
  if (minus !== undefined) {
    const inner = splitFactors(b, minus, rank, axes)
    return { ...inner, negative: !inner.negative }
  }
  const product = match(b, value, 'mul')
  if (product) {
    const [x, y] = product.map((factor) => splitFactors(b, factor, rank, axes)) as [Factors, Factors]
    if (x.rest === product[0] && y.rest === product[1]) return whole
    return {
      rest: times(b, x.rest, y.rest),
      over: times(b, x.over, y.over),
      under: times(b, x.under, y.under),
      negative: x.negative !== y.negative,
    }
  }
  const quotient = match(b, value, 'div')
  if (!quotient) return whole
  const x = splitFactors(b, quotient[0], rank, axes)
  const y = splitFactors(b, quotient[1], rank, axes)
  if (y.rest !== undefined || x.rest === undefined) return whole
  return { ...x, under: times(b, x.under, y.over), negative: x.negative !== y.negative }
}

/** Factors that are constant along the summed axes, and signs, leave the sum. */
function sumOfProduct(
  b: Builder,
  value: ValueId,
  { axes }: Attributes['sum'],
  keepType: TensorType,
): ValueId | undefined {
  const dims = b.dimsOf(value)
  const op = b.node(value).op
  if (op !== 'mul' && op !== 'div' && op !== 'neg') return undefined
  // Over no positions a sum is 0 whatever the factor; were it infinite, 0 times it would not be.
  const alone = sumsAlone(dims, axes)
  const minus = negated(b, value)
  if (alone) return minus === undefined ? undefined : b.neg(b.sum(minus, axes, true))
  const { rest, over, under, negative } = splitFactors(b, value, dims.length, axes)
  if (rest === undefined || rest === value) return undefined
  const padded = padRank(b, rest, dims.length)
  // What is left must still run along every summed axis, or the sum would count too few.
  if (axes.some((axis) => !sameDim(b.dimsOf(padded)[axis] as Dim, dims[axis] as Dim))) return undefined
  let v = b.sum(padded, axes, true)
  if (over !== undefined) v = b.mul(v, over)
  if (under !== undefined) v = b.div(v, under)
  return spread(b, negative ? b.neg(v) : v, keepType)
}

/** The sum along `axes`, kept, where the graph has it already, kept or not. */
function summedElsewhere(b: Builder, value: ValueId, axes: readonly number[]): ValueId | undefined {
  const dropped = b.find('sum', [value], { axes, keep: false })
  return b.find('sum', [value], { axes, keep: true }) ?? (dropped && b.reshape(dropped, kept(b.dimsOf(value), axes)))
}

/** How deep sums of sums are looked for. */
const DEPTH = 5

/**
 * The sum along `axes`, kept, of a value that broadcasts to `dims`, where it takes no pass over a large tensor: of what
 * is only repeated, of what is summed elsewhere, and of scaled and added values for which that holds.
 */
function knownSum(
  b: Builder,
  value: ValueId,
  dims: readonly Dim[],
  axes: readonly number[],
  depth = DEPTH,
): ValueId | undefined {
  if (depth === 0) return undefined
  const { rest, over, under, negative } = splitFactors(b, value, dims.length, axes)
  if (rest === undefined) return b.sum(b.broadcast(value, dims), axes, true)
  const own = b.dimsOf(rest)
  if (own.length !== dims.length || axes.some((axis) => !sameDim(own[axis] as Dim, dims[axis] as Dim))) return undefined
  let sum = summedElsewhere(b, rest, axes)
  const inner = (x: ValueId): ValueId | undefined => knownSum(b, x, own, axes, depth - 1)
  for (const op of ['add', 'sub'] as const) {
    const terms = sum === undefined ? match(b, rest, op) : undefined
    if (!terms) continue
    const x = inner(terms[0])
    const y = x === undefined ? undefined : inner(terms[1])
    if (x !== undefined && y !== undefined) sum = b.emit(op, [x, y], {})
  }
  if (sum === undefined) return undefined
  if (over !== undefined) sum = b.mul(sum, over)
  if (under !== undefined) sum = b.div(sum, under)
  return negative ? b.neg(sum) : sum
}

/** A sum of terms whose own sums are known. So batch norm's mean needs no pass of its own in the derivative. */
function sumOfTerms(
  b: Builder,
  value: ValueId,
  { axes }: Attributes['sum'],
  keepType: TensorType,
): ValueId | undefined {
  const dims = b.dimsOf(value)
  const op = b.node(value).op
  if ((op !== 'add' && op !== 'sub') || sumsAlone(dims, axes)) return undefined
  const known = knownSum(b, value, dims, axes)
  return known === undefined ? undefined : spread(b, known, keepType)
}

/** True where a ragged axis is summed and its batch axis is not: then a sum may be over nothing. */
const sumsAlone = (dims: readonly Dim[], axes: readonly number[]): boolean =>
  axes.some((axis) => isRagged(dims[axis] as Dim) && !axes.includes(ownerOf(dims, axis)))

const kept = (dims: readonly Dim[], axes: readonly number[]): readonly Dim[] =>
  dims.map((dim, axis) => (axes.includes(axis) ? oneDim : dim))

/** A sum that takes fewer or smaller passes and is of the same type, or undefined. */
export function simplifySum(
  b: Builder,
  [x]: readonly [ValueId, ...ValueId[]],
  { axes, keep }: Attributes['sum'],
  type: TensorType,
): ValueId | undefined {
  const dims = b.dimsOf(x)
  const needed = axes.filter((axis) => !isOne(dims[axis] as Dim))
  if (needed.length < axes.length) return b.reshape(needed.length === 0 ? x : b.sum(x, needed, true), type.dims)
  if (axes.length === 0) return x
  const keepType: TensorType = { dtype: 'f32', dims: kept(dims, axes) }
  const source = unbroadcast(b, x)
  if (source !== x) {
    const repeated = sumRepeated(b, source, dims, axes)
    return b.reshape(spread(b, b.sum(repeated, axes, true), keepType), type.dims)
  }
  const twin = b.find('sum', [x], { axes, keep: !keep })
  if (twin !== undefined) return b.reshape(twin, type.dims)
  const smaller = sumOfProduct(b, x, { axes, keep }, keepType) ?? sumOfTerms(b, x, { axes, keep }, keepType)
  return smaller === undefined ? undefined : b.reshape(smaller, type.dims)
}
