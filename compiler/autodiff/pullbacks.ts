/** The derivative of each op: what a cotangent of the result says about the operands, or why it says nothing. */
import type { Builder } from '../ir/builder.ts'
import type { Node, ValueId } from '../ir/graph.ts'
import { numberOf } from '../ir/match.ts'
import { compactReshape } from '../ir/simplify.ts'
import type { OpName } from '../ops/op.ts'
import { axesOf, ownerOf } from '../ops/types.ts'
import { constantDim, type Dim, isOne, isRagged, negateDim, staticSize } from '../shapes/dim.ts'
import { keepAxes, materialise, reduceTo } from './cotangent.ts'
import { isNonZero } from './sign.ts'

export interface Pull<K extends OpName> {
  /** Stands at the node's place in the spec. */
  readonly b: Builder
  readonly node: Node<K>
  readonly x: ValueId
  readonly y: ValueId
  /** The result's cotangent: of its rank, with size 1 where it is only repeated. */
  readonly d: ValueId
  /** True where the operand's cotangent is asked for. */
  readonly wants: (operand: number) => boolean
}

/** For each operand a cotangent of its rank, with size 1 where it is only repeated; undefined for nothing. */
export type Pullback<K extends OpName> = (pull: Pull<K>) => readonly (ValueId | undefined)[]

/** A rule, or the reason why no derivative flows. */
export type PullbackRow<K extends OpName> = Pullback<K> | { readonly none: string }

const STEPS = { none: 'it is constant between steps' }
const LEAF = { none: 'it depends on nothing' }

/** A number as f32 []. */
const num = (b: Builder, value: number): ValueId => b.constant(value)
const zero = (b: Builder): ValueId => num(b, 0)
/** The value where no element of `of` is 0, and 0 where one is. */
const guarded = (b: Builder, of: ValueId, value: ValueId): ValueId =>
  isNonZero(b, of) ? value : b.select(b.equal(of, zero(b)), zero(b), value)

/** A one-operand op whose cotangent is computed from operand, result and cotangent. */
const unary =
  <K extends OpName>(rule: (b: Builder, d: ValueId, x: ValueId, y: ValueId) => ValueId): Pullback<K> =>
  ({ b, node, d, x }) => [rule(b, d, x, node.id)]

/** A two-operand op: cotangents at the result's dims, summed to the operands'. */
const binary =
  <K extends OpName>(left: (pull: Pull<K>) => ValueId, right: (pull: Pull<K>) => ValueId): Pullback<K> =>
  (pull) =>
    ([left, right] as const).map((rule, at) =>
      pull.wants(at)
        ? reduceTo(pull.b, rule(pull), pull.node.type.dims, pull.b.dimsOf(pull.node.operands[at] as ValueId))
        : undefined,
    )

/** The number that y is times x, where it is one: leaky rectifiers are max(x, a x). */
function multipleOf(b: Builder, y: ValueId, x: ValueId): number | undefined {
  const node = b.node(y)
  if (node.op !== 'mul') return undefined
  const [p, q] = node.operands as [ValueId, ValueId]
  return p === x ? numberOf(b, q) : q === x ? numberOf(b, p) : undefined
}

/**
 * max and min: each side gets the cotangent where it wins, and half where both are equal. Where one side is a multiple
 * of the other, the slope depends on the sign alone, and at 0 is the one below.
 */
function extremum<K extends 'max' | 'min'>({ b, node, x, y, d, wants }: Pull<K>): readonly (ValueId | undefined)[] {
  const greatest = node.op === 'max'
  for (const [one, other, at] of [
    [x, y, 0],
    [y, x, 1],
  ] as const) {
    const multiple = wants(at) ? multipleOf(b, other, one) : undefined
    if (multiple === undefined) continue
    const [low, high] = [Math.min(1, multiple), Math.max(1, multiple)]
    const [below, above] = greatest ? [low, high] : [high, low]
    const slope = b.select(b.less(zero(b), one), num(b, above), num(b, below))
    return at === 0 ? [b.mul(d, slope), undefined] : [undefined, b.mul(d, slope)]
  }
  const dims = node.type.dims
  const [won, lost] = greatest ? [b.less(y, x), b.less(x, y)] : [b.less(x, y), b.less(y, x)]
  const left = b.mul(d, b.select(won, num(b, 1), b.select(lost, num(b, 0), num(b, 0.5))))
  return [
    wants(0) ? reduceTo(b, left, dims, b.dimsOf(x)) : undefined,
    wants(1) ? reduceTo(b, b.sub(d, left), dims, b.dimsOf(y)) : undefined,
  ]
}

