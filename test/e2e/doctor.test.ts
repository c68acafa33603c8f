/** `mcfnc doctor` tells the truth: of a machine without a graphics card, and of one whose adapter is software. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { DoctorRow } from '../../runtime/report/doctor.ts'
import type { Finding } from '../../runtime/report/probe.ts'
import { mcfnc } from '../support/program.ts'

const empty = mkdtempSync(join(tmpdir(), 'mcfnc-doctor-'))
afterAll(() => rmSync(empty, { recursive: true }))

/** No driver for Vulkan and no tfjs-node. */
const bare = { VK_ICD_FILENAMES: '/nonexistent', VK_DRIVER_FILES: '/nonexistent', MCFNC_TFJS_NODE: empty }
const onLinux = process.platform === 'linux'

interface JsonRow extends DoctorRow {
  readonly default: boolean
  readonly auto: boolean
}

test.runIf(onLinux)('without a graphics card and without tfjs-node, as JSON', async () => {
  const { code, stdout, stderr } = await mcfnc(['doctor', '--json'], { env: bare })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const rows: JsonRow[] = JSON.parse(stdout)
  expect(rows.map(({ engine, backend }) => `${engine}/${backend}`)).toEqual([
    'onnxruntime/cpu',
    'onnxruntime/webgpu',
    'onnxruntime/cuda',
    'tfjs/tensorflow',
    'tfjs/webgpu',
    'tfjs/wasm',
    'tfjs/cpu',
  ])
  const of = (name: string): JsonRow | undefined => rows.find((row) => `${row.engine}/${row.backend}` === name)
  for (const name of ['onnxruntime/cpu', 'tfjs/wasm', 'tfjs/cpu']) {
    expect(of(name)).toMatchObject({ state: 'ready', details: { version: expect.stringMatching(/^\d+\.\d+/) } })
    expect(of(name)?.step_ms ?? of(name)?.no_step).toBeDefined()
  }
  expect(of('tfjs/wasm')?.details).toMatchObject({
    simd: expect.stringMatching(/^(yes|no)$/),
    threads: expect.stringMatching(/^1/),
  })
  for (const name of ['onnxruntime/webgpu', 'tfjs/webgpu'])
    expect(of(name)).toMatchObject({ state: 'absent', install: expect.stringContaining('driver') })
  expect(of('tfjs/tensorflow')).toMatchObject({ state: 'absent', install: expect.stringContaining('npm install') })
  expect(rows.filter((row) => row.default)).toEqual([of('onnxruntime/cpu')])
  expect(rows.filter((row) => row.auto)).toEqual([of('tfjs/wasm')])
})

test.runIf(onLinux)('as a table, and with 1 where the default engine does not load', async () => {
  const hide = join(empty, 'hide.cjs')
  writeFileSync(
    hide,
    `const module_ = require('node:module')
const load = module_._extensions['.node']
module_._extensions['.node'] = (m, file) => {
  if (file.includes('onnxruntime_binding')) throw new Error('libonnxruntime.so.1 is not there')
  return load(m, file)
}`,
  )
  const { code, stdout, stderr } = await mcfnc(['doctor'], { env: { ...bare, NODE_OPTIONS: `--require ${hide}` } })
  expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
  expect(stdout).toMatch(
    /^ONNX Runtime {2}cpu +absent +ONNX Runtime does not load .*libonnxruntime\.so\.1 is not there$/m,
  )
  expect(stdout).toMatch(/^ONNX Runtime cpu +install the dependencies again/m)
  expect(stdout).toMatch(/^tfjs +wasm +ready +[\d.]+ m?s {2}version/m)
  expect(stdout).toMatch(/^tfjs webgpu +install the graphics card's driver/m)
  expect(stdout).toMatch(/^tfjs tensorflow +npm install @tensorflow\/tfjs-node/m)
  expect(stdout).toContain(
    '`mcfnc train` takes ONNX Runtime on `cpu` unless told otherwise, which does not work here\n',
  )
  expect(stdout).toMatch(/`--engine tfjs` takes `wasm`: .*`webgpu` is absent/)
})

const swiftshader = '/usr/lib/chromium/vk_swiftshader_icd.json'
test.runIf(existsSync(swiftshader))(`a software adapter, ${swiftshader}, is said to be one, and works`, async () => {
  const env = { VK_ICD_FILENAMES: swiftshader }
  const probe = async (name: string): Promise<Finding[]> => {
    const { code, stdout } = await mcfnc(['doctor', '--probe', name], { env })
    expect(code).toBe(0)
    return stdout
      .trim()
      .split('\n')
      .map((line): Finding => JSON.parse(line))
  }
  expect(await probe('tfjs/webgpu')).toEqual([
    {
      kind: 'found',
      state: 'software',
      details: expect.objectContaining({ adapter: expect.stringMatching(/^software: .*swiftshader/i) }),
    },
    { kind: 'step', ms: expect.any(Number) },
    { kind: 'end' },
  ])
  expect(await probe('onnxruntime/webgpu')).toMatchObject([{ kind: 'found', state: 'ready' }, {}, { kind: 'end' }])
})

test('a probe that is not there is a wrong call', async () => {
  expect((await mcfnc(['doctor', '--probe', 'nothing'])).code).toBe(2)
})
