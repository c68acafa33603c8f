// Bundles the program into `dist/`: few files, so that it starts fast. `npm run build` runs this; `npm run bench` bundles
// another program into a folder of its own.
import { mkdir, rename, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const root = fileURLToPath(new URL('..', import.meta.url))
const [input = 'bin/mcfnc.ts', folder = 'dist'] = process.argv.slice(2)
const made = `${root}node_modules/.cache/mcfnc-${process.pid}`
const bundle = await rolldown({
  cwd: root,
  input,
  platform: 'node',
  logLevel: 'warn',
  // Native, or found through `require` at run time.
  external: ['onnxruntime-node', 'onnx-proto', 'protobufjs', /^@tensorflow\/[^/]+$/, 'webgpu'],
})
try {
  await bundle.write({ dir: `${made}/new`, format: 'esm', chunkFileNames: '[name].js' })
  // In one move, so that a program that is being started finds the old build or the new one.
  await mkdir(root + folder, { recursive: true })
  await rename(root + folder, `${made}/old`)
  await rename(`${made}/new`, root + folder)
} finally {
  await bundle.close()
  await rm(made, { recursive: true, force: true })
}
