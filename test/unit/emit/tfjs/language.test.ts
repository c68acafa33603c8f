/** Modules of small specs that put the language's parts together in ways of their own, against the interpreter. */
import { beforeAll, describe, expect, test } from 'vitest'
import type { Program } from '../../../../compiler/artefact.ts'
import { compile } from '../../../../compiler/compile.ts'
import { DiagnosticError } from '../../../../compiler/diagnostics/diagnostic.ts'
import { emitTfjs } from '../../../../compiler/emit/tfjs/module.ts'
import { type NdArray, ndArray } from '../../../../compiler/interpret/array.ts'
import { interpret } from '../../../../compiler/interpret/interpret.ts'
import { type Env, fillInvalid, shapeOf } from '../../../../compiler/interpret/ragged.ts'
import type { Graph, TensorType } from '../../../../compiler/ir/graph.ts'
import { batchDim } from '../../../../compiler/shapes/dim.ts'
import { makeNodeReader } from '../../../../compiler/source/node-reader.ts'
import { buildTrainingGraph } from '../../../../compiler/train/training-graph.ts'
import type { Backend } from '../../../../runtime/engines/tfjs/backends.ts'
import { evaluateModule } from '../../../../runtime/engines/tfjs/module.ts'
import { openTested, testedBackends, titleOf } from '../../../support/backends.ts'
import { startOf } from '../../../support/mcfn.ts'
import { distance } from '../../../support/ort.ts'
import { hash } from '../../../support/poison.ts'
import { arraysOf, batchOf, weightsOf } from '../../../support/tfjs.ts'

interface Spec {
  readonly text: string
  readonly lengths?: Readonly<Record<string, readonly number[]>>
  /** How far batches are padded beyond the longest sample; 3 unless given. */
  readonly extra?: number
  /** Run on `webgpu` too, where each operation is compiled anew. */
  readonly everywhere?: true
}

/** A model over a ragged `x`, a plain `u`, and products of both with a parameter. */
const over = (statements: string): string => `use "std/blocks"
model M {
  seq n in 0..50
  input x: [n, 4]
  input u: [4]
  param w: [4] = normal(deviation = 0.5)
  h[i, p] = x[i, p] * w[p]
  v[p] = u[p] * w[p]
  ${statements}
}`

/** A convolution over a length with a name that means something in a module. */
const calledLike = (seq: string): Spec => ({
  text: `model M {
  seq ${seq}
  input x: [${seq}, 2]
  param w: [2] = ones()
  y[j: ${seq} - 2] = sum[p](x[j, p] * w[p]) + x[j + 2, 0]
  output y = y
  loss l = sum[i](y[i]^2)
}`,
  lengths: { [seq]: [3, 1, 5] },
})