/** y x^(y - 1), and 0 where that is infinite or not a number. */
function powerSlope(b: Builder, x: ValueId, y: ValueId): ValueId {
  const p = numberOf(b, y)
  if (p === undefined) {
    const slope = b.mul(y, b.pow(x, b.sub(y, num(b, 1))))
    const infinite = b.and(b.equal(x, zero(b)), b.less(y, num(b, 1)))
    // Not a number is not equal to itself.
    return b.select(b.and(b.equal(slope, slope), b.not(infinite)), slope, zero(b))
  }
  const slope = b.mul(num(b, p), b.pow(x, num(b, p - 1)))
  if (!Number.isInteger(p)) return b.select(b.less(zero(b), x), slope, zero(b))
  return p >= 1 ? slope : guarded(b, x, slope)
}

/** How the axes of contract(x, x) swap when the operands do, as a permutation of the result's axes; else undefined. */
function swapOf(
  left: readonly number[],
  right: readonly number[],
  out: readonly number[],
): readonly number[] | undefined {
  const swap = new Map<number, number>()
  for (const [axis, label] of left.entries()) {
    const other = right[axis] as number
    if ((swap.get(label) ?? other) !== other || (swap.get(other) ?? label) !== label) return undefined
    swap.set(label, other)
    swap.set(other, label)
  }
  const permutation = out.map((label) => out.indexOf(swap.get(label) as number))
  return permutation.includes(-1) ? undefined : permutation
}

