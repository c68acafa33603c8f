import { describe, expect, test } from 'vitest'
import { emitOnnx } from '../../../compiler/emit/onnx/emit.ts'
import { highestOpset, lowestOpset } from '../../../compiler/emit/onnx/model.ts'
import type { NdArray } from '../../../compiler/interpret/array.ts'
import { opNames } from '../../../compiler/ops/table.ts'
import { pad } from '../../../compiler/passes/padding.ts'
import { caseOf, rulers } from '../../ops/cases.ts'
import { expectClose } from '../../ops/support.ts'
import { loadOnnx } from '../../support/ort.ts'

const opsets = Array.from({ length: highestOpset - lowestOpset + 1 }, (_, i) => lowestOpset + i)

describe.each(opNames)('%s', (op) => {
  const { graph, feeds, types, expected } = caseOf(op)
  const padded = pad(graph, { inputs: 'any' })

  test.each(opsets)('opset %i', async (opset) => {
    const model = await loadOnnx(emitOnnx(padded, { opset, inputs: rulers }))
    const found = await model.run(feeds)
    await model.release()
    expect(Object.keys(found)).toEqual([...types.keys()])
    for (const [name, value] of expected) expectClose(found[name] as NdArray, value, 2e-6, `${op} ${name}`)
  })
})
