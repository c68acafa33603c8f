/** Runs MCFN and its variants in ONNX Runtime and in the float64 interpreter on the same ragged batches. */
import { readFileSync } from 'node:fs'
import type { FlatLayout, OptimiserKind, Program } from '../../compiler/artefact.ts'
import { compile } from '../../compiler/compile.ts'
import { exportInference } from '../../compiler/emit/onnx/export.ts'
import { type NdArray, ndArray, sizeOf } from '../../compiler/interpret/array.ts'
import { interpret } from '../../compiler/interpret/interpret.ts'
import { type Env, fillInvalid } from '../../compiler/interpret/ragged.ts'
import type { Graph, TensorType } from '../../compiler/ir/graph.ts'
import { makeNodeReader } from '../../compiler/source/node-reader.ts'
import { initialValues, layoutOf } from '../../compiler/train/initialise.ts'
import { buildTrainingGraph, emitTraining } from '../../compiler/train/training-graph.ts'
import { loadOnnx } from './ort.ts'
import { hash, randomFeeds } from './poison.ts'

const spec = 'specs/mcfn.model'
const variants = [...readFileSync(spec, 'utf8').matchAll(/^variant "([^"]+)"/gm)].flatMap(([, name]) => name ?? [])

/** MCFN as it stands, each variant of the spec, and several at once. */
export const networks: readonly { readonly name: string; readonly chosen: readonly string[] }[] = [
  [],
  ...variants.map((name) => [name]),
  ['MELD', 'scaled', 'word-aligned', 'w/o CMI'],
].map((chosen) => ({ name: chosen.join(' + ') || 'MCFN', chosen }))

/** Hypers that make every dim small, and no two of them alike. */
export const small = { d: '16', heads: '2', hidden: '8', text_dim: '12' }

export function programOf(chosen: readonly string[], overrides: Readonly<Record<string, string>> = {}): Program {
  const { program, diagnostics } = compile(spec, makeNodeReader(), { variants: chosen, overrides })
  if (!program) throw new Error(diagnostics.map(({ message }) => message).join('; '))
  return program
}

/** Three batch sizes; the lengths of the two modalities do not go together, and some are 1. */
const envs: readonly Env[] = [
  { batch: 1, lengths: { frames: [13], words: [4], samples: [2000] } },
  { batch: 2, lengths: { frames: [1, 22], words: [6, 1], samples: [3100, 400] } },
  { batch: 5, lengths: { frames: [9, 17, 4, 1, 12], words: [1, 3, 8, 2, 5], samples: [900, 561, 2000, 400, 1300] } },
]
/** The same samples with more padding. */
export const wider = (env: Env): Env => ({
  ...env,
  padded: Object.fromEntries(Object.entries(env.lengths).map(([name, of]) => [name, Math.max(...of) + 7])),
})

/** Start values, moved where they would be 0, 1, or statistics of nothing. */
export function startOf(layout: FlatLayout): Float32Array {
  const flat = initialValues(layout, 7)
  for (const { variable, offset } of layout.entries) {
    const { path, shape } = variable
    if (shape.length < 2)
      for (let i = 0; i < sizeOf(shape); i++) flat[offset + i] = (flat[offset + i] ?? 0) + 0.3 * hash(path, i)
  }
  return flat
}

/** What the graph reads but variables, in numbers that f32 holds, and the lengths. */
export function feedsOf(graph: Graph, env: Env, padding: number): Record<string, NdArray> {
  const given = new Set(['data', 'target', 'noise'])
  const nodes = graph.nodes.filter((node) => node.op === 'input' && given.has(node.attributes.role))
  const feeds: Record<string, NdArray> = {}
  for (const [name, array] of randomFeeds({ ...graph, nodes }, env, { padding, ids: 4 }))
    feeds[name] = { ...array, data: array.data.map((x) => Math.fround(name === 'wave' ? 2000 * x : x)) }
  for (const { sources, name } of graph.seqs)
    for (const { lengths } of sources) feeds[lengths] = ndArray([env.batch], env.lengths[name] as number[], 'i64')
  return feeds
}

/** The greatest difference of two arrays; infinite where one is NaN or their shapes differ. */
function apart(a: NdArray | undefined, b: NdArray): number {
  if (a?.shape.join() !== b.shape.join()) return Number.POSITIVE_INFINITY
  return b.data.reduce((worst, x, i) => {
    const off = Math.abs(x - (a.data[i] as number))
    return Number.isNaN(off) ? Number.POSITIVE_INFINITY : Math.max(worst, off)
  }, 0)
}
const size = ({ data }: NdArray): number => data.reduce((top, x) => Math.max(top, Math.abs(x)), 0)

/** The greatest differences that were found over all batches. */
export interface InUse {
  /** Of the probabilities from the interpreter's. */
  readonly probabilities: number
  /** Of every output when the batch is padded further, with NaN in place of 1000. */
  readonly padding: number
}

