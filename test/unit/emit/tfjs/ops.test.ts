import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { beforeAll, describe, expect, test } from 'vitest'
import { opNames } from '../../../../compiler/ops/table.ts'
import { pad } from '../../../../compiler/passes/padding.ts'
import { caseOf, rulers } from '../../../ops/cases.ts'
import { expectClose } from '../../../ops/support.ts'
import { loadGraph } from '../../../support/tfjs.ts'

beforeAll(() => tf.setBackend('cpu'))

describe.each(opNames)('%s', (op) => {
  test('agrees with the interpreter', async () => {
    const { graph, feeds, expected } = caseOf(op)
    const before = tf.memory().numTensors
    const { made, leaked } = await (await loadGraph(pad(graph, { inputs: 'any' }), rulers)).run(tf, feeds)
    expect(Object.keys(made)).toEqual([...expected.keys()])
    for (const [name, value] of expected) expectClose(made[name] as never, value, 2e-6, `${op} ${name}`)
    expect(leaked).toBe(0)
    expect(tf.memory().numTensors).toBe(before)
  })
})
