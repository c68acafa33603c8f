import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
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

test('a run is resumed with its own configuration only; the paths may differ', async () => {
  await startFolder(folder, config, new Map())
  expect(await inspectFolder(folder, { ...config, paths: { data: 'there' } }, true)).toBe('resumed')
  const other = { ...config, recipe: { seed: 2, freeze: ['a'] } }
  await expect(inspectFolder(folder, other, true)).rejects.toMatchObject({
    diagnostics: [{ code: 'MCF6543', notes: ['recipe.seed: 1 then, 2 now'] }],
  })
  expect(compareConfigs(config, { ...config, recipe: { seed: 1, freeze: ['a', 'b'] } })).toHaveLength(1)
  expect(compareConfigs(config, { ...config, extra: 1 })).toEqual(['extra: nothing then, 1 now'])
})
