import { describe, expect, test } from 'vitest'
import type { OptimiserKind } from '../../../compiler/artefact.ts'
import { type NdArray, ndArray } from '../../../compiler/interpret/array.ts'
import { interpret } from '../../../compiler/interpret/interpret.ts'
import { type Env, fillInvalid, shapeOf } from '../../../compiler/interpret/ragged.ts'
import type { Graph } from '../../../compiler/ir/graph.ts'
import { verifyGraph } from '../../../compiler/ir/verify.ts'
import { initialValues } from '../../../compiler/train/initialise.ts'
import { buildTrainingGraph, emitTraining } from '../../../compiler/train/training-graph.ts'
import { handMadeMcfn } from '../../support/hand-made.ts'
import { distance, loadOnnx } from '../../support/ort.ts'

const program = handMadeMcfn({ d: 16, audio: 6, text: 5, heads: 2, hidden: 8, classes: 3 })
const env: Env = { batch: 3, lengths: { frames: [9, 5, 7], words: [2, 6, 3] }, padded: { frames: 11, words: 7 } }

/** Values for all inputs of a joint graph; zeros in the padding, as the loader leaves it. */
function feedsOf(graph: Graph, env: Env, params: Float32Array, states: Float32Array): Record<string, NdArray> {
  const feeds: Record<string, NdArray> = {}
  for (const seq of graph.seqs) {
    const lengths = env.lengths[seq.name] as readonly number[]
    for (const source of seq.sources) feeds[source.lengths] = ndArray([env.batch], lengths, 'i64')
  }
  for (const node of graph.nodes) {
    if (node.op !== 'input') continue
    const shape = shapeOf(node.type.dims, env)
    const size = shape.reduce((a, b) => a * b, 1)
    const value = (i: number): number => {
      if (node.type.dtype === 'i64') return i % 3
      return node.attributes.role === 'noise' ? ((i * 37) % 64) / 64 : Math.fround(Math.sin(i * 1.9 + node.id))
    }
    const array = ndArray(
      shape,
      Array.from({ length: size }, (_, i) => value(i)),
      node.type.dtype,
    )
    fillInvalid(array.data, node.type, env, 0)
    feeds[node.attributes.name] = array
  }
  const n = params.length
  return {
    ...feeds,
    params: ndArray([n], params),
    states: ndArray([states.length], states),
    learning_rate: ndArray([], [0.01]),
    learning_rate_scale: ndArray([n], new Float32Array(n).fill(1)),
    weight_decay: ndArray([n], new Float32Array(n).fill(0.001)),
    clip_norm: ndArray([], [0.5]),
    step: ndArray([], [1]),
  }
}

describe('a training step', () => {
  test.each(['adam', 'adamw', 'sgd'] as const)(
    'with %s agrees with the interpreter over several steps',
    async (kind: OptimiserKind) => {
      const { graph, params, states, slots } = buildTrainingGraph(program, kind)
      expect(verifyGraph(graph)).toEqual([])
      const artefact = emitTraining(program, { optimiser: kind, passes: { verify: verifyGraph } })
      expect(artefact.slots).toEqual(slots)
      const model = await loadOnnx(artefact.onnx)
      const zeros = Object.fromEntries(
        slots.map((slot) => [slot, ndArray([params.size], new Float32Array(params.size))]),
      )
      let feeds = { ...feedsOf(graph, env, initialValues(params, 5), initialValues(states, 5)), ...zeros }
      for (let step = 1; step <= 3; step++) {
        feeds = { ...feeds, step: ndArray([], [step]) }
        const expected = interpret(graph, feeds, env)
        const found = await model.run(feeds)
        expect(Object.keys(found).sort()).toEqual([...expected.keys()].sort())
        for (const [name, value] of expected) {
          // An element whose gradient is 0 but for rounding may move either way under Adam; it does not count.
          const settled = name === 'next.params' ? withoutIdle(found[name] as NdArray, value, expected) : found[name]
          expect(distance(settled as NdArray, value), `${name} in step ${step}`).toBeLessThan(1e-4)
        }
        feeds = {
          ...feeds,
          ...Object.fromEntries(
            ['params', 'states', ...slots].map((name) => [name, expected.get(`next.${name}`) as NdArray]),
          ),
        }
      }
      await model.release()
    },
  )

  test('gives the same bytes each time, and the same bits in each run', async () => {
    const [one, two] = [0, 1].map(() => emitTraining(program, { optimiser: 'adam' }))
    expect(one?.onnx).toEqual(two?.onnx)
    const { graph, params, states } = buildTrainingGraph(program, 'adam')
    const slots = Object.fromEntries(
      ['moment1', 'moment2'].map((slot) => [slot, ndArray([params.size], new Float32Array(params.size))]),
    )
    const feeds = { ...feedsOf(graph, env, initialValues(params, 5), initialValues(states, 5)), ...slots }
    const results = []
    for (const _ of [0, 1]) {
      const model = await loadOnnx(one?.onnx as Uint8Array, 2)
      results.push(await model.run(feeds))
      await model.release()
    }
    expect(results[0]).toEqual(results[1])
  })

  test('padding further changes nothing', async () => {
    const { graph, params, states } = buildTrainingGraph(program, 'sgd')
    const model = await loadOnnx(emitTraining(program, { optimiser: 'sgd' }).onnx)
    const wide: Env = { ...env, padded: { frames: 20, words: 9 } }
    const slots: Record<string, NdArray> = { momentum: ndArray([params.size], new Float32Array(params.size)) }
    const [start, state] = [initialValues(params, 5), initialValues(states, 5)]
    const narrowFeeds = { ...feedsOf(graph, env, start, state), ...slots }
    const wideFeeds: Record<string, NdArray> = { ...feedsOf(graph, wide, start, state), ...slots }
    for (const name of ['speech', 'text'])
      wideFeeds[name] = widened(narrowFeeds[name] as NdArray, wideFeeds[name] as NdArray)
    const [a, b] = [await model.run(narrowFeeds), await model.run(wideFeeds)]
    for (const name of model.outputs) expect(distance(a[name] as NdArray, b[name] as NdArray), name).toBeLessThan(2e-6)
    await model.release()
  })
})

/** The narrow array in the shape of the wide one, zeros behind. */
function widened(narrow: NdArray, wide: NdArray): NdArray {
  const [batch = 0, n = 0, c = 0] = narrow.shape
  const m = wide.shape[1] ?? 0
  const out = ndArray(wide.shape, new Float64Array(wide.data.length))
  for (let i = 0; i < batch; i++) out.data.set(narrow.data.subarray(i * n * c, (i + 1) * n * c), i * m * c)
  return out
}

/** `found`, with the interpreter's value where that value's gradient is 0 but for rounding. */
function withoutIdle(found: NdArray, value: NdArray, expected: ReadonlyMap<string, NdArray>): NdArray {
  const moment = expected.get('next.moment1')
  if (!moment) return found
  const idle = (i: number): boolean => Math.abs(moment.data[i] as number) < 1e-6
  return { ...found, data: found.data.map((x, i) => (idle(i) ? (value.data[i] as number) : x)) }
}
