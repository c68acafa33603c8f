/** A model used with other features than its own: warned of, or refused. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { generateSyntheticCorpus, type SyntheticCorpus } from '../../runtime/data/synthetic.ts'
import { mcfnc, type Outcome } from '../support/program.ts'

let folder = ''
let corpus: SyntheticCorpus
let env: Record<string, string>
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcfnc-features-'))
  corpus = await generateSyntheticCorpus(join(folder, 'corpus'), { seed: 4, size: 20 })
  env = { MCFNC_CACHE: join(folder, 'cache') }
  const data = ['--data', corpus.manifest, '--vectors', corpus.vectors, '--epochs', '1', '--out', join(folder, 'run')]
  expect((await mcfnc(['train', 'test/e2e/tiny.model', ...data], { env })).code).toBe(0)
}, 120_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

async function evaluate(vectors: string, manifest = corpus.manifest): Promise<Outcome> {
  return mcfnc(['eval', join(folder, 'run/model.onnx'), '--data', manifest, '--vectors', vectors], { env })
}

test('the vectors and features of training are used without a warning', async () => {
  const stderr = expect.stringMatching(/^(\d+) of \1 words are in .*\n$/)
  expect(await evaluate(corpus.vectors)).toMatchObject({ code: 0, stderr })
})

test('other vectors of the same width are warned of', async () => {
  const other = join(folder, 'other.txt')
  await writeFile(other, (await readFile(corpus.vectors, 'utf8')).replaceAll('-0.', '0.'))
  expect(await evaluate(other)).toMatchObject({ code: 0, stderr: expect.stringContaining('MCF6613') })
})

test('vectors of another width are refused', async () => {
  const narrow = join(folder, 'narrow.txt')
  await writeFile(narrow, 'the 0.1 0.2 0.3\nof 0.3 0.2 0.1\n')
  expect(await evaluate(narrow)).toMatchObject({ code: 1, stderr: expect.stringContaining('MCF6525') })
})

test('labels that the model has not are refused, without advice for training', async () => {
  const manifest = join(folder, 'corpus/labels.jsonl')
  await writeFile(manifest, (await readFile(corpus.manifest, 'utf8')).replaceAll('"anger"', '"fury"'))
  const { code, stderr } = await evaluate(corpus.vectors, manifest)
  expect(code).toBe(1)
  expect(stderr).toContain('fury')
  expect(stderr).not.toContain('-D')
})
