/** The catalogue's 650x rows: engines, and tfjs's backends. */
import { error } from '../diagnostic.ts'

const quote = (text: string): string => `\`${text}\``

export const engineMissing = error<{ platform: string; why: string }>('MCF6501', 'engine-missing', (p) => ({
  message: `ONNX Runtime does not load on this machine (${p.platform}): ${p.why}`,
  help: ['install the dependencies again with `npm ci`; the npm package has binaries for Linux, macOS and Windows'],
}))

export const engineRefuses = error<{ why: string }>('MCF6502', 'engine-refuses', (p) => ({
  message: `ONNX Runtime does not load the model: ${p.why}`,
  help: ['if `mcfnc build` made the file, this is a fault of the compiler: please report it with the spec'],
}))

export const engineFails = error<{ engine: string; doing: string; why: string }>('MCF6503', 'engine-fails', (p) => ({
  message: `${p.engine} failed while ${p.doing}: ${p.why}`,
}))

export const backendAbsent = error<{ backend: string; package: string; install: string }>(
  'MCF6504',
  'backend-absent',
  (p) => ({
    message: `tfjs's backend ${quote(p.backend)} needs the package ${quote(p.package)}, which is not installed`,
    help: [p.install, '`mcfnc doctor` lists what this machine has'],
  }),
)

export const backendFails = error<{ backend: string; why: string }>('MCF6505', 'backend-fails', (p) => ({
  message: `tfjs's backend ${quote(p.backend)} does not start: ${p.why}`,
  help: ['`mcfnc doctor` lists what this machine has; `--backend auto` takes the best of it'],
}))

export const noAdapter = error<{ engine: string }>('MCF6506', 'no-adapter', (p) => ({
  message: `${p.engine} finds no graphics adapter for WebGPU`,
  notes: ['on Linux it is found through Vulkan: a driver with its ICD file, and the library libvulkan1'],
  help: [
    "install the graphics card's driver; on Debian, `apt-get install libvulkan1 mesa-vulkan-drivers` or NVIDIA's",
    '`mcfnc doctor` lists what this machine has',
    "a software adapter serves for tests: VK_ICD_FILENAMES=/usr/lib/chromium/vk_swiftshader_icd.json, from Debian's chromium",
  ],
}))

export const providerAbsent = error<{ provider: string; platform: string; install?: string }>(
  'MCF6507',
  'provider-absent',
  (p) => ({
    message: `ONNX Runtime is installed without its provider ${quote(p.provider)} (${p.platform})`,
    help: [...(p.install === undefined ? [] : [p.install]), '`mcfnc doctor` lists what this machine has'],
  }),
)

export const providerFails = error<{ provider: string; why: string }>('MCF6508', 'provider-fails', (p) => ({
  message: `ONNX Runtime's provider ${quote(p.provider)} does not start: ${p.why}`,
  help: ['`mcfnc doctor` lists what this machine has'],
}))

export const backendUnknown = error<{
  engine: string
  backend: string
  known: readonly string[]
  elsewhere: string | undefined
}>('MCF6509', 'backend-unknown', (p) => ({
  message: `${quote(p.engine)} has no backend ${quote(p.backend)}`,
  notes: [`it has ${p.known.map(quote).join(', ')}`],
  help:
    p.elsewhere === undefined
      ? ['an NVIDIA card is `cuda` in ONNX Runtime and `tensorflow` in tfjs, any card `webgpu` in both']
      : [`add \`--engine ${p.elsewhere}\``],
}))
