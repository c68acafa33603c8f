/** Random well-typed ragged graphs, for properties that must hold of every program. */
import fc from 'fast-check'
import { type NdArray, ndArray } from '../../compiler/interpret/array.ts'
import { type Env, fillInvalid, shapeOf } from '../../compiler/interpret/ragged.ts'
import { type Builder, createBuilder } from '../../compiler/ir/builder.ts'
import type { Graph, GraphOutput, SeqInfo, TensorType, ValueId } from '../../compiler/ir/graph.ts'
import { keyOf } from '../../compiler/ir/key.ts'
import type { Attributes, OpName } from '../../compiler/ops/op.ts'
import { inferType } from '../../compiler/ops/table.ts'
import { broadcastDims, formatType, sameDims } from '../../compiler/ops/types.ts'
import {
  addDim,
  batchDim,
  constantDim,
  type Dim,
  floorDivDim,
  isBatch,
  isOne,
  isRagged,
  oneDim,
  sameDim,
  scaleDim,
  seqDim,
  staticSize,
} from '../../compiler/shapes/dim.ts'
import { rational } from '../../compiler/shapes/rational.ts'

export interface RandomGraphOptions {
  /** Whether values of different samples may meet (default true). The padding law is weaker where they do. */
  readonly batchReductions?: boolean
  /** How many random operations at most (default 14). */
  readonly steps?: number
  /** Passed on to the builder (default true). */
  readonly simplify?: boolean
}

/** Ids in the input `ids` are below this. */
export const ID_COUNT = 5
/** `t` is never 0, `m` may be. */
export const t: Dim = seqDim('t')
export const m: Dim = seqDim('m')

export const randomSeqs: readonly SeqInfo[] = [
  { name: 't', low: 1, high: undefined, sources: [{ input: 'x', axis: 1, lengths: 'x_lengths' }] },
  {
    name: 'm',
    low: 0,
    high: undefined,
    sources: [
      { input: 'y', axis: 1, lengths: 'y_lengths' },
      { input: 'ids', axis: 1, lengths: 'ids_lengths' },
    ],
  },
]

/** Choices read one after another from a list of numbers; 0 when it has run out, so that a shorter list is simpler. */
interface Tape {
  below(n: number): number
  pick<T>(list: readonly T[]): T
  readonly left: boolean
}

function tapeOf(choices: readonly number[]): Tape {
  let at = 0
  const below = (n: number): number => (choices[at++] ?? 0) % n
  return {
    below,
    pick: (list) => list[below(list.length)] as (typeof list)[number],
    get left() {
      return at < choices.length
    },
  }
}

const c = constantDim
const f32 = (...dims: Dim[]): TensorType => ({ dtype: 'f32', dims })

/** A graph from a list of choices: the same list, the same graph. Its outputs are `y0`, `y1`, … and the loss `total`. */
export function buildRandomGraph(choices: readonly number[], options: RandomGraphOptions = {}): Graph {
  const { batchReductions = true, steps = 14, simplify = true } = options
  const tape = tapeOf(choices)
  const b = createBuilder(undefined, { simplify })
  const ids = b.input('ids', 'data', { dtype: 'i64', dims: [batchDim, m] })
  const values: ValueId[] = [
    b.input('x', 'data', f32(batchDim, t, c(3))),
    b.input('y', 'data', f32(batchDim, m, c(2))),
    b.input('s', 'data', f32(batchDim, c(3))),
    b.input('w', 'param', f32(c(3), c(2))),
    b.input('table', 'param', f32(c(ID_COUNT), c(3))),
    b.input('bias', 'param', f32(c(3))),
    b.input('u', 'noise', f32(batchDim, t, c(3))),
  ]
  const used = new Set<ValueId>()
  const context: Context = { b, tape, values, ids, batchReductions, used }
  for (let step = 0; step < steps && tape.left; step++) {
    const value = tape.pick(stepKinds)(context)
    if (value === undefined || b.typeOf(value).dtype !== 'f32') continue
    const dims = b.dimsOf(value)
    // Samples that may not meet stay on the first axis.
    if (dims.length <= 4 && (batchReductions || dims.findLastIndex(isBatch) <= 0)) values.push(value)
  }
  // What no later step has read is an output, and so is the last value.
  const ends = values.filter((value, at) => at === values.length - 1 || (at >= 7 && !used.has(value)))
  const outputs: GraphOutput[] = ends.map((value, at) => ({ name: `y${at}`, value, role: 'output' }))
  const counted = ends.filter((value) => batchReductions || isBatch(b.dimsOf(value)[0] ?? oneDim))
  const losses = counted.map((value) => {
    const size = b.dimsOf(value).length
    return b.sum(
      b.mul(b.tanh(value), b.add(value, b.constant(0.3))),
      Array.from({ length: size }, (_, axis) => axis),
    )
  })
  outputs.push({ name: 'total', value: losses.reduce((x, y) => b.add(x, y), b.constant(0)), role: 'total' })
  return b.finish({ name: 'random', outputs, seqs: randomSeqs, variables: [] })
}

