/** Random well-typed graphs and their derivatives, on each backend against the interpreter on unpadded samples. */
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import type { NdArray } from '../../../../compiler/interpret/array.ts'
import { interpret } from '../../../../compiler/interpret/interpret.ts'
import { fillInvalid } from '../../../../compiler/interpret/ragged.ts'
import { pad } from '../../../../compiler/passes/padding.ts'
import type { Backend, BackendName } from '../../../../runtime/engines/tfjs/backends.ts'
import { openTested, testedBackends, titleOf } from '../../../support/backends.ts'
import { distance } from '../../../support/ort.ts'
import { withGradients } from '../../../support/poison.ts'
import { buildRandomGraph, randomCaseFeeds, randomEnv, randomInputs } from '../../../support/random-graph.ts'
import { loadGraph } from '../../../support/tfjs.ts'

/** Each graph is compiled to shaders anew on `webgpu`. */
const runs: Readonly<Record<BackendName, number>> = { cpu: 120, wasm: 120, webgpu: 12, tensorflow: 120 }

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
        const feeds = randomCaseFeeds(graph)
        const expected = interpret(graph, feeds, randomEnv)
        const module = await loadGraph(pad(graph, { inputs: 'any' }), randomInputs)
        const { made, leaked } = await module.run(backend.tf, feeds)
        backend.check()
        expect(leaked).toBe(0)
        for (const output of graph.outputs) {
          const want = expected.get(output.name) as NdArray
          const type = graph.nodes.find((node) => node.id === output.value)?.type
          if (type) fillInvalid(want.data, type, randomEnv, 0)
          // Values that f32 cannot hold to five digits are not compared.
          if (!(Math.max(...want.data.map(Math.abs)) < 1e4)) continue
          expect(distance(made[output.name] as NdArray, want), output.name).toBeLessThan(1e-3)
        }
      })
      await fc.assert(property, { numRuns: runs[tested.name] })
    })
  })
})
