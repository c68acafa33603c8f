/** The commands as processes: what they print, and how they end. */
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openSession } from '../../runtime/engines/ort/session.ts'
import { mcfnc } from '../support/program.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcfnc-commands-'))
})
afterAll(() => rm(folder, { recursive: true }))

const tiny = 'test/e2e/tiny.model'
async function broken(): Promise<string> {
  const path = join(folder, 'broken.model')
  await writeFile(path, (await readFile(tiny, 'utf8')).replace('MeanPool()', 'MeanPol()'))
  return path
}

test('a sound spec: nothing is printed, and the exit code is 0', async () => {
  expect(await mcfnc(['check', tiny])).toMatchObject({ code: 0, stdout: '', stderr: '' })
  expect(await mcfnc(['check', 'specs/std/blocks.model'])).toMatchObject({ code: 0, stderr: '' })
})

test('a wrong spec: a code frame on stderr, exit code 1, and the same as JSON', async () => {
  const path = await broken()
  const text = await mcfnc(['check', path])
  expect(text.code).toBe(1)
  expect(text.stderr).toMatch(/error\[MCF\d{4}\].*MeanPol/)
  expect(text.stderr).toContain('MeanPool')
  const json = await mcfnc(['check', path, '--json'])
  expect(json).toMatchObject({ code: 1, stderr: '' })
  const [first] = JSON.parse(json.stdout)
  expect(first).toMatchObject({ severity: 'error', file: path, line: 16 })
  expect(Object.keys(first)).toEqual(
    expect.arrayContaining(['code', 'severity', 'message', 'file', 'line', 'column', 'endLine', 'endColumn']),
  )
})

test('a warning is shown, in a library of blocks too, and the exit code stays 0', async () => {
  const path = join(folder, 'idle.model')
  await writeFile(path, 'block Twice()(x: []) -> [] {\n  y = x + 1\n  return 2 * x\n}\n')
  const text = await mcfnc(['check', path])
  expect(text).toMatchObject({ code: 0, stdout: '' })
  expect(text.stderr).toContain('warning[MCF2024]: nothing in block `Twice` uses `y`')
  const json = await mcfnc(['check', path, '--json'])
  expect(json).toMatchObject({ code: 0, stderr: '' })
  expect(JSON.parse(json.stdout)).toMatchObject([{ code: 'MCF2024', severity: 'warning', line: 2, column: 3 }])
})

test('a mistake in a variant is found', async () => {
  const path = join(folder, 'variant.model')
  await writeFile(path, `${await readFile(tiny, 'utf8')}\nvariant "bad" of Tiny { nothing = 1 }\n`)
  expect((await mcfnc(['check', path])).code).toBe(1)
})

test.each([
  [['chek']],
  [['check']],
  [['check', tiny, '--nonsense']],
  [['check', tiny, '-D', 'd']],
  [['build', tiny]],
  [['build', tiny, '--target', 'wasm']],
  [['train', tiny, '--data', 'x', '--out', 'y', '--epochs', 'many']],
  [['train', tiny, '--data', 'x', '--out', 'y', '--test-session', '1', '--folds', '2']],
])('a wrong call ends with 2: %j', async (args) => {
  const { code, stdout, stderr } = await mcfnc(args)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).not.toMatch(/\n\s+at /)
})

test('help and version end with 0', async () => {
  expect((await mcfnc(['--help'])).stdout).toContain('train')
  expect(await mcfnc(['--version'])).toMatchObject({ code: 0, stdout: '0.1.0\n' })
})

test('every stage can be printed', async () => {
  const stage = async (...args: string[]): Promise<string> => {
    const { code, stdout } = await mcfnc(['check', tiny, ...args])
    expect(code).toBe(0)
    return stdout
  }
  expect(JSON.parse(await stage('--emit', 'ast'))).toMatchObject({ kind: 'file' })
  expect(await stage('--emit', 'types')).toContain('t.dense.y: [8]')
  expect(await stage('--emit', 'ir')).toMatch(/^graph "Tiny" ragged/)
  expect(await stage('--emit', 'train-ir')).toContain('gradient_norm')
  expect(await stage('--print-after', 'padding', '--verify-ir')).toContain('padded')
  expect((await mcfnc(['check', tiny, '--print-after', 'nothing'])).code).toBe(2)
})

test('both targets are built, the same bytes each time', async () => {
  const build = async (name: string, ...args: string[]): Promise<Buffer> => {
    const path = join(folder, name)
    expect(await mcfnc(['build', tiny, '-o', path, ...args])).toMatchObject({ code: 0 })
    return readFile(path)
  }
  const model = await build('a.onnx', '--target', 'onnx')
  expect(await build('b.onnx', '--target', 'onnx')).toEqual(model)
  const session = await openSession(model, { threads: 1, spinning: false })
  expect(session.inputs).toEqual(['speech', 'text', 'speech_lengths', 'text_lengths'])
  expect(session.outputs).toEqual(['emotion'])
  await session.release()

  const step = await openSession(await build('c.onnx', '--target', 'onnx-train'), { threads: 1, spinning: false })
  expect(step.outputs).toEqual(expect.arrayContaining(['next.params', 'loss', 'loss.ce', 'gradient_norm']))
  await step.release()
  for (const opset of ['13', '21']) await build(`d${opset}.onnx`, '--target', 'onnx', '--opset', opset)
  expect((await mcfnc(['build', tiny, '--target', 'onnx', '--opset', '99', '-o', join(folder, 'e')])).code).toBe(1)
})

