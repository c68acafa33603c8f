/** tfjs's backends that are not to be had say what is missing. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { openBackend, titleOf } from '../../../runtime/engines/tfjs/backends.ts'

const folder = mkdtempSync(join(tmpdir(), 'mcfnc-backends-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('a package that is not installed', async () => {
  vi.stubEnv('MCFNC_TFJS_NODE', folder)
  await expect(openBackend('tensorflow')).rejects.toMatchObject({
    diagnostics: [{ code: 'MCF6504', help: [expect.stringContaining('npm install'), expect.anything()] }],
  })
})

test('a package that does not load', async () => {
  const home = join(folder, 'broken', 'node_modules', '@tensorflow', 'tfjs-node')
  mkdirSync(home, { recursive: true })
  writeFileSync(join(home, 'index.js'), "throw new Error('libtensorflow.so.2 is not there\\nand more')")
  vi.stubEnv('MCFNC_TFJS_NODE', join(folder, 'broken'))
  await expect(openBackend('tensorflow')).rejects.toMatchObject({
    diagnostics: [{ code: 'MCF6505', message: expect.stringMatching(/libtensorflow\.so\.2 is not there$/) }],
  })
})

// Elsewhere the system's own driver is found, whatever Vulkan is told.
test.runIf(process.platform === 'linux')('no graphics adapter', async () => {
  vi.stubEnv('VK_ICD_FILENAMES', '/nonexistent')
  await expect(openBackend('webgpu')).rejects.toMatchObject({ diagnostics: [{ code: 'MCF6506' }] })
})

test('a graphics adapter is named by card and driver', () => {
  const card = {
    vendor: 'nvidia',
    architecture: '',
    device: 'nvidia-h100-80gb-hbm3',
    description: 'NVIDIA: 580.159.04',
  }
  expect(titleOf(card)).toBe('nvidia-h100-80gb-hbm3 NVIDIA: 580.159.04')
  expect(titleOf({ ...card, architecture: 'ampere', device: '', description: '' })).toBe('nvidia ampere')
  const software = { vendor: 'google', architecture: 'swiftshader', device: 'swiftshader-device-subzero-' }
  expect(titleOf({ ...software, description: 'SwiftShader driver 5.0.0' })).toBe(
    'google swiftshader-device-subzero SwiftShader driver 5.0.0',
  )
})
