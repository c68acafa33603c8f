/**
 * What each op does with padding: what it must find in its operands' padded positions, and what its result holds
 * there. The padding pass and its checks read nothing else.
 */
import type { Node, TensorType } from '../ir/graph.ts'
import { addDim, constantDim, type Dim, isRagged, scaleDim, subDim } from '../shapes/dim.ts'
import { rational } from '../shapes/rational.ts'
import type { Attributes, OpName } from './op.ts'
import { alignReshape } from './types.ts'

/**
 * What is known of those positions of a value that lie beyond the sample's length on one ragged axis: that each holds
 * this very number; that each is at most -1e29, so that it weighs nothing under a softmax; that each is finite; or
 * nothing (`any`: perhaps NaN or infinite). A position beyond two lengths obeys what both axes say.
 */
export type Padding = number | 'low' | 'finite' | 'any'

/** An operand as a rule sees it. */
export interface OperandView {
  readonly type: TensorType
  /** The number that every element holds, where the operand is such a constant. */
  readonly constant: number | undefined
  /** One for each axis; undefined where the axis is not ragged. */
  readonly padding: readonly (Padding | undefined)[]
}

/** What an op must find on a ragged axis of an operand. */
export type Demand = 'finite' | 'zero' | 'known' | 'notNegative' | 'notZero' | 'positive' | 'low' | 'lowest'

/** How the pass meets an unmet demand; all but `mask` concern that one use of the operand. */
export type Repair =
  /** Zero from where the operand is made, for all that read it. */
  | 'mask'
  /** 1 in place of what is there. */
  | 'one'
  /** -1e30 is added. */
  | 'low'
  /** The lowest number stands in place of what is there. */
  | 'lowest'
  /** The sum becomes a product with the mask row. */
  | 'rows'

/** A demand on one ragged axis of one operand. */
export interface Need {
  readonly operand: number
  readonly axis: number
  readonly demand: Demand
  readonly repair: Repair
}

/** What a rule may know of a graph's lengths and inputs. */
export interface PaddingFacts {
  /** True where the dim is at least 1 for every sample. */
  readonly neverEmpty: (dim: Dim) => boolean
  /** True where the dim is 0 or more for all lengths. */
  readonly neverNegative: (dim: Dim) => boolean
  /** What the padding of data and target inputs holds. */
  readonly inputs: 'any' | 'zero'
}

/** How an op treats padding. */
export interface PaddingRule<K extends OpName> {
  /** What must hold before the op may run on padded tensors: of each list, one. */
  needs(node: Node<K>, operands: readonly OperandView[], facts: PaddingFacts): readonly (readonly Need[])[]
  /** What the result holds beyond the lengths of its ragged axis `axis`, once the needs are met. */
  result(node: Node<K>, axis: number, operands: readonly OperandView[], facts: PaddingFacts): Padding
}

/** The least a value may be to count as weightless under a softmax, and what the pass adds to make it so. */
export const LOW = -1e30
/** The lowest finite f32: what a maximum ignores. */
export const LOWEST = -3.4028234663852886e38

/** Whether `padding` is what `demand` asks for. */
export function meets(padding: Padding, demand: Demand): boolean {
  switch (demand) {
    case 'finite':
      return padding !== 'any'
    case 'zero':
      return padding === 0
    case 'known':
      return padding === 'low' || (typeof padding === 'number' && padding < 80)
    case 'notNegative':
      return typeof padding === 'number' && padding >= 0
    case 'notZero':
      return typeof padding === 'number' && padding !== 0
    case 'positive':
      return typeof padding === 'number' && padding > 0
    case 'low':
      return padding === 'low' || (typeof padding === 'number' && padding <= LOW / 10)
    case 'lowest':
      return padding === LOWEST
  }
}

const isLow = (padding: Padding): boolean => meets(padding, 'low')
const modest = (padding: Padding): boolean =>
  padding === 'finite' || isLow(padding) || (typeof padding === 'number' && padding < 1e20)
const isAny = (operand: OperandView): boolean => operand.padding.includes('any')

/** The weakest of several claims. */
function join(claims: readonly Padding[]): Padding {
  const [first, ...rest] = claims
  if (first === undefined || claims.includes('any')) return first === undefined ? 'finite' : 'any'
  if (rest.every((claim) => claim === first)) return first
  return claims.every(isLow) ? 'low' : 'finite'
}

/** A computed number is kept where f32 holds it well away from under- and overflow. */
const keep = (value: number): Padding =>
  value === 0 || (Math.abs(value) >= 1e-6 && Math.abs(value) <= 1e31) ? value + 0 : 'finite'

/** What an operand holds in the padding of the result's axis, broadcast as element-wise ops do. */
function aligned(node: Node, axis: number, operand: OperandView): Padding {
  const own = operand.padding[axis - (node.type.dims.length - operand.type.dims.length)]
  return own ?? absent(operand)
}

