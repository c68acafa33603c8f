/** The demo's page in a browser: it trains on wasm and on cpu, draws, predicts and saves. */
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { decodeSafetensors } from '../../runtime/formats/safetensors.ts'
import { type Browser, browserPath, openBrowser, openDemo, serve, untilStep, writeDemo } from '../support/demo.ts'

const hasBrowser = existsSync(browserPath)
if (!hasBrowser) process.stderr.write(`${browserPath} is not there: the demo's page is not tried\n`)

describe.skipIf(!hasBrowser)('the demo', () => {
  let folder = ''
  let browser: Browser
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mcfnc-demo-test-'))
    await writeDemo(folder)
    browser = await openBrowser()
  })
  afterAll(async () => {
    await browser?.close()
    await rm(folder, { recursive: true, force: true })
  })

  test('trains, draws, predicts and saves on wasm', async () => {
    const server = await serve(folder)
    const complaints: string[] = []
    const page = await openDemo(browser.context, server.address, complaints)
    expect(await page.locator('#status').textContent()).toBe('Ready, on wasm')
    await noteSteps(page)

    await page.getByRole('button', { name: 'Train' }).press('Enter')
    await untilStep(page, 60)
    await page.getByRole('button', { name: 'Pause' }).click()
    await page.getByText('Paused at step').waitFor()

    const noted = await page.evaluate<Noted[]>('noted')
    const losses = noted.map(({ loss }) => Number(loss))
    expect(mean(losses.slice(-10))).toBeLessThan(mean(losses.slice(0, 10)) / 2)
    expect(new Set(noted.slice(1).map(({ memory }) => memory)).size).toBe(1)
    expect(noted.at(-1)?.memory).toMatch(/\d+ tensors/)
    expect(await page.locator('#held-loss').textContent()).toMatch(/^[\d.]+$/)
    expect(await page.locator('#accuracy').textContent()).toMatch(/^\d+ %$/)

    const steps = Number(await page.locator('#step').textContent())
    expect(await page.locator('#plot').getAttribute('aria-label')).toContain(`${steps} steps`)
    expect(await page.evaluate(`(${countColumns})()`)).toBeGreaterThan(100)

    const before = await page.locator('#sentence').textContent()
    await page.locator('#samples input').first().press('ArrowRight')
    expect(await page.locator('#sentence').textContent()).not.toBe(before)
    await page
      .locator('#verdict')
      .filter({ hasText: /^(Right|Wrong)/ })
      .waitFor()
    const shares = await page.locator('#bars .value').allTextContents()
    expect(shares.length).toBe(4)
    expect(shares.reduce((sum, text) => sum + Number.parseFloat(text), 0)).toBeCloseTo(100, 0)
    expect(await page.evaluate(`fetch(document.getElementById('audio').src).then(({ ok }) => ok)`)).toBe(true)

    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download weights' }).click(),
    ])
    const { tensors, metadata } = decodeSafetensors(await readFile(await download.path()), 'weights')
    expect(metadata.step).toBe(`${steps}`)
    expect([...tensors.keys()].some((name) => name.startsWith('moment1/'))).toBe(true)

    await page.setViewportSize({ width: 360, height: 700 })
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360)
    expect(complaints).toEqual([])
    await page.close()
    server.close()
  })

  test('uses threads where the server allows them, and goes on on another backend', async () => {
    const server = await serve(folder, { isolated: true })
    const complaints: string[] = []
    const page = await openDemo(browser.context, server.address, complaints)
    expect(await page.locator('#backends').textContent()).toMatch(/the processor, \d+ threads/)
    await page.getByRole('button', { name: 'Train' }).click()
    await untilStep(page, 3)
    await page.getByRole('radio', { name: 'cpu' }).check()
    await page.getByText('Training on cpu').waitFor()
    const moved = Number(await page.locator('#step').textContent())
    expect(moved).toBeGreaterThanOrEqual(3)
    await untilStep(page, moved + 1)
    await page.getByRole('button', { name: 'Start over' }).click()
    await page.getByText('Back at the start weights').waitFor()
    expect(await page.locator('#step').textContent()).toBe('0')
    expect(complaints).toEqual([])
    await page.close()
    server.close()
  })

  test('says what is missing', async () => {
    const server = await serve(folder)
    const page = await browser.context.newPage()
    await page.route('**/mcfn.safetensors', (route) => route.fulfill({ status: 404 }))
    await page.goto(server.address)
    await page.getByRole('alert').filter({ hasText: 'mcfn.safetensors does not load: the server says 404' }).waitFor()
    await page.goto(pathToFileURL(join(folder, 'index.html')).href)
    expect(await page.locator('#file').textContent()).toContain('Serve this folder')
    expect(await page.locator('#file').isVisible()).toBe(true)
    await page.close()
    server.close()
  })
})

interface Noted {
  readonly loss: string
  readonly memory: string
}

/** Keeps what the page shows after each step. */
const noteSteps = (page: Page): Promise<unknown> =>
  page.evaluate(`{
    globalThis.noted = []
    const text = (id) => document.getElementById(id).textContent
    const note = () => noted.push({ loss: text('loss'), memory: text('memory') })
    new MutationObserver(note).observe(document.getElementById('step'), { childList: true, characterData: true })
  }`)

/** Columns of the plot with a pixel of the curve: much bluer than red. */
const countColumns = `() => {
  const canvas = document.querySelector('#plot canvas')
  const { data, width } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  const columns = new Set()
  for (let i = 0; i < data.length; i += 4) if (data[i + 2] > data[i] + 60) columns.add((i / 4) % width)
  return columns.size
}`

const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length
