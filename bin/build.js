// Bundles the program into `dist/`: few files, so that it starts fast. `npm run build` runs this.
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const root = fileURLToPath(new URL('..', import.meta.url))
const bundle = await rolldown({
  cwd: root,
  input: 'bin/mcfnc.ts',
  platform: 'node',
  logLevel: 'warn',
  // Native, or found through `require` at run time.
  external: ['onnxruntime-node', 'onnx-proto', 'protobufjs'],
})
await bundle.write({ dir: `${root}dist`, format: 'esm', sourcemap: true, cleanDir: true, chunkFileNames: '[name].js' })
await bundle.close()
