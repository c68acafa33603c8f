import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { emitOnnx } from '../../../compiler/emit/onnx/emit.ts'
import { type NdArray, ndArray } from '../../../compiler/interpret/array.ts'
import { interpret } from '../../../compiler/interpret/interpret.ts'
import { type Env, fillInvalid, shapeOf } from '../../../compiler/interpret/ragged.ts'
import type { Graph } from '../../../compiler/ir/graph.ts'
import { pad } from '../../../compiler/passes/padding.ts'
import { batchDim, constantDim } from '../../../compiler/shapes/dim.ts'
import { distance, loadOnnx } from '../../support/ort.ts'
import { buildRandomGraph, ID_COUNT, m, t } from '../../support/random-graph.ts'

const env: Env = { batch: 3, lengths: { t: [5, 2, 3], m: [1, 4, 2] }, padded: { t: 6, m: 4 } }

/** Values for every input of a graph; the padding holds garbage. */
function feedsOf(graph: Graph): Record<string, NdArray> {
  const feeds: Record<string, NdArray> = {
    x: ndArray([3, 6, 3], new Float64Array(54)),
    y: ndArray([3, 4, 2], new Float64Array(24)),
  }
  for (const seq of graph.seqs) {
    const lengths = env.lengths[seq.name] as readonly number[]
    for (const source of seq.sources) feeds[source.lengths] = ndArray([env.batch], lengths, 'i64')
  }
  for (const node of graph.nodes) {
    if (node.op !== 'input') continue
    const shape = shapeOf(node.type.dims, env)
    const size = shape.reduce((a, b) => a * b, 1)
    const value = (i: number): number =>
      node.type.dtype === 'i64' ? (i * 7) % ID_COUNT : Math.fround(Math.sin(i * 1.7 + node.id) * 0.8)
    const array = ndArray(
      shape,
      Array.from({ length: size }, (_, i) => value(i)),
      node.type.dtype,
    )
    fillInvalid(array.data, node.type, env, node.type.dtype === 'i64' ? 3 : 1e3)
    feeds[node.attributes.name] = array
  }
  return feeds
}

/** Declared whether a graph reads them or not, so that padded lengths can be told. */
const inputs = [
  { name: 'x', dtype: 'f32', dims: [batchDim, t, constantDim(3)] },
  { name: 'y', dtype: 'f32', dims: [batchDim, m, constantDim(2)] },
] as const

describe('random graphs', () => {
  test('ONNX Runtime agrees with the interpreter on unpadded samples', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 1 << 20 }), { minLength: 3, maxLength: 90 }),
        fc.constantFrom(13, 15, 17, 18, 21),
        async (choices, opset) => {
          const graph = buildRandomGraph(choices)
          const padded = pad(graph, { inputs: 'any' })
          const feeds = feedsOf(graph)
          const expected = interpret(graph, feeds, env)
          const model = await loadOnnx(emitOnnx(padded, { opset, inputs }))
          const found = await model.run(feeds)
          await model.release()
          for (const output of graph.outputs) {
            const want = expected.get(output.name) as NdArray
            const type = graph.nodes.find((node) => node.id === output.value)?.type
            if (type) fillInvalid(want.data, type, env, 0)
            const magnitude = Math.max(...want.data.map(Math.abs))
            // Values that f32 cannot hold to five digits are not compared.
            if (!(magnitude < 1e4)) continue
            expect(distance(found[output.name] as NdArray, want), output.name).toBeLessThan(2e-4)
          }
        },
      ),
      { numRuns: 150 },
    )
  }, 120_000)
})
