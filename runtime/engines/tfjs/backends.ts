/** tfjs's backends: which this machine has, and how each is opened. */
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import util from 'node:util'
import * as messages from '../../../compiler/diagnostics/catalogue/engines.ts'
import { DiagnosticError, diagnose } from '../../../compiler/diagnostics/diagnostic.ts'
import { type BufferPool, poolLimit } from './buffer-pool.ts'
import type { Tf } from './module.ts'

/** `tensorflow` is tfjs-node-gpu or tfjs-node. */
export type BackendName = 'cpu' | 'wasm' | 'webgpu' | 'tensorflow'

/** From the one that is most often the fastest to the slowest. */
export const backendNames: readonly BackendName[] = ['tensorflow', 'webgpu', 'wasm', 'cpu']

/** A backend that is tfjs's current one. */
export interface Backend {
  readonly name: BackendName
  readonly tf: Tf
  /** What it found: the adapter, the package; a run records it. */
  readonly details: Readonly<Record<string, string>>
  /** Throws where the device has failed since: WebGPU tells of it beside the results. */
  check(): void
  /** To be called between steps: gives memory back that the backend would keep for tensors that may not come again. */
  trim(): void
}

/** The folder that holds a build of tfjs-node, in its node_modules. */
const folderVariable = 'MCFNC_TFJS_NODE'

/** Opens a backend and makes it tfjs's current one. Throws a DiagnosticError that says what is missing. */
export async function openBackend(name: BackendName): Promise<Backend> {
  try {
    return await openers[name]()
  } catch (cause) {
    if (cause instanceof DiagnosticError) throw cause
    throw new DiagnosticError([diagnose(messages.backendFails, undefined, { backend: name, why: reasonOf(cause) })])
  }
}

/** The best backend that opens: a software adapter is passed over, since `wasm` is faster. */
export async function openBestBackend(): Promise<{ readonly backend: Backend; readonly why: string }> {
  const passed: string[] = []
  for (const name of backendNames) {
    try {
      if (name === 'webgpu' && !hasAdapter())
        throw new DiagnosticError([diagnose(messages.noAdapter, undefined, { engine: 'tfjs' })])
      const backend = await openBackend(name)
      if (!isSoftware(backend)) return { backend, why: [...passed, `\`${name}\` is there`].join('; ') }
      passed.push(`\`${name}\` has a software adapter only`)
    } catch (failure) {
      if (!(failure instanceof DiagnosticError)) throw failure
      passed.push(`\`${name}\` is absent`)
    }
  }
  throw new Error('internal error in engines/tfjs: even `cpu` does not open')
}

/** Looked for in a process of its own: where there is no driver, the package writes of it to the terminal. */
function hasAdapter(): boolean {
  let path: string
  try {
    path = import.meta.resolve('webgpu')
  } catch {
    return false
  }
  const look = `const { create } = await import(${JSON.stringify(path)})
    process.exit((await create([]).requestAdapter()) ? 0 : 1)`
  const options = { stdio: 'ignore', timeout: 20_000 } as const
  return spawnSync(process.execPath, ['--input-type=module', '--eval', look], options).status === 0
}

const softwareMark = 'software: '

/** Whether the backend's adapter computes on the processor. */
export const isSoftware = ({ details }: Pick<Backend, 'details'>): boolean =>
  details.adapter?.startsWith(softwareMark) === true

const openers: Readonly<Record<BackendName, () => Promise<Backend>>> = {
  cpu: openCpu,
  wasm: openWasm,
  webgpu: openWebgpu,
  tensorflow: openTensorflow,
}

const reasonOf = (cause: unknown): string =>
  (cause instanceof Error ? cause.message : String(cause)).split('\n')[0] ?? ''
const nothing = (): void => {}

const loadCore = (): Promise<Tf> => import('@tensorflow/tfjs-core')

async function makeCurrent(tf: Tf, name: string): Promise<void> {
  const done = await tf.setBackend(name)
  await tf.ready()
  if (!done || tf.getBackend() !== name) throw new Error(`tfjs could not start its backend \`${name}\``)
}

async function openCpu(): Promise<Backend> {
  const tf = await loadCore()
  await import('@tensorflow/tfjs-backend-cpu')
  // Else the first tensor prints an advertisement for tfjs-node.
  Object.assign(tf.findBackend('cpu') as object, { firstUse: false })
  await makeCurrent(tf, 'cpu')
  return { name: 'cpu', tf, details: {}, check: nothing, trim: nothing }
}

async function openWasm(): Promise<Backend> {
  const tf = await loadCore()
  await import('@tensorflow/tfjs-backend-wasm')
  const events = ['uncaughtException', 'unhandledRejection'] as const
  const before = events.map((event) => new Set(process.rawListeners(event)))
  await makeCurrent(tf, 'wasm')
  // Its loader listens for failures of the whole process, and would end it with a code of its own.
  for (const [at, event] of events.entries())
    for (const listener of process.rawListeners(event))
      if (!before[at]?.has(listener)) process.removeListener(event, listener as () => void)
  const simd = tf.env().get('WASM_HAS_SIMD_SUPPORT') === true
  return { name: 'wasm', tf, details: { simd: simd ? 'yes' : 'no' }, check: nothing, trim: nothing }
}

