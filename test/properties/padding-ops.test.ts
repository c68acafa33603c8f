/** The padding law op by op: every op, ragged on every axis it can be, with its gradient; and every mask is needed. */
import { describe, expect, test } from 'vitest'
import { interpret } from '../../compiler/interpret/interpret.ts'
import type { Env } from '../../compiler/interpret/ragged.ts'
import { type Builder, createBuilder } from '../../compiler/ir/builder.ts'
import type { Graph, ValueId } from '../../compiler/ir/graph.ts'
import type { OpName } from '../../compiler/ops/op.ts'
import { opNames } from '../../compiler/ops/table.ts'
import { pad } from '../../compiler/passes/padding.ts'
import { checkPadding } from '../../compiler/passes/padding-analysis.ts'
import {
  addDim,
  batchDim,
  constantDim as c,
  type Dim,
  floorDivDim,
  oneDim,
  scaleDim,
} from '../../compiler/shapes/dim.ts'
import { rational } from '../../compiler/shapes/rational.ts'
import { maskUses, withoutMask } from '../support/masks.ts'
import { differences, failure, randomFeeds, runPoisoned, withGradients } from '../support/poison.ts'
import { m, randomSeqs, t } from '../support/random-graph.ts'

const env: Env = { batch: 3, lengths: { t: [1, 4, 3], m: [2, 0, 3] }, padded: { t: 6, m: 5 } }

interface Values {
  /** [batch, t, 3] */
  readonly x: ValueId
  /** [batch, m, 2] */
  readonly y: ValueId
  /** [batch, 2, t] */
  readonly last: ValueId
  /** [batch, t, m] */
  readonly both: ValueId
  /** [batch, 3] */
  readonly s: ValueId
  /** [3, 2] */
  readonly w: ValueId
  /** i64 [batch, m], below 5 */
  readonly ids: ValueId
}

const f32 = (...dims: Dim[]) => ({ dtype: 'f32' as const, dims })

function inputs(b: Builder): Values {
  const v = {
    x: b.input('x', 'data', f32(batchDim, t, c(3))),
    y: b.input('y', 'data', f32(batchDim, m, c(2))),
    last: b.input('last', 'data', f32(batchDim, c(2), t)),
    s: b.input('s', 'data', f32(batchDim, c(3))),
    w: b.input('w', 'param', f32(c(3), c(2))),
    ids: b.input('ids', 'data', { dtype: 'i64', dims: [batchDim, m] }),
  }
  const q = b.contract(v.x, v.w, [0, 1, 2], [2, 3], [0, 1, 3])
  return { ...v, both: b.contract(q, v.y, [0, 1, 2], [0, 3, 2], [0, 1, 3]) }
}

/** What an op is tried on; each value is an output with its gradient. */
type Case = (b: Builder, values: Values) => readonly ValueId[]

const unary =
  (make: (b: Builder, x: ValueId) => ValueId): Case =>
  (b, { x, last, both }) =>
    [x, last, both, b.add(x, b.constant(0.3))].map((value) => make(b, value))

const binary =
  (make: (b: Builder, x: ValueId, y: ValueId) => ValueId): Case =>
  (b, { x, last, both, s, y }) => {
    const perSample = b.reshape(s, [batchDim, oneDim, c(3)])
    const column = b.reshape(b.sum(x, [2]), [batchDim, t, oneDim])
    const row = b.reshape(b.sum(y, [2]), [batchDim, oneDim, m])
    return [
      make(b, x, b.sigmoid(x)),
      make(b, x, perSample),
      make(b, perSample, x),
      make(b, last, b.constant(0.7)),
      make(b, b.constant(0.7), last),
      make(b, both, column),
      make(b, row, both),
      make(b, column, row),
    ]
  }

const positive = (b: Builder, x: ValueId): ValueId => b.add(b.mul(x, x), b.constant(0.4))
const flags = (b: Builder, x: ValueId, y: ValueId): readonly [ValueId, ValueId] => [
  b.less(x, y),
  b.lessEqual(x, b.constant(0.2)),
]
/** Nowhere above -9, which is what it is at 0. */
const below = (b: Builder, x: ValueId): ValueId => b.sub(b.neg(b.abs(x)), b.constant(9))
/** The positions of `t` in each sample, backwards, as ids. */
const backwards = (b: Builder): ValueId =>
  b.cast(b.sub(b.sub(b.reshape(b.length(t), [batchDim, oneDim]), b.constant(1)), b.iota(t)), 'i64')

