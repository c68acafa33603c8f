/** The backends of tfjs that this machine can test: `cpu` and `wasm`, and what else is there. */
import { existsSync } from 'node:fs'
import { type Backend, type BackendName, openBackend } from '../../runtime/engines/tfjs/backends.ts'

/** A WebGPU that computes on the processor, from Debian's chromium; a real adapter goes before it. */
const software = '/usr/lib/chromium/vk_swiftshader_icd.json'
const vulkan = ['/usr/lib/x86_64-linux-gnu/libvulkan.so.1', '/usr/lib/aarch64-linux-gnu/libvulkan.so.1']

export interface TestedBackend {
  readonly name: BackendName
  /** Why it cannot be tested here. */
  readonly absent?: string
}

/** MCFNC_WEBGPU=device tests on the machine's own adapter. */
const ownAdapter = process.env.MCFNC_WEBGPU === 'device'
const hasWebgpu = ownAdapter || (existsSync(software) && vulkan.some(existsSync))

export const testedBackends: readonly TestedBackend[] = [
  { name: 'cpu' },
  { name: 'wasm' },
  hasWebgpu ? { name: 'webgpu' } : { name: 'webgpu', absent: 'needs Debian’s packages chromium and libvulkan1' },
  process.env.MCFNC_TFJS_NODE === undefined
    ? { name: 'tensorflow', absent: 'needs MCFNC_TFJS_NODE; test/peers/tfjs-node.sh makes a build' }
    : { name: 'tensorflow' },
]

/** Opens a backend for a test; small tensors are computed on the device too, where a run would not send them there. */
export async function openTested(name: BackendName): Promise<Backend> {
  if (name === 'webgpu' && !ownAdapter) process.env.VK_ICD_FILENAMES = software
  const backend = await openBackend(name)
  if (name === 'webgpu') backend.tf.env().set('WEBGPU_CPU_FORWARD', false)
  return backend
}

/** `webgpu`, or why it is skipped. */
export const titleOf = ({ name, absent }: TestedBackend): string => (absent ? `${name} (skipped: it ${absent})` : name)