export const pullbacks = {
  input: LEAF,
  constant: LEAF,
  iota: LEAF,
  length: LEAF,
  valid: LEAF,

  neg: unary((b, d) => b.neg(d)),
  exp: unary((b, d, _, y) => b.mul(d, y)),
  /** 0 at 0, where the true one is infinite: so a side that `select` does not take adds 0 and not NaN. */
  log: unary((b, d, x) => guarded(b, x, b.div(d, x))),
  /** 0 at 0 and below, as for log. */
  sqrt: unary((b, d, x, y) => {
    const slope = b.div(num(b, 0.5), y)
    return b.mul(d, isNonZero(b, x) ? slope : b.select(b.less(zero(b), y), slope, zero(b)))
  }),
  /** 0 at 0. */
  abs: unary((b, d, x) => b.mul(d, b.sub(b.cast(b.less(zero(b), x), 'f32'), b.cast(b.less(x, zero(b)), 'f32')))),
  sin: unary((b, d, x) => b.mul(d, b.cos(x))),
  cos: unary((b, d, x) => b.neg(b.mul(d, b.sin(x)))),
  tanh: unary((b, d, _, y) => b.mul(d, b.sub(num(b, 1), b.mul(y, y)))),
  sigmoid: unary((b, d, _, y) => b.mul(d, b.mul(y, b.sub(num(b, 1), y)))),
  /** 0 at 0. */
  relu: unary((b, d, _, y) => b.select(b.less(zero(b), y), d, zero(b))),
  erf: unary((b, d, x) => b.mul(b.mul(d, num(b, 2 / Math.sqrt(Math.PI))), b.exp(b.neg(b.mul(x, x))))),
  floor: STEPS,
  stopGradient: { none: 'its derivative is defined as 0' },

  add: binary(
    ({ d }) => d,
    ({ d }) => d,
  ),
  sub: ({ b, node, d, x, y, wants }) => [
    wants(0) ? reduceTo(b, d, node.type.dims, b.dimsOf(x)) : undefined,
    // The sign changes after the sum, on fewer elements.
    wants(1) ? b.neg(reduceTo(b, d, node.type.dims, b.dimsOf(y))) : undefined,
  ],
  mul: (pull) => {
    const { b, d, x, y } = pull
    if (x === y) return [b.mul(b.mul(num(b, 2), d), x)]
    return binary<'mul'>(
      () => b.mul(d, y),
      () => b.mul(d, x),
    )(pull)
  },
  /** 0 where the divisor is 0: a side that `select` does not take, or a mean over nothing. */
  div: ({ b, node, d, x, y, wants }) => {
    const dims = node.type.dims
    const byY = (value: ValueId): ValueId =>
      isNonZero(b, y) ? b.div(value, y) : b.mul(value, guarded(b, y, b.div(num(b, 1), y)))
    return [
      wants(0) ? reduceTo(b, byY(d), dims, b.dimsOf(x)) : undefined,
      wants(1) ? b.neg(guarded(b, y, b.div(reduceTo(b, b.mul(d, node.id), dims, b.dimsOf(y)), y))) : undefined,
    ]
  },
  /**
   * With respect to the base 0 where the true one is infinite or not a number; with respect to the exponent 0 for
   * bases at or below 0.
   */
  pow: binary(
    ({ b, d, x, y }) => b.mul(d, powerSlope(b, x, y)),
    ({ b, node, d, x }) => b.select(b.lessEqual(x, zero(b)), zero(b), b.mul(b.mul(d, node.id), b.log(x))),
  ),
  max: extremum,
  min: extremum,
  equal: STEPS,
  less: STEPS,
  lessEqual: STEPS,
  and: STEPS,
  or: STEPS,
  not: STEPS,
  select: ({ b, node, d, wants }) => {
    const [condition, yes, no] = node.operands as [ValueId, ValueId, ValueId]
    const cut = (x: ValueId, y: ValueId, to: ValueId): ValueId =>
      reduceTo(b, b.select(condition, x, y), node.type.dims, b.dimsOf(to))
    return [undefined, wants(1) ? cut(d, zero(b), yes) : undefined, wants(2) ? cut(zero(b), d, no) : undefined]
  },
  cast: ({ b, d, x }) => [b.typeOf(x).dtype === 'f32' ? d : undefined],

  transpose: ({ b, node, d }) => {
    const { permutation } = node.attributes
    return [
      b.transpose(
        d,
        permutation.map((_, axis) => permutation.indexOf(axis)),
      ),
    ]
  },
  reshape: ({ b, node, d, x }) => {
    const full = node.type.dims
    return [compactReshape(b, d, full, b.dimsOf(x)) ?? b.reshape(b.broadcast(d, full), b.dimsOf(x))]
  },
  broadcast: ({ b, node, d, x }) => [reduceTo(b, d, node.type.dims, b.dimsOf(x))],
  concat: ({ b, node, d, wants }) => {
    const { axis } = node.attributes
    let start = 0
    return node.operands.map((operand, at) => {
      const dim = b.dimsOf(operand)[axis] as Dim
      const offset = constantDim(start)
      start += staticSize(dim) as number
      if (!wants(at)) return undefined
      return isOne(b.dimsOf(d)[axis] as Dim) ? d : b.window(d, { axis, offset, dim })
    })
  },
  window: ({ b, node, d, x }) => {
    const { axis, offset, stride, dilation } = node.attributes
    const full = node.type.dims
    const dim = b.dimsOf(x)[axis] as Dim
    const needsOwner = isRagged(offset) || isRagged(dim)
    const whole = materialise(b, d, full, needsOwner ? [axis, ownerOf(full, axis)] : [axis])
    return [b.window(whole, { axis, offset: negateDim(offset), stride: dilation, dilation: stride, dim })]
  },
  gather: ({ b, node, d, x, y }) => {
    const { batchAxes } = node.attributes
    const whole = materialise(b, d, node.type.dims, axesOf(b.dimsOf(y).length))
    return [b.scatterAdd(whole, y, batchAxes, b.dimsOf(x)[batchAxes] as Dim), undefined]
  },
  scatterAdd: ({ b, node, d, y }) => {
    const { batchAxes } = node.attributes
    return [b.gather(materialise(b, d, node.type.dims, axesOf(batchAxes + 1)), y, batchAxes), undefined]
  },

  sum: ({ b, node, d, x }) => [keepAxes(b, d, b.dimsOf(x).length, node.attributes.axes)],
  /** Ties share the cotangent evenly. */
  maximum: ({ b, node, d, x }) => {
    const { axes } = node.attributes
    const rank = b.dimsOf(x).length
    const ties = b.cast(b.equal(x, keepAxes(b, node.id, rank, axes)), 'f32')
    const count = b.max(b.sum(ties, axes, true), num(b, 1))
    return [b.mul(ties, b.div(keepAxes(b, d, rank, axes), count))]
  },
  softmax: ({ b, node, d }) => [b.mul(node.id, b.sub(d, b.sum(b.mul(d, node.id), [node.attributes.axis], true)))],
  contract: ({ b, node, d, x, y, wants }) => {
    const { left, right, out } = node.attributes
    // x · xᵀ pulls back as (d + dᵀ) · x: one product for two.
    const swap = x === y ? swapOf(left, right, out) : undefined
    if (swap) return [b.contract(b.add(d, b.transpose(d, swap)), x, out, right, left)]
    return [
      wants(0) ? b.contract(d, y, out, right, left) : undefined,
      wants(1) ? b.contract(d, x, out, left, right) : undefined,
    ]
  },
} satisfies { readonly [K in OpName]: PullbackRow<K> }

/** The derivative of an op, for code that holds its name in a variable. */
export const pullbackOf = <K extends OpName>(op: K): PullbackRow<K> => {
  const table: { readonly [P in OpName]: PullbackRow<P> } = pullbacks
  return table[op]
}
