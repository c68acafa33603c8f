import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { NdArray } from '../../../../compiler/interpret/array.ts'
import type { OpName } from '../../../../compiler/ops/op.ts'
import { opNames } from '../../../../compiler/ops/table.ts'
import { pad } from '../../../../compiler/passes/padding.ts'
import type { Backend } from '../../../../runtime/engines/tfjs/backends.ts'
import { caseOf, rulers } from '../../../ops/cases.ts'
import { expectClose } from '../../../ops/support.ts'
import { openTested, testedBackends, titleOf } from '../../../support/backends.ts'
import { loadGraph } from '../../../support/tfjs.ts'

/** WGSL lets sin and cos be 2^-11 off between -pi and pi (https://www.w3.org/TR/WGSL/#floating-point-accuracy). */
const loose: ReadonlySet<OpName> = new Set(['sin', 'cos'])

describe.each(testedBackends)('on $name', (tested) => {
  describe.skipIf(tested.absent !== undefined)(titleOf(tested), () => {
    let backend: Backend
    let before = 0
    beforeAll(async () => {
      backend = await openTested(tested.name)
      before = backend.tf.memory().numTensors
    })
    afterAll(() => expect(backend.tf.memory().numTensors).toBe(before))

    test.each(opNames)('%s agrees with the interpreter', async (op) => {
      const { graph, feeds, expected } = caseOf(op)
      const module = await loadGraph(pad(graph, { inputs: 'any' }), rulers)
      const { made, leaked } = await module.run(backend.tf, feeds)
      backend.check()
      expect(Object.keys(made)).toEqual([...expected.keys()])
      const tolerance = tested.name === 'webgpu' && loose.has(op) ? 2 ** -11 : 2e-6
      for (const [name, value] of expected) expectClose(made[name] as NdArray, value, tolerance, `${op} ${name}`)
      expect(leaked).toBe(0)
    })
  })
})
