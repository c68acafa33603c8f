/** Tests that a manifest is read whole, and that each mistake in it is named by file and line. */

import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Diagnostic, DiagnosticError } from '../../../compiler/diagnostics/diagnostic.ts'
import { constantDim, seqDim } from '../../../compiler/shapes/dim.ts'
import { type ManifestOptions, readManifest, targetFields } from '../../../runtime/data/manifest.ts'

let folder = ''
let path = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcfnc-manifest-'))
  await mkdir(join(folder, 'wav'))
  await writeFile(join(folder, 'wav', 'a.wav'), '')
})
beforeEach(() => {
  path = join(folder, 'm.jsonl')
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

const emotions = ['anger', 'happiness', 'sadness', 'neutral']
const emotion = { name: 'emotion', dims: [], dtype: 'i64', below: 4, classes: emotions } as const
const options: ManifestOptions = {
  targets: targetFields({ targets: [emotion], labels: { emotions } }),
  needs: { audio: 'speech', text: 'text' },
}
const good = {
  id: 'a',
  session: 1,
  speaker: '01',
  audio: 'wav/a.wav',
  text: 'Hi.',
  text_id: 'dia1_utt2',
  label: 'anger',
}
const line = (changes: Record<string, unknown>): string => JSON.stringify({ ...good, ...changes })

async function mistakes(
  content: string | Uint8Array,
  over: Partial<ManifestOptions> = {},
): Promise<readonly Diagnostic[]> {
  await writeFile(path, content)
  try {
    await readManifest(path, { ...options, ...over })
  } catch (failure) {
    if (failure instanceof DiagnosticError) return failure.diagnostics
    throw failure
  }
  return []
}

describe('a sound manifest', () => {
  it('gives its samples', async () => {
    await writeFile(path, `\uFEFF${line({})}\r\n\r\n${line({ id: 'b', speaker: 7, label: 'neutral', text_id: 'x' })}`)
    const [a, b, ...others] = await readManifest(path, options)
    expect(others).toEqual([])
    expect(a).toEqual({
      id: 'a',
      session: 1,
      speaker: '01',
      dialogue: 'dia1',
      audio: join(folder, 'wav/a.wav'),
      text: 'Hi.',
      targets: { emotion: [0] },
      at: { file: path, line: 1 },
    })
    expect(b).toMatchObject({ speaker: '7', dialogue: undefined, targets: { emotion: [3] }, at: { line: 3 } })
  })
  it('takes a field with the name of the target before `label`', async () => {
    await writeFile(path, line({ emotion: 'sadness' }))
    expect((await readManifest(path, options))[0]?.targets).toEqual({ emotion: [2] })
  })
  it('needs no target to predict, and no audio for a model of text', async () => {
    await writeFile(path, '{"id":"a","session":1,"text":""}')
    const needs = { audio: undefined, text: 'text' }
    expect((await readManifest(path, { targets: [], needs }))[0]).toMatchObject({
      text: '',
      audio: undefined,
      targets: {},
    })
  })
  it('reads numbers, class ids, and arrays', async () => {
    const targets = targetFields({
      labels: {},
      targets: [
        { name: 'valence', dims: [], dtype: 'f32', below: undefined, classes: undefined },
        { name: 'marks', dims: [constantDim(2)], dtype: 'f32', below: undefined, classes: undefined },
        { name: 'tags', dims: [seqDim('words')], dtype: 'i64', below: 3, classes: undefined },
      ],
    })
    await writeFile(path, line({ valence: -0.5, marks: [0, 1], tags: [0, 2, 1] }))
    const [sample] = await readManifest(path, { ...options, targets })
    expect(sample?.targets).toEqual({ valence: [-0.5], marks: [0, 1], tags: [0, 2, 1] })
    const found = await mistakes(line({ valence: 'high', marks: [1], tags: [3] }), { targets })
    expect(found.map((d) => d.message.replace(path, 'm'))).toEqual([
      'm:1: `valence` must be a number, but it is "high"',
      'm:1: `marks` must have 2 values, but it is [1]',
      'm:1: `tags` must be a whole number from 0 to 2, but it is [3]',
    ])
  })
})

describe('mistakes', () => {
  it.each([
    ['{"id": "a",', 'manifest-not-json', ':1: this line is not JSON'],
    ['[1]', 'manifest-invalid-field', ':1: the line must be an object in braces, but it is [1]'],
    [line({ id: undefined }), 'manifest-missing-field', ':1: the field `id` is missing; every line needs it'],
    [line({ id: '' }), 'manifest-invalid-field', '`id` must not be empty'],
    [line({ session: '1' }), 'manifest-invalid-field', '`session` must be a whole number, but it is "1"'],
    [line({ speaker: [] }), 'manifest-invalid-field', '`speaker` must be a text or a whole number'],
    [line({ text: 3 }), 'manifest-invalid-field', '`text` must be a text, but it is 3'],
    [line({ label: undefined }), 'manifest-missing-field', 'target `emotion` is read from it (or `emotion`)'],
    [line({ label: 3 }), 'manifest-invalid-field', '`label` must be the name of a class, in quotes, but it is 3'],
    [line({ text: undefined }), 'manifest-missing-field', "the model's input `text` is computed from it"],
    [line({ audio: undefined }), 'manifest-missing-field', "the model's input `speech` is computed from it"],
    [line({ audio: 'wav/b.wav' }), 'manifest-missing-audio', 'wav/b.wav`: there is no such file'],
    [line({ audio: 'wav' }), 'manifest-missing-audio', 'it is a folder'],
    [`${line({})}\n\n${line({})}`, 'manifest-duplicate-id', ':3: the id `a` was used before, in line 1'],
    ['\n\n', 'manifest-empty', 'has no samples'],
  ])('%s', async (content, slug, text) => {
    const found = await mistakes(content)
    expect(found.map((d) => d.slug)).toEqual([slug])
    expect(found[0]?.message).toContain(text)
    expect(found[0]?.message).toContain(path)
  })
  it('suggests the class that was meant', async () => {
    const [found] = await mistakes(line({ label: 'Angre' }))
    expect(found?.slug).toBe('manifest-unknown-label')
    expect(found?.help).toEqual(['did you mean `anger`?'])
  })
  it('shows each unknown label once, and how to take the labels of the manifest', async () => {
    const labels = ['joy', 'anger', 'surprise', 'joy', 'joy']
    const found = await mistakes(labels.map((label, k) => line({ id: `${k}`, label })).join('\n'))
    expect(found.map((d) => d.message.replace(path, 'm'))).toEqual([
      'm:1: `label` is `joy`, which is not a class of the model',
      'm:3: `label` is `surprise`, which is not a class of the model',
    ])
    expect(found[0]?.notes).toContain('2 further lines have this label')
    expect(found[0]?.help).toContain("to take the manifest's labels as the classes: -D emotions=anger,joy,surprise")
  })
  it('reports all of them in the order of lines, up to 20', async () => {
    const three = await mistakes([line({ session: 'x', text: 1 }), line({ audio: 'none' }), 'x'].join('\n'))
    expect(three.map((d) => d.message.replace(path, 'm').slice(0, 4))).toEqual(['m:1:', 'm:1:', 'm:2:', 'm:2:', 'm:3:'])
    const many = await mistakes(Array.from({ length: 30 }, () => '{').join('\n'))
    expect(many.length).toBe(21)
    expect(many[20]?.message).toContain('10 further mistakes')
  })
  it('names a line that is not UTF-8', async () => {
    const found = await mistakes(
      Buffer.concat([Buffer.from(`${line({})}\n`), Buffer.from('{"text": "\x92"}', 'latin1')]),
    )
    expect(found.map((d) => d.message)).toEqual([`${path}:2: this line is not JSON: it is not text in UTF-8`])
  })
  it('says that there is no manifest', async () => {
    await expect(readManifest(join(folder, 'no.jsonl'), options)).rejects.toThrow('there is no such file')
  })
})

const data = process.env.MCFNC_DATA ?? '../shared/data'
const labelmatched = join(data, 'labelmatched/manifest.jsonl')
if (!existsSync(labelmatched)) console.log(`skipped: ${labelmatched} is not there (set MCFNC_DATA)`)
it.skipIf(!existsSync(labelmatched))('reads the label-matched corpus', async () => {
  const classes = ['anger', 'disgust', 'fear', 'joy', 'neutral', 'sadness', 'surprise']
  const targets = targetFields({ targets: [{ ...emotion, below: 7, classes }], labels: { emotions: classes } })
  const samples = await readManifest(labelmatched, { ...options, targets })
  expect(samples.length).toBe(1248)
  expect(new Set(samples.map((sample) => sample.speaker)).size).toBe(24)
  expect(samples[1]?.dialogue).toBe('train_dia263')
})