/** What an operand without an axis holds in that axis' padding: valid values, and its own padding elsewhere. */
const absent = (operand: OperandView): Padding => operand.constant ?? (isAny(operand) ? 'any' : 'finite')

/** One need for each ragged axis of an operand that passes the filter. */
function onAxes(
  operands: readonly OperandView[],
  operand: number,
  demand: Demand,
  repair: Repair,
  which: (axis: number) => boolean = () => true,
): Need[][] {
  const dims = operands[operand]?.type.dims ?? []
  return dims.flatMap((dim, axis) => (isRagged(dim) && which(axis) ? [[{ operand, axis, demand, repair }]] : []))
}

const nothing = (): readonly Need[][] => []
const finiteUnless = (operands: readonly OperandView[]): Padding => (operands.some(isAny) ? 'any' : 'finite')

/** One operand, the same dims; `of` is the function on one number. */
const unary = <K extends OpName>(
  of: (x: number) => number,
  demand?: Demand,
  repair: Repair = 'one',
): PaddingRule<K> => ({
  needs: (_, operands) => (demand ? onAxes(operands, 0, demand, repair) : []),
  result(node, axis, [x]) {
    const padding = x ? aligned(node, axis, x) : 'finite'
    return typeof padding === 'number' ? keep(of(padding)) : padding === 'low' ? 'finite' : padding
  },
})

/** Two operands, broadcast; `special` answers where a number is not known of both. */
const binary = <K extends OpName>(
  of: (x: number, y: number) => number,
  special: (x: Padding, y: Padding) => Padding | undefined = () => undefined,
  needs: PaddingRule<K>['needs'] = nothing,
): PaddingRule<K> => ({
  needs,
  result(node, axis, operands) {
    const [x = 'any', y = 'any'] = operands.map((operand) => aligned(node, axis, operand))
    if (typeof x === 'number' && typeof y === 'number') return keep(of(x, y))
    return special(x, y) ?? (x === 'any' || y === 'any' ? 'any' : 'finite')
  },
})

/** A comparison or a connective: its result is 0 or 1 whatever the operands hold. */
const boolean = <K extends OpName>(
  of: (x: number, y: number) => boolean,
  special?: (x: Padding, y: Padding) => Padding | undefined,
): PaddingRule<K> =>
  binary<K>(
    (x, y) => (of(x, y) ? 1 : 0),
    (x, y) => special?.(x, y) ?? 'finite',
  )

const identity = <K extends OpName>(): PaddingRule<K> => ({
  needs: nothing,
  result: (node, axis, [x]) => (x ? aligned(node, axis, x) : 'finite'),
})

const leaf = <K extends OpName>(padding: Padding): PaddingRule<K> => ({ needs: nothing, result: () => padding })

const eitherIs = (x: Padding, y: Padding, value: number): number | undefined =>
  x === value || y === value ? value : undefined
const lowSum = (x: Padding, y: Padding): Padding | undefined =>
  (isLow(x) && modest(y)) || (isLow(y) && modest(x)) ? 'low' : undefined
const zeroProduct = (x: Padding, y: Padding): Padding | undefined =>
  (x === 0 && y !== 'any') || (y === 0 && x !== 'any') ? 0 : undefined

/** The exponent decides what a base may be: 0.5 wants no negative one, -1 no zero. */
function powNeeds(operands: readonly OperandView[]): Need[][] {
  const exponent = operands[1]?.constant
  if (exponent === undefined)
    return [...onAxes(operands, 0, 'positive', 'one'), ...onAxes(operands, 1, 'known', 'mask')]
  if (Number.isInteger(exponent)) return exponent >= 0 ? [] : onAxes(operands, 0, 'notZero', 'one')
  return onAxes(operands, 0, exponent > 0 ? 'notNegative' : 'positive', 'one')
}

/** True where no valid position of a window reads beyond the sample, so that nothing need be known of the padding. */
function readsInside(
  x: OperandView,
  { axis, offset, stride, dilation, dim }: Attributes['window'],
  facts: PaddingFacts,
): boolean {
  const last = addDim(scaleDim(subDim(dim, constantDim(1)), rational(stride)), offset)
  const end = scaleDim(x.type.dims[axis] as Dim, rational(dilation))
  return facts.neverNegative(subDim(subDim(end, constantDim(1)), last))
}

/** True where every padded position of a window's result reads beyond the sample. */
function readsOutside(
  x: OperandView,
  { axis, offset, stride, dilation, dim }: Attributes['window'],
  facts: PaddingFacts,
): boolean {
  const first = addDim(scaleDim(dim, rational(stride)), offset)
  const last = scaleDim(subDim(x.type.dims[axis] as Dim, constantDim(1)), rational(dilation))
  return facts.neverNegative(subDim(subDim(first, last), constantDim(1)))
}

