import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { emitOnnx } from '../../../compiler/emit/onnx/emit.ts'
import type { NdArray } from '../../../compiler/interpret/array.ts'
import { interpret } from '../../../compiler/interpret/interpret.ts'
import { fillInvalid } from '../../../compiler/interpret/ragged.ts'
import { pad } from '../../../compiler/passes/padding.ts'
import { distance, loadOnnx } from '../../support/ort.ts'
import { buildRandomGraph, randomCaseFeeds, randomEnv, randomInputs } from '../../support/random-graph.ts'

describe('random graphs', () => {
  test('ONNX Runtime agrees with the interpreter on unpadded samples', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 1 << 20 }), { minLength: 3, maxLength: 90 }),
        fc.constantFrom(13, 15, 17, 18, 21),
        async (choices, opset) => {
          const graph = buildRandomGraph(choices)
          const padded = pad(graph, { inputs: 'any' })
          const feeds = randomCaseFeeds(graph)
          const expected = interpret(graph, feeds, randomEnv)
          const model = await loadOnnx(emitOnnx(padded, { opset, inputs: randomInputs }))
          const found = await model.run(feeds)
          await model.release()
          for (const output of graph.outputs) {
            const want = expected.get(output.name) as NdArray
            const type = graph.nodes.find((node) => node.id === output.value)?.type
            if (type) fillInvalid(want.data, type, randomEnv, 0)
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