test('a build replaces nothing that it reads', async () => {
  const own = await mkdtemp(join(folder, 'reads-'))
  const at = (name: string): string => join(own, name)
  const spec = at('spec')
  await writeFile(at('blocks.model'), 'block Twice()(x: [n]) -> [n] { return 2 * x }\n')
  await writeFile(spec, `use "./blocks"\n${await readFile(tiny, 'utf8')}`)
  await writeFile(at('weights'), 'no weights')
  await symlink(spec, at('link'))
  const before = await readdir(own)
  for (const output of ['spec', 'link', 'weights', 'blocks.model', 'new.model', 'new.safetensors']) {
    const args = ['build', spec, '--target', 'onnx', '--weights', at('weights'), '-o', at(output)]
    expect(await mcfnc(args), output).toMatchObject({ code: 2, stderr: expect.stringContaining('MCF6611') })
  }
  expect(await readdir(own)).toEqual(before)
  expect(await readFile(spec, 'utf8')).toContain('model Tiny')
  expect(await readFile(at('weights'), 'utf8')).toBe('no weights')
})

test('variants and overrides reach the build', async () => {
  const path = join(folder, 'text.onnx')
  const args = [
    'build',
    tiny,
    '--target',
    'onnx',
    '--variant',
    'text alone',
    '-D',
    'text_dim=7',
    '-D',
    'emotions=a,b',
    '-o',
    path,
  ]
  expect((await mcfnc(args)).code).toBe(0)
  const session = await openSession(await readFile(path), { threads: 1, spinning: false })
  expect(session.inputs).toEqual(['text', 'text_lengths'])
  const text = { dtype: 'f32', data: new Float32Array(14), dims: [1, 2, 7] } as const
  const { emotion } = await session.run(
    { text, text_lengths: { dtype: 'i64', data: BigInt64Array.of(2n), dims: [1] } },
    { emotion: null },
  )
  expect(emotion?.dims).toEqual([1, 2])
  await session.release()
  expect((await mcfnc(['check', tiny, '-D', 'rate=2'])).code).toBe(1)
})

test('a summary counts what a person counts', async () => {
  const { stdout } = await mcfnc(['summary', tiny, '--json', '--length', 'frames=10', '--length', 'words=5'])
  const report = JSON.parse(stdout)
  // Two Dense of 8 from 120 and 100, batch norm's scale and shift, the pooling's two layers, four logits of 16.
  const pool = 8 * 8 + 8 + 8
  expect(report.parameters).toBe(120 * 8 + 8 + 16 + pool + 100 * 8 + 8 + 16 * 4 + 4)
  expect(report.inputs).toContainEqual({ name: 'speech', dims: ['frames', '120'] })
  const dense = report.blocks.find((block: { path: string }) => block.path === 't.dense')
  expect(dense).toMatchObject({ parameters: 808, shapes: ['[words, 8]'] })
  expect(dense.flops).toBeGreaterThanOrEqual(2 * 5 * 100 * 8)
  expect((await mcfnc(['summary', tiny])).stdout).toContain('Tiny')
})

test('lengths that the model has not, or does not allow, are refused', async () => {
  const lengths = ['--length', 'foo=3', '--length', 'words=513', '--length', 'frames=3000']
  for (const command of ['summary', 'variants']) {
    const { code, stdout, stderr } = await mcfnc([command, tiny, ...lengths])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain('`frames`, 1 to 3000; `words`, 1 to 512')
    expect(stderr).toContain('--length words=513: the model allows 1 to 512 words')
    expect(stderr).not.toContain('frames=3000')
  }
  const short = join(folder, 'short.model')
  await writeFile(short, (await readFile(tiny, 'utf8')).replace('seq words in 1..512', 'seq words in 1..20'))
  expect(JSON.parse((await mcfnc(['summary', short, '--json'])).stdout).lengths).toEqual({ frames: 100, words: 20 })
})

test('variants are listed with their differences', async () => {
  const rows = JSON.parse((await mcfnc(['variants', tiny, '--json'])).stdout)
  expect(rows.map((row: { name: string }) => row.name)).toEqual(['Tiny', 'text alone'])
  expect(rows[1].difference.inputs).toEqual(['-speech: [frames, 120]'])
  expect(rows[1].difference.parameters).toBeLessThan(0)
})

test('a file that is not there, or is no model, is a diagnostic', async () => {
  for (const args of [
    ['check', 'nowhere.model'],
    ['predict', 'nowhere.onnx', '--text', 'x'],
    ['eval', 'package.json', '--data', 'x.jsonl'],
  ]) {
    const { code, stderr } = await mcfnc(args)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error\[MCF\d{4}\]/)
    expect(stderr).not.toContain('internal')
  }
})

test('a bench measures what it says', async () => {
  const sizes = ['--batch', '2', '--frames', '20', '--words', '4', '--steps', '8', '--threads', '1']
  const report = JSON.parse((await mcfnc(['bench', tiny, ...sizes, '--json'])).stdout)
  expect(report).toMatchObject({ threads: 1, batch: 2, lengths: { frames: 20, words: 4 } })
  for (const key of ['step_ms', 'products_ms', 'ratio']) expect(report[key].best).toBeGreaterThan(0)
  expect(report.square_gflops).toBeGreaterThan(0)
  expect(report.compile_ms.step.warm).toBeGreaterThan(0)
  for (const [engine, backend] of [
    ['onnxruntime', 'cpu'],
    ['tfjs', 'wasm'],
  ]) {
    const row = report.engines.find((one: Record<string, unknown>) => one.engine === engine && one.backend === backend)
    expect(row).toMatchObject({ state: 'ready', load: { size: { batch: 2, lengths: { frames: 20, words: 4 } } } })
    expect(row.step_ms).toBeGreaterThan(0)
    expect(row.load.rss_mib).toBeGreaterThan(20)
    if (engine === 'tfjs') expect(row.load.tensors_mib).toBeGreaterThan(0)
  }
})
