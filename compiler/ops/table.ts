/** The facts of each primitive op, one row an op: what it takes, the type it makes, its cost and its traits. */
import type { DType, TensorType } from '../ir/graph.ts'
import {
  addDim,
  batchDim,
  type Dim,
  formatDim,
  isBatch,
  isRagged,
  sameDim,
  staticSize,
  zeroDim,
} from '../shapes/dim.ts'
import type { Attributes, OpName } from './op.ts'
import { alignReshape, broadcastDims, formatType, illFormed, ownerOf, reduceDims } from './types.ts'

/**
 * leaf: no operands; elementwise: each result element reads the operands' elements at its own place only;
 * arrangement: moves elements without arithmetic; reduction: reads along whole axes of one operand; indexing: reads at
 * places that another operand holds; contraction: a product summed over axes; commutative: the operands may swap.
 */
export type Trait = 'leaf' | 'elementwise' | 'arrangement' | 'reduction' | 'indexing' | 'contraction' | 'commutative'

/** Arithmetic operations, and bytes read and written when nothing is kept in a cache. */
export interface Cost {
  readonly flops: number
  readonly bytes: number
}

export interface OpFacts<K extends OpName> {
  /** One line of documentation. */
  readonly doc: string
  readonly operands: number | 'variadic'
  readonly traits: readonly Trait[]
  /**
   * The result's type, or why there is none. `own` is the type that an `input` or `constant` node states; other
   * ops do not look at it.
   */
  readonly infer: (
    operands: readonly TensorType[],
    attributes: Attributes[K],
    own: TensorType | undefined,
  ) => TensorType | string
  /** `sizeOf` gives a dim's size, for instance at lengths that a person named. */
  readonly cost: (
    operands: readonly TensorType[],
    attributes: Attributes[K],
    result: TensorType,
    sizeOf: (dim: Dim) => number,
  ) => Cost
}

const BYTES: Readonly<Record<DType, number>> = { f32: 4, i64: 8, bool: 1 }
type SizeOf = (dim: Dim) => number
const count = (dims: readonly Dim[], sizeOf: SizeOf): number => dims.reduce((n, dim) => n * sizeOf(dim), 1)
const traffic = (types: readonly TensorType[], sizeOf: SizeOf): number =>
  types.reduce((n, type) => n + count(type.dims, sizeOf) * BYTES[type.dtype], 0)

const f32 = (dims: readonly Dim[]): TensorType => ({ dtype: 'f32', dims })
/** The type where its dims are possible and `f32`-like rules held. */
const checked = (dtype: DType, dims: readonly Dim[] | string): TensorType | string =>
  typeof dims === 'string' ? dims : (illFormed(dims) ?? { dtype, dims })
const first = (operands: readonly TensorType[]): TensorType => operands[0] as TensorType
const wrongAxis = (rank: number, axes: readonly number[]): string | undefined => {
  const axis = axes.find((a) => !Number.isInteger(a) || a < 0 || a >= rank)
  if (axis !== undefined) return `there is no axis ${axis}`
  return new Set(axes).size < axes.length ? 'an axis is named twice' : undefined
}

const moves = (operands: readonly TensorType[], _: unknown, result: TensorType, sizeOf: SizeOf): Cost => ({
  flops: 0,
  bytes: traffic([...operands, result], sizeOf),
})
const perElement =
  (flops: number) =>
  (operands: readonly TensorType[], _: unknown, result: TensorType, sizeOf: SizeOf): Cost => ({
    flops: flops * count(result.dims, sizeOf),
    bytes: traffic([...operands, result], sizeOf),
  })
const perOperandElement =
  (flops: number) =>
  (operands: readonly TensorType[], _: unknown, result: TensorType, sizeOf: SizeOf): Cost => ({
    flops: flops * count(first(operands).dims, sizeOf),
    bytes: traffic([...operands, result], sizeOf),
  })
const free = (): Cost => ({ flops: 0, bytes: 0 })
const writes = (_: readonly TensorType[], __: unknown, result: TensorType, sizeOf: SizeOf): Cost => ({
  flops: 0,
  bytes: traffic([result], sizeOf),
})

