/** The demo's page on WebGPU, with a software adapter: right, and very slow. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openBrowser, openDemo, serve, untilStep, writeDemo } from '../support/demo.ts'

test('the demo trains on webgpu', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mcfnc-demo-test-'))
  await writeDemo(folder)
  const server = await serve(folder)
  const browser = await openBrowser({ gpu: true })
  const page = await openDemo(browser.context, server.address)
  page.setDefaultTimeout(600_000)
  // A software adapter is passed over at first.
  expect(await page.locator('#status').textContent()).toBe('Ready, on wasm')
  await page.getByRole('radio', { name: 'webgpu' }).check()
  await page.getByText('On webgpu now').waitFor()
  await page.getByRole('button', { name: 'Train' }).click()
  await untilStep(page, 12)
  expect(Number(await page.locator('#loss').textContent())).toBeLessThan(100)
  expect(await page.locator('#alert').isVisible()).toBe(false)
  await browser.close()
  server.close()
  await rm(folder, { recursive: true, force: true })
})
