/** Example calls of every op, ragged and not, broadcast and not: what the tests of ops walk. */
import type { TensorType } from '../../compiler/ir/graph.ts'
import type { Attributes, OpName } from '../../compiler/ops/op.ts'
import { addDim, batchDim, constantDim, type Dim, floorDivDim, parseDim, seqDim } from '../../compiler/shapes/dim.ts'

/** What an operand's elements are drawn from; `below` gives ids under a dim, in each sample. */
export type Domain =
  | 'any'
  | 'positive'
  | 'bool'
  | 'distinct'
  /** Small whole numbers, so that ties occur. */
  | 'ties'
  | { readonly below: Dim }

export interface Example<K extends OpName> {
  readonly operands: readonly TensorType[]
  readonly attributes: Attributes[K]
  /** For each operand; `any` (or whole numbers, truth values) where absent. */
  readonly domains?: readonly Domain[]
  /** The type of an `input` or `constant`. */
  readonly own?: TensorType
  /** True where samples see each other, so that one alone differs. */
  readonly mixes?: boolean
  /** True where the same value stands in every operand. */
  readonly shared?: boolean
}

const typed =
  (dtype: TensorType['dtype']) =>
  (text: string): TensorType => ({ dtype, dims: text === '' ? [] : text.split(',').map(parseDim) })
const f = typed('f32')
const i = typed('i64')
const t = typed('bool')
const n = constantDim
const frames = seqDim('frames')
const words = seqDim('words')

const SHAPES = ['', '3', '2,3', 'batch', 'batch,frames', 'batch,frames,2', 'batch,words,frames']
const PAIRS: readonly (readonly [string, string])[] = [
  ['', ''],
  ['3', ''],
  ['2,1', '3'],
  ['batch,frames,2', 'batch,frames,2'],
  ['batch,frames,2', '2'],
  ['batch,1,2', 'batch,frames,1'],
  ['2', 'batch,frames,2'],
  ['batch,words,1', 'batch,1,frames'],
  ['batch', 'batch'],
  ['1,batch,3', 'batch,1,3'],
]

const unary = (domain: Domain = 'any') =>
  SHAPES.map((shape) => ({ operands: [f(shape)], attributes: {}, domains: [domain] }))
const binary = (make: (shape: string) => TensorType, ...domains: Domain[]) =>
  PAIRS.map(([x, y]) => ({ operands: [make(x), make(y)], attributes: {}, domains, mixes: x.startsWith('1,') }))
const compare = [...binary(f, 'ties', 'ties'), { operands: [i('batch,frames'), i('')], attributes: {} }]
const squared = { operands: [f('batch,frames,2'), f('batch,frames,2')], attributes: {}, shared: true }

const reductions = (domain: Domain) => [
  { operands: [f('2,3,4')], attributes: { axes: [1], keep: false }, domains: [domain] },
  { operands: [f('2,3,4')], attributes: { axes: [0, 2], keep: true }, domains: [domain] },
  { operands: [f('3')], attributes: { axes: [0], keep: false }, domains: [domain] },
  { operands: [f('batch,frames,3')], attributes: { axes: [1], keep: false }, domains: [domain] },
  { operands: [f('batch,frames,3')], attributes: { axes: [1, 2], keep: true }, domains: [domain] },
  { operands: [f('batch,frames,3')], attributes: { axes: [2], keep: true }, domains: [domain] },
  { operands: [f('batch,frames,3')], attributes: { axes: [0, 1], keep: false }, domains: [domain], mixes: true },
  { operands: [f('batch,words,frames')], attributes: { axes: [2], keep: false }, domains: [domain] },
  { operands: [f('batch,1,frames')], attributes: { axes: [1], keep: false }, domains: [domain] },
  { operands: [f('batch,batch,2')], attributes: { axes: [0], keep: true }, domains: [domain], mixes: true },
  { operands: [f('batch,frames')], attributes: { axes: [], keep: false }, domains: [domain] },
]

const windowOf = (shape: string, axis: number, offset: Dim, dim: Dim, stride = 1, dilation = 1) => ({
  operands: [f(shape)],
  attributes: { axis, offset, stride, dilation, dim },
})

const contraction = (
  x: string,
  y: string,
  left: number[],
  right: number[],
  out: number[],
  mixes = false,
  shared = false,
) => ({
  operands: [f(x), f(y)],
  attributes: { left, right, out },
  mixes,
  shared,
})

