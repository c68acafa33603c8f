import { beforeAll, describe, expect, test } from 'vitest'
import type { Program } from '../../../compiler/artefact.ts'
import { compile } from '../../../compiler/compile.ts'
import { exportInference } from '../../../compiler/emit/onnx/export.ts'
import type { Graph } from '../../../compiler/ir/graph.ts'
import { makeNodeReader } from '../../../compiler/source/node-reader.ts'
import { verifyExport } from '../../../runtime/engines/ort/verify.ts'
import { startWeights } from '../../../runtime/train/weights.ts'
import { root } from '../../support/program.ts'

let program: Program
let weights: Map<string, Float32Array>
beforeAll(() => {
  const compiled = compile('test/e2e/tiny.model', makeNodeReader(root)).program
  if (!compiled) throw new Error('the spec of the test is wrong')
  program = compiled
  weights = startWeights(program, 1)
})

function verify(onnx: Uint8Array, inside = weights): ReturnType<typeof verifyExport> {
  const emit = (inference: Graph): Uint8Array => exportInference({ ...program, inference }, inside)
  return verifyExport(onnx, program.inference, program.signature, weights, { threads: 1, spinning: false, emit })
}

test('a sound export agrees, padded and not', async () => {
  const { cases, worst } = await verify(exportInference(program, weights))
  expect(cases).toBeGreaterThanOrEqual(4)
  expect(worst).toBeGreaterThan(0)
  expect(worst).toBeLessThan(1e-5)
})

describe('a wrong export is refused, with the block where it begins', () => {
  const wrong = (path: string): Map<string, Float32Array> =>
    new Map(
      [...weights].map(([name, values]) => [
        name,
        name === path ? values.map((x, i) => (i % 2 ? x : x + 0.01)) : values,
      ]),
    )

  test.each([
    ['t.dense.w', 't.dense'],
    ['z.dense.b', 'z.dense'],
    ['s.attentivepool.e.dense.w', 's.attentivepool'],
  ])('%s', async (path, block) => {
    const inside = wrong(path)
    const failing = verify(exportInference(program, inside), inside)
    await expect(failing).rejects.toMatchObject({
      diagnostics: [{ code: 'MCF6550', notes: [expect.anything(), expect.stringContaining(block)] }],
    })
  })
})