async function openWebgpu(): Promise<Backend> {
  const adapter = await (await findGpu()).requestAdapter()
  if (!adapter) throw new DiagnosticError([diagnose(messages.noAdapter, undefined, { engine: 'tfjs' })])
  const title = titleOf(adapter.info)
  const software = adapter.info.isFallbackAdapter || /swiftshader|llvmpipe/i.test(title)
  const tf = await loadCore()
  // It looks for WebGPU when it is loaded.
  await import('@tensorflow/tfjs-backend-webgpu')
  if (software) {
    // The products that are made for shared memory take fifty times as long on a processor.
    tf.env().set('WEBGPU_MATMUL_PROGRAM_TYPE', 3)
    tf.env().set('WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE', 200)
  }
  await makeCurrent(tf, 'webgpu')
  const { device, bufferManager } = tf.backend() as object as WebgpuBackend
  let failure: string | undefined
  // A shader that fails leaves zeros behind, and says so here only.
  device.addEventListener('uncapturederror', (event) => {
    event.preventDefault()
    failure ??= event.error.message.split('\n')[0]
  })
  return {
    name: 'webgpu',
    tf,
    details: { adapter: `${software ? softwareMark : ''}${title}` },
    check: () => {
      if (failure !== undefined) throw new Error(failure)
    },
    trim: poolLimit(bufferManager, 2 ** 30),
  }
}

/** The little of WebGPU that is used here; its types come with no package of ours. */
interface Gpu {
  requestAdapter(): Promise<{ readonly info: AdapterInfo } | null>
}
export interface AdapterInfo {
  readonly vendor: string
  readonly architecture: string
  readonly device: string
  readonly description: string
  readonly isFallbackAdapter?: boolean
}
interface Device {
  addEventListener(
    type: 'uncapturederror',
    heard: (event: { readonly error: { readonly message: string }; preventDefault(): void }) => void,
  ): void
}

/** `nvidia-h100-80gb-hbm3 NVIDIA: 580.159.04`: the card and its driver; what a later part begins with is left out. */
export function titleOf({ vendor, architecture, device, description }: AdapterInfo): string {
  const parts = [vendor, architecture, device.replace(/-+$/, ''), description]
  const begins = (whole: string, part: string): boolean => whole.toLowerCase().startsWith(part.toLowerCase())
  return parts.filter((part, i) => part !== '' && !parts.slice(i + 1).some((later) => begins(later, part))).join(' ')
}

/** What tfjs's backend `webgpu` keeps. */
interface WebgpuBackend {
  readonly device: Device
  readonly bufferManager: BufferPool
}

/** WebGPU as the platform has it, or through the package `webgpu`, whose globals tfjs needs too. */
async function findGpu(): Promise<Gpu> {
  const present = (globalThis as { readonly navigator?: { readonly gpu?: Gpu } }).navigator?.gpu
  if (present) return present
  const { create, globals } = await load('webgpu', 'webgpu', 'npm install webgpu')
  Object.assign(globalThis, globals)
  const gpu = create([])
  const known: object | undefined = Reflect.get(globalThis, 'navigator')
  const property = { configurable: true, writable: true }
  if (known) Object.defineProperty(known, 'gpu', { ...property, value: gpu })
  else Object.defineProperty(globalThis, 'navigator', { ...property, value: { gpu } })
  return gpu
}

async function openTensorflow(): Promise<Backend> {
  // tfjs-node 4.22 calls two functions that Node 23 has no more.
  Object.assign(util, {
    isNullOrUndefined: (value: unknown) => value === undefined || value === null,
    isArray: Array.isArray,
  })
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2'
  const found = await findTensorflow()
  const tf: Tf = found.module.default ?? found.module
  await makeCurrent(tf, 'tensorflow')
  return { name: 'tensorflow', tf, details: { package: found.name }, check: nothing, trim: nothing }
}

/** tfjs-node-gpu before tfjs-node; from the folder that the environment names, where it does. */
async function findTensorflow(): Promise<{ readonly name: string; readonly module: { readonly default?: Tf } & Tf }> {
  const folder = process.env[folderVariable]
  const resolve = createRequire(folder === undefined ? import.meta.url : join(folder, 'from.js')).resolve
  for (const name of ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node']) {
    let path: string
    try {
      path = resolve(name)
    } catch {
      continue
    }
    return { name, module: await import(/* @vite-ignore */ pathToFileURL(path).href) }
  }
  const install = 'npm install @tensorflow/tfjs-node-gpu (with CUDA) or @tensorflow/tfjs-node; they download TensorFlow'
  throw absent('tensorflow', '@tensorflow/tfjs-node', install)
}

const absent = (backend: string, name: string, install: string): DiagnosticError =>
  new DiagnosticError([diagnose(messages.backendAbsent, undefined, { backend, package: name, install })])

/** Imports an optional package. Throws a DiagnosticError where it is not installed. */
async function load(backend: string, name: 'webgpu', install: string): Promise<typeof import('webgpu')> {
  try {
    return await import(name)
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND')
      throw absent(backend, name, install)
    throw cause
  }
}
