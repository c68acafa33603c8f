/** Random well-typed graphs and their derivatives, on each backend against the interpreter on unpadded samples. */
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { type NdArray, ndArray } from '../../../../compiler/interpret/array.ts'
import { interpret } from '../../../../compiler/interpret/interpret.ts'
import { type Env, fillInvalid, shapeOf } from '../../../../compiler/interpret/ragged.ts'
import type { Graph } from '../../../../compiler/ir/graph.ts'
import { pad } from '../../../../compiler/passes/padding.ts'
import { batchDim, constantDim } from '../../../../compiler/shapes/dim.ts'
import type { Backend, BackendName } from '../../../../runtime/engines/tfjs/backends.ts'
import { openTested, testedBackends, titleOf } from '../../../support/backends.ts'
import { distance } from '../../../support/ort.ts'
import { withGradients } from '../../../support/poison.ts'
import { buildRandomGraph, ID_COUNT, m, t } from '../../../support/random-graph.ts'
import { loadGraph } from '../../../support/tfjs.ts'

const env: Env = { batch: 3, lengths: { t: [5, 2, 3], m: [1, 4, 2] }, padded: { t: 6, m: 4 } }

/** Each graph is compiled to shaders anew on `webgpu`. */
const runs: Readonly<Record<BackendName, number>> = { cpu: 120, wasm: 120, webgpu: 12, tensorflow: 120 }

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
    const data = Array.from({ length: size }, (_, i) => value(i))
    const array = ndArray(shape, data, node.type.dtype)
    fillInvalid(array.data, node.type, env, node.type.dtype === 'i64' ? 3 : 1e3)
    feeds[node.attributes.name] = array
  }
  return feeds
}

/** Given whether a graph reads them or not, so that padded lengths can be told. */
const inputs = [
  { name: 'x', dims: [batchDim, t, constantDim(3)] },
  { name: 'y', dims: [batchDim, m, constantDim(2)] },
]

describe.each(testedBackends)('on $name', (tested) => {
  describe.skipIf(tested.absent !== undefined)(titleOf(tested), () => {
    let backend: Backend
    beforeAll(async () => {
      backend = await openTested(tested.name)
    })

    test('random graphs agree with the interpreter', { timeout: 300_000 }, async () => {
      const choices = fc.array(fc.nat({ max: 1 << 20 }), { minLength: 3, maxLength: 90 })
      const property = fc.asyncProperty(choices, async (list) => {
        const graph = withGradients(buildRandomGraph(list))
        const feeds = feedsOf(graph)
        const expected = interpret(graph, feeds, env)
        const module = await loadGraph(pad(graph, { inputs: 'any' }), inputs)
        const { made, leaked } = await module.run(backend.tf, feeds)
        backend.check()
        expect(leaked).toBe(0)
        for (const output of graph.outputs) {
          const want = expected.get(output.name) as NdArray
          const type = graph.nodes.find((node) => node.id === output.value)?.type
          if (type) fillInvalid(want.data, type, env, 0)
          // Values that f32 cannot hold to five digits are not compared.
          if (!(Math.max(...want.data.map(Math.abs)) < 1e4)) continue
          expect(distance(made[output.name] as NdArray, want), output.name).toBeLessThan(1e-3)
        }
      })
      await fc.assert(property, { numRuns: runs[tested.name] })
    })
  })
})
