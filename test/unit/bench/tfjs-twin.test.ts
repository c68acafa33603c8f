/** The step that a tfjs user would write is the same step: losses, gradients, states and Adam's, against the interpreter. */
import '@tensorflow/tfjs-backend-cpu'
import '@tensorflow/tfjs-backend-wasm'
import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FlatLayout } from '../../../compiler/artefact.ts'
import { type NdArray, ndArray, sizeOf } from '../../../compiler/interpret/array.ts'
import { interpret } from '../../../compiler/interpret/interpret.ts'
import type { Env } from '../../../compiler/interpret/ragged.ts'
import { buildTrainingGraph } from '../../../compiler/train/training-graph.ts'
import { batchTensors, createTwin, type Twin, type TwinBatch } from '../../bench/tfjs-twin.ts'
import { feedsOf, programOf, small, startOf, trained, wider } from '../../support/mcfn.ts'

const { graph, params, states } = buildTrainingGraph(programOf([], small), 'adam')
const rate = Math.fround(0.01)
const ragged: Env = { batch: 4, lengths: { frames: [85, 130, 61, 97], words: [6, 1, 3, 9] } }
const envs = [
  { name: 'two samples', env: trained, padding: 0 },
  { name: 'four samples', env: ragged, padding: 3 },
  { name: 'four samples, padded further', env: wider(ragged), padding: -2 },
]

/** What a step makes of a batch, in float64; `before` is what the step before it made. */
function expectedStep(env: Env, step: number, before?: ReadonlyMap<string, NdArray>): Map<string, NdArray> {
  const filled = (length: number, value: number): NdArray => ndArray([length], new Float64Array(length).fill(value))
  const kept = {
    params: ndArray([params.size], startOf(params)),
    states: ndArray([states.size], startOf(states)),
    moment1: filled(params.size, 0),
    moment2: filled(params.size, 0),
  }
  const carried = Object.fromEntries(
    Object.entries(kept).map(([name, start]) => [name, before?.get(`next.${name}`) ?? start]),
  )
  return interpret(
    graph,
    {
      ...feedsOf(graph, env, 0),
      ...carried,
      learning_rate_scale: filled(params.size, 1),
      weight_decay: filled(params.size, 0),
      learning_rate: ndArray([], [rate]),
      clip_norm: ndArray([], [Number.POSITIVE_INFINITY]),
      step: ndArray([], [step]),
    },
    env,
  )
}

/** Parts of a flat vector by path. */
const partsOf = <T extends Float32Array | Float64Array>(layout: FlatLayout, flat: T): Map<string, T> =>
  new Map(
    layout.entries.map(({ variable: { path, shape }, offset }) => [
      path,
      flat.subarray(offset, offset + sizeOf(shape)) as T,
    ]),
  )
const startValues = () =>
  new Map(
    [params, states].flatMap((layout) => {
      const parts = partsOf(layout, startOf(layout))
      return layout.entries.map(({ variable: { path, shape } }) => [path, { shape, values: parts.get(path) }] as const)
    }),
  ) as Parameters<typeof createTwin>[1]

const shapeOf = (path: string): number[] => [
  ...(params.entries.find(({ variable }) => variable.path === path)?.variable.shape ?? []),
]

function batchOf(env: Env, padding: number): TwinBatch {
  const feeds = Object.entries(feedsOf(graph, env, padding))
  return batchTensors(
    tf,
    Object.fromEntries(
      feeds.map(([name, { dtype, shape, data }]) => [
        name,
        dtype === 'i64'
          ? { dtype: 'i64', dims: [...shape], data: BigInt64Array.from(data, BigInt) }
          : { dtype: 'f32', dims: [...shape], data: Float32Array.from(data) },
      ]),
    ),
  )
}

const elementsOf = (values: ReadonlyMap<string, NdArray>, name: string): Float64Array =>
  (values.get(name) as NdArray).data