const specs: Readonly<Record<string, Spec>> = {
  'reads from the end': {
    text: over(`back[j: n, p] = h[n - 1 - j, p]
  last[p] = h[n - 1, p]
  output back = back
  loss l = sum[j, p](sin(j + p) * tanh(back[j, p])) + sum[p](last[p]^2)`),
    lengths: { n: [0, 4, 2] },
  },
  'reads at the lengths of another input': {
    text: `model M {
  seq n
  seq m
  input x: [n, 4]
  input y: [m, 4]
  param w: [4] = ones()
  h[i, p] = x[i, p] * w[p]
  a[j: m] = sum[p](h[m - 1, p] * y[j, p])
  c[j: m, p] = h[j + n - m, p]
  k[j, i] = softmax[i](h[i] . y[j])
  output a = a
  loss l = sum[j](a[j]^2) + sum[j, p](c[j, p]^2) + sum[j, i](k[j, i] * x[i, 0])
}`,
    lengths: { n: [3, 1, 4], m: [2, 5, 1] },
  },
  'batches of empty samples alone, without padding': {
    text: over(`m = MeanPool()(h)
  q = MaxPool()(h)
  z[i, p] = softmax[i](h[i, p])
  r[p] = logsumexp[i](h[i, p])
  g[p, e] = sum[i](h[i, p] * h[i, e])
  output m = m
  loss l = sum[p](m[p] + q[p] + r[p] + sum[i](z[i, p]^2) + v[p]) + sum[p, e](g[p, e])`),
    lengths: { n: [0, 0] },
    extra: 0,
    everywhere: true,
  },
  'windows that no sample fills': {
    text: over(`a[j: (n - 3) div 2 + 1, k: 3] = h[2 * j + k, 1]
  b[j: (n - 3) div 2 + 1] = sum[k](a[j, k]^2)
  m = mean[j](b[j])
  output m = m
  loss l = sum[j](b[j]) + m + v[0]`),
    lengths: { n: [1, 2, 0] },
    extra: 0,
  },
  'ids of a table with more rows than a matrix of ones takes': {
    text: `model M {
  seq words
  input ids: [words] of 1000
  input one: [] of 1000
  param E: [1000, 3] = normal(deviation = 0.1)
  e[j, p] = E[ids[j], p] + E[one, p]
  r[j: words, p] = E[ids[words - 1 - j], p]
  same[j] = (ids[j] == one) + ids[j] / 1000
  output same = same
  loss l = sum[j, p](e[j, p]^2 * sin(j) + r[j, p]^3) + sum[j](same[j] * e[j, 0])
}`,
    lengths: { words: [4, 2, 3] },
  },
  'targets and losses of every kind': {
    text: `use "std/blocks"
model M {
  seq words
  labels mood = ["a", "b", "c"]
  input x: [words, 4]
  target tags: [words] of 5
  target t: [] of mood
  target y: [words]
  target yes: []
  target two: [2]
  z = x |> Dense(5)
  g = x |> MeanPool() |> Dense(3)
  r[j] = z[j, 0]
  s = sum[i](g[i])
  pair[i: 2] = g[i]
  c[j] = CrossEntropy()(z[j], tags[j])
  predict tags = softmax(z)
  predict t = softmax(g)
  predict y = r
  predict yes = sigmoid(s)
  predict two = pair
  loss tags = mean[j](c[j])
  loss t weight 0.3 = CrossEntropy(smoothing = 0.1)(g, t)
  loss y weight 2 = mean[j]((r[j] - y[j])^2)
  loss yes = BinaryCrossEntropy()(s, yes)
  loss none weight 0 = sum[i](pair[i])
  loss two = sum[i](abs(pair[i] - two[i]))
}`,
    lengths: { words: [4, 0, 3] },
  },
  'blocks that see the whole batch': {
    text: `use "std/blocks"
block Contrast()(a: [batch, d], b: [batch, d]) -> [batch] {
  s[i, j] = a[i] . b[j]
  own[i] = a[i] . b[i]
  lse[i] = logsumexp[j if j != i](s[i, j])
  return lse - own
}
block Extreme()(x: [batch]) -> [batch] {
  m = max[n](x[n])
  k = sum[n: batch](1)
  return x - m + k
}
model M {
  seq n
  input x: [n, 4]
  a = x |> Dense(3) |> Extreme()
  b = x |> Dense(3) |> BatchNorm()
  c = Contrast()(a, b)
  output c = c
  loss l = mean[i](c[i])
}`,
    lengths: { n: [3, 1, 4] },
  },
  'states of which only a loss in use reads one': {
    text: `use "std/blocks"
model M {
  input u: [4]
  input only: [3]
  param w: [4] = ones()
  state seen: [] = zeros()
  state late: [2] = ones()
  update seen = seen + 1
  update seen = seen * 2 + 1
  update late = 3
  y = w . u + seen
  a = u |> Dense(3) |> BatchNorm()
  output y = y
  loss l = y^2 + (if training then 0 else late[0] + only[0]) + sum[p](a[p])
}`,
  },
  'an input of which the length alone is read': {
    text: over(`o = sum[p](v[p]) * (n - 3) + n div 2
  output o = o
  loss l = o^2`).replace('  h[i, p] = x[i, p] * w[p]\n', ''),
    lengths: { n: [5, 0, 2] },
  },
  'an output that is the same for each sample': {
    text: `model M {
  input x: [4]
  param w: [4] = ones()
  output o = w . w
  loss l = w . w
}`,
  },
  'tensors of six axes': {
    text: over(`a[i, p, q: 2, r: 3, s: 2] = h[i, p] * (q + 1) + v[p] * (r - s)
  b[i, p, q: 2, r: 3, s: 2] = tanh(a[i, p, q, r, s]) + softmax[r](a[i, p, q, r, s])
  d[i, p, q: 2, r: 3, s: 2] = if a[i, p, q, r, s] > 0 then b[i, p, q, r, s] else v[p]
  m[i, q: 2] = max[p, s: 2, r: 3](d[i, p, q, r, s])
  f[i, s: 2, p] = sum[q: 2, r: 3](d[i, p, q, r, s])
  output d = d
  loss l = sum[i, q](m[i, q]) + sum[i, s, p](f[i, s, p]^2)`),
    lengths: { n: [3, 1, 2] },
  },
  'selections, choices and whole numbers': {
    text: over(`s[i, j] = (h[i] . h[j]) / 2
  a[i, j] = softmax[j if j <= i](s[i, j])
  e[i] = logsumexp[j if j > i](s[i, j]) + max[j if j < i](s[i, j]) + mean[j if j < i](s[i, j])
  b[i, p] = if (h[i, p] > 0 and x[i, p] < 1) or not (i == p) then h[i, p] else 2 * v[p]
  c[i, p] = (h[i, p] > 0) * 2 + x[i, p] div 0.5 + x[i, p] mod 0.7 + (i * 4 + p) mod 3 + floor(h[i, p] * 3)
  d[i: n, p: 4] = h[(i * i) mod 3, p] + v[(i + p) mod 4] + h[n div 2, p]
  output a = a
  output c = c
  loss l = sum[i, j](a[i, j]^2) + sum[i](e[i]) + sum[i, p](b[i, p] * c[i, p] + d[i, p]^2)`),
    lengths: { n: [3, 0, 4] },
    everywhere: true,
  },
  'lengths that grow and shrink': {
    text: over(`a[i: 2 * n + 1, p] = h[i div 2, p]
  b[i: n + n, p] = h[i - 1, p] + h[i - n, p]
  e = flatten(h)
  c[k: 4 * n] = e[k] * k
  d = h |> Conv1d(3, width = 3, dilation = 4) |> Conv1d(2, width = 5, dilation = 2, pad = 1)
  output a = a
  loss l = sum[i, p](a[i, p]^2 * sin(i)) + sum[i, p](b[i, p]^2) + sum[i, p](d[i, p]^2)`).replace(/\n {2}c\[k.*/, ''),
    lengths: { n: [9, 20, 2] },
  },
  'draws, rounds and tuples': {
    text: over(`k[i: n, p: 4, q: 2] = if training then uniform() else 0.5
  one = if training then uniform() else 0.5
  z = repeat 3 as r from g = v {
    y = Dense(4)(g)
    return relu(y) + g / (r + 1)
  }
  (a, b) = repeat 2 from (first, second) = (v, z) { return (second, first + second) }
  c[i, p] = h[i, p] * (k[i, p, 0] + k[i, p, 1]) * one + a[p]
  output c = c
  loss l = sum[i, p](c[i, p]^2) + sum[p](b[p]^2)`),
    lengths: { n: [3, 1, 4] },
  },
  'a batch of one far below its padding': {
    text: over(`o = h |> Conv1d(3, width = 3) |> LeakyReLU() |> Standardise(streams = 1)
  output o = o
  loss l = sum[j, p](o[j, p]^2) + v[0]`),
    lengths: { n: [5] },
    extra: 40,
  },
  'a binding called like the extent of a tensor': {
    text: over(`n_given = w . w
  a[i: n - 2, p] = h[i + 2, p] + n_given
  output a = a
  loss l = sum[i, p](a[i, p]^2)`),
    lengths: { n: [3, 1, 4] },
  },
  ...Object.fromEntries(
    ['tf', 'k', 'lengths', 'seed', 'window', 'free', 'replace', 'learningRate', 'batch_size', 'class', 'Math'].map(
      (name) => [`a length called ${name}`, calledLike(name)],
    ),
  ),
}

const programFrom = (text: string): Program => {
  const reader = makeNodeReader()
  const { program, diagnostics } = compile('m.model', (path) => (path === 'm.model' ? text : reader(path)))
  if (!program) throw new DiagnosticError(diagnostics)
  return program
}

/** Every input, target and draw, and the lengths; what lies beyond the samples is NaN, an id of no row, or another draw; or 0. */
function feedsOf(program: Program, env: Env, padding: 'garbage' | 'zeros'): Record<string, NdArray> {
  const feeds: Record<string, NdArray> = {}
  const add = (name: string, type: TensorType, value: (r: number) => number, beyond: number): void => {
    const shape = shapeOf(type.dims, env)
    const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1))
    const data = Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) =>
      value(hash(name, ...shape.map((size, axis) => Math.floor(i / (strides[axis] as number)) % size))),
    )
    fillInvalid(data, type, env, padding === 'zeros' ? 0 : beyond)
    feeds[name] = { dtype: type.dtype, shape, data }
  }
  const { inputs, targets } = program.signature
  for (const { name, dtype, dims, below } of [...inputs, ...targets])
    add(
      name,
      { dtype, dims: [batchDim, ...dims] },
      (r) => (below === undefined ? Math.fround(3 * r - 1.5) : Math.floor(r * below)),
      below === undefined ? Number.NaN : 1e9,
    )
  for (const { op, attributes, type } of program.training.nodes)
    if (op === 'input' && attributes.role === 'noise') add(attributes.name, type, Math.fround, 0.7)
  for (const { name, sources } of program.inference.seqs)
    for (const { lengths } of sources) feeds[lengths] = ndArray([env.batch], env.lengths[name] as number[], 'i64')
  return feeds
}

