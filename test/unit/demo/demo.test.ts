/** What the demo's files are, and which models it refuses. */
import { expect, it } from 'vitest'
import { DiagnosticError } from '../../../compiler/diagnostics/diagnostic.ts'
import { decodeSafetensors } from '../../../runtime/formats/safetensors.ts'
import { demoOf } from '../../support/demo.ts'
import { programOf, small } from '../../support/mcfn.ts'

const fitting = programOf([], { ...small, text_dim: '100' })

it('has each file that it loads, and nothing from elsewhere', async () => {
  const files = await demoOf(fitting)
  const text = (path: string): string => new TextDecoder().decode(files.get(path))
  const page = text('index.html')
  const linked = [...page.matchAll(/(?:src|href)="([^"#:]+)"/g)].map(([, path = '']) => path)
  expect(linked).toContain('demo/demo.js')
  const own = [...files.keys()].filter((path) => /^demo\/(?!tf-)\w+\.js$/.test(path))
  expect(own).toContain('demo/worker.js')
  const imported = own.flatMap((path) =>
    [...text(path).matchAll(/(?:from|import|URL\() ?'(?:\.\/)?(\w[\w./-]*)'/g)].map(([, name = '']) => `demo/${name}`),
  )
  expect(imported).toContain('demo/trainer.js')
  const beside = ['mcfn.mjs', 'mcfn.safetensors']
  for (const path of [...linked, ...imported]) expect([...files.keys(), ...beside]).toContain(path)
  expect(own.map(text).join('') + page).not.toMatch(/https?:\/\/(?!www\.w3\.org)/)
})

it('holds out the voices of one session, and gives their recordings alone', async () => {
  const files = await demoOf(fitting)
  const corpus = JSON.parse(new TextDecoder().decode(files.get('demo/corpus.json')))
  const held = corpus.samples.filter(({ heldOut }: { heldOut: boolean }) => heldOut)
  expect([corpus.samples.length, held.length]).toEqual([120, 24])
  expect([...files.keys()].filter((path) => path.endsWith('.wav'))).toEqual(
    held.map(({ id }: { id: string }) => `demo/audio/${id}.wav`),
  )
  const { tensors } = decodeSafetensors(files.get('demo/corpus.safetensors') ?? new Uint8Array(), 'corpus')
  const rows = (k: number): number =>
    corpus.samples.reduce((sum: number, sample: { rows: number[] }) => sum + (sample.rows[k] ?? 0), 0)
  expect(tensors.get('speech')?.shape).toEqual([rows(0), 120])
  expect(tensors.get('text')?.shape).toEqual([rows(1), 100])
})

it.each([
  ['vectors of another width', programOf([], { ...small, text_dim: '768' }), ['MCF5020'], '-D text_dim=100'],
  [
    'other classes',
    programOf(['MELD'], { ...small, text_dim: '100' }),
    ['MCF5021'],
    '-D emotions=anger,happiness,sadness,neutral',
  ],
  ['a waveform', programOf(['from waveform'], { ...small, text_dim: '100' }), ['MCF6520'], 'rename the input'],
])('refuses %s', async (_, program, codes, help) => {
  const failure = await demoOf(program).catch((cause: unknown) => cause)
  if (!(failure instanceof DiagnosticError)) throw failure
  expect(failure.diagnostics.map(({ code }) => code)).toEqual(codes)
  expect(failure.diagnostics[0]?.help.join()).toContain(help)
})

it('needs no recordings where the model reads text alone', async () => {
  const files = await demoOf(programOf(['Text only'], { ...small, text_dim: '100' }))
  expect([...files.keys()].some((path) => path.endsWith('.wav'))).toBe(false)
})