const cases = {
  input: (_, { x, y, last }) => [x, y, last],
  constant: (b, { x }) => [b.add(x, b.constant([1, -2, 3], f32(c(3)))), b.broadcast(b.constant(2), [batchDim, t])],
  iota: (b, { x }) => [
    b.iota(t),
    b.mul(x, b.reshape(b.iota(t), [batchDim, t, oneDim])),
    b.iota(scaleDim(t, rational(2))),
  ],
  length: (b, { x }) => [b.mul(x, b.reshape(b.length(t), [batchDim, oneDim, oneDim])), b.length(m)],
  valid: (b, { x }) => [
    b.cast(b.valid(t), 'f32'),
    b.mul(x, b.reshape(b.cast(b.not(b.valid(t)), 'f32'), [batchDim, t, oneDim])),
  ],

  neg: unary((b, x) => b.neg(x)),
  exp: unary((b, x) => b.exp(x)),
  log: unary((b, x) => b.log(positive(b, x))),
  sqrt: unary((b, x) => b.sqrt(positive(b, x))),
  abs: unary((b, x) => b.abs(x)),
  sin: unary((b, x) => b.sin(x)),
  cos: unary((b, x) => b.cos(x)),
  tanh: unary((b, x) => b.tanh(x)),
  sigmoid: unary((b, x) => b.sigmoid(x)),
  relu: unary((b, x) => b.relu(x)),
  erf: unary((b, x) => b.erf(x)),
  floor: unary((b, x) => b.mul(b.floor(b.mul(x, b.constant(3))), x)),
  stopGradient: unary((b, x) => b.mul(b.stopGradient(x), x)),

  add: binary((b, x, y) => b.add(x, y)),
  sub: binary((b, x, y) => b.sub(x, y)),
  mul: binary((b, x, y) => b.mul(x, y)),
  div: binary((b, x, y) => b.div(x, positive(b, y))),
  pow: (b, values) => [
    ...binary((_, x, y) => b.pow(positive(b, x), b.tanh(y)))(b, values),
    ...[2, 3, -1, -2, 0.5, -0.5, 1.5].flatMap((n) => unary((_, x) => b.pow(positive(b, x), b.constant(n)))(b, values)),
    b.pow(values.x, b.constant(3)),
  ],
  max: binary((b, x, y) => b.max(x, y)),
  min: binary((b, x, y) => b.min(x, y)),
  equal: binary((b, x, y) => b.mul(x, b.cast(b.equal(b.floor(x), b.floor(y)), 'f32'))),
  less: binary((b, x, y) => b.cast(b.less(x, y), 'f32')),
  lessEqual: binary((b, x, y) => b.cast(b.lessEqual(x, y), 'f32')),
  and: binary((b, x, y) => b.cast(b.and(...flags(b, x, y)), 'f32')),
  or: binary((b, x, y) => b.cast(b.or(...flags(b, x, y)), 'f32')),
  not: binary((b, x, y) => b.cast(b.not(b.and(...flags(b, x, y))), 'f32')),
  select: binary((b, x, y) => b.select(b.less(x, y), b.mul(x, x), y)),
  cast: (b, { ids, x }) => [b.cast(ids, 'f32'), b.cast(b.cast(b.mul(x, b.constant(4)), 'i64'), 'f32')],

  transpose: (b, { x, last, both }) => [
    b.transpose(x, [0, 2, 1]),
    b.transpose(last, [0, 2, 1]),
    b.transpose(both, [0, 2, 1]),
  ],
  reshape: (b, { x, both }) => {
    const flat = b.reshape(x, [batchDim, scaleDim(t, rational(3))])
    return [
      flat,
      b.tanh(b.reshape(b.tanh(flat), [batchDim, t, c(3)])),
      b.reshape(both, [batchDim, oneDim, t, m]),
      b.sum(flat, [1]),
    ]
  },
  broadcast: (b, { x, s, both }) => [
    b.broadcast(b.reshape(s, [batchDim, oneDim, c(3)]), [batchDim, t, c(3)]),
    b.tanh(b.broadcast(b.reshape(x, [batchDim, t, oneDim, c(3)]), [batchDim, t, m, c(3)])),
    b.broadcast(b.reshape(both, [batchDim, t, m, oneDim]), [batchDim, t, m, c(2)]),
  ],
  concat: (b, { x, last }) => [b.concat([x, b.cos(x)], 2), b.concat([last, b.mul(last, last)], 1)],
  window: (b, { x, last, both, s }) => {
    const longer = addDim(t, c(2))
    const half = addDim(floorDivDim(addDim(t, c(-1)), 2n), oneDim)
    const along = (value: ValueId, axis: number): ValueId[] => [
      ...[-2, -1, 1, 2].map((offset) => b.window(b.cos(value), { axis, offset: c(offset), dim: t })),
      b.window(b.cos(value), { axis, offset: c(0), stride: 2, dim: half }),
      b.window(b.cos(value), { axis, offset: c(-1), stride: 2, dim: half }),
      b.window(b.cos(value), { axis, offset: c(0), dilation: 2, dim: scaleDim(t, rational(2)) }),
      b.window(b.cos(value), { axis, offset: c(-1), dim: longer }),
      b.window(b.cos(value), { axis, offset: c(-1), dim: c(3) }),
      // The last two positions of each sample.
      b.window(b.cos(value), { axis, offset: addDim(t, c(-2)), dim: c(2) }),
    ]
    return [
      ...along(x, 1),
      ...along(last, 2),
      b.window(b.cos(both), { axis: 2, offset: c(1), dim: m }),
      b.window(b.cos(x), { axis: 2, offset: c(-1), dim: c(4) }),
      b.window(b.reshape(s, [batchDim, c(3), oneDim]), { axis: 1, offset: c(-1), dim: t }),
      // Right-aligned: each sample's end moves to a common place.
      b.window(b.cos(x), { axis: 1, offset: addDim(t, c(-4)), dim: c(4) }),
    ]
  },
  gather: (b, { x, w, ids, last }) => {
    const table = b.contract(
      b.constant(
        Array.from({ length: 15 }, (_, i) => Math.sin(i)),
        f32(c(5), c(3)),
      ),
      w,
      [0, 1],
      [1, 2],
      [0, 2],
    )
    const heads = b.transpose(last, [0, 2, 1])
    return [b.gather(table, ids, 0), b.gather(b.cos(x), backwards(b), 1), b.gather(b.cos(heads), backwards(b), 1)]
  },
  scatterAdd: (b, { x, y, ids }) => [
    b.scatterAdd(b.cos(y), ids, 0, c(5)),
    b.scatterAdd(b.cos(y), ids, 1, c(5)),
    b.scatterAdd(b.cos(x), backwards(b), 1, t),
  ],

  sum: (b, { x, last, both }) => [
    ...[[1], [1, 2], [0, 1], [0, 1, 2], [2]].map((axes) => b.sum(b.cos(x), axes)),
    ...[[2], [1, 2], [0, 2], [0, 1, 2]].map((axes) => b.sum(b.cos(last), axes, true)),
    ...[[1], [2], [1, 2], [0, 1, 2]].map((axes) => b.sum(b.cos(both), axes)),
    b.sum(x, [1]),
  ],
  maximum: (b, { x, last, both, y }) => [
    ...[[1], [1, 2], [0, 1], [0, 1, 2], [2]].map((axes) => b.maximum(below(b, x), axes)),
    ...[[2], [1, 2], [0, 2]].map((axes) => b.maximum(below(b, last), axes, true)),
    ...[[1], [2], [1, 2], [0, 1, 2]].map((axes) => b.maximum(below(b, both), axes)),
    b.maximum(below(b, y), [1]),
  ],
  softmax: (b, { x, last, both, y }) => {
    const pool = (weights: ValueId, values: ValueId): ValueId =>
      b.contract(weights, b.cos(values), [0, 1, 2], [0, 2, 3], [0, 1, 3])
    const scores = b.transpose(both, [0, 2, 1])
    return [
      b.softmax(x, 1),
      b.softmax(x, 2),
      b.softmax(last, 2),
      b.softmax(both, 1),
      b.softmax(both, 2),
      b.softmax(y, 1),
      pool(b.softmax(both, 2), y),
      pool(b.softmax(scores, 2), x),
    ]
  },
  contract: (b, { x, last, both, y, w, s }) => [
    b.contract(b.cos(x), w, [0, 1, 2], [2, 3], [0, 1, 3]),
    b.contract(b.cos(x), b.sin(last), [0, 1, 2], [0, 3, 1], [0, 2, 3]),
    b.contract(b.cos(x), b.cos(last), [0, 1, 2], [0, 3, 1], [2, 3]),
    b.contract(b.cos(x), b.cos(x), [0, 1, 2], [0, 1, 3], [0, 2, 3]),
    b.contract(b.cos(both), b.cos(y), [0, 1, 2], [0, 2, 3], [0, 1, 3]),
    b.contract(b.cos(both), b.cos(y), [0, 1, 2], [0, 2, 3], [0, 1, 2, 3]),
    b.contract(b.cos(x), s, [0, 1, 2], [0, 2], [0, 1]),
    b.contract(b.cos(x), b.cos(y), [0, 1, 2], [3, 4, 5], [0, 1, 2, 3, 4, 5]),
  ],
} satisfies { readonly [K in OpName]: Case }