/** The exported model against the interpreter, at three batch sizes. */
export async function compareInUse(program: Program): Promise<InUse> {
  const { inference } = program
  const layout = layoutOf(inference.variables)
  const flat = startOf(layout)
  const partOf = ({ variable, offset }: FlatLayout['entries'][number]): Float32Array =>
    flat.slice(offset, offset + sizeOf(variable.shape))
  const weights = new Map(layout.entries.map((entry) => [entry.variable.path, partOf(entry)]))
  const arrays = Object.fromEntries(
    layout.entries.map((entry) => [entry.variable.path, ndArray(entry.variable.shape, partOf(entry))]),
  )
  const model = await loadOnnx(exportInference(program, weights))
  const worst = { probabilities: 0, padding: 0 }
  for (const env of envs) {
    const expected = interpret(inference, { ...feedsOf(inference, env, 0), ...arrays }, env)
    const found = await model.run(feedsOf(inference, env, 1e3))
    const padded = await model.run(feedsOf(inference, wider(env), Number.NaN))
    for (const { name, role } of inference.outputs) {
      const value = expected.get(name) as NdArray
      if (role === 'prediction') worst.probabilities = Math.max(worst.probabilities, apart(found[name], value))
      worst.padding = Math.max(worst.padding, apart(padded[name], found[name] as NdArray))
    }
  }
  await model.release()
  return worst
}

/**
 * Long enough that the masks of the augmentation leave something: where all is masked, batch normalisation divides rounding
 * by the square root of its epsilon.
 */
export const trained: Env = { batch: 2, lengths: { frames: [85, 130], words: [6, 1], samples: [13900, 21200] } }

/** What a training step of a network is fed, all that it changes included, and what it is checked on. */
export interface StepCase {
  readonly graph: Graph
  readonly params: FlatLayout
  readonly states: FlatLayout
  readonly slots: readonly string[]
  readonly env: Env
  readonly feeds: Readonly<Record<string, NdArray>>
}

/** The first step of a program, from start values that are not 0. */
export function stepCase(program: Program, optimiser: OptimiserKind): StepCase {
  const env = trained
  const { graph, params, states, slots } = buildTrainingGraph(program, optimiser)
  const filled = (length: number, value: number): NdArray => ndArray([length], new Float64Array(length).fill(value))
  const feeds = {
    ...feedsOf(graph, env, 0),
    ...Object.fromEntries(slots.map((slot) => [slot, filled(params.size, 0)])),
    params: ndArray([params.size], startOf(params)),
    states: ndArray([states.size], startOf(states)),
    learning_rate_scale: filled(params.size, 1),
    weight_decay: filled(params.size, Math.fround(0.01)),
    learning_rate: ndArray([], [Math.fround(0.01)]),
    clip_norm: ndArray([], [Number.POSITIVE_INFINITY]),
    step: ndArray([], [1]),
  }
  return { graph, params, states, slots, env, feeds }
}

/** How far each output of a step is from the interpreter's, relative to its greatest element; padding has to be zero. */
export function stepDistances(
  { graph, feeds, env }: StepCase,
  found: Readonly<Record<string, NdArray>>,
): Record<string, number> {
  const types = new Map(graph.nodes.map((node) => [node.id, node.type]))
  const expected = interpret(graph, feeds, env)
  return Object.fromEntries(
    graph.outputs.map(({ name, value: id }) => {
      const value = expected.get(name) as NdArray
      fillInvalid(value.data, types.get(id) as TensorType, env, 0)
      return [name, apart(found[name], value) / Math.max(size(value), 1e-30)]
    }),
  )
}

/** One training step of the emitted model against the interpreter's, relative to the greatest element of each output. */
export async function compareStep(program: Program, optimiser: OptimiserKind): Promise<Record<string, number>> {
  const given = stepCase(program, optimiser)
  const model = await loadOnnx(emitTraining(program, { optimiser }).onnx)
  const found = await model.run(given.feeds)
  await model.release()
  return stepDistances(given, found)
}

/** A graph of a model in use against the interpreter, at three batch sizes, the padding being garbage. */
export interface UseCase {
  readonly env: Env
  readonly feeds: Readonly<Record<string, NdArray>>
  readonly expected: ReadonlyMap<string, NdArray>
}

export function* useCases(graph: Graph, params: FlatLayout, states: FlatLayout): Generator<UseCase> {
  const arrays = Object.fromEntries(
    [params, states].flatMap((layout) => {
      const flat = startOf(layout)
      return layout.entries.map(({ variable: { path, shape }, offset }): [string, NdArray] => [
        path,
        ndArray(shape, flat.slice(offset, offset + sizeOf(shape))),
      ])
    }),
  )
  for (const env of envs) {
    const expected = interpret(graph, { ...feedsOf(graph, env, 0), ...arrays }, env)
    yield { env, feeds: feedsOf(graph, env, 1e3), expected }
  }
}