const sizeIn = (data: ArrayLike<number>): number => Array.from(data).reduce((top, x) => Math.max(top, Math.abs(x)), 0)
const apart = (found: ArrayLike<number>, expected: ArrayLike<number>): number => {
  expect(found.length).toBe(expected.length)
  return sizeIn(Array.from(found, (x, i) => x - (expected[i] as number)))
}

const cases = ['cpu', 'wasm'].flatMap((backend) => envs.map((of) => ({ backend, ...of })))

describe.each(cases)('$backend: $name', ({ backend, env, padding }) => {
  let twin: Twin
  let batch: TwinBatch
  beforeAll(async () => {
    await tf.setBackend(backend)
    twin = createTwin(tf, startValues())
    batch = batchOf(env, padding)
  })
  afterAll(() => {
    twin.dispose()
    tf.dispose(batch)
    expect(tf.memory().numTensors).toBe(0)
  })

  test('has the losses and gradients of the spec', () => {
    const expected = expectedStep(env, 1)
    const losses = twin.losses(batch)
    for (const [name, value] of Object.entries(losses)) {
      const wanted = elementsOf(expected, name === 'total' ? 'loss' : `loss.${name}`)
      expect(apart(value.dataSync(), wanted) / sizeIn(wanted), name).toBeLessThan(1e-4)
    }
    tf.dispose(losses)
    const { value, grads } = twin.gradients(batch)
    const wanted = partsOf(
      params,
      elementsOf(expected, 'next.moment1').map((moment) => moment / (1 - 0.9)),
    )
    const largest = Math.max(...[...wanted.values()].map(sizeIn))
    expect(Object.keys(grads).sort()).toEqual([...wanted.keys()].sort())
    for (const [path, gradient] of wanted) {
      // Some gradients are 0 but for rounding: a bias before batch normalisation, or under a softmax.
      const scale = Math.max(sizeIn(gradient), 1e-3 * largest)
      expect(apart((grads[path] as tf.Tensor).dataSync(), gradient) / scale, path).toBeLessThan(1e-3)
    }
    tf.dispose([value, ...Object.values(grads)])
  })

  test('takes the steps of the spec, and keeps nothing else', () => {
    let before: Map<string, NdArray> | undefined
    let tensors = 0
    for (let step = 1; step <= 2; step++) {
      const expected = expectedStep(env, step, before)
      const total = twin.trainStep(batch, { learningRate: rate })
      expect(apart(total.dataSync(), elementsOf(expected, 'loss')) / sizeIn(elementsOf(expected, 'loss'))).toBeLessThan(
        1e-3,
      )
      total.dispose()
      for (const [path, state] of partsOf(states, elementsOf(expected, 'next.states')))
        expect(apart(twin.variables.get(path)?.dataSync() ?? [], state) / sizeIn(state), path).toBeLessThan(1e-4)
      const moments = partsOf(params, elementsOf(expected, 'next.moment1'))
      const largest = Math.max(...[...moments.values()].map(sizeIn))
      for (const [path, param] of partsOf(params, elementsOf(expected, 'next.params'))) {
        const found = twin.variables.get(path)?.dataSync() ?? []
        // An element whose gradient is 0 but for rounding may move either way under Adam; it does not count.
        const settled = (_: number, i: number): boolean => Math.abs(moments.get(path)?.[i] ?? 0) > 1e-3 * largest
        expect(found.length).toBe(param.length)
        const far = apart(Array.from(found).filter(settled), Array.from(param).filter(settled))
        expect(far / rate, path).toBeLessThan(1e-2)
      }
      if (step > 1) expect(tf.memory().numTensors).toBe(tensors)
      tensors = tf.memory().numTensors
      // Those elements are brought together again: batch normalisation's running mean follows the bias before it.
      for (const [path, param] of partsOf(params, elementsOf(expected, 'next.params')))
        tf.tidy(() => twin.variables.get(path)?.assign(tf.tensor(Float32Array.from(param), shapeOf(path))))
      before = expected
    }
  })
})
