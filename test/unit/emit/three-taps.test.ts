/** Convolutions of three taps in a training step, which ONNX Runtime gets with fewer products. */
import proto from 'onnx-proto'
import { expect, test } from 'vitest'
import { compile } from '../../../compiler/compile.ts'
import { ndArray } from '../../../compiler/interpret/array.ts'
import type { Env } from '../../../compiler/interpret/ragged.ts'
import { buildTrainingGraph, emitTraining } from '../../../compiler/train/training-graph.ts'
import { feedsOf, startOf, stepDistances } from '../../support/mcfn.ts'
import { loadOnnx } from '../../support/ort.ts'

const source = (width: number, dilation: number, reversed: boolean) => `model M {
  seq frames in 1..100
  input x: [frames, ${width}]
  param v: [3, ${width}, ${width}] = normal(0.05)
  param w: [3, ${width}, ${width}] = normal(0.05)
  h[j: frames, q: ${width}] = sum[k: 3, p](v[k, p, q] * x[j + ${dilation} * k - ${dilation}, p])
  g[j, p] = tanh(h[j, p])
  y[j: frames, q: ${width}] = sum[k: 3, p](w[k, p, q] * g[j ${reversed ? '-' : '+'} ${dilation} * k ${reversed ? '+' : '-'} ${dilation}, p])
  loss squares = mean[j, q](y[j, q] * y[j, q])
  output y = y
}`

const stepOf = (text: string) => {
  const { program, diagnostics } = compile('m.model', (path) => (path === 'm.model' ? text : undefined))
  expect(diagnostics).toEqual([])
  if (!program) throw new Error('no program')
  return { ...buildTrainingGraph(program, 'sgd'), onnx: emitTraining(program, { optimiser: 'sgd' }).onnx }
}

const envs: readonly Env[] = [
  { batch: 3, lengths: { frames: [9, 5, 1] }, padded: { frames: 11 } },
  { batch: 2, lengths: { frames: [12, 12] } },
  { batch: 2, lengths: { frames: [1, 2] } },
]

test.each([1, 2, 3].flatMap((dilation) => [false, true].map((reversed) => ({ dilation, reversed }))))(
  'agree with the interpreter, taps $dilation apart, reversed: $reversed',
  async ({ dilation, reversed }) => {
    const { graph, params, states, slots, onnx } = stepOf(source(128, dilation, reversed))
    const model = await loadOnnx(onnx)
    for (const env of envs) {
      const filled = (value: number) => ndArray([params.size], new Float64Array(params.size).fill(value))
      const feeds = {
        ...feedsOf(graph, env, 0),
        params: ndArray(
          [params.size],
          startOf(params).map((value) => value / 8),
        ),
        momentum: filled(0),
        learning_rate_scale: filled(1),
        weight_decay: filled(0),
        learning_rate: ndArray([], [1]),
        clip_norm: ndArray([], [Number.POSITIVE_INFINITY]),
        step: ndArray([], [1]),
      }
      const found = await model.run(feeds)
      const distances = stepDistances({ graph, params, states, slots, env, feeds }, found)
      for (const [name, distance] of Object.entries(distances)) expect(distance, name).toBeLessThan(1e-5)
    }
    await model.release()
  },
)

test('are four products each and one that mixes the taps, for two bands, where they are wide', () => {
  const products = (width: number): number => {
    const { graph } = proto.onnx.ModelProto.decode(stepOf(source(width, 2, false)).onnx)
    return (graph?.node ?? []).filter(({ opType }) => opType === 'MatMul').length
  }
  // Two forward, one back to the first layer's result, and two for the weights, which need no mixing.
  expect(products(128)).toBe(5 * 2 * 4 + 3)
  expect(products(8)).toBeLessThan(5 * 2 * 4)
})
