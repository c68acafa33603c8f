/** A page that trains a compiled model in a browser: its own files, tfjs, a plot library and a small synthetic corpus. */
import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Program } from '../../compiler/artefact.ts'
import { encodeSafetensors } from '../formats/safetensors.ts'
import { packageFile } from '../formats/shipped.ts'
import type { FrontEnd } from '../predict/examples.ts'
import { type DemoCorpus, makeDemoCorpus } from './corpus.ts'

export interface DemoOptions {
  readonly program: Pick<Program, 'signature' | 'inference'>
  /** The emitted module and its weights lie beside the page as `<name>.mjs` and `<name>.safetensors`. */
  readonly module: string
  /** Compiles what computes acoustic features; asked for only where the model takes recordings. */
  readonly frontEnd: () => Promise<FrontEnd>
  /** To compute features with. */
  readonly threads: number
}

/** Files of packages that the page loads. Browsers get tfjs's builds that put `tf` where every script finds it. */
const libraries = [
  '@tensorflow/tfjs-core/dist/tf-core.min.js',
  '@tensorflow/tfjs-backend-cpu/dist/tf-backend-cpu.min.js',
  '@tensorflow/tfjs-backend-wasm/dist/tf-backend-wasm.min.js',
  '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm',
  '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm',
  '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm',
  '@tensorflow/tfjs-backend-webgpu/dist/tf-backend-webgpu.min.js',
  'uplot/dist/uPlot.iife.min.js',
  'uplot/dist/uPlot.min.css',
] as const

/** How the page trains: steps are small, so that a slow machine shows something soon. */
const training = { batchSize: 8, learningRate: 0.001, clipNorm: 5, seed: 1 } as const

/**
 * The files by their path beside the module: `index.html`, the rest under `demo/`. The same program gives the same bytes. Throws
 * a DiagnosticError where the synthetic corpus does not fit the model.
 */
export async function makeDemo(options: DemoOptions): Promise<ReadonlyMap<string, Uint8Array>> {
  const corpus = await makeDemoCorpus(options.program.signature, options)
  const files = new Map<string, Uint8Array>()
  const page = packageFile('runtime/demo/page')
  for (const name of (await readdir(page)).sort())
    files.set(name === 'index.html' ? name : `demo/${name}`, await readFile(join(page, name)))
  const { resolve } = createRequire(import.meta.url)
  for (const path of libraries) files.set(`demo/${path.split('/').at(-1)}`, await readFile(resolve(path)))
  files.set('demo/corpus.json', new TextEncoder().encode(describe(options, corpus)))
  files.set('demo/corpus.safetensors', encodeSafetensors({ tensors: corpus.features, metadata: {} }))
  for (const { id, recording } of corpus.samples) if (recording) files.set(`demo/audio/${id}.wav`, recording)
  return files
}

/** What the page reads first: the model, how to train it, and the samples without their features. */
function describe({ program, module }: DemoOptions, { inputs, target, classes, samples }: DemoCorpus): string {
  const { signature, inference } = program
  const content = {
    model: signature.model,
    variants: signature.variants,
    parameters: inference.variables
      .filter(({ role }) => role === 'param')
      .reduce((sum, { shape }) => sum + shape.reduce((product, n) => product * n, 1), 0),
    module: `${module}.mjs`,
    weights: `${module}.safetensors`,
    inputs: inputs.map(({ name, lengths }) => ({ name, lengths })),
    target,
    classes,
    training,
    samples: samples.map(({ recording, ...rest }) => ({ ...rest, hasAudio: recording !== undefined })),
  }
  return `${JSON.stringify(content)}\n`
}
