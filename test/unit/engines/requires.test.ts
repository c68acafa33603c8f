/** What a spec requires of lengths is met where an export is verified, and checked where samples are used. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { compile } from '../../../compiler/compile.ts'
import { DiagnosticError } from '../../../compiler/diagnostics/diagnostic.ts'
import { exportInference } from '../../../compiler/emit/onnx/export.ts'
import { verifyExport } from '../../../runtime/engines/ort/verify.ts'
import { openCache } from '../../../runtime/features/cache.ts'
import { readVectors } from '../../../runtime/features/words.ts'
import type { BoundInput } from '../../../runtime/predict/binding.ts'
import { makeExamples, type RawSample } from '../../../runtime/predict/examples.ts'

const source = `block Half()(x: [t, c]) -> [t div 2, c] {
  require t mod 2 == 0
  y[j: t / 2, p] = x[2 * j, p] + x[2 * j + 1, p]
  return y
}
model M {
  seq words in 1..100
  input text: [words, 2]
  h = Half()(text)
  output z = mean[i, p](h[i, p])
}`

const program = () => {
  const made = compile('m.model', (path) => (path === 'm.model' ? source : undefined))
  expect(made.diagnostics).toEqual([])
  if (!made.program) throw new Error('the spec does not compile')
  return made.program
}

it('verifies with lengths that the spec allows', async () => {
  const { inference, signature } = program()
  expect(signature.requires.map(({ condition }) => condition)).toEqual(['t mod 2 == 0'])
  const emit = (graph: typeof inference): Uint8Array =>
    exportInference({ signature, inference: graph, training: graph, evaluation: () => graph }, new Map(), {
      metadata: {},
      producerVersion: '0',
    })
  const options = { threads: 1, spinning: false, emit }
  const { cases } = await verifyExport(emit(inference), inference, signature, new Map(), options)
  expect(cases).toBeGreaterThan(0)
})

it('refuses samples with other lengths, naming them', async () => {
  const { signature } = program()
  const folder = mkdtempSync(join(tmpdir(), 'mcfnc-requires-'))
  writeFileSync(join(folder, 'v.txt'), 'a 1 2\nb 3 4\n')
  const vectors = await readVectors(join(folder, 'v.txt'))
  const input: BoundInput = { name: 'text', field: 'text', seq: 'words', width: 2, lengths: 'text_lengths' }
  const sample = (id: string, text: string): RawSample => ({
    id,
    audio: undefined,
    text,
    targets: {},
    where: id,
    audioWhere: id,
  })
  const cache = await openCache(folder)
  const sources = { vectors, frontEnd: undefined, cache, threads: 1 }
  const made = makeExamples([sample('even', 'a b'), sample('odd', 'a b a')], [input], signature, sources)
  await expect(made).rejects.toThrow(DiagnosticError)
  await expect(made).rejects.toThrow(/odd: .*t mod 2 == 0.*words 3/)
})