/** At least one call of each op; a missing row does not compile. */
export const examples: { readonly [K in OpName]: readonly Example<K>[] } = {
  input: ['', 'batch,frames,2'].map((shape) => ({
    operands: [],
    attributes: { name: 'x', role: 'data' as const },
    own: f(shape),
  })),
  constant: [
    { operands: [], attributes: { value: 2.5 }, own: f('') },
    { operands: [], attributes: { value: -3 }, own: f('batch,frames') },
    { operands: [], attributes: { value: [1, 2, 3, 4, 5, 6] }, own: i('2,3') },
    { operands: [], attributes: { value: 1 }, own: t('4') },
  ],
  iota: [n(4), frames, addDim(frames, n(2))].map((dim) => ({ operands: [], attributes: { dim } })),
  length: [n(4), frames, floorDivDim(addDim(frames, n(3)), 2n), batchDim].map((dim) => ({
    operands: [],
    attributes: { dim },
    mixes: dim === batchDim,
  })),
  valid: [frames, floorDivDim(frames, 2n)].map((dim) => ({ operands: [], attributes: { dim } })),

  neg: [...unary(), { operands: [i('batch,frames')], attributes: {} }],
  exp: unary(),
  log: unary('positive'),
  sqrt: unary('positive'),
  abs: unary('distinct'),
  sin: unary(),
  cos: unary(),
  tanh: unary(),
  sigmoid: unary(),
  relu: unary('distinct'),
  erf: unary(),
  floor: unary(),
  stopGradient: unary(),
  add: [...binary(f), squared],
  sub: [...binary(f), squared],
  mul: [...binary(f), squared],
  div: [...binary(f, 'any', 'positive'), { ...squared, domains: ['positive', 'positive'] }],
  pow: [...binary(f, 'positive', 'any'), { ...squared, domains: ['positive', 'positive'] }],
  max: binary(f, 'distinct', 'distinct'),
  min: binary(f, 'distinct', 'distinct'),
  equal: compare,
  less: compare,
  lessEqual: compare,
  and: binary(t),
  or: binary(t),
  not: ['3', 'batch,frames'].map((shape) => ({ operands: [t(shape)], attributes: {} })),
  select: [
    { operands: [t('batch,frames,1'), f('batch,frames,3'), f('3')], attributes: {} },
    { operands: [t('batch,frames'), f(''), f('batch,frames')], attributes: {} },
    { operands: [t('2,3'), f('3'), f('2,1')], attributes: {} },
    { operands: [t('batch,words,frames'), f('batch,1,frames'), f('batch,words,1')], attributes: {} },
    { operands: [t('batch,frames'), i('batch,frames'), i('')], attributes: {} },
  ],
  cast: [
    { operands: [f('batch,frames')], attributes: { to: 'i64' } },
    { operands: [i('2,3')], attributes: { to: 'f32' } },
    { operands: [t('batch,frames')], attributes: { to: 'f32' } },
    { operands: [t('3')], attributes: { to: 'i64' } },
    { operands: [f('3')], attributes: { to: 'f32' } },
  ],

  transpose: [
    { operands: [f('2,3,4')], attributes: { permutation: [2, 0, 1] } },
    { operands: [f('batch,frames,3')], attributes: { permutation: [0, 2, 1] } },
    { operands: [f('batch,words,frames,2')], attributes: { permutation: [0, 2, 3, 1] } },
    { operands: [f('3,batch,frames')], attributes: { permutation: [1, 2, 0] } },
  ],
  reshape: [
    { operands: [f('2,3,4')], attributes: { dims: [n(6), n(4)] } },
    { operands: [f('2,6')], attributes: { dims: [n(4), n(1), n(3)] } },
    { operands: [f('batch,frames,4')], attributes: { dims: [batchDim, frames, n(2), n(2)] } },
    { operands: [f('batch,frames,4')], attributes: { dims: [batchDim, parseDim('4 * frames')] } },
    { operands: [f('batch,4 * frames')], attributes: { dims: [batchDim, n(1), frames, n(4)] } },
    { operands: [f('batch,frames,4')], attributes: { dims: [batchDim, parseDim('2 * frames'), n(2)] } },
    { operands: [f('1,batch,frames,1,2')], attributes: { dims: [batchDim, frames, n(2)] }, mixes: true },
  ],
  broadcast: [
    { operands: [f('')], attributes: { dims: [batchDim, frames] } },
    { operands: [f('3,1')], attributes: { dims: [n(2), n(3), n(4)] } },
    { operands: [f('batch,1,2')], attributes: { dims: [batchDim, frames, n(2)] } },
    { operands: [f('2')], attributes: { dims: [batchDim, frames, n(2)] } },
    { operands: [f('batch,1,frames')], attributes: { dims: [batchDim, words, frames] } },
  ],
  concat: [
    { operands: [f('2,3'), f('4,3'), f('1,3')], attributes: { axis: 0 } },
    { operands: [f('batch,frames,2'), f('batch,frames,3')], attributes: { axis: 2 } },
    { operands: [f('batch,1,frames'), f('batch,2,frames')], attributes: { axis: 1 } },
    { operands: [f('batch,frames,2'), f('batch,frames,2')], attributes: { axis: 2 }, shared: true },
  ],
  window: [
    windowOf('7', 0, n(-2), n(6)),
    windowOf('2,7,3', 1, n(1), n(3), 2),
    windowOf('2,3', 1, n(-1), n(7), 1, 2),
    windowOf('batch,frames,2', 1, n(-1), frames),
    windowOf('batch,frames,2', 1, n(2), frames),
    windowOf('batch,frames,2', 1, n(-1), addDim(frames, n(3))),
    windowOf('batch,frames', 1, n(1), floorDivDim(frames, 2n), 2),
    windowOf('batch,frames', 1, n(-1), parseDim('2 * frames + 1'), 1, 2),
    windowOf('batch,frames,2', 1, n(-2), n(3)),
    windowOf('batch,frames', 1, parseDim('frames - 2'), n(2)),
    windowOf('batch,3,frames', 1, parseDim('frames - 2'), n(2)),
    windowOf('batch,3', 1, n(0), frames),
    windowOf('batch,words,frames', 2, parseDim('words - 1'), frames),
  ],
  gather: [
    { operands: [f('5,2'), i('3')], attributes: { batchAxes: 0 }, domains: ['any', { below: n(5) }] },
    { operands: [f('5,2'), i('batch,words')], attributes: { batchAxes: 0 }, domains: ['any', { below: n(5) }] },
    { operands: [f('batch,4,2'), i('batch,words')], attributes: { batchAxes: 1 }, domains: ['any', { below: n(4) }] },
    {
      operands: [f('batch,frames'), i('batch,frames,2')],
      attributes: { batchAxes: 1 },
      domains: ['any', { below: frames }],
    },
    { operands: [f('batch,4,frames'), i('batch')], attributes: { batchAxes: 1 }, domains: ['any', { below: n(4) }] },
    { operands: [i('5'), i('batch,words')], attributes: { batchAxes: 0 }, domains: ['any', { below: n(5) }] },
    { operands: [f('2,3,4'), i('2,3')], attributes: { batchAxes: 2 }, domains: ['any', { below: n(4) }] },
  ],
  scatterAdd: [
    { operands: [f('3,2'), i('3')], attributes: { batchAxes: 0, dim: n(5) }, domains: ['any', { below: n(5) }] },
    {
      operands: [f('batch,words,2'), i('batch,words')],
      attributes: { batchAxes: 0, dim: n(5) },
      domains: ['any', { below: n(5) }],
      mixes: true,
    },
    {
      operands: [f('batch,words,2'), i('batch,words')],
      attributes: { batchAxes: 1, dim: n(4) },
      domains: ['any', { below: n(4) }],
    },
    {
      operands: [f('batch,frames,2'), i('batch,frames,2')],
      attributes: { batchAxes: 1, dim: frames },
      domains: ['any', { below: frames }],
    },
    {
      operands: [f('batch,frames'), i('batch')],
      attributes: { batchAxes: 1, dim: n(4) },
      domains: ['any', { below: n(4) }],
    },
    { operands: [f('2,3'), i('2,3')], attributes: { batchAxes: 2, dim: n(4) }, domains: ['any', { below: n(4) }] },
  ],

  sum: reductions('any'),
  maximum: reductions('distinct'),
  softmax: [
    { operands: [f('2,3')], attributes: { axis: 1 } },
    { operands: [f('2,3,2')], attributes: { axis: 1 } },
    { operands: [f('batch,frames,3')], attributes: { axis: 2 } },
    { operands: [f('batch,frames,3')], attributes: { axis: 1 } },
    { operands: [f('batch,words,frames')], attributes: { axis: 2 } },
    { operands: [f('batch,3')], attributes: { axis: 0 }, mixes: true },
  ],
  contract: [
    contraction('2,3', '3,4', [0, 1], [1, 2], [0, 2]),
    contraction('2,3', '4,3', [0, 1], [2, 1], [2, 0]),
    contraction('3', '3', [0], [0], []),
    contraction('2', '3', [0], [1], [1, 0]),
    contraction('2,3,4', '2,4,9', [0, 1, 2], [0, 2, 3], [1, 0, 3]),
    contraction('batch,frames,3', '3,4', [0, 1, 2], [2, 3], [0, 1, 3]),
    contraction('batch,words,2', 'batch,frames,2', [0, 1, 2], [0, 3, 2], [0, 1, 3]),
    contraction('batch,words,frames', 'batch,frames,2', [0, 1, 2], [0, 2, 3], [0, 1, 3]),
    contraction('batch,frames,3', 'batch,frames,4', [0, 1, 2], [0, 1, 3], [2, 3], true),
    contraction('batch,frames', 'batch,frames', [0, 1], [0, 1], [0]),
    contraction('batch,2', 'batch,2', [0, 2], [1, 2], [0, 1], true, true),
    contraction('batch,frames,2', 'batch,frames,2', [0, 1, 2], [0, 3, 2], [0, 1, 3], false, true),
    contraction('batch,frames,2', 'batch,frames,2', [0, 1, 2], [0, 1, 3], [0, 3, 2], false, true),
    contraction('2,2', '2,2', [0, 1], [1, 2], [0, 2], false, true),
    contraction('batch,1,3', '3', [0, 1, 2], [2], [0, 1]),
    contraction('batch,frames,2,3', '2,3,4', [0, 1, 2, 3], [2, 3, 4], [0, 2, 1, 4]),
    contraction('batch,frames,2', '2', [0, 1, 2], [2], [0, 2, 1]),
  ],
}
