/** Contractions as matrix products: picks the arrangement of the two operands that moves the least memory. */
import type { TensorType } from '../../ir/graph.ts'
import { groupLabels, type Label, planProduct, type Reading, readingOf, sameOrder } from '../../ir/product.ts'
import { type Dim, oneDim, productDims } from '../../shapes/dim.ts'
import type { Emission, Operand } from './emission.ts'
import { cutInHalves, sumParts } from './halves.ts'

/**
 * Emits `contract`: labels as einsum's, see ops/op.ts. Weight gradients become one product over merged batch and time
 * axes, a product with a matrix of parameters keeps its leading axes, attention becomes a batched product; a product
 * without a summed label is an element-wise one.
 */
export function emitContract(
  left: Operand,
  right: Operand,
  labels: { readonly left: readonly Label[]; readonly right: readonly Label[]; readonly out: readonly Label[] },
  type: TensorType,
  e: Emission,
): string {
  const dims = new Map<Label, Dim>()
  labels.left.forEach((label, i) => void dims.set(label, left.type.dims[i] as Dim))
  labels.right.forEach((label, i) => void dims.set(label, right.type.dims[i] as Dim))
  const dimsOf = (list: readonly Label[]): Dim[] => list.map((label) => dims.get(label) as Dim)
  const { kept, rows, summed, columns } = groupLabels(labels)

  if (summed.length === 0) return emitProduct([left, labels.left], [right, labels.right], labels.out, dimsOf, type, e)
  if (rows.length === 0 && columns.length === 0 && kept.length > 0) {
    const all = labels.left
    const product = emitProduct([left, all], [right, labels.right], all, dimsOf, { dtype: 'f32', dims: dimsOf(all) }, e)
    const axes = summed.map((label) => all.indexOf(label)).sort((a, b) => a - b)
    const order = all.filter((label) => kept.includes(label))
    const sum = e.op(
      'ReduceSum',
      [product, e.ints(axes)],
      { keepdims: { int: 0 } },
      { dtype: 'f32', dims: dimsOf(order) },
    )
    return transposeTo(sum, order, labels.out, dimsOf, e)
  }

  const halves = e.forOnnxRuntime ? cutInHalves([left, right], labels, type, e, false) : undefined
  if (halves) return sumParts(emitContract(...halves.operands, halves.labels, halves.type, e), halves, e)

  const plan = planProduct(labels, dimsOf)
  const [a, b] = plan.swap ? [right, left] : [left, right]
  const [aLabels, bLabels] = plan.swap ? [labels.right, labels.left] : [labels.left, labels.right]
  const merged = (list: readonly Label[]): Dim => (list.length === 0 ? oneDim : productDims(dimsOf(list)))
  const order = [...plan.kept, ...plan.rows, ...plan.columns]
  const [outer, ...inner] = plan.summed
  const isRow = plan.kind === 'flat' && plan.rows.length === 0 && plan.columns.length > 0 && plan.moves.a === 0
  if (isRow && plan.moves.b === 0 && outer !== undefined && inner.length > 0) {
    return rowProduct([a, b], [outer, inner, plan.columns], labels.out, dimsOf, e)
  }
  const front = plan.kind === 'spread' ? [] : plan.kept
  const [readA, readB] = [
    readingOf(aLabels, front, plan.rows, plan.summed),
    readingOf(bLabels, plan.kept, plan.summed, plan.columns),
  ]
  if (plan.kind === 'flat') {
    // Leading axes stay apart; without rows ONNX's rule for a vector gives the right rank.
    const first = arrange(a, aLabels, [], readA, 'open', dimsOf, e)
    const second = arrange(b, bLabels, [], readB, 'pair', dimsOf, e)
    const natural = [...first.dims.slice(0, -1), merged(plan.columns)]
    const product = e.op('MatMul', [first.name, second.name], {}, { dtype: 'f32', dims: natural })
    return transposeTo(e.reshape(product, 'f32', natural, dimsOf(order)), order, labels.out, dimsOf, e)
  }
  // ONNX Runtime joins a reordering with the turn after it and then moves all at once, but where a reshape is between them.
  const parted = [[aLabels, front, readA] as const, [bLabels, plan.kept, readB] as const].some(
    ([from, lead, { outer, inner, turned }]) => turned && !sameOrder(from, [...lead, ...outer, ...inner]),
  )
  const form = parted ? 'joined' : 'pair'
  const own = arrange(a, aLabels, front, readA, form, dimsOf, e)
  const second = arrange(b, bLabels, plan.kept, readB, form, dimsOf, e)
  const lead = second.dims.slice(0, -2)
  // ONNX Runtime 1.30 does not repeat a matrix for a batch of none.
  const first = plan.kind === 'spread' && lead.some(e.mayBeEmpty) ? repeat(own, lead, e) : own
  const natural = [...lead, merged(plan.rows), merged(plan.columns)]
  const product = e.op('MatMul', [first.name, second.name], {}, { dtype: 'f32', dims: natural })
  const sum = zeroWithout(merged(plan.summed), product, natural, e)
  return transposeTo(e.reshape(sum, 'f32', natural, dimsOf(order)), order, labels.out, dimsOf, e)
}

