/** Contractions as matrix products: picks the arrangement of the two operands that moves the least memory. */
import type { TensorType } from '../../ir/graph.ts'
import { BATCH, type Dim, oneDim, productDims } from '../../shapes/dim.ts'
import type { Emission, Operand } from './emission.ts'

type Label = number

/** How a contraction is computed: transpose and merge both sides, multiply, split and transpose back. */
interface Plan {
  /** `flat`: the right side is one matrix. `batched`: one product for each position of the shared kept axes. */
  readonly kind: 'flat' | 'batched'
  readonly swap: boolean
  readonly kept: readonly Label[]
  readonly rows: readonly Label[]
  readonly summed: readonly Label[]
  readonly columns: readonly Label[]
  /** Elements that are moved by transposes that ONNX Runtime does not fuse into the product. */
  readonly cost: number
}

const sameOrder = (a: readonly Label[], b: readonly Label[]): boolean =>
  a.length === b.length && a.every((label, i) => label === b[i])

/** The number of elements of a tensor of these dims, with a guess for what is known at run time only. */
function guessSize(dims: readonly Dim[]): number {
  return productDims(dims).terms.reduce((sum, term) => {
    const atoms = term.atoms.reduce((p, a) => p * (a.kind === 'seq' && a.name === BATCH ? 32 : 128), 1)
    return sum + (Number(term.coefficient.n) / Number(term.coefficient.d)) * atoms
  }, 0)
}

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
  const inBoth = labels.left.filter((label) => labels.right.includes(label))
  const summed = inBoth.filter((label) => !labels.out.includes(label))
  const kept = labels.out.filter((label) => inBoth.includes(label))
  const rows = labels.out.filter((label) => labels.left.includes(label) && !inBoth.includes(label))
  const columns = labels.out.filter((label) => labels.right.includes(label) && !inBoth.includes(label))

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

  const plan = choosePlan(labels, { kept, rows, summed, columns }, dimsOf)
  const [a, b] = plan.swap ? [right, left] : [left, right]
  const [aLabels, bLabels] = plan.swap ? [labels.right, labels.left] : [labels.left, labels.right]
  const merged = (list: readonly Label[]): Dim[] => (list.length === 0 ? [] : [productDims(dimsOf(list))])
  if (plan.kind === 'flat') {
    // [rows…, summed] x [summed, columns]. Without rows ONNX's rule for vectors gives the right rank; without columns it
    // would, but ONNX Runtime takes ten times as long over a vector on the right as over one column.
    const first = arrange(a, aLabels, [], plan.rows, plan.summed, true, dimsOf, e)
    const second = arrange(b, bLabels, [], plan.summed, plan.columns, false, dimsOf, e)
    const depth = second.dims[0] as Dim
    const column = merged(plan.columns)[0] ?? oneDim
    const matrix = e.reshape(second.name, 'f32', second.dims, [depth, column])
    const natural = [...first.dims.slice(0, -1), column]
    const product = e.op('MatMul', [first.name, matrix], {}, { dtype: 'f32', dims: natural })
    const order = [...plan.rows, ...plan.columns]
    return transposeTo(e.reshape(product, 'f32', natural, dimsOf(order)), order, labels.out, dimsOf, e)
  }
  const rowDim = merged(plan.rows)[0] ?? oneDim
  const columnDim = merged(plan.columns)[0] ?? oneDim
  const first = arrange(a, aLabels, plan.kept, plan.rows, plan.summed, false, dimsOf, e)
  const second = arrange(b, bLabels, plan.kept, plan.summed, plan.columns, false, dimsOf, e)
  const natural = [...dimsOf(plan.kept), rowDim, columnDim]
  const product = e.op('MatMul', [first.name, second.name], {}, { dtype: 'f32', dims: natural })
  const order = [...plan.kept, ...plan.rows, ...plan.columns]
  return transposeTo(e.reshape(product, 'f32', natural, dimsOf(order)), order, labels.out, dimsOf, e)
}

