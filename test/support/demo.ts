/** The demo of MCFN at a small width, its files served on this machine, and a browser to open it in. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, extname, join } from 'node:path'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import type { Program } from '../../compiler/artefact.ts'
import { compile } from '../../compiler/compile.ts'
import { exportInference } from '../../compiler/emit/onnx/export.ts'
import { emitTfjs } from '../../compiler/emit/tfjs/module.ts'
import { makeNodeReader } from '../../compiler/source/node-reader.ts'
import { initialValues } from '../../compiler/train/initialise.ts'
import { makeDemo } from '../../runtime/demo/demo.ts'
import type { FrontEnd } from '../../runtime/predict/examples.ts'
import { startWeights } from '../../runtime/train/weights.ts'
import { programOf, small } from './mcfn.ts'
import { weightsOf } from './tfjs.ts'

export const browserPath = '/usr/bin/chromium'

/** The feature model that the package ships. */
export async function frontEnd(): Promise<FrontEnd> {
  const { program } = compile('specs/std/audio.model', makeNodeReader(), {})
  if (!program) throw new Error('specs/std/audio.model is wrong')
  const onnx = exportInference(program, startWeights(program, 0))
  return { onnx, settings: program.signature.hypers, name: 'std/audio.model' }
}

/** The files of a demo, without the module. */
export const demoOf = (program: Program): Promise<ReadonlyMap<string, Uint8Array>> =>
  makeDemo({ program, module: 'mcfn', frontEnd, threads: 1 })

/** Writes a whole demo into a folder: MCFN, small, `scaled` so that it learns fast. */
export async function writeDemo(folder: string): Promise<void> {
  const program = programOf(['scaled'], { ...small, text_dim: '100' })
  const emitted = emitTfjs(program, { optimiser: 'adam' })
  const { params, states } = emitted
  const start = { params: initialValues(params, 0), states: initialValues(states, 0) }
  const files = new Map<string, Uint8Array | string>(await demoOf(program))
  files.set('mcfn.mjs', emitted.text)
  files.set('mcfn.safetensors', weightsOf(emitted, start))
  for (const [path, content] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), content)
  }
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.wav': 'audio/wav',
}
/** What lets a page share memory between threads. */
const isolation = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' }

export interface Served {
  readonly address: string
  close(): void
}

/** A file server as plain as they come; `isolated` lets wasm use threads. */
export async function serve(folder: string, { isolated = false } = {}): Promise<Served> {
  const server = createServer(async ({ url = '/' }, response) => {
    const { pathname } = new URL(url, 'http://localhost')
    const path = pathname === '/' ? '/index.html' : pathname
    try {
      const content = await readFile(join(folder, path))
      const type = types[extname(path)] ?? 'application/octet-stream'
      response.writeHead(200, { 'content-type': type, ...(isolated ? isolation : {}) }).end(content)
    } catch {
      response.writeHead(404).end()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { address: `http://127.0.0.1:${port}/`, close: () => server.close() }
}

export interface Browser {
  readonly context: BrowserContext
  close(): Promise<void>
}

/** Starts a browser with an empty profile; `gpu` gives it WebGPU on a software adapter. */
export async function openBrowser({ gpu = false } = {}): Promise<Browser> {
  const profile = await mkdtemp(join(tmpdir(), 'mcfnc-browser-'))
  const quiet = ['quic', 'background-networking', 'component-update', 'sync'].map((name) => `--disable-${name}`)
  const graphics = gpu
    ? ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan']
    : ['--disable-gpu']
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: browserPath,
    args: ['--no-sandbox', '--no-first-run', ...quiet, ...graphics],
  })
  return {
    context,
    async close() {
      await context.close()
      await rm(profile, { recursive: true, force: true })
    },
  }
}

/** Opens the page, and waits until it can train. `complaints` takes what the console, the server and other hosts hear. */
export async function openDemo(context: BrowserContext, address: string, complaints: string[] = []): Promise<Page> {
  const page = await context.newPage()
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', ({ message }) => complaints.push(message))
  page.on('request', (request) => {
    if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(address)) complaints.push(request.url())
  })
  page.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`)
  })
  await page.goto(address)
  await page.locator('#train:enabled').waitFor()
  return page
}

/** Waits until a step was taken. */
export const untilStep = (page: Page, step: number): Promise<unknown> =>
  page.waitForFunction(`Number(document.getElementById('step').textContent) >= ${step}`)