/** How far each output is from the interpreter's; positions of padding hold 0, or are there for tfjs alone. */
function distancesOf(
  graph: Graph,
  feeds: Readonly<Record<string, NdArray>>,
  env: Env,
  found: Readonly<Record<string, NdArray>>,
): Record<string, number> {
  const expected = interpret(graph, feeds, env)
  return Object.fromEntries(
    graph.outputs.map(({ name, value }) => {
      const want = expected.get(name) as NdArray
      const type = graph.nodes.find(({ id }) => id === value)?.type as TensorType
      fillInvalid(want.data, type, env, 0)
      return [name, found[name] ? distance(found[name], want) : Number.POSITIVE_INFINITY]
    }),
  )
}

/** Runs forward, loss and a step, and gives what is further from the interpreter than a tolerance. */
async function misses({ tf, name }: Backend, { text, lengths = {}, extra = 3 }: Spec): Promise<string[]> {
  const program = programFrom(text)
  const emitted = emitTfjs(program, { optimiser: 'sgd' })
  const { params, states } = emitted
  const batch = Object.values(lengths)[0]?.length ?? 3
  const padded = Object.fromEntries(Object.entries(lengths).map(([seq, of]) => [seq, Math.max(...of) + extra]))
  const env: Env = { batch, lengths, padded }
  const before = tf.memory().numTensors
  const module = evaluateModule(emitted.text, 'spec.mjs')
  const flat = { params: startOf(params), states: startOf(states) }
  const state = module.load(tf, weightsOf(emitted, flat))
  const clean = feedsOf(program, env, 'zeros')
  const given = batchOf(tf, feedsOf(program, env, 'garbage'))
  const variables = Object.fromEntries(
    (
      [
        ['params', params],
        ['states', states],
      ] as const
    ).flatMap(([role, { entries }]) =>
      entries.map(({ variable: { path, shape }, offset }) => {
        const size = shape.reduce((a, b) => a * b, 1)
        return [path, ndArray(shape, flat[role].slice(offset, offset + size))]
      }),
    ),
  )
  const found: Record<string, number> = {}
  const note = (what: string, distances: Readonly<Record<string, number>>): void => {
    for (const [output, value] of Object.entries(distances)) found[`${what} ${output}`] = value
  }
  for (const [what, graph] of [
    ['forward', program.inference],
    ['loss', program.evaluation()],
  ] as const) {
    const result = module[what](state, given)
    note(what, distancesOf(graph, { ...clean, ...variables }, env, await arraysOf(result)))
    tf.dispose(result)
  }
  const { graph } = buildTrainingGraph(program, 'sgd')
  const filled = (value: number): NdArray => ndArray([params.size], new Float64Array(params.size).fill(value))
  const feeds = {
    ...clean,
    params: ndArray([params.size], flat.params),
    states: ndArray([states.size], flat.states),
    momentum: filled(0),
    learning_rate_scale: filled(1),
    weight_decay: filled(Math.fround(0.01)),
    learning_rate: ndArray([], [Math.fround(0.01)]),
    clip_norm: ndArray([], [Number.POSITIVE_INFINITY]),
    step: ndArray([], [1]),
  }
  const result = module.trainStep(state, given, { learningRate: 0.01, weightDecay: 0.01 })
  const { loss, losses, predictions, gradientNorm } = result
  const next = { params: state.params, momentum: state.momentum, ...(state.states ? { states: state.states } : {}) }
  note(
    'step',
    distancesOf(graph, feeds, env, {
      ...(await arraysOf(next, 'next.')),
      ...(await arraysOf({ loss, gradient_norm: gradientNorm })),
      ...(await arraysOf(losses, 'loss.')),
      ...(await arraysOf(predictions, 'predict.')),
    }),
  )
  tf.dispose(result as never)
  tf.dispose(given)
  module.dispose(state)
  const tolerance = name === 'webgpu' ? 1e-3 : 1e-4
  const far = Object.entries(found).filter(([, value]) => !(value < tolerance))
  const left = tf.memory().numTensors - before
  return [...far.map(([what, value]) => `${what}: ${value}`), ...(left === 0 ? [] : [`${left} tensors are left`])]
}