/** Three ragged samples, padded further than the longest. */
export const randomEnv: Env = { batch: 3, lengths: { t: [5, 2, 3], m: [1, 4, 2] }, padded: { t: 6, m: 4 } }

/** Values for every input of a graph; the padding holds garbage. */
export function randomCaseFeeds(graph: Graph): Record<string, NdArray> {
  const feeds: Record<string, NdArray> = {
    x: ndArray([3, 6, 3], new Float64Array(54)),
    y: ndArray([3, 4, 2], new Float64Array(24)),
  }
  for (const seq of graph.seqs) {
    const lengths = randomEnv.lengths[seq.name] as readonly number[]
    for (const source of seq.sources) feeds[source.lengths] = ndArray([randomEnv.batch], lengths, 'i64')
  }
  for (const node of graph.nodes) {
    if (node.op !== 'input') continue
    const shape = shapeOf(node.type.dims, randomEnv)
    const size = shape.reduce((a, b) => a * b, 1)
    const value = (i: number): number =>
      node.type.dtype === 'i64' ? (i * 7) % ID_COUNT : Math.fround(Math.sin(i * 1.7 + node.id) * 0.8)
    const array = ndArray(
      shape,
      Array.from({ length: size }, (_, i) => value(i)),
      node.type.dtype,
    )
    fillInvalid(array.data, node.type, randomEnv, node.type.dtype === 'i64' ? 3 : 1e3)
    feeds[node.attributes.name] = array
  }
  return feeds
}

/** Declared whether a graph reads them or not, so that padded lengths can be told. */
export const randomInputs = [
  { name: 'x', dtype: 'f32', dims: [batchDim, t, c(3)] },
  { name: 'y', dtype: 'f32', dims: [batchDim, m, c(2)] },
] as const

/** Random graphs that shrink towards fewer and plainer operations. */
export const randomGraph = (options: RandomGraphOptions = {}): fc.Arbitrary<Graph> =>
  fc.noBias(fc.array(fc.nat({ max: 1 << 20 }), { minLength: 3, maxLength: 120, size: 'max' })).map((choices) => {
    const graph = buildRandomGraph(choices, options)
    return Object.assign(graph, { [fc.toStringMethod]: () => describeGraph(graph) })
  })

/** A graph as a person can read it, one line a node. */
export function describeGraph(graph: Graph): string {
  const lines = graph.nodes.map(({ id, op, operands, attributes, type }) => {
    const given = operands.map((operand) => `%${operand}`).join(', ')
    return `%${id} = ${op}(${given}) ${keyOf(attributes)}: ${formatType(type)}`
  })
  const outputs = graph.outputs.map(({ name, value }) => `${name} = %${value}`)
  return ['', ...lines, ...outputs, ''].join('\n')
}

interface Context {
  readonly b: Builder
  readonly tape: Tape
  readonly values: ValueId[]
  readonly ids: ValueId
  readonly batchReductions: boolean
  readonly used: Set<ValueId>
}

/** A random operation over values that are there, or undefined where the choice has none. */
type Step = (context: Context) => ValueId | undefined

/** One of the values, later ones more often. */
function take({ tape, values, used }: Context, where: (value: ValueId) => boolean = () => true): ValueId | undefined {
  const fitting = values.filter(where)
  if (fitting.length === 0) return undefined
  const value = fitting[Math.max(tape.below(fitting.length), tape.below(fitting.length))] as ValueId
  used.add(value)
  return value
}

/** Emits where the op's own shape rule allows it. */
function attempt<K extends OpName>(
  { b }: Context,
  op: K,
  operands: readonly (ValueId | undefined)[],
  attributes: Attributes[K],
): ValueId | undefined {
  const given = operands.flatMap((operand) => (operand === undefined ? [] : [operand]))
  if (given.length < operands.length) return undefined
  const type = inferType(op, given.map(b.typeOf), attributes)
  return typeof type === 'string' ? undefined : b.emit(op, given, attributes)
}