/** Products summed over an axis that may have no position: of several empty ones ONNX Runtime 1.30 writes only the first. */
export function zeroWithout(depth: Dim, products: string, dims: readonly Dim[], e: Emission): string {
  if (!e.mayBeEmpty(depth)) return products
  const some = e.once(`some:${depth.key}`, () => e.op('Less', [e.ints([0]), e.extent(depth)]))
  return e.op('Where', [some, products, e.float(0)], {}, { dtype: 'f32', dims })
}

/** A matrix for each position of some axes. */
function repeat({ name, dims }: Arranged, lead: readonly Dim[], e: Emission): Arranged {
  const all = [...lead, ...dims]
  return { name: e.op('Expand', [name, e.shape(all)], {}, { dtype: 'f32', dims: all }), dims: all }
}

/**
 * A row times a matrix, as a short product for each position of the outermost summed axis and the sum of those: ONNX
 * Runtime computes the long one in a single thread.
 */
function rowProduct(
  [row, matrix]: readonly [Operand, Operand],
  [outer, inner, columns]: readonly [Label, readonly Label[], readonly Label[]],
  out: readonly Label[],
  dimsOf: (list: readonly Label[]) => Dim[],
  e: Emission,
): string {
  const [lead] = dimsOf([outer]) as [Dim]
  const [depth, width] = [productDims(dimsOf(inner)), productDims(dimsOf(columns))]
  const first = e.reshape(row.name, 'f32', row.type.dims, [lead, oneDim, depth])
  const second = e.reshape(matrix.name, 'f32', matrix.type.dims, [lead, depth, width])
  const dims = [lead, oneDim, width]
  const products = zeroWithout(depth, e.op('MatMul', [first, second], {}, { dtype: 'f32', dims }), dims, e)
  const sum = e.op('ReduceSum', [products, e.ints([0, 1])], { keepdims: { int: 0 } }, { dtype: 'f32', dims: [width] })
  return transposeTo(e.reshape(sum, 'f32', [width], dimsOf(columns)), columns, out, dimsOf, e)
}

interface Arranged {
  readonly name: string
  readonly dims: readonly Dim[]
}

/**
 * An operand as [kept…, first, second] from its reading: `pair` merges each of the last two groups into one axis, of size 1
 * where it is empty; `open` leaves the axes of the first apart; `joined` also merges the kept axes. What is read turned is
 * merged so and then transposed, which ONNX Runtime fuses into the product.
 */
function arrange(
  operand: Operand,
  labels: readonly Label[],
  kept: readonly Label[],
  { outer, inner, turned }: Reading,
  form: 'pair' | 'open' | 'joined',
  dimsOf: (list: readonly Label[]) => Dim[],
  e: Emission,
): Arranged {
  const merged = (list: readonly Label[]): Dim => (list.length === 0 ? oneDim : productDims(dimsOf(list)))
  const order = [...kept, ...outer, ...inner]
  const moved = transposeTo(operand.name, labels, order, dimsOf, e)
  const lead = form === 'joined' && kept.length > 0 ? [merged(kept)] : dimsOf(kept)
  const dims = [...lead, ...(form === 'open' && !turned ? dimsOf(outer) : [merged(outer)]), merged(inner)]
  const name = e.reshape(moved, 'f32', dimsOf(order), dims)
  if (!turned) return { name, dims }
  const there = [...lead, merged(inner), merged(outer)]
  const perm = [...lead.keys(), lead.length + 1, lead.length]
  return { name: e.op('Transpose', [name], { perm: { ints: perm } }, { dtype: 'f32', dims: there }), dims: there }
}

/** Reorders axes from labels to labels. */
function transposeTo(
  name: string,
  from: readonly Label[],
  to: readonly Label[],
  dimsOf: (list: readonly Label[]) => Dim[],
  e: Emission,
): string {
  if (sameOrder(from, to)) return name
  const permutation = to.map((label) => from.indexOf(label))
  return e.op('Transpose', [name], { perm: { ints: permutation } }, { dtype: 'f32', dims: dimsOf(to) })
}

/** An element-wise product of two operands whose axes are placed by label, with size 1 where one lacks a label. */
function emitProduct(
  [left, leftLabels]: readonly [Operand, readonly Label[]],
  [right, rightLabels]: readonly [Operand, readonly Label[]],
  out: readonly Label[],
  dimsOf: (list: readonly Label[]) => Dim[],
  type: TensorType,
  e: Emission,
): string {
  const place = (operand: Operand, labels: readonly Label[]): string => {
    const order = out.filter((label) => labels.includes(label))
    const turned = transposeTo(operand.name, labels, order, dimsOf, e)
    const first = Math.max(
      0,
      out.findIndex((label) => labels.includes(label)),
    )
    // Axes that are lacking on the left need no mention.
    const spread = out.slice(first).map((label) => (labels.includes(label) ? (dimsOf([label])[0] as Dim) : oneDim))
    return e.reshape(turned, 'f32', dimsOf(order), order.length === 0 ? [] : spread)
  }
  return e.op('Mul', [place(left, leftLabels), place(right, rightLabels)], {}, type)
}
