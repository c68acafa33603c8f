/** tfjs's backends in this browser: which there are, and how each is opened. Runs in the worker. */

const folder = new URL('.', import.meta.url).href

/**
 * @typedef {object} Found
 * @property {'webgpu' | 'wasm' | 'cpu'} name
 * @property {boolean} usable
 * @property {boolean} software whether a graphics adapter is a program, slower than wasm
 * @property {string} detail
 */

/**
 * What there is, from the one that is most often the fastest to the slowest.
 * @returns {Promise<Found[]>}
 */
export async function findBackends() {
  const wasm = typeof WebAssembly === 'object'
  const threads = globalThis.crossOriginIsolated ? `, ${navigator.hardwareConcurrency} threads` : ''
  return [
    { name: 'webgpu', ...(await findAdapter()) },
    { name: 'wasm', usable: wasm, software: false, detail: wasm ? `the processor${threads}` : 'not in this browser' },
    { name: 'cpu', usable: true, software: false, detail: 'plain JavaScript, slow' },
  ]
}

/** The one to begin with. */
export const chooseBackend = (found) => (found.find(({ usable, software }) => usable && !software) ?? found.at(-1)).name

async function findAdapter() {
  const absent = (detail) => ({ usable: false, software: false, detail })
  if (!globalThis.isSecureContext) return absent('needs https, or localhost')
  if (!navigator.gpu) return absent('not in this browser')
  const adapter = await navigator.gpu.requestAdapter().catch(() => null)
  if (!adapter) return absent('no graphics adapter')
  const { vendor, architecture, description, isFallbackAdapter } = adapter.info ?? {}
  const title = [vendor, architecture, description].filter(Boolean).join(' ') || 'a graphics adapter'
  const software = (isFallbackAdapter ?? adapter.isFallbackAdapter) === true || /swiftshader|llvmpipe/i.test(title)
  return { usable: true, software, detail: software ? `${title}: software, slow` : title }
}

/**
 * Loads a backend and makes it tfjs's current one. `failed` hears of what goes wrong on the device later: WebGPU tells of it
 * beside the results. Throws where it does not start.
 */
export async function openBackend(tf, { name, software }, failed) {
  await import(`./tf-backend-${name}.min.js`)
  if (name === 'wasm') tf.wasm.setWasmPaths(folder)
  if (software) {
    // Products that are made for shared memory take many times as long on a processor.
    tf.env().set('WEBGPU_MATMUL_PROGRAM_TYPE', 3)
    tf.env().set('WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE', 200)
  }
  const isOpen = await tf.setBackend(name)
  await tf.ready()
  if (!isOpen || tf.getBackend() !== name) throw new Error(`tfjs could not start its backend ${name}`)
  const device = name === 'webgpu' ? tf.backend().device : undefined
  device?.addEventListener('uncapturederror', ({ error }) => failed(error.message.split('\n')[0]))
  device?.lost.then(({ reason, message }) => {
    if (reason !== 'destroyed') failed(`the graphics device was lost: ${message}`)
  })
}