type Infer = (operands: readonly TensorType[]) => TensorType | string
/** Element by element, all operands of one of `from`; the result is of `to`, or of the operands' type. */
const elementwise =
  (from: readonly DType[], to?: DType): Infer =>
  (operands) => {
    const { dtype } = first(operands)
    if (!from.includes(dtype)) return `operands must be ${from.join(' or ')}`
    if (operands.some((type) => type.dtype !== dtype)) return 'operands have different element types'
    return checked(to ?? dtype, broadcastDims(operands.map((type) => type.dims)))
  }
const unary = (doc: string, flops: number) => ({
  doc,
  operands: 1,
  traits: ['elementwise'] as const,
  infer: elementwise(['f32']),
  cost: perElement(flops),
})
const binary = (doc: string, commutative: boolean, from: readonly DType[], to?: DType, flops = 1) => ({
  doc,
  operands: 2,
  traits: commutative ? (['elementwise', 'commutative'] as const) : (['elementwise'] as const),
  infer: elementwise(from, to),
  cost: perElement(flops),
})
const reduction = (doc: string) => ({
  doc,
  operands: 1,
  traits: ['reduction'] as const,
  infer: (operands: readonly TensorType[], { axes, keep }: Attributes['sum']): TensorType | string => {
    const { dtype, dims } = first(operands)
    if (dtype !== 'f32') return 'the operand must be f32'
    const wrong = wrongAxis(dims.length, axes)
    if (wrong) return wrong
    const lost = dims.findIndex(
      (dim, axis) => isRagged(dim) && !axes.includes(axis) && axes.includes(ownerOf(dims, axis)),
    )
    if (lost >= 0) return `axis ${lost} (${formatDim(dims[lost] as Dim)}) would lose its batch axis`
    return checked('f32', reduceDims(dims, axes, keep))
  },
  cost: perOperandElement(1),
})

function inferContract(
  operands: readonly TensorType[],
  { left, right, out }: Attributes['contract'],
): TensorType | string {
  const sides = [left, right] as const
  const dimOf = new Map<number, Dim>()
  const ownerLabel = new Map<number, number | undefined>()
  for (const [side, labels] of sides.entries()) {
    const { dtype, dims } = operands[side] as TensorType
    if (dtype !== 'f32') return 'operands must be f32'
    if (labels.length !== dims.length) return `operand ${side} has ${dims.length} axes and ${labels.length} labels`
    if (new Set(labels).size < labels.length) return 'a label stands twice in one operand'
    for (const [axis, label] of labels.entries()) {
      const dim = dims[axis] as Dim
      const seen = dimOf.get(label)
      if (seen && !sameDim(seen, dim)) return `label ${label} is ${formatDim(seen)} and ${formatDim(dim)}`
      dimOf.set(label, dim)
      if (!isRagged(dim)) continue
      const owner = labels[ownerOf(dims, axis)]
      if (ownerLabel.has(label) && ownerLabel.get(label) !== owner)
        return `label ${label} belongs to different batch axes`
      ownerLabel.set(label, owner)
    }
  }
  if (new Set(out).size < out.length) return 'a label stands twice in the result'
  const missing = out.find((label) => !dimOf.has(label))
  if (missing !== undefined) return `label ${missing} of the result is in no operand`
  const lone = [...dimOf.keys()].find(
    (label) => !out.includes(label) && !(left.includes(label) && right.includes(label)),
  )
  if (lone !== undefined) return `label ${lone} is in one operand only and not in the result`
  const dims = out.map((label) => dimOf.get(label) as Dim)
  for (const [axis, label] of out.entries())
    if (ownerLabel.has(label) && ownerLabel.get(label) !== out[ownerOf(dims, axis)])
      return `axis ${axis} of the result (${formatDim(dims[axis] as Dim)}) would lose its batch axis`
  return checked('f32', dims)
}

