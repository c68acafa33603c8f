/** Contractions as tfjs matrix products of rank 2, or of rank 3 where axes are kept. */
import type { TensorType } from '../../ir/graph.ts'
import { groupLabels, type Label, planProduct, readingOf } from '../../ir/product.ts'
import type { Attributes } from '../../ops/op.ts'
import { type Dim, oneDim, productDims } from '../../shapes/dim.ts'
import type { Emission, Ref } from './emission.ts'
import { pointwise } from './pointwise.ts'

type DimsOf = (labels: readonly Label[]) => Dim[]

const f32 = (dims: readonly Dim[]): TensorType => ({ dtype: 'f32', dims })
const merged = (dims: readonly Dim[]): Dim => (dims.length === 0 ? oneDim : productDims(dims))

/** Emits `contract`, see ops/op.ts. */
export function emitContract(left: Ref, right: Ref, labels: Attributes['contract'], e: Emission): Ref {
  const dims = new Map<Label, Dim>()
  labels.left.forEach((label, i) => void dims.set(label, left.type.dims[i] as Dim))
  labels.right.forEach((label, i) => void dims.set(label, right.type.dims[i] as Dim))
  const dimsOf: DimsOf = (list) => list.map((label) => dims.get(label) as Dim)
  const { kept, rows, summed, columns } = groupLabels(labels)

  if (summed.length === 0) return emitProduct([left, labels.left], [right, labels.right], labels.out, dimsOf, e)
  if (rows.length === 0 && columns.length === 0 && kept.length > 0) {
    const product = emitProduct([left, labels.left], [right, labels.right], labels.left, dimsOf, e)
    const axes = summed.map((label) => labels.left.indexOf(label))
    const order = labels.left.filter((label) => kept.includes(label))
    return arrange(emitSum(product, axes, e), order, labels.out, e)
  }

  const plan = planProduct(labels, dimsOf)
  const [a, b] = plan.swap ? [right, left] : [left, right]
  const [aLabels, bLabels] = plan.swap ? [labels.right, labels.left] : [labels.left, labels.right]
  const lead = plan.kept.length === 0 ? [] : [merged(dimsOf(plan.kept))]
  const first = operandOf(a, aLabels, plan.kind === 'spread' ? [] : plan.kept, plan.rows, plan.summed, dimsOf, e)
  const second = operandOf(b, bLabels, plan.kept, plan.summed, plan.columns, dimsOf, e)
  // Products of rank 3 repeat a side whose first axis is 1.
  const one = plan.kind === 'spread' ? e.reshape(first.value, [oneDim, ...first.value.type.dims]) : first.value
  const natural = [...lead, merged(dimsOf(plan.rows)), merged(dimsOf(plan.columns))]
  const flags = first.turned || second.turned ? [String(first.turned), String(second.turned)] : []
  const product = multiply(one, second.value, flags, f32(natural), e)
  const order = [...plan.kept, ...plan.rows, ...plan.columns]
  return arrange(e.reshape(product, dimsOf(order)), order, labels.out, e)
}

/** A product of matrices, which each backend does its own way. */
const multiply = (a: Ref, b: Ref, flags: readonly string[], type: TensorType, e: Emission): Ref =>
  e.callOwn('matMul', ['tf', a, b, ...flags], type)

/**
 * An operand as [kept, first, second], each group one axis (kept is left out where it is empty), or turned: [kept, second,
 * first].
 */
function operandOf(
  operand: Ref,
  labels: readonly Label[],
  kept: readonly Label[],
  first: readonly Label[],
  second: readonly Label[],
  dimsOf: DimsOf,
  e: Emission,
): { readonly value: Ref; readonly turned: boolean } {
  const { outer, inner, turned } = readingOf(labels, kept, first, second)
  const value = arrange(operand, labels, [...kept, ...outer, ...inner], e)
  const lead = kept.length === 0 ? [] : [merged(dimsOf(kept))]
  return { value: e.reshape(value, [...lead, merged(dimsOf(outer)), merged(dimsOf(inner))]), turned }
}

/** Reorders axes from labels to labels. */
const arrange = (x: Ref, from: readonly Label[], to: readonly Label[], e: Emission): Ref =>
  e.transpose(
    x,
    to.map((label) => from.indexOf(label)),
  )

/** An element-wise product of two operands whose axes are placed by label, with size 1 where one lacks a label. */
function emitProduct(
  [left, leftLabels]: readonly [Ref, readonly Label[]],
  [right, rightLabels]: readonly [Ref, readonly Label[]],
  out: readonly Label[],
  dimsOf: DimsOf,
  e: Emission,
): Ref {
  const place = (operand: Ref, labels: readonly Label[]): Ref => {
    const order = out.filter((label) => labels.includes(label))
    const first = order.length === 0 ? out.length : out.indexOf(order[0] as Label)
    // Axes that are lacking on the left need no mention.
    const spread = out.slice(first).map((label) => (labels.includes(label) ? (dimsOf([label])[0] as Dim) : oneDim))
    return e.reshape(arrange(operand, labels, order, e), spread)
  }
  return pointwise('mul', [place(left, leftLabels), place(right, rightLabels)], f32(dimsOf(out)), e)
}

/**
 * The sum along axes, which are dropped. Axes that are not the last are summed by a product with ones, since tfjs would
 * transpose the tensor first.
 */
export function emitSum(x: Ref, axes: readonly number[], e: Emission): Ref {
  const { dims } = x.type
  const sorted = [...axes].sort((a, b) => a - b)
  if (sorted.length === 0) return x
  const [from, to] = [sorted[0] as number, sorted.at(-1) as number]
  const left = dims.filter((_, axis) => !sorted.includes(axis))
  if (to - from + 1 > sorted.length) return e.call('sum', [x, `[${sorted.join(', ')}]`], f32(left))
  const [outer, inner, rest] = [dims.slice(0, from), dims.slice(from, to + 1), dims.slice(to + 1)]
  const count = merged(inner)
  if (rest.length === 0) {
    const flat = e.reshape(x, [...outer, count])
    return e.call('sum', [flat, String(outer.length)], f32(outer))
  }
  const ones = (shape: readonly Dim[]): Ref =>
    e.once(`ones:${shape.map((dim) => dim.key).join()}`, () => e.call('ones', [e.sizes.shape(shape)], f32(shape)))
  const lead = outer.length === 0 ? [] : [merged(outer)]
  const row = ones([...lead.map(() => oneDim), oneDim, count])
  const matrix = e.reshape(x, [...lead, count, merged(rest)])
  return e.reshape(multiply(row, matrix, [], f32([...lead, oneDim, merged(rest)]), e), left)
}
