/**
 * What the builder simplifies as it emits: constants, identities, and values that are only repeated. A rule gives a
 * value of the same type, or undefined; every rule makes the expression smaller, so they end.
 */
import { binaryArithmetic, isBinary, isUnary, unaryArithmetic } from '../ops/arithmetic.ts'
import type { Attributes, OpName } from '../ops/op.ts'
import { inferType, ops } from '../ops/table.ts'
import { alignReshape, broadcastDims, sameDims } from '../ops/types.ts'
import { type Dim, isOne, oneDim, sameDim, staticSize } from '../shapes/dim.ts'
import type { Builder } from './builder.ts'
import { contractValues, unbroadcast } from './contract.ts'
import type { TensorType, ValueId } from './graph.ts'
import { fill, match, negated, numberOf, spread } from './match.ts'
import { simplifySum } from './sums.ts'

export { numberOf }

type Rule<K extends OpName> = (
  b: Builder,
  operands: readonly [ValueId, ...ValueId[]],
  attributes: Attributes[K],
  type: TensorType,
) => ValueId | undefined

/**
 * True where s and t together are numbers, or smaller than p, one of whose factors s is: then s * t is the cheaper
 * order. As what is computed gets smaller each time, regrouping ends.
 */
function combine(b: Builder, p: ValueId, s: ValueId, t: ValueId): boolean {
  if (numberOf(b, s) !== undefined && numberOf(b, t) !== undefined) return true
  const together = broadcastDims([b.dimsOf(s), b.dimsOf(t)])
  const dims = b.dimsOf(p)
  if (typeof together === 'string' || together.length > dims.length) return false
  const shift = dims.length - together.length
  const smaller = (dim: Dim, axis: number): boolean =>
    !isOne(dim) && (axis < shift || isOne(together[axis - shift] as Dim))
  return together.every((dim, axis) => isOne(dim) || sameDim(dim, dims[axis + shift] as Dim)) && dims.some(smaller)
}

/** (A * s) * t and (A / s) * t as A * (s * t) and A * (t / s), where s and t are small beside A. */
function regroupProduct(b: Builder, p: ValueId, t: ValueId): ValueId | undefined {
  const product = match(b, p, 'mul')
  if (product)
    for (const [a, s] of [product, [product[1], product[0]] as const])
      if (combine(b, p, s, t)) return b.mul(a, b.mul(s, t))
  const quotient = match(b, p, 'div')
  return quotient && combine(b, p, quotient[1], t) ? b.mul(quotient[0], b.div(t, quotient[1])) : undefined
}

/** (A * s) / t and (A / s) / t as A * (s / t) and A / (s * t), where s and t are small beside A. */
function regroupQuotient(b: Builder, p: ValueId, t: ValueId): ValueId | undefined {
  const product = match(b, p, 'mul')
  if (product)
    for (const [a, s] of [product, [product[1], product[0]] as const])
      if (combine(b, p, s, t)) return b.mul(a, b.div(s, t))
  const quotient = match(b, p, 'div')
  return quotient && combine(b, p, quotient[1], t) ? b.div(quotient[0], b.mul(quotient[1], t)) : undefined
}

/** What a reshape of full dims does to a value that has 1 on some axes, or undefined where a group is cut. */
export function compactReshape(
  b: Builder,
  value: ValueId,
  from: readonly Dim[],
  to: readonly Dim[],
): ValueId | undefined {
  const groups = alignReshape(from, to)
  if (typeof groups === 'string') return undefined
  const own = b.dimsOf(value)
  const target = to.map(() => oneDim)
  for (const group of groups) {
    const whole = group.from.every((axis) => sameDim(own[axis] as Dim, from[axis] as Dim))
    if (whole) for (const axis of group.to) target[axis] = to[axis] as Dim
    else if (!group.from.every((axis) => isOne(own[axis] as Dim))) return undefined
  }
  return b.reshape(value, target)
}

