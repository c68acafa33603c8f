/** A training artefact written by hand, op by op: softmax regression on mean word vectors with dropout and momentum. */
import type { FlatLayout, TrainingArtefact } from '../../compiler/artefact.ts'
import {
  encodeModel,
  type OnnxAttribute,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
} from '../../compiler/emit/onnx/model.ts'
import { batchDim, constantDim } from '../../compiler/shapes/dim.ts'
import type { Example } from '../../runtime/predict/batch.ts'
import type { BoundInput, BoundPrediction, BoundTarget } from '../../runtime/predict/binding.ts'
import { bitsAt, keyOf, uniformAt } from '../../runtime/train/noise.ts'

const width = 4
const classes = ['a', 'b', 'c']
const size = width * classes.length

export const tinyInput: BoundInput = { name: 'text', field: 'text', width, lengths: 'text_lengths', seq: 'words' }
export const tinyTarget: BoundTarget = { name: 'emotion', dtype: 'i64', dims: [] }
export const tinyPrediction: BoundPrediction = { name: 'emotion', kind: 'distribution', classes }

const node = (
  type: string,
  inputs: readonly string[],
  output: string,
  attributes: Readonly<Record<string, OnnxAttribute>> = {},
): OnnxNode => ({ name: output, type, inputs, outputs: [output], attributes })
const floats = (name: string, dims: readonly number[], ...data: number[]): OnnxTensor => ({
  name,
  dtype: 'f32',
  dims,
  data: Float32Array.from(data),
})
const ints = (name: string, dims: readonly number[], ...data: number[]): OnnxTensor => ({
  name,
  dtype: 'i64',
  dims,
  data: BigInt64Array.from(data, BigInt),
})
const f32 = (name: string, ...dims: (number | string)[]): OnnxValue => ({ name, dtype: 'f32', dims })
const i64 = (name: string, ...dims: (number | string)[]): OnnxValue => ({ name, dtype: 'i64', dims })

const constants = [
  ints('words_axis', [1], 1),
  ints('column', [2], -1, 1),
  ints('matrix', [2], width, classes.length),
  ints('flat', [1], -1),
]
/** The probabilities, of `x` and `W`. */
const pooled = [
  node('ReduceSum', ['text', 'words_axis'], 'sums', { keepdims: { int: 0 } }),
  node('Cast', ['text_lengths'], 'counts', { to: { int: 1 } }),
  node('Reshape', ['counts', 'column'], 'divisors'),
  node('Div', ['sums', 'divisors'], 'mean'),
]
const probabilities = (x: string): OnnxNode[] => [
  node('MatMul', [x, 'W'], 'z'),
  node('Softmax', ['z'], 'emotion_', { axis: { int: -1 } }),
]

const inference = encodeModel({
  graph: {
    name: 'tiny',
    nodes: [...pooled, ...probabilities('mean'), node('Identity', ['emotion_'], 'emotion')],
    inputs: [f32('text', 'batch', 'words', width), i64('text_lengths', 'batch'), f32('W', width, classes.length)],
    outputs: [f32('emotion', 'batch', classes.length)],
    initialisers: constants,
    values: [],
  },
  opset: 17,
  producerVersion: '0',
  metadata: {},
})

const step = encodeModel({
  graph: {
    name: 'tiny-step',
    nodes: [
      ...pooled,
      node('Reshape', ['params', 'matrix'], 'W'),
      node('Less', ['tenth', 'drop'], 'kept'),
      node('Cast', ['kept'], 'mask', { to: { int: 1 } }),
      node('Mul', ['mean', 'mask'], 'x'),
      ...probabilities('x'),
      node('OneHot', ['emotion', 'depth', 'on_off'], 'truth', { axis: { int: -1 } }),
      node('Mul', ['emotion_', 'truth'], 'picked'),
      node('ReduceSum', ['picked', 'words_axis'], 'likelihood', { keepdims: { int: 0 } }),
      node('Log', ['likelihood'], 'log'),
      node('Neg', ['log'], 'cost'),
      node('ReduceMean', ['cost'], 'loss', { keepdims: { int: 0 } }),
      node('Identity', ['loss'], 'loss.ce'),
      node('Sub', ['emotion_', 'truth'], 'error'),
      node('Transpose', ['x'], 'xT', { perm: { ints: [1, 0] } }),
      node('MatMul', ['xT', 'error'], 'gradients'),
      node('Reshape', ['gradients', 'flat'], 'gradient'),
      node('ReduceL2', ['gradient'], 'gradient_norm', { keepdims: { int: 0 } }),
      node('Mul', ['momentum', 'most'], 'slowed'),
      node('Add', ['slowed', 'gradient'], 'next.momentum'),
      node('Mul', ['params', 'weight_decay'], 'decay'),
      node('Add', ['next.momentum', 'decay'], 'direction'),
      node('Mul', ['learning_rate', 'learning_rate_scale'], 'rates'),
      node('Mul', ['rates', 'direction'], 'change'),
      node('Sub', ['params', 'change'], 'next.params'),
      node('Identity', ['emotion_'], 'predict.emotion'),
      node('Add', ['step', 'clip_norm'], 'unused'),
    ],
    inputs: [
      f32('text', 'batch', 'words', width),
      i64('text_lengths', 'batch'),
      i64('emotion', 'batch'),
      f32('drop', 'batch', width),
      ...['params', 'momentum', 'learning_rate_scale', 'weight_decay'].map((name) => f32(name, size)),
      ...['step', 'learning_rate', 'clip_norm'].map((name) => f32(name)),
    ],
    outputs: [
      f32('predict.emotion', 'batch', classes.length),
      ...['next.params', 'next.momentum'].map((name) => f32(name, size)),
      ...['loss', 'loss.ce', 'gradient_norm', 'unused'].map((name) => f32(name)),
    ],
    initialisers: [
      ...constants,
      ints('depth', [], classes.length),
      floats('on_off', [2], 0, 1),
      floats('tenth', [], 0.1),
      floats('most', [], 0.9),
    ],
    values: [],
  },
  opset: 17,
  producerVersion: '0',
  metadata: {},
})

const params: FlatLayout = {
  size,
  entries: [
    {
      offset: 0,
      variable: {
        path: 'W',
        role: 'param',
        shape: [width, classes.length],
        init: { kind: 'zeros', scale: 0, fanIn: width, fanOut: classes.length },
        span: undefined,
      },
    },
  ],
}

export const tinyArtefact: TrainingArtefact = {
  onnx: step,
  params,
  states: { size: 0, entries: [] },
  slots: ['momentum'],
  noise: [{ name: 'drop', dims: [batchDim, constantDim(width)] }],
  optimiser: 'sgd',
}
export const tinyInference: Uint8Array = inference

/** Samples whose mean vector says their class, but for noise. */
export function tinyExamples(count: number, seed: number): Example[] {
  return Array.from({ length: count }, (_, i) => {
    const key = keyOf('tiny', seed, i)
    const words = 1 + (bitsAt(key, 0) % 7)
    const label = bitsAt(key, 1) % classes.length
    const text = Float32Array.from(
      { length: words * width },
      (_, k) => 2 * uniformAt(key, k + 2) - 1 + (k % width === label ? 0.5 : 0),
    )
    return { id: `s${seed}-${i}`, rows: { text }, targets: { emotion: [label] } }
  })
}