/** Zero or worse: what a sum of elements leaves of a claim. */
const summed = (padding: Padding): Padding => (padding === 0 || padding === 'any' ? padding : 'finite')

/** What the operand axis that a label names holds; what an operand without it holds there. */
const labelled = (operand: OperandView, labels: readonly number[], label: number): Padding =>
  operand.padding[labels.indexOf(label)] ?? absent(operand)

const rules = {
  input: {
    needs: nothing,
    // Noise is drawn for every position; only data and targets come from outside.
    result: ({ attributes: { role } }, _, __, { inputs }) =>
      role === 'noise' ? 'finite' : inputs === 'any' ? 'any' : 0,
  },
  constant: {
    needs: nothing,
    result: ({ attributes: { value } }) => (typeof value === 'number' ? value : 'finite'),
  },
  iota: leaf('finite'),
  length: leaf('finite'),
  valid: leaf(0),

  neg: unary((x) => -x),
  exp: {
    needs: (_, operands) => onAxes(operands, 0, 'known', 'mask'),
    result(node, axis, [x]) {
      const padding = x ? aligned(node, axis, x) : 'finite'
      return padding === 'low' ? 0 : typeof padding === 'number' ? keep(Math.exp(padding)) : padding
    },
  },
  log: unary(Math.log, 'positive'),
  sqrt: unary(Math.sqrt, 'notNegative'),
  abs: unary(Math.abs),
  sin: unary(Math.sin),
  cos: unary(Math.cos),
  tanh: unary(Math.tanh),
  sigmoid: unary((x) => 1 / (1 + Math.exp(-x))),
  relu: unary((x) => Math.max(x, 0)),
  // Only zero is worth knowing: erf(0) = 0.
  erf: unary((x) => (x === 0 ? 0 : Number.NaN)),
  floor: unary(Math.floor),
  stopGradient: identity(),

  add: binary((x, y) => x + y, lowSum),
  sub: binary(
    (x, y) => x - y,
    (x, y) => (isLow(x) && (y === 'finite' || (typeof y === 'number' && y > -1e20)) ? 'low' : undefined),
  ),
  mul: binary((x, y) => x * y, zeroProduct),
  div: binary(
    (x, y) => x / y,
    (x, y) => (x === 0 && y !== 'any' ? 0 : undefined),
    (_, operands) => onAxes(operands, 1, 'notZero', 'one'),
  ),
  pow: binary(
    (x, y) => x ** y,
    undefined,
    (_, operands) => powNeeds(operands),
  ),
  max: binary(Math.max),
  min: binary(Math.min),
  equal: boolean((x, y) => x === y),
  less: boolean((x, y) => x < y),
  lessEqual: boolean((x, y) => x <= y),
  and: boolean(
    (x, y) => x !== 0 && y !== 0,
    (x, y) => eitherIs(x, y, 0),
  ),
  or: boolean(
    (x, y) => x !== 0 || y !== 0,
    (x, y) => eitherIs(x, y, 1),
  ),
  not: unary((x) => 1 - x),
  select: {
    needs: nothing,
    result(node, axis, operands) {
      const [condition = 'any', yes = 'any', no = 'any'] = operands.map((operand) => aligned(node, axis, operand))
      return typeof condition === 'number' ? (condition === 0 ? no : yes) : join([yes, no])
    },
  },
  cast: {
    needs: nothing,
    result(node, axis, [x]) {
      const padding = x ? aligned(node, axis, x) : 'finite'
      if (typeof padding !== 'number') return padding === 'low' ? 'finite' : padding
      return node.attributes.to === 'i64' ? Math.trunc(padding) : padding
    },
  },

  transpose: {
    needs: nothing,
    result: (node, axis, [x]) => x?.padding[node.attributes.permutation[axis] ?? -1] ?? 'finite',
  },
  reshape: {
    needs: nothing,
    result(node, axis, [x]) {
      const groups = x ? alignReshape(x.type.dims, node.type.dims) : ''
      const group = typeof groups === 'string' ? undefined : groups.find(({ to }) => to[0] === axis)
      return x?.padding[group?.from[0] ?? -1] ?? 'any'
    },
  },
  broadcast: identity(),
  concat: { needs: nothing, result: (_, axis, operands) => join(operands.map((x) => x.padding[axis] ?? 'finite')) },
  window: {
    needs({ attributes }, operands, facts) {
      const [x] = operands
      if (x?.padding[attributes.axis] === undefined || readsInside(x, attributes, facts)) return []
      return [[{ operand: 0, axis: attributes.axis, demand: 'zero', repair: 'mask' }]]
    },
    result(node, axis, [x], facts) {
      if (!x) return 'finite'
      // Beyond the operand's ends there are zeros.
      if (axis !== node.attributes.axis) return summed(x.padding[axis] ?? 'finite')
      return readsOutside(x, node.attributes, facts) ? summed(x.padding[axis] ?? 0) : finiteUnless([x])
    },
  },
  gather: {
    // Position 0 exists, as padded extents are at least 1.
    needs: (_, operands) => onAxes(operands, 1, 'zero', 'mask'),
    result(node, axis, operands) {
      const [x, ids] = operands
      if (!x || !ids) return 'finite'
      const { batchAxes } = node.attributes
      if (axis < batchAxes) return x.padding[axis] ?? 'finite'
      const rest = axis - ids.type.dims.length
      return rest < 0 ? finiteUnless([x]) : (x.padding[batchAxes + 1 + rest] ?? 'finite')
    },
  },
  scatterAdd: {
    needs: ({ attributes: { batchAxes } }, operands) => [
      ...onAxes(
        operands,
        0,
        'zero',
        'mask',
        (axis) => axis >= batchAxes && axis < (operands[1]?.type.dims.length ?? 0),
      ),
      ...onAxes(operands, 1, 'zero', 'mask'),
    ],
    result(node, axis, [y, ids]) {
      if (!y || !ids) return 'finite'
      const { batchAxes } = node.attributes
      if (axis < batchAxes) return summed(y.padding[axis] ?? 'finite')
      if (axis > batchAxes) return summed(y.padding[ids.type.dims.length + axis - batchAxes - 1] ?? 'finite')
      // Ids of valid positions are below the dim; the others stand at 0, and must bring nothing.
      const others = y.padding.slice(0, batchAxes).filter((padding) => padding !== undefined)
      return others.every((padding) => padding === 0) ? 0 : finiteUnless([y])
    },
  },

  sum: {
    needs: ({ attributes: { axes } }, operands) => onAxes(operands, 0, 'zero', 'rows', (axis) => axes.includes(axis)),
    result: (node, axis, [x]) => (x ? summed(x.padding[unreduced(x, node.attributes, axis)] ?? 'finite') : 'finite'),
  },
  maximum: {
    needs: ({ attributes: { axes } }, operands) =>
      onAxes(operands, 0, 'lowest', 'lowest', (axis) => axes.includes(axis)),
    result(node, axis, [x]) {
      if (!x) return 'finite'
      const padding = x.padding[unreduced(x, node.attributes, axis)] ?? 'finite'
      // Where a ragged axis is reduced too, its own padding shows through.
      const clear = node.attributes.axes.every((reduced) => x.padding[reduced] === undefined)
      return clear || padding === 'any' ? padding : 'finite'
    },
  },
  softmax: {
    needs: ({ attributes }, operands) => onAxes(operands, 0, 'low', 'low', (axis) => axis === attributes.axis),
    result(node, axis, operands, { neverEmpty }) {
      const { type, attributes } = node
      // A sample without any valid position spreads its weight over padding.
      const weightless = axis === attributes.axis && neverEmpty(type.dims[axis] as Dim)
      return weightless && !operands.some(isAny) ? 0 : finiteUnless(operands)
    },
  },
  contract: {
    needs({ attributes: { left, right, out } }, operands) {
      const summedLabels = left.filter(
        (label) => !out.includes(label) && isRagged(operands[0]?.type.dims[left.indexOf(label)] as Dim),
      )
      return summedLabels.flatMap((label) => {
        const [l, r] = [left.indexOf(label), right.indexOf(label)]
        return [
          [
            { operand: 0, axis: l, demand: 'zero', repair: 'mask' },
            { operand: 1, axis: r, demand: 'zero', repair: 'mask' },
          ],
          [{ operand: 0, axis: l, demand: 'finite', repair: 'mask' }],
          [{ operand: 1, axis: r, demand: 'finite', repair: 'mask' }],
        ] satisfies Need[][]
      })
    },
    result({ attributes: { left, right, out } }, axis, [x, y]) {
      if (!x || !y) return 'finite'
      const label = out[axis] ?? -1
      const [p, q] = [summed(labelled(x, left, label)), summed(labelled(y, right, label))]
      return zeroProduct(p, q) ?? (p === 'any' || q === 'any' ? 'any' : 'finite')
    },
  },
} satisfies { readonly [K in OpName]: PaddingRule<K> }

/** The operand's axis that axis `axis` of a reduction's result comes from. */
const unreduced = (x: OperandView, { axes, keep }: Attributes['sum'], axis: number): number =>
  keep ? axis : (x.type.dims.flatMap((_, at) => (axes.includes(at) ? [] : [at]))[axis] ?? -1)

/** The padding rule of an op, for code that holds its name in a variable. */
export const paddingRuleOf = <K extends OpName>(op: K): PaddingRule<K> => {
  const table: { readonly [P in OpName]: PaddingRule<P> } = rules
  return table[op]
}