/** Tries both orders of the operands, and the axes of each group in the result's order or in the operand's own. */
function choosePlan(
  labels: { readonly left: readonly Label[]; readonly right: readonly Label[]; readonly out: readonly Label[] },
  groups: { kept: readonly Label[]; rows: readonly Label[]; summed: readonly Label[]; columns: readonly Label[] },
  dimsOf: (list: readonly Label[]) => Dim[],
): Plan {
  const within = (list: readonly Label[], group: readonly Label[]): Label[] =>
    list.filter((label) => group.includes(label))
  let best: Plan | undefined
  for (const swap of [false, true]) {
    const [a, b] = swap ? [labels.right, labels.left] : [labels.left, labels.right]
    const [rowGroup, columnGroup] = swap ? [groups.columns, groups.rows] : [groups.rows, groups.columns]
    for (const rows of options(rowGroup, within(a, rowGroup))) {
      for (const columns of options(columnGroup, within(b, columnGroup))) {
        for (const summed of options(within(a, groups.summed), within(b, groups.summed))) {
          for (const kept of options(groups.kept, within(a, groups.kept))) {
            const move = (from: readonly Label[], x: readonly Label[], y: readonly Label[]): number => {
              if (sameOrder(from, [...kept, ...x, ...y])) return 0
              // ONNX Runtime reads the last two axes of an operand either way round.
              return sameOrder(from, [...kept, ...y, ...x]) ? 1 : 2 * guessSize(dimsOf(from))
            }
            const order = [...kept, ...rows, ...columns]
            const back = sameOrder(order, labels.out) ? 0 : 2 * guessSize(dimsOf(order))
            const cost = move(a, rows, summed) + move(b, summed, columns) + back
            const kind = kept.length === 0 ? 'flat' : 'batched'
            if (!best || cost < best.cost) best = { kind, swap, kept, rows, summed, columns, cost }
          }
        }
      }
    }
  }
  return best as Plan
}

const options = (a: readonly Label[], b: readonly Label[]): (readonly Label[])[] => (sameOrder(a, b) ? [a] : [a, b])

/**
 * An operand as [kept…, first, second], each group merged into one axis. Groups that stand the other way round are
 * merged as they stand and then transposed, which ONNX Runtime fuses into the product. With `open`, the axes of
 * `first` stay apart where they need no transpose.
 */
function arrange(
  operand: Operand,
  labels: readonly Label[],
  kept: readonly Label[],
  first: readonly Label[],
  second: readonly Label[],
  open: boolean,
  dimsOf: (list: readonly Label[]) => Dim[],
  e: Emission,
): { name: string; dims: Dim[] } {
  const flat = kept.length === 0
  // In a batched product an empty group is an axis of size 1; in a flat one it is left out.
  const one = (list: readonly Label[]): Dim[] => (list.length > 0 ? [productDims(dimsOf(list))] : flat ? [] : [oneDim])
  const backwards = [...kept, ...second, ...first]
  if (first.length > 0 && second.length > 0 && sameOrder(labels, backwards)) {
    const dims = [...dimsOf(kept), ...one(second), ...one(first)]
    const name = e.reshape(operand.name, 'f32', operand.type.dims, dims)
    const rank = dims.length
    const permutation = [...dims.keys()].map((i) => (i === rank - 1 ? rank - 2 : i === rank - 2 ? rank - 1 : i))
    const turned = permutation.map((i) => dims[i] as Dim)
    return {
      name: e.op('Transpose', [name], { perm: { ints: permutation } }, { dtype: 'f32', dims: turned }),
      dims: turned,
    }
  }
  const order = [...kept, ...first, ...second]
  const turned = transposeTo(operand.name, labels, order, dimsOf, e)
  const dims = [...dimsOf(kept), ...(open ? dimsOf(first) : one(first)), ...one(second)]
  return { name: e.reshape(turned, 'f32', dimsOf(order), dims), dims }
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