/** Rules of ops that have their own, tried after constants are folded and repeats taken out of element-wise ops. */
const rules: { readonly [K in OpName]?: Rule<K> } = {
  neg: (b, [x]) => {
    const difference = match(b, x, 'sub')
    return negated(b, x) ?? (difference && b.sub(difference[1], difference[0]))
  },
  not: (b, [x]) => match(b, x, 'not')?.[0],
  stopGradient: (b, [x]) => (b.node(x).op === 'stopGradient' ? x : undefined),
  add: (b, [x, y], _, type) => {
    if (numberOf(b, x) === 0) return spread(b, y as ValueId, type)
    if (numberOf(b, y as ValueId) === 0) return spread(b, x, type)
    const minusY = negated(b, y as ValueId)
    if (minusY !== undefined) return b.sub(x, minusY)
    const minusX = negated(b, x)
    return minusX === undefined ? undefined : b.sub(y as ValueId, minusX)
  },
  sub: (b, [x, y], _, type) => {
    if (numberOf(b, y as ValueId) === 0) return spread(b, x, type)
    if (numberOf(b, x) === 0) return spread(b, b.neg(y as ValueId), type)
    const minusY = negated(b, y as ValueId)
    return minusY === undefined ? undefined : b.add(x, minusY)
  },
  mul: (b, [x, y], _, type) => {
    for (const [p, q] of [
      [x, y as ValueId],
      [y as ValueId, x],
    ] as const) {
      const n = numberOf(b, p)
      if (n === 0) return fill(b, 0, type)
      if (n === 1) return spread(b, q, type)
      if (n === -1) return spread(b, b.neg(q), type)
      const minus = negated(b, p)
      if (minus !== undefined) {
        const other = numberOf(b, q)
        return other === undefined ? b.neg(b.mul(minus, q)) : b.mul(minus, b.constant(-other, b.typeOf(q)))
      }
    }
    return regroupProduct(b, x, y as ValueId) ?? regroupProduct(b, y as ValueId, x)
  },
  div: (b, [x, y], _, type) => {
    const n = numberOf(b, y as ValueId)
    if (n === 1) return spread(b, x, type)
    if (numberOf(b, x) === 0) return fill(b, 0, type)
    if (n !== undefined && Number.isInteger(Math.log2(Math.abs(n)))) return b.mul(x, b.constant(1 / n))
    const minus = negated(b, x)
    if (minus !== undefined) return b.neg(b.div(minus, y as ValueId))
    return regroupQuotient(b, x, y as ValueId)
  },
  pow: (b, [x, y], _, type) => {
    const n = numberOf(b, y as ValueId)
    if (n === 0) return fill(b, 1, type)
    if (n === 1) return spread(b, x, type)
    if (n === 2) return spread(b, b.mul(x, x), type)
    if (n === -1) return spread(b, b.div(b.constant(1), x), type)
    return n === 0.5 ? spread(b, b.sqrt(x), type) : undefined
  },
  max: (_, [x, y]) => (x === y ? x : undefined),
  min: (_, [x, y]) => (x === y ? x : undefined),
  and: (b, [x, y], _, type) => logical(b, x, y as ValueId, type, 0),
  or: (b, [x, y], _, type) => logical(b, x, y as ValueId, type, 1),
  select: (b, [condition, yes, no], _, type) => {
    const c = numberOf(b, condition)
    if (c !== undefined) return spread(b, (c === 0 ? no : yes) as ValueId, type)
    if (yes === no) return spread(b, yes as ValueId, type)
    const same = numberOf(b, yes as ValueId)
    if (same !== undefined && Object.is(same, numberOf(b, no as ValueId))) return fill(b, same, type)
    const opposite = match(b, condition, 'not')
    return opposite && b.select(opposite[0], no as ValueId, yes as ValueId)
  },
  cast: (b, [x], { to }, type) => {
    const from = b.typeOf(x).dtype
    if (from === to) return x
    const n = numberOf(b, x)
    if (n !== undefined) return fill(b, to === 'i64' ? Math.trunc(n) : n, type)
    const node = b.node(x)
    return node.op === 'broadcast' ? spread(b, b.cast(node.operands[0] as ValueId, to), type) : undefined
  },

  transpose: (b, [x], { permutation }, type) => {
    if (permutation.every((axis, at) => axis === at)) return x
    const node = b.node(x)
    if (node.op === 'transpose') {
      const inner = node.attributes.permutation
      return b.transpose(
        node.operands[0] as ValueId,
        permutation.map((axis) => inner[axis] as number),
      )
    }
    return node.op === 'broadcast' ? spread(b, b.transpose(unbroadcast(b, x), permutation), type) : undefined
  },
  reshape: (b, [x], { dims }, type) => {
    if (sameDims(b.dimsOf(x), dims)) return x
    const node = b.node(x)
    if (node.op === 'reshape') {
      const source = node.operands[0] as ValueId
      return typeof inferType('reshape', [b.typeOf(source)], { dims }) === 'string'
        ? undefined
        : b.reshape(source, dims)
    }
    if (node.op !== 'broadcast') return undefined
    const compact = compactReshape(b, unbroadcast(b, x), node.type.dims, dims)
    return compact === undefined ? undefined : spread(b, compact, type)
  },
  broadcast: (b, [x], { dims }) => {
    if (sameDims(b.dimsOf(x), dims)) return x
    const node = b.node(x)
    const source = node.operands[0] as ValueId
    if (node.op === 'broadcast') return b.broadcast(source, dims)
    return node.op === 'reshape' && addsLeadingOnes(b.dimsOf(source), node.type.dims)
      ? b.broadcast(source, dims)
      : undefined
  },
  concat: (b, operands, _, type) => {
    if (operands.length === 1) return operands[0]
    const n = numberOf(b, operands[0])
    return n !== undefined && operands.every((operand) => Object.is(numberOf(b, operand), n))
      ? fill(b, n, type)
      : undefined
  },
  window: (b, [x], { axis, offset, stride, dilation, dim }, type) => {
    if (numberOf(b, x) === 0) return fill(b, 0, type)
    const same = stride === 1 && dilation === 1 && staticSize(offset) === 0 && sameDim(dim, b.dimsOf(x)[axis] as Dim)
    return same ? x : undefined
  },
  scatterAdd: (b, [y], _, type) => (numberOf(b, y) === 0 ? fill(b, 0, type) : undefined),

  sum: simplifySum,
  maximum: (b, [x], { axes }, type) => {
    const dims = b.dimsOf(x)
    const needed = axes.filter((axis) => !isOne(dims[axis] as Dim))
    if (needed.length === axes.length) return axes.length === 0 ? x : undefined
    return b.reshape(needed.length === 0 ? x : b.maximum(x, needed, true), type.dims)
  },
  softmax: (b, [x], { axis }, type) => (isOne(b.dimsOf(x)[axis] as Dim) ? fill(b, 1, type) : undefined),
  contract: (b, [x, y], spec, type) =>
    numberOf(b, x) === 0 || numberOf(b, y as ValueId) === 0
      ? fill(b, 0, type)
      : contractValues(b, x, y as ValueId, spec),
}