/** Axes of (x, ids) for gather and scatterAdd: P shared leading axes, ids' own axes N, the rest R. */
function checkIds(ids: TensorType, shared: readonly Dim[]): string | undefined {
  if (ids.dtype !== 'i64') return 'ids must be i64'
  if (ids.dims.length < shared.length) return 'ids lack a shared leading axis'
  const axis = shared.findIndex((dim, at) => !sameDim(dim, ids.dims[at] as Dim))
  return axis < 0 ? undefined : `shared axis ${axis} differs between the operands`
}
/** Why the axes after `from` in `before` cannot follow those in `after`: a ragged one would change its batch axis. */
function ownersMove(
  before: readonly Dim[],
  beforeAt: number,
  after: readonly Dim[],
  afterAt: number,
  shared: number,
): boolean {
  return before.slice(beforeAt).some((dim, at) => {
    if (!isRagged(dim)) return false
    const old = ownerOf(before, beforeAt + at)
    const now = ownerOf(after, afterAt + at)
    return old < beforeAt ? old >= shared || now !== old : now - afterAt !== old - beforeAt
  })
}

/** Every op. Behaviour stands elsewhere, in tables that are total over the same names. */
export const ops = {
  input: {
    doc: 'A value given from outside.',
    operands: 0,
    traits: ['leaf'],
    infer: (_, __, own) => (own ? checked(own.dtype, own.dims) : 'an input must state its type'),
    cost: free,
  },
  constant: {
    doc: 'One number in every element, or the elements row by row.',
    operands: 0,
    traits: ['leaf'],
    infer: (_, { value }, own) => {
      if (!own) return 'a constant must state its type'
      if (typeof value === 'number') return checked(own.dtype, own.dims)
      const size = own.dims.reduce((n, dim) => n * (staticSize(dim) ?? Number.NaN), 1)
      return size === value.length ? own : `${value.length} numbers do not fill the shape`
    },
    cost: writes,
  },
  iota: {
    doc: '0, 1, …, dim - 1, for each sample where the dim is ragged.',
    operands: 0,
    traits: ['leaf'],
    infer: (_, { dim }) => f32(isRagged(dim) ? [batchDim, dim] : [dim]),
    cost: writes,
  },
  length: {
    doc: 'The value of a dim, for each sample where it is ragged.',
    operands: 0,
    traits: ['leaf'],
    infer: (_, { dim }) => f32(isRagged(dim) ? [batchDim] : []),
    cost: writes,
  },
  valid: {
    doc: 'Which positions of a ragged dim are inside the sample.',
    operands: 0,
    traits: ['leaf'],
    infer: (_, { dim }) => (isRagged(dim) ? { dtype: 'bool', dims: [batchDim, dim] } : 'the dim is not ragged'),
    cost: writes,
  },

  neg: { ...unary('The negative, -x.', 1), infer: elementwise(['f32', 'i64']) },
  exp: unary('e to the power x.', 1),
  log: unary('The natural logarithm.', 1),
  sqrt: unary('The square root.', 1),
  abs: { ...unary('The absolute value.', 1), infer: elementwise(['f32', 'i64']) },
  sin: unary('The sine.', 1),
  cos: unary('The cosine.', 1),
  tanh: unary('The hyperbolic tangent.', 1),
  sigmoid: unary('The logistic function, 1 / (1 + exp(-x)).', 4),
  relu: unary('x where it is above 0, else 0.', 1),
  erf: unary('The error function.', 1),
  floor: unary('The greatest whole number that is not above x.', 1),
  stopGradient: { ...unary('x, with a derivative of 0.', 0), cost: free },

  add: binary('The sum of two, x + y.', true, ['f32', 'i64']),
  sub: binary('The difference, x - y.', false, ['f32', 'i64']),
  mul: binary('The product of two, x * y.', true, ['f32', 'i64']),
  div: binary('The quotient, x / y.', false, ['f32']),
  pow: binary('x to the power y.', false, ['f32']),
  max: binary('The greater of x and y.', true, ['f32', 'i64']),
  min: binary('The lesser of x and y.', true, ['f32', 'i64']),
  equal: binary('True where x = y.', true, ['f32', 'i64'], 'bool'),
  less: binary('True where x < y.', false, ['f32', 'i64'], 'bool'),
  lessEqual: binary('True where x <= y.', false, ['f32', 'i64'], 'bool'),
  and: binary('True where both are.', true, ['bool']),
  or: binary('True where either is.', true, ['bool']),
  not: { ...unary('True where x is not.', 1), infer: elementwise(['bool']) },
  select: {
    doc: 'The second operand where the first is true, else the third.',
    operands: 3,
    traits: ['elementwise'],
    infer: (operands) => {
      const [condition, yes, no] = operands as [TensorType, TensorType, TensorType]
      if (condition.dtype !== 'bool') return 'the condition must be bool'
      if (yes.dtype !== no.dtype) return 'the sides have different element types'
      return checked(yes.dtype, broadcastDims(operands.map((type) => type.dims)))
    },
    cost: perElement(1),
  },
  cast: {
    doc: 'The same numbers as another element type; f32 to i64 goes towards zero.',
    operands: 1,
    traits: ['elementwise'],
    infer: (operands, { to }) =>
      to === 'bool' && first(operands).dtype !== 'bool'
        ? 'compare to get a bool'
        : { dtype: to, dims: first(operands).dims },
    cost: moves,
  },

  transpose: {
    doc: 'Axes in another order.',
    operands: 1,
    traits: ['arrangement'],
    infer: (operands, { permutation }) => {
      const { dtype, dims } = first(operands)
      const wrong = wrongAxis(dims.length, permutation)
      if (wrong || permutation.length !== dims.length) return wrong ?? 'the permutation has the wrong length'
      const out = permutation.map((axis) => dims[axis] as Dim)
      const moved = permutation.some(
        (axis, at) => isRagged(dims[axis] as Dim) && permutation[ownerOf(out, at)] !== ownerOf(dims, axis),
      )
      return moved ? 'a ragged axis would leave its batch axis' : checked(dtype, out)
    },
    cost: moves,
  },
  reshape: {
    doc: 'The same elements in row order under other dims.',
    operands: 1,
    traits: ['arrangement'],
    infer: (operands, { dims }) => {
      const groups = alignReshape(first(operands).dims, dims)
      return typeof groups === 'string' ? groups : checked(first(operands).dtype, dims)
    },
    cost: free,
  },
  broadcast: {
    doc: 'Repeated along axes where the operand has size 1, or that it lacks on the left.',
    operands: 1,
    traits: ['arrangement'],
    infer: (operands, { dims }) => {
      const { dtype, dims: from } = first(operands)
      if (from.length > dims.length) return 'the result has fewer axes than the operand'
      const out = broadcastDims([from, dims])
      if (typeof out === 'string') return out
      return out.every((dim, axis) => sameDim(dim, dims[axis] as Dim))
        ? checked(dtype, dims)
        : 'an axis would shrink to 1'
    },
    cost: moves,
  },
  concat: {
    doc: 'Operands one after another along a static axis.',
    operands: 'variadic',
    traits: ['arrangement'],
    infer: (operands, { axis }) => {
      if (operands.length === 0) return 'there is nothing to join'
      const { dtype, dims } = first(operands)
      const wrong = wrongAxis(dims.length, [axis])
      if (wrong) return wrong
      let total = zeroDim
      for (const type of operands) {
        if (type.dtype !== dtype) return 'operands have different element types'
        if (type.dims.length !== dims.length) return 'operands have different numbers of axes'
        const other = type.dims.findIndex((dim, at) => at !== axis && !sameDim(dim, dims[at] as Dim))
        if (other >= 0) return `axis ${other} differs between the operands`
        const dim = type.dims[axis] as Dim
        if (staticSize(dim) === undefined) return `the joined axis must be static, and is ${formatDim(dim)}`
        total = addDim(total, dim)
      }
      return checked(
        dtype,
        dims.map((dim, at) => (at === axis ? total : dim)),
      )
    },
    cost: moves,
  },
  window: {
    doc: 'x at stride * j + offset, over dilation, for j below dim along one axis; 0 outside the sample.',
    operands: 1,
    traits: ['arrangement'],
    infer: (operands, { axis, offset, stride, dilation, dim }) => {
      const { dtype, dims } = first(operands)
      const wrong = wrongAxis(dims.length, [axis])
      if (wrong) return wrong
      if (isBatch(dims[axis] as Dim)) return 'the axis may not be the batch axis'
      if (![stride, dilation].every((n) => Number.isInteger(n) && n > 0))
        return 'stride and dilation must be positive whole numbers'
      if (stride !== 1 && dilation !== 1) return 'one of stride and dilation must be 1'
      if (isRagged(offset) && ownerOf(dims, axis) < 0)
        return 'the offset depends on lengths, and there is no batch axis'
      return checked(
        dtype,
        dims.map((old, at) => (at === axis ? dim : old)),
      )
    },
    cost: moves,
  },
  gather: {
    doc: 'Slices of the first operand at the places that the second holds.',
    operands: 2,
    traits: ['indexing'],
    infer: (operands, { batchAxes }) => {
      const [x, ids] = operands as [TensorType, TensorType]
      if (x.dims.length <= batchAxes) return 'there is no axis to read along'
      const wrong = checkIds(ids, x.dims.slice(0, batchAxes))
      if (wrong) return wrong
      const out = [...ids.dims, ...x.dims.slice(batchAxes + 1)]
      if (ownersMove(x.dims, batchAxes + 1, out, ids.dims.length, batchAxes))
        return 'a ragged axis would change its batch axis'
      return checked(x.dtype, out)
    },
    cost: writes,
  },
  scatterAdd: {
    doc: "Slices added at the places that the second operand holds: gather's adjoint.",
    operands: 2,
    traits: ['indexing'],
    infer: (operands, { batchAxes, dim }) => {
      const [y, ids] = operands as [TensorType, TensorType]
      if (y.dtype !== 'f32') return 'the first operand must be f32'
      const wrong = checkIds(ids, y.dims.slice(0, ids.dims.length))
      if (wrong || batchAxes > ids.dims.length) return wrong ?? 'ids lack a shared leading axis'
      const out = [...y.dims.slice(0, batchAxes), dim, ...y.dims.slice(ids.dims.length)]
      if (ownersMove(y.dims, ids.dims.length, out, batchAxes + 1, batchAxes))
        return 'a ragged axis would change its batch axis'
      return checked('f32', out)
    },
    cost: perOperandElement(1),
  },

  sum: reduction('The sum along axes; 0 over nothing.'),
  maximum: reduction('The greatest along axes; 0 over nothing.'),
  softmax: {
    doc: 'Normalised exponentials along one axis.',
    operands: 1,
    traits: ['reduction'],
    infer: (operands, { axis }) => {
      const { dtype, dims } = first(operands)
      if (dtype !== 'f32') return 'the operand must be f32'
      return (
        wrongAxis(dims.length, [axis]) ??
        (isBatch(dims[axis] as Dim) && dims.some((dim, at) => isRagged(dim) && ownerOf(dims, at) === axis)
          ? 'the batch axis of a ragged axis cannot be normalised over'
          : f32(dims))
      )
    },
    cost: perElement(5),
  },
  contract: {
    doc: 'A product of two tensors summed over shared axes.',
    operands: 2,
    traits: ['contraction'],
    infer: inferContract,
    cost: (operands, { left, right }, result, sizeOf) => {
      const sizes = new Map<number, number>()
      for (const [side, labels] of [left, right].entries())
        for (const [axis, label] of labels.entries())
          sizes.set(label, sizeOf((operands[side] as TensorType).dims[axis] as Dim))
      const products = [...sizes.values()].reduce((n, size) => n * size, 1)
      return { flops: 2 * products, bytes: traffic([...operands, result], sizeOf) }
    },
  },
} satisfies { readonly [K in OpName]: OpFacts<K> }

/** The facts of an op, for code that holds its name in a variable. */
export const factsOf = <K extends OpName>(op: K): OpFacts<K> => {
  const table: { readonly [P in OpName]: OpFacts<P> } = ops
  return table[op]
}

/** Every op's name, in the table's order. */
export const opNames = Object.keys(ops) as readonly OpName[]

/** The type an op gives, or why it gives none, the number of operands checked first. */
export function inferType<K extends OpName>(
  op: K,
  operands: readonly TensorType[],
  attributes: Attributes[K],
  own?: TensorType,
): TensorType | string {
  const facts = factsOf(op)
  if (facts.operands !== 'variadic' && facts.operands !== operands.length)
    return `it takes ${facts.operands} operands, not ${operands.length}`
  return facts.infer(operands, attributes, own)
}

/** `contract(f32[batch, 4], f32[4])`, for messages. */
export const describeCall = (op: OpName, operands: readonly TensorType[]): string =>
  `${op}(${operands.map(formatType).join(', ')})`
