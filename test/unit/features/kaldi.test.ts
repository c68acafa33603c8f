/** The acoustic front end against torchaudio's port of Kaldi's fbank, and Kaldi's add-deltas (`test/peers/fbank.py --cases`). */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Program } from '../../../compiler/artefact.ts'
import { compile } from '../../../compiler/compile.ts'
import { exportInference, inferencePasses } from '../../../compiler/emit/onnx/export.ts'
import { type NdArray, ndArray } from '../../../compiler/interpret/array.ts'
import { interpret } from '../../../compiler/interpret/interpret.ts'
import type { Env } from '../../../compiler/interpret/ragged.ts'
import { runPasses } from '../../../compiler/passes/pass.ts'
import { makeNodeReader } from '../../../compiler/source/node-reader.ts'
import { loadOnnx } from '../../support/ort.ts'

interface Case {
  /** On the 16-bit scale. */
  readonly wave: readonly number[]
  /** [frames][120] */
  readonly features: readonly (readonly number[])[]
}
const cases: Readonly<Record<string, Case>> = JSON.parse(readFileSync(new URL('kaldi.json', import.meta.url), 'utf8'))

function frontEnd(): Program {
  const { program, diagnostics } = compile('specs/std/audio.model', makeNodeReader(), { model: 'Features' })
  if (!program) throw new Error(diagnostics.map(({ message }) => message).join('; '))
  return program
}
const program = frontEnd()

/** The greatest difference from a case's features, in the first frames of a row of a batch. */
function worst(case_: Case, { data, shape: [, frames = 0, width = 0] }: NdArray, row = 0): number {
  const expected = case_.features.flat()
  const found = data.subarray(row * frames * width, (row + 1) * frames * width)
  return Math.max(...expected.map((x, i) => Math.abs(x - (found[i] ?? Number.NaN))))
}

test.each(Object.entries(cases))('%s, in float64', (_, case_) => {
  const samples = case_.wave.length
  const env: Env = { batch: 1, lengths: { samples: [samples] } }
  const found = interpret(program.inference, { wave: ndArray([1, samples], case_.wave) }, env).get('features')
  expect(found?.shape).toEqual([1, case_.features.length, 120])
  // torchaudio has its mel bank in f32.
  expect(worst(case_, found as NdArray)).toBeLessThan(5e-5)
})

test('all in one padded batch, in ONNX Runtime', async () => {
  const onnx = exportInference(program, new Map())
  const model = await loadOnnx(onnx)
  const all = Object.values(cases)
  const widest = Math.max(...all.map(({ wave }) => wave.length)) + 500
  const wave = all.flatMap((one) => [...one.wave, ...new Array<number>(widest - one.wave.length).fill(30000)])
  const feeds = {
    wave: ndArray([all.length, widest], wave),
    wave_lengths: ndArray(
      [all.length],
      all.map((one) => one.wave.length),
      'i64',
    ),
  }
  const { features } = await model.run(feeds)
  for (const [row, one] of all.entries()) expect(worst(one, features as NdArray, row)).toBeLessThan(1e-3)
  await model.release()
})

test('tables are initialisers: no angle, window or mel filter is computed when the model runs', () => {
  const { nodes } = runPasses(program.inference, inferencePasses(new Map()))
  expect(nodes.filter(({ op }) => ['cos', 'sin', 'pow'].includes(op))).toEqual([])
  // Two [400, 257] transforms and one [257, 40] mel bank in f32.
  expect(exportInference(program, new Map()).length).toBeGreaterThan(4 * (2 * 400 * 257 + 257 * 40))
})