/** A graph with one tested value as its output and the gradient of a loss over it. */
function graphOf(op: OpName, at: number): Graph | undefined {
  const b = createBuilder()
  const value = cases[op](b, inputs(b))[at]
  if (value === undefined) return undefined
  const axes = b.dimsOf(value).map((_, axis) => axis)
  const total = b.sum(b.mul(b.add(value, b.constant(0.3)), b.tanh(value)), axes)
  const forward = b.finish({
    name: `${op}-${at}`,
    outputs: [
      { name: 'value', value, role: 'output' },
      { name: 'total', value: total, role: 'total' },
    ],
    seqs: randomSeqs,
  })
  return withGradients(forward)
}

function graphsOf(op: OpName): Graph[] {
  const graphs: Graph[] = []
  for (let at = 0; ; at++) {
    const graph = graphOf(op, at)
    if (!graph) return graphs
    graphs.push(graph)
  }
}

describe.each(['any', 'zero'] as const)('padding of inputs: %s', (padding) => {
  const fill = padding === 'any' ? Number.NaN : 0

  test.each(opNames)('%s', (op) => {
    for (const graph of graphsOf(op)) {
      const feeds = randomFeeds(graph, env, { padding: fill })
      const expected = interpret(graph, feeds, env)
      for (const [name, { data }] of expected)
        if (graph.outputs.some((output) => output.name === name && output.role === 'total'))
          expect(data[0], graph.name).not.toBeNaN()
      const padded = pad(graph, { inputs: padding })
      expect(checkPadding(padded, { inputs: padding }), graph.name).toEqual([])
      expect(differences(graph, expected, runPoisoned(padded, feeds, env, padding), env), graph.name).toEqual([])
    }
  })

  test.each(opNames.filter((op) => op !== 'valid'))('each mask of %s shows when it is missing', (op) => {
    for (const graph of graphsOf(op)) {
      const feeds = randomFeeds(graph, env, { padding: fill })
      const expected = interpret(graph, feeds, env)
      const padded = pad(graph, { inputs: padding })
      for (const use of maskUses(padded)) {
        const without = withoutMask(padded, use)
        // A product is regrouped as it is built, and may leave a mask on a small factor that nothing relies on.
        if (checkPadding(without, { inputs: padding }).length === 0) continue
        const run = () => differences(graph, expected, runPoisoned(without, feeds, env, padding), env)
        expect(failure(run), `${graph.name}: nothing shows without ${use.text}`).not.toEqual([])
      }
    }
  })
})