/** A positive value that keeps away from 0. */
const positive = (b: Builder, x: ValueId): ValueId => b.add(b.mul(x, x), b.constant(0.4))
const tame = (b: Builder, x: ValueId): ValueId => b.tanh(x)

const unary =
  (make: (b: Builder, x: ValueId) => ValueId): Step =>
  (context) => {
    const x = take(context)
    return x === undefined ? undefined : make(context.b, x)
  }

const binary =
  (make: (b: Builder, x: ValueId, y: ValueId, context: Context) => ValueId): Step =>
  (context) => {
    const { b } = context
    const x = take(context)
    if (x === undefined) return undefined
    const y = take(context, (value) => {
      const dims = broadcastDims([b.dimsOf(x), b.dimsOf(value)])
      return typeof dims !== 'string' && typeof inferType('add', [b.typeOf(x), b.typeOf(value)], {}) !== 'string'
    })
    return y === undefined ? undefined : make(b, x, y, context)
  }

const axisOf = ({ b, tape }: Context, x: ValueId, where: (dim: Dim) => boolean): number | undefined => {
  const axes = b.dimsOf(x).flatMap((dim, axis) => (where(dim) ? [axis] : []))
  return axes.length === 0 ? undefined : tape.pick(axes)
}

const someAxes = ({ b, tape, batchReductions }: Context, x: ValueId): number[] =>
  b.dimsOf(x).flatMap((dim, axis) => ((batchReductions || !isBatch(dim)) && tape.below(2) === 1 ? [axis] : []))

/** Ids inside each sample's own `dim`, as i64 [batch, dim]: its positions, from either end. */
function positions({ b, tape }: Context, dim: Dim): ValueId {
  const forward = b.iota(dim)
  const last = b.sub(b.reshape(b.length(dim), [batchDim, oneDim]), b.constant(1))
  return b.cast(tape.below(2) === 0 ? forward : b.sub(last, forward), 'i64')
}

const reduction =
  (op: 'sum' | 'maximum'): Step =>
  (context) => {
    const x = take(context, (value) => context.b.dimsOf(value).length > 0)
    if (x === undefined) return undefined
    return attempt(context, op, [x], { axes: someAxes(context, x), keep: context.tape.below(2) === 1 })
  }

