import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { waysBack } from '../../../compiler/diagnostics/catalogue/run-options.ts'
import {
  abandonFolder,
  compareConfigs,
  inspectFolder,
  type RunFolder,
  runFolder,
  startFolder,
} from '../../../runtime/train/run-folder.ts'

let root = ''
let folder: RunFolder
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'mcfnc-run-'))
  folder = runFolder(join(root, 'run'))
})
afterEach(() => rm(root, { recursive: true }))

const config = { paths: { data: 'here' }, recipe: { seed: 1, freeze: ['a'] } }
const codeOf = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'fine',
    (error) => error.diagnostics[0].code,
  )

test('looking at a folder writes nothing', async () => {
  expect(await inspectFolder(folder, config, false)).toBe('fresh')
  expect(await readdir(root)).toEqual([])
})

test('a folder with something in it is not written into', async () => {
  await startFolder(folder, config, new Map())
  expect(await codeOf(inspectFolder(folder, config, false))).toBe('MCF6540')
  expect(await inspectFolder(folder, config, true)).toBe('resumed')
  const other = runFolder(join(root, 'other'))
  await mkdir(other.path)
  await writeFile(join(other.path, 'notes.txt'), 'x')
  expect(await codeOf(inspectFolder(other, config, false))).toBe('MCF6540')
  expect(await codeOf(inspectFolder(other, config, true))).toBe('MCF6542')
})

test('a run that was killed before its configuration was written starts afresh', async () => {
  await mkdir(folder.path)
  await writeFile(join(folder.path, '.config.json.12.ab.part'), '{')
  expect(await inspectFolder(folder, config, true)).toBe('fresh')
  await startFolder(folder, config, new Map([['../specs/a.model', 'text']]))
  expect((await readdir(folder.path)).sort()).toEqual(['checkpoints', 'config.json', 'spec'])
  expect(await readFile(join(folder.spec, 'specs/a.model'), 'utf8')).toBe('text')
})

test('a run that failed before its first checkpoint leaves nothing; one with a checkpoint stays', async () => {
  await startFolder(folder, config, new Map([['a.model', 'text']]))
  await writeFile(folder.log, '')
  await abandonFolder(folder)
  expect(await readdir(root)).toEqual([])

  await startFolder(folder, config, new Map())
  await writeFile(join(folder.path, 'notes.txt'), 'mine')
  await abandonFolder(folder)
  expect(await readdir(folder.path)).toEqual(['notes.txt'])
  await rm(folder.path, { recursive: true })

  await startFolder(folder, config, new Map())
  await writeFile(join(folder.checkpoints, 'step-00000001.safetensors'), 'x')
  await abandonFolder(folder)
  expect((await readdir(folder.path)).sort()).toEqual(['checkpoints', 'config.json'])
})

test('what a run was started with is told as what to give', () => {
  const ways = (...differences: readonly [entry: string, was: unknown, now?: unknown][]): string[] =>
    waysBack(
      differences.map(([entry, was, now]) => ({ entry, was, now })),
      'runs/a/spec',
    )
  expect(ways(['recipe.epochs', 2, 3])).toEqual(['with `--epochs 2`'])
  expect(ways(['spec.variants', ['a', 'w/o b'], []])).toEqual(['with `--variant a --variant "w/o b"`'])
  expect(
    ways(['spec.variants', [], ['a']], ['data.test_session', 'none', 1], ['engine.backend', undefined, 'cpu']),
  ).toEqual(['without `--variant`, `--test-session`, `--backend`'])
  expect(ways(['spec.overrides.d', '8'], ['spec.overrides.e', undefined, '9'], ['spec.hypers.d', 8, 16])).toEqual([
    'with `-D d=8`',
    'without `-D e`',
  ])
  expect(ways(['data.fold', '2 of 5', undefined], ['engine.name', 'onnxruntime-node', 'tfjs'])).toEqual([
    'with `--folds 5 --engine onnxruntime`',
  ])
  expect(ways(['recipe.patience', null, 3], ['recipe.schedule', 'cosine', 'constant'])).toEqual([
    'with `patience` null, `schedule` "cosine" in the recipe',
  ])
  expect(ways(['version', '0.1.0', '0.2.0'], ['engine.version', '1.29.0'], ['spec.sha256', 'ab', 'cd'])).toEqual([
    'in mcfnc 0.1.0',
    'with version 1.29.0 of the engine',
    'with the spec as it was: a copy is in `runs/a/spec`',
  ])
  expect(ways(['data.examples_sha256', 'ab', 'cd'])).toEqual(['with the samples and the word vectors as they were'])
})

test('a run is resumed with its own configuration only; the paths may differ', async () => {
  await startFolder(folder, config, new Map())
  expect(await inspectFolder(folder, { ...config, paths: { data: 'there' } }, true)).toBe('resumed')
  const other = { ...config, recipe: { seed: 2, freeze: ['a'] } }
  await expect(inspectFolder(folder, other, true)).rejects.toMatchObject({
    diagnostics: [
      {
        code: 'MCF6543',
        notes: ['recipe.seed: 1 then, 2 now'],
        help: [expect.stringContaining('--seed 1'), expect.stringContaining('--out')],
      },
    ],
  })
  expect(compareConfigs(config, { ...config, recipe: { seed: 1, freeze: ['a', 'b'] } })).toHaveLength(1)
  expect(compareConfigs(config, { ...config, extra: 1 })).toEqual([{ entry: 'extra', was: undefined, now: 1 }])
})
