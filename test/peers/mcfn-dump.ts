/**
 * Writes what the float64 interpreter makes of MCFN and its variants, for `mcfn_torch.py` to compare. Not part of `npm test`.
 *
 *     npx rolldown test/peers/mcfn-dump.ts --platform node --format esm -e onnxruntime-node -e onnx-proto -e protobufjs -o out/mcfn-dump.js
 *     node out/mcfn-dump.js FOLDER [CASE…]
 *
 * One safetensors file a case: `param/`, `state/` (by path), `in/` (padded with what must not count), `inference/`,
 * `loss/`, `grad/`, `next/` (states), and for each optimiser what ONNX Runtime makes of the emitted step: `adam/start/`
 * (its inputs) and `adam/found/`.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { OptimiserKind, Program } from '../../compiler/artefact.ts'
import { differentiate } from '../../compiler/autodiff/differentiate.ts'
import { compile } from '../../compiler/compile.ts'
import { type NdArray, ndArray, sizeOf } from '../../compiler/interpret/array.ts'
import { interpret } from '../../compiler/interpret/interpret.ts'
import { type Env, fillInvalid, lengthsOf, shapeOf } from '../../compiler/interpret/ragged.ts'
import { createBuilder } from '../../compiler/ir/builder.ts'
import type { Graph, ValueId } from '../../compiler/ir/graph.ts'
import type { Dim } from '../../compiler/shapes/dim.ts'
import { makeNodeReader } from '../../compiler/source/node-reader.ts'
import { initialValues, layoutOf } from '../../compiler/train/initialise.ts'
import { emitTraining } from '../../compiler/train/training-graph.ts'
import { randomSource } from '../ops/support.ts'
import { loadOnnx } from '../support/ort.ts'

interface Case {
  readonly name: string
  readonly variants: readonly string[]
  readonly overrides: Readonly<Record<string, string>>
  readonly env: Env
  readonly optimisers?: readonly OptimiserKind[]
}

const small = { d: '16', heads: '2', hidden: '8', text_dim: '12', dropout: '0', augment: 'false' }
const env: Env = {
  batch: 4,
  lengths: { frames: [11, 4, 17, 1], words: [3, 7, 1, 5] },
  padded: { frames: 20, words: 9 },
}
const rows = [
  [],
  ['scaled'],
  ['w/o DAB'],
  ['w/o CMI'],
  ['w/o MA'],
  ['Speech only'],
  ['Text only'],
  ['Bimodal'],
  ['w/o Intra-modal^s'],
  ['w/o Intra-modal^t'],
  ['word-aligned'],
  ['DANet'],
  ['additive'],
  ['w/o TAB'],
  ['w/o CAB'],
  ['plain convolution'],
  ['MELD', 'scaled', 'word-aligned'],
]
const cases: readonly Case[] = [
  ...rows.map((variants) => ({ name: variants.join(' + ') || 'MCFN', variants, overrides: small, env })),
  {
    name: 'MCFN with other settings',
    variants: [],
    overrides: {
      ...small,
      ...{ d: '24', width: '5', dilation: '3', heads: '4', hidden: '16', smoothing: '0.1' },
      ...{ alpha: '0.2', beta: '0.5', lambda_s: '0.5', lambda_t: '2', lambda_st: '1.5', omega: '0.3' },
    },
    env,
    optimisers: ['adam', 'adamw', 'sgd'],
  },
  {
    name: 'MCFN at full size',
    variants: [],
    overrides: { dropout: '0', augment: 'false' },
    env: { batch: 2, lengths: { frames: [23, 40], words: [6, 3] }, padded: { frames: 41, words: 8 } },
  },
]

const reader = makeNodeReader()
const [folder = 'out/mcfn', ...wanted] = process.argv.slice(2)
mkdirSync(folder, { recursive: true })

for (const one of cases) {
  if (wanted.length > 0 && !wanted.includes(one.name)) continue
  const { program, diagnostics } = compile('specs/mcfn.model', reader, one)
  if (!program) throw new Error(`${one.name}: ${diagnostics.map((d) => d.message).join('; ')}`)
  const tensors = await measure(program, one)
  const metadata = { variants: JSON.stringify(one.variants), overrides: JSON.stringify(one.overrides) }
  const file = `${one.name.replaceAll(/[^\w+]+/g, '-')}.safetensors`
  writeFileSync(join(folder, file), encodeF64(tensors, metadata))
  process.stdout.write(`${file}: ${tensors.size} tensors\n`)
}

/** Every number of one case, by name. */
async function measure(program: Program, { env, optimisers = [] }: Case): Promise<Map<string, NdArray>> {
  const { training, inference } = program
  const random = randomSource(5)
  const feeds = new Map<string, NdArray>()
  const out = new Map<string, NdArray>()
  for (const node of [...training.nodes, ...inference.nodes]) {
    if (node.op !== 'input' || feeds.has(node.attributes.name)) continue
    const { name, role } = node.attributes
    const array = ndArray(
      shapeOf(node.type.dims, env),
      new Float64Array(sizeOf(shapeOf(node.type.dims, env))),
      node.type.dtype,
    )
    if (role === 'param' || role === 'state') continue
    // In f32, so that ONNX Runtime reads the same numbers.
    array.data.forEach((_, i) => {
      array.data[i] = node.type.dtype === 'i64' ? Math.floor(random() * 4) : Math.fround(3 * random() - 1.2)
    })
    fillInvalid(array.data, node.type, env, 1e3)
    feeds.set(name, array)
    out.set(`in/${name}`, array)
  }
  for (const { lengths, dims } of program.signature.inputs)
    if (lengths) out.set(`in/${lengths}`, ndArray([env.batch], lengthsOf(dims[0] as Dim, env), 'i64'))

  const layout = layoutOf([
    ...new Map([...training.variables, ...inference.variables].map((v) => [v.path, v])).values(),
  ])
  const initial = initialValues(layout, 3)
  for (const { variable, offset } of layout.entries) {
    const { path, shape, role } = variable
    const data = Float64Array.from(initial.subarray(offset, offset + sizeOf(shape)), (start) =>
      path.endsWith('.seen') ? 30 : Math.fround(start + (random() - 0.4) * (shape.length < 2 ? 0.5 : 0.05)),
    )
    feeds.set(path, ndArray(shape, data))
    out.set(`${role}/${path}`, ndArray(shape, data))
  }

  for (const [name, array] of interpret(inference, feeds, env)) out.set(`inference/${name}`, array)
  for (const [name, array] of interpret(withGradients(training), feeds, env)) out.set(name, array)
  for (const optimiser of optimisers)
    for (const [name, array] of await stepOf(program, optimiser, feeds, out)) out.set(`${optimiser}/${name}`, array)
  return out
}