describe.each(testedBackends)('on $name', (tested) => {
  describe.skipIf(tested.absent !== undefined)(titleOf(tested), () => {
    let backend: Backend
    beforeAll(async () => {
      backend = await openTested(tested.name)
    })
    const chosen = Object.entries(specs).filter(([, { everywhere }]) => tested.name !== 'webgpu' || everywhere)

    test.each(chosen)('%s', async (_, spec) => {
      expect(await misses(backend, spec)).toEqual([])
      backend.check()
    })
  })
})

describe('what a module cannot say', () => {
  const codesOf = (text: string): string[] => {
    try {
      emitTfjs(programFrom(text), { optimiser: 'sgd' })
      return []
    } catch (failure) {
      return (failure as DiagnosticError).diagnostics.map(({ code }) => code)
    }
  }
  const body = `param w: [4] = ones()
  output o = w . w`

  test('is refused when it is written', () => {
    expect(codesOf(`model M {\n  ${body}\n  loss l = w . w\n}`)).toEqual(['MCF5012'])
    expect(codesOf(`model M {\n  input x: [4]\n  ${body}\n  loss total = w . x\n}`)).toEqual(['MCF5013'])
  })

  test('of the spec stays in comments', () => {
    const text = `model M { // \u2028 throw new Error('not a comment')
  labels moods = ["*/ let a = b", "c"]
  input x: [4]
  target t: [] of moods
  param w: [moods, 4] = ones() // \u2029 throw new Error('not a comment')
  z[k] = sum[p](w[k, p] * x[p]) // \u2028 throw new Error('not a comment')
  predict t = softmax(z)
  loss l = z[t]
}`
    const lineOf = ({ start }: { readonly start: number }) => {
      const line = text.slice(0, start).split('\n').length
      return { where: `m.model:${line}`, text: text.split('\n')[line - 1] ?? '' }
    }
    const emitted = emitTfjs(programFrom(text), { optimiser: 'sgd', lineOf })
    const lines = `${emitted.text}${emitted.declarations}`.split(/[\n\r\u2028\u2029]/)
    expect(lines.filter((line) => /^ *throw new Error\('not/.test(line))).toEqual([])
    expect(emitted.declarations.split('\n')[0]).toMatch(/^\/\*\* .*\* \/ let a.*\*\/$/)
  })
})