const steps = {
  neg: unary((b, x) => b.neg(x)),
  abs: unary((b, x) => b.abs(x)),
  exp: unary((b, x) => b.exp(tame(b, x))),
  rawExp: unary((b, x) => b.exp(b.neg(b.mul(x, x)))),
  log: unary((b, x) => b.log(positive(b, x))),
  sqrt: unary((b, x) => b.sqrt(positive(b, x))),
  sin: unary((b, x) => b.sin(x)),
  cos: unary((b, x) => b.cos(x)),
  tanh: unary((b, x) => b.tanh(x)),
  sigmoid: unary((b, x) => b.sigmoid(x)),
  relu: unary((b, x) => b.relu(x)),
  erf: unary((b, x) => b.erf(x)),
  floor: unary((b, x) => b.floor(b.mul(b.tanh(x), b.constant(2.5)))),
  stopGradient: unary((b, x) => b.stopGradient(x)),
  shift: unary((b, x) => b.add(x, b.constant(0.7))),
  add: binary((b, x, y) => b.add(x, y)),
  sub: binary((b, x, y) => b.sub(x, y)),
  mul: binary((b, x, y) => b.mul(tame(b, x), y)),
  div: binary((b, x, y) => b.div(x, positive(b, y))),
  reciprocal: unary((b, x) => b.div(b.constant(1), positive(b, x))),
  pow: binary((b, x, y) => b.pow(positive(b, tame(b, x)), tame(b, y))),
  power: ({ b, tape, ...rest }) => {
    const x = take({ b, tape, ...rest })
    const exponent = tape.pick([3, 1.5, -2, -0.5])
    return x === undefined ? undefined : b.pow(positive(b, tame(b, x)), b.constant(exponent))
  },
  cube: unary((b, x) => b.pow(tame(b, x), b.constant(3))),
  max: binary((b, x, y) => b.max(x, y)),
  min: binary((b, x, y) => b.min(x, y)),
  select: binary((b, x, y, { tape }) => {
    const less = b.less(x, y)
    const small = b.lessEqual(x, b.constant(0.2))
    const condition = tape.pick([
      less,
      b.not(less),
      b.and(less, small),
      b.or(small, less),
      b.equal(b.floor(x), b.floor(y)),
    ])
    return b.select(condition, b.mul(x, b.constant(0.5)), y)
  }),
  flag: binary((b, x, y) => b.cast(b.less(x, y), 'f32')),
  transpose: (context) => {
    const x = take(context)
    if (x === undefined) return undefined
    for (let tries = 0; tries < 4; tries++) {
      const axes = context.b.dimsOf(x).map((_, axis) => axis)
      const permutation: number[] = []
      while (axes.length > 0) permutation.push(...axes.splice(context.tape.below(axes.length), 1))
      const moved: ValueId | undefined = attempt(context, 'transpose', [x], { permutation })
      if (moved !== undefined && moved !== x) return moved
    }
    return undefined
  },
  merge: (context) => {
    const x = take(context, (value) => context.b.dimsOf(value).length > 1)
    if (x === undefined) return undefined
    const dims = context.b.dimsOf(x)
    const at = context.tape.below(dims.length - 1)
    const size = staticSize(dims[at + 1] as Dim)
    if (size === undefined || isBatch(dims[at] as Dim)) return undefined
    return attempt(context, 'reshape', [x], {
      dims: [...dims.slice(0, at), scaleDim(dims[at] as Dim, rational(size)), ...dims.slice(at + 2)],
    })
  },
  unsqueeze: (context) => {
    const x = take(context)
    if (x === undefined) return undefined
    const dims = context.b.dimsOf(x)
    const at = context.tape.below(dims.length + 1)
    return attempt(context, 'reshape', [x], { dims: [...dims.slice(0, at), oneDim, ...dims.slice(at)] })
  },
  broadcast: (context) => {
    const { b, tape } = context
    const x = take(context)
    if (x === undefined) return undefined
    const dims = b.dimsOf(x)
    const wanted = tape.pick([t, m, c(2), scaleDim(t, rational(2))])
    const at = axisOf(context, x, isOne)
    if (at !== undefined)
      return attempt(context, 'broadcast', [x], { dims: dims.map((dim, axis) => (axis === at ? wanted : dim)) })
    const place = tape.below(dims.length + 1)
    const opened = [...dims.slice(0, place), oneDim, ...dims.slice(place)]
    const reshaped = attempt(context, 'reshape', [x], { dims: opened })
    return attempt(context, 'broadcast', [reshaped], {
      dims: opened.map((dim, axis) => (axis === place ? wanted : dim)),
    })
  },
  concat: (context) => {
    const { b } = context
    const x = take(context)
    if (x === undefined) return undefined
    const axis = axisOf(context, x, (dim) => staticSize(dim) !== undefined)
    if (axis === undefined) return undefined
    const others = (value: ValueId): Dim[] => b.dimsOf(value).filter((_, at) => at !== axis)
    const y = take(
      context,
      (value) =>
        b.dimsOf(value).length === b.dimsOf(x).length &&
        staticSize(b.dimsOf(value)[axis] as Dim) !== undefined &&
        sameDims(others(value), others(x)),
    )
    return attempt(context, 'concat', [x, y], { axis })
  },
  window: (context) => {
    const { b, tape } = context
    const x = take(context)
    if (x === undefined) return undefined
    const axis = axisOf(context, x, (dim) => !isBatch(dim))
    if (axis === undefined) return undefined
    const old = b.dimsOf(x)[axis] as Dim
    const dim = tape.pick([
      old,
      addDim(old, c(1)),
      floorDivDim(addDim(old, c(1)), 2n),
      c(3),
      scaleDim(old, rational(2)),
      ...(isRagged(old) ? [addDim(floorDivDim(addDim(old, c(-1)), 2n), c(1))] : [t]),
    ])
    const offset = tape.pick([
      c(0),
      c(-1),
      c(1),
      c(2),
      c(-2),
      ...(isRagged(old) ? [addDim(old, c(-2)), addDim(c(1), scaleDim(old, rational(-1)))] : []),
    ])
    const [stride, dilation] = tape.pick([
      [1, 1],
      [1, 1],
      [2, 1],
      [1, 2],
    ] as const)
    return attempt(context, 'window', [x], { axis, offset, stride, dilation, dim })
  },
  embed: (context) => {
    const x = take(context, (value) => staticSize(context.b.dimsOf(value)[0] ?? batchDim) === ID_COUNT)
    return attempt(context, 'gather', [x, context.ids], { batchAxes: 0 })
  },
  gatherRagged: (context) => {
    const { b } = context
    const x = take(context, (value) => {
      const [first, second] = b.dimsOf(value)
      return first !== undefined && isBatch(first) && second !== undefined && isRagged(second)
    })
    return x === undefined
      ? undefined
      : attempt(context, 'gather', [x, positions(context, b.dimsOf(x)[1] as Dim)], { batchAxes: 1 })
  },
  scatter: (context) => {
    const { b, batchReductions, ids, tape } = context
    const y = take(context, (value) => sameDim(b.dimsOf(value)[1] ?? oneDim, m))
    const batchAxes = batchReductions ? tape.below(2) : 1
    return attempt(context, 'scatterAdd', [y, ids], { batchAxes, dim: c(ID_COUNT) })
  },
  scatterRagged: (context) => {
    const { b } = context
    const y = take(context, (value) => {
      const [first, second] = b.dimsOf(value)
      return first !== undefined && isBatch(first) && second !== undefined && isRagged(second)
    })
    if (y === undefined) return undefined
    const dim = b.dimsOf(y)[1] as Dim
    return attempt(context, 'scatterAdd', [y, positions(context, dim)], { batchAxes: 1, dim })
  },
  sum: reduction('sum'),
  maximum: reduction('maximum'),
  mean: (context) => {
    const { b } = context
    const x = take(context, (value) => isRagged(b.dimsOf(value)[1] ?? oneDim))
    if (x === undefined) return undefined
    const dims = b.dimsOf(x)
    const sum = attempt(context, 'sum', [x], { axes: [1], keep: true })
    if (sum === undefined || !isBatch(dims[0] as Dim)) return undefined
    const count = b.max(b.length(dims[1] as Dim), b.constant(1))
    return b.div(
      sum,
      b.reshape(
        count,
        dims.map((dim, axis) => (axis === 0 ? dim : oneDim)),
      ),
    )
  },
  softmax: (context) => {
    const x = take(context)
    if (x === undefined) return undefined
    const axis = axisOf(context, x, (dim) => context.batchReductions || !isBatch(dim))
    return axis === undefined ? undefined : attempt(context, 'softmax', [x], { axis })
  },
  contract: (context) => {
    const { b, tape, batchReductions } = context
    const x = take(context, (value) => b.dimsOf(value).length > 0)
    const y = take(context, (value) => b.dimsOf(value).length > 0)
    if (x === undefined || y === undefined) return undefined
    const left = b.dimsOf(x).map((_, axis) => axis)
    const free = new Set(left)
    const right = b.dimsOf(y).map((dim, axis) => {
      const matching = left.filter((label) => free.has(label) && sameDim(b.dimsOf(x)[label] as Dim, dim))
      const label = matching.length > 0 && (isBatch(dim) || tape.below(4) > 0) ? tape.pick(matching) : 10 + axis
      free.delete(label)
      return label
    })
    const all = [...new Set([...left, ...right])]
    const out = all.filter((label) => {
      const both = left.includes(label) && right.includes(label)
      const batch = isBatch(
        (left.includes(label) ? b.dimsOf(x)[left.indexOf(label)] : b.dimsOf(y)[right.indexOf(label)]) as Dim,
      )
      return !both || (batch && !batchReductions) || tape.below(2) === 1
    })
    const product = attempt(context, 'contract', [x, y], { left, right, out })
    return product === undefined ? undefined : tame(b, product)
  },
  attend: (context) => {
    const { b } = context
    const x = take(context, (value) => b.dimsOf(value).length === 3)
    const y = take(context, (value) => b.dimsOf(value).length === 3)
    const scores = attempt(context, 'contract', [x, y], { left: [0, 1, 2], right: [0, 3, 2], out: [0, 1, 3] })
    const weights = attempt(context, 'softmax', [scores], { axis: 2 })
    return attempt(context, 'contract', [weights, y], { left: [0, 1, 2], right: [0, 2, 3], out: [0, 1, 3] })
  },
  positions: ({ b, tape }) => b.mul(b.iota(tape.pick([t, m, scaleDim(t, rational(2))])), b.constant(0.25)),
  lengths: ({ b, tape }) => b.mul(b.reshape(b.length(tape.pick([t, m])), [batchDim, oneDim, oneDim]), b.constant(0.1)),
  ones: ({ b, tape }) => b.cast(b.valid(tape.pick([t, m])), 'f32'),
} satisfies Record<string, Step>

const stepKinds: readonly Step[] = Object.values(steps)