/** Losses, the total, next states, and the total's gradient by every parameter. */
function withGradients(training: Graph): Graph {
  const b = createBuilder(training)
  const total = training.outputs.find(({ role }) => role === 'total')
  if (!total) throw new Error('no loss')
  const params = training.nodes.flatMap((node) =>
    node.op === 'input' && node.attributes.role === 'param' ? [{ id: node.id, path: node.attributes.name }] : [],
  )
  const gradients = differentiate(
    b,
    total.value,
    params.map(({ id }) => id),
  )
  const prefix = { loss: 'loss/', total: 'loss/', update: 'next/', prediction: 'training/' }
  return b.finish({
    outputs: [
      ...training.outputs.flatMap((output) =>
        output.role in prefix
          ? [{ ...output, name: `${prefix[output.role as keyof typeof prefix]}${output.name}` }]
          : [],
      ),
      ...params.map(({ path }, k) => ({
        name: `grad/${path}`,
        value: gradients[k] as ValueId,
        role: 'gradient' as const,
      })),
    ],
  })
}

/** One step of an optimiser in ONNX Runtime from slots that are not zero: what goes in and what comes out, by path. */
async function stepOf(
  program: Program,
  optimiser: OptimiserKind,
  feeds: ReadonlyMap<string, NdArray>,
  known: ReadonlyMap<string, NdArray>,
): Promise<Map<string, NdArray>> {
  const { onnx, params, states, slots } = emitTraining(program, { optimiser })
  const random = randomSource(8)
  const scalar = (value: number): NdArray => ndArray([], [value])
  const drawn = (low: number, high: number): NdArray =>
    ndArray(
      [params.size],
      Float64Array.from({ length: params.size }, () => Math.fround(low + (high - low) * random())),
    )
  const joined = (layout: typeof params): NdArray => {
    const flat = new Float64Array(layout.size)
    for (const { variable, offset } of layout.entries) flat.set((feeds.get(variable.path) as NdArray).data, offset)
    return ndArray([layout.size], flat)
  }
  const out = new Map<string, NdArray>()
  const split = (prefix: string, { data }: NdArray, layout = params): void => {
    for (const { variable, offset } of layout.entries)
      out.set(
        `${prefix}/${variable.path}`,
        ndArray(variable.shape, data.slice(offset, offset + sizeOf(variable.shape))),
      )
  }
  // Padding that our own loader hands over is 0.
  const inputs = [...known].flatMap(([name, array]) =>
    name.startsWith('in/') ? [[name.slice(3), array] as const] : [],
  )
  const zeroed = inputs.map(([name, array]) => [name, { ...array, data: array.data.map((x) => (x === 1e3 ? 0 : x)) }])
  const own: Record<string, NdArray> = {
    params: joined(params),
    states: joined(states),
    step: scalar(4),
    learning_rate: scalar(Math.fround(1e-2)),
    learning_rate_scale: ndArray([params.size], new Float64Array(params.size).fill(1)),
    weight_decay: ndArray([params.size], new Float64Array(params.size).fill(Math.fround(0.05))),
    clip_norm: scalar(Math.fround(0.5)),
  }
  for (const slot of slots) own[slot] = slot === 'moment2' ? drawn(0.001, 0.01) : drawn(-0.05, 0.05)
  const model = await loadOnnx(onnx)
  const found = await model.run({ ...Object.fromEntries(zeroed), ...own })
  await model.release()
  for (const slot of slots) {
    split(`start/${slot}`, own[slot] as NdArray)
    split(`found/${slot}`, found[`next.${slot}`] as NdArray)
  }
  split('found/params', found['next.params'] as NdArray)
  split('found/states', found['next.states'] as NdArray, states)
  for (const name of ['loss', 'gradient_norm']) out.set(`found/${name}`, found[name] as NdArray)
  for (const name of ['step', 'learning_rate', 'clip_norm']) out.set(`start/${name}`, own[name] as NdArray)
  out.set('start/decay', scalar(Math.fround(0.05)))
  return out
}

/** A safetensors file of float64 alone: the tool's own writer has no need of them. */
function encodeF64(tensors: ReadonlyMap<string, NdArray>, metadata: Readonly<Record<string, string>>): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata }
  let size = 0
  for (const [name, { shape, data }] of tensors) {
    header[name] = { dtype: 'F64', shape, data_offsets: [size, size + 8 * data.length] }
    size += 8 * data.length
  }
  const text = JSON.stringify(header)
  const json = Buffer.from(text.padEnd(Math.ceil(Buffer.byteLength(text) / 8) * 8))
  const start = Buffer.alloc(8)
  start.writeBigUInt64LE(BigInt(json.length))
  const values = [...tensors.values()].map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  return Buffer.concat([start, json, ...values])
}