/** `and` and `or` with a constant: `absorbing` decides alone, the other constant says nothing. */
function logical(b: Builder, x: ValueId, y: ValueId, type: TensorType, absorbing: number): ValueId | undefined {
  if (x === y) return x
  for (const [p, q] of [
    [x, y],
    [y, x],
  ] as const) {
    const n = numberOf(b, p)
    if (n !== undefined) return n === absorbing ? fill(b, absorbing, type) : spread(b, q, type)
  }
  return undefined
}

const addsLeadingOnes = (from: readonly Dim[], to: readonly Dim[]): boolean => {
  const shift = to.length - from.length
  return shift > 0 && to.slice(0, shift).every(isOne) && sameDims(from, to.slice(shift))
}

/** Element-wise ops over repeated values work on what is repeated, and on the constants themselves. */
function elementwise(
  b: Builder,
  op: OpName,
  operands: readonly ValueId[],
  type: TensorType,
  again: (operands: readonly ValueId[]) => ValueId,
): ValueId | undefined {
  const numbers = operands.map((operand) => numberOf(b, operand))
  const [n, m] = numbers
  if (n !== undefined && isUnary(op)) return fill(b, unaryArithmetic[op](n), type)
  if (n !== undefined && m !== undefined && isBinary(op)) return fill(b, binaryArithmetic[op](n, m), type)
  const sources = operands.map((operand) => {
    const node = b.node(operand)
    const source = node.operands[0] as ValueId
    if (node.op === 'broadcast') return source
    return node.op === 'reshape' && addsLeadingOnes(b.dimsOf(source), node.type.dims) ? source : operand
  })
  if (sources.every((source, at) => source === operands[at])) return undefined
  const dims = broadcastDims(sources.map(b.dimsOf))
  if (typeof dims === 'string') return undefined
  const small = again(sources)
  // A reshape that only pads the rank on the left is put back by a broadcast or not needed.
  return sameDims(b.dimsOf(small), type.dims) ? small : b.broadcast(small, type.dims)
}

/** A simpler value equal to the operation, of the same type, or undefined. */
export function simplify<K extends OpName>(
  b: Builder,
  op: K,
  operands: readonly ValueId[],
  attributes: Attributes[K],
  type: TensorType,
): ValueId | undefined {
  const [head, ...tail] = operands
  if (head === undefined) return undefined
  const traits: readonly string[] = ops[op].traits
  if (traits.includes('elementwise') && op !== 'cast') {
    const smaller = elementwise(b, op, operands, type, (sources) => b.emit(op, sources, attributes))
    if (smaller !== undefined) return smaller
  }
  return rules[op]?.(b, [head, ...tail], attributes, type)
}
