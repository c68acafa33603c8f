/** Compares an exported model in ONNX Runtime with the float64 interpreter, and finds the block where they part. */
import type { Signature } from '../../../compiler/artefact.ts'
import * as messages from '../../../compiler/diagnostics/catalogue/training.ts'
import { DiagnosticError, diagnose } from '../../../compiler/diagnostics/diagnostic.ts'
import type { NdArray } from '../../../compiler/interpret/array.ts'
import { interpret } from '../../../compiler/interpret/interpret.ts'
import { type Env, forInvalid, shapeOf } from '../../../compiler/interpret/ragged.ts'
import type { AnyNode, Graph, GraphOutput, TensorType } from '../../../compiler/ir/graph.ts'
import { batchDim, evaluateDim, lengthNames } from '../../../compiler/shapes/dim.ts'
import { type Key, keyOf, uniformAt } from '../../train/noise.ts'
import type { Value } from '../value.ts'
import { openSession, type SessionOptions } from './session.ts'

export interface VerifyOptions extends SessionOptions {
  /**
   * The greatest difference allowed, relative to the larger of 1 and the value. Where the model itself magnifies rounding,
   * what rounding its inputs and weights to f32 can do to it is allowed too.
   */
  readonly tolerance?: number
  /** Makes a model of a graph with further outputs, to look inside with; weights as in the export. */
  readonly emit: (graph: Graph) => Uint8Array
}

/** Rounding happens at every operation, not only to what goes in; this much more of it is taken for granted. */
const margin = 64
/** Half a unit in the last place of f32, relative. */
const rounding = 2 ** -24

export interface Verification {
  readonly cases: number
  /** The greatest difference that was found in a prediction. */
  readonly worst: number
}

/** Batch sizes, how long the samples are beyond the least, and how much padding is put after the longest. */
const cases = [
  { extra: [3], padding: 0 },
  { extra: [0, 9], padding: 0 },
  { extra: [5, 2, 14], padding: 0 },
  { extra: [5, 2, 14], padding: 6 },
] as const

/**
 * Runs the model and the interpreter on the same random inputs, at several batch sizes and lengths, with garbage in the
 * padding. `weights` are the variables by path. Throws a DiagnosticError at the first mismatch, with the block where it
 * begins.
 */
export async function verifyExport(
  onnx: Uint8Array,
  inference: Graph,
  signature: Signature,
  weights: ReadonlyMap<string, Float32Array>,
  options: VerifyOptions,
): Promise<Verification> {
  const tolerance = options.tolerance ?? 1e-5
  const session = await openSession(onnx, options)
  let worst = 0
  try {
    for (const [index, { extra, padding }] of cases.entries()) {
      const env = environment(inference, signature, extra, padding)
      const feeds = randomFeeds(signature, env, keyOf('verify', index))
      const expected = interpret(inference, reference(inference, feeds, weights), env)
      const outputs = inference.outputs.filter(({ role }) => role === 'prediction' || role === 'output')
      const made = await session.run(feeds, Object.fromEntries(outputs.map(({ name }) => [name, null])))
      for (const output of outputs) {
        const type = typeOf(inference, output)
        const difference = compare(made[output.name], expected.get(output.name), type, env)
        if (output.role === 'prediction') worst = Math.max(worst, difference)
        if (difference <= tolerance) continue
        const allowed = margin * sensitivity(inference, feeds, weights, env, output.name, index)
        if (difference <= allowed) continue
        const block = await firstDifference(inference, feeds, weights, env, Math.max(tolerance, allowed), options)
        const lengths = Object.entries(env.lengths).map(([name, of]) => `${name} ${of.join(', ')}`)
        const at = { batch: env.batch, lengths: lengths.join('; ') }
        const params = { value: output.name, block, ...at, difference, tolerance: Math.max(tolerance, allowed) }
        throw new DiagnosticError([diagnose(messages.verifyFails, undefined, params)])
      }
    }
  } finally {
    await session.release()
  }
  return { cases: cases.length, worst }
}

function environment(graph: Graph, signature: Signature, extra: readonly number[], padding: number): Env {
  const names = new Set([
    ...graph.seqs.map(({ name }) => name),
    ...signature.inputs.flatMap((input) => input.dims.flatMap(lengthNames)),
  ])
  const lengths: Record<string, number[]> = {}
  const padded: Record<string, number> = {}
  for (const [k, name] of [...names].entries()) {
    const { low = 1, high = Number.POSITIVE_INFINITY } = { ...signature.bounds[name] }
    // Each name has its lengths in another order, so that mixing two up shows.
    const of = extra.map((_, b) => Math.min(Math.max(low, 1) + (extra[(b + k) % extra.length] ?? 0), high))
    lengths[name] = of
  }
  extra.forEach((_, b) => {
    meetRequires(signature, lengths, b)
  })
  for (const [name, of] of Object.entries(lengths)) padded[name] = Math.max(...of) + padding
  return { batch: extra.length, lengths, padded }
}

/** Lengthens a sample until it has the lengths that the spec requires, as far as one length at a time can. */
function meetRequires(signature: Signature, lengths: Readonly<Record<string, number[]>>, sample: number): void {
  for (const zero of signature.requires.flatMap(({ dims }) => dims))
    for (const name of lengthNames(zero)) {
      const of = lengths[name]
      const start = of?.[sample]
      if (!of || start === undefined) continue
      const most = Math.min(start + 256, signature.bounds[name]?.high ?? Number.POSITIVE_INFINITY)
      const fits = (): boolean => evaluateDim(zero, (other) => lengths[other]?.[sample] ?? 0) === 0
      while (!fits() && (of[sample] as number) < most) of[sample] = (of[sample] as number) + 1
      if (fits()) break
      of[sample] = start
    }
}

/** Every f32 and i64 input with garbage outside the samples, and the true lengths. */
function randomFeeds(signature: Signature, env: Env, key: Key): Record<string, Value> {
  const feeds: Record<string, Value> = {}
  let position = 0
  const draw = (): number => uniformAt(key, position++)
  for (const { name, dtype, dims, below, lengths } of signature.inputs) {
    const type: TensorType = { dtype, dims: [batchDim, ...dims] }
    const shape = shapeOf(type.dims, env)
    const size = shape.reduce((a, b) => a * b, 1)
    const values = Float64Array.from({ length: size }, () =>
      below === undefined ? 4 * draw() - 2 : Math.floor(draw() * below),
    )
    forInvalid(type, env, (from, to) => values.fill(below === undefined ? 1e3 : 0, from, to))
    feeds[name] =
      dtype === 'f32'
        ? { dtype, data: Float32Array.from(values), dims: shape }
        : { dtype, data: BigInt64Array.from(values, BigInt), dims: shape }
    const [seq] = dims.flatMap(lengthNames)
    const of = seq === undefined ? undefined : env.lengths[seq]
    if (lengths && of) feeds[lengths] = { dtype: 'i64', data: BigInt64Array.from(of, BigInt), dims: [env.batch] }
  }
  return feeds
}

/** The same numbers for the interpreter, with the weights. */
function reference(
  graph: Graph,
  feeds: Readonly<Record<string, Value>>,
  weights: ReadonlyMap<string, Float32Array>,
): Map<string, NdArray> {
  const arrays = new Map<string, NdArray>()
  for (const [name, { dtype, data, dims }] of Object.entries(feeds))
    arrays.set(name, { dtype, shape: dims, data: Float64Array.from(data as ArrayLike<number | bigint>, Number) })
  for (const { path, shape } of graph.variables) {
    const data = weights.get(path)
    if (data) arrays.set(path, { dtype: 'f32', shape, data: Float64Array.from(data) })
  }
  return arrays
}

/** How far an output moves when every input and weight moves by a rounding, up or down at random. */
function sensitivity(
  graph: Graph,
  feeds: Readonly<Record<string, Value>>,
  weights: ReadonlyMap<string, Float32Array>,
  env: Env,
  output: string,
  seed: number,
): number {
  const exact = reference(graph, feeds, weights)
  const moved = new Map(
    [...exact].map(([name, array]): [string, NdArray] => {
      const key = keyOf('rounding', seed, name)
      const move = (x: number, i: number): number => x * (1 + (uniformAt(key, i) < 0.5 ? rounding : -rounding))
      return [name, array.dtype === 'f32' ? { ...array, data: array.data.map(move) } : array]
    }),
  )
  const [before, after] = [exact, moved].map((arrays) => interpret(graph, arrays, env).get(output)) as [
    NdArray,
    NdArray,
  ]
  const type = graph.nodes.find(({ id }) => id === graph.outputs.find(({ name }) => name === output)?.value)?.type
  const made: Value = { dtype: 'f32', data: Float32Array.from(after.data), dims: after.shape }
  return compare(made, before, type ?? { dtype: 'f32', dims: [] }, env)
}

const typeOf = (graph: Graph, output: GraphOutput): TensorType =>
  graph.nodes.find(({ id }) => id === output.value)?.type ?? { dtype: 'f32', dims: [] }

/** The greatest difference on valid positions; infinite where one side has no number. */
function compare(made: Value | undefined, expected: NdArray | undefined, type: TensorType, env: Env): number {
  if (!made || !expected || made.data.length !== expected.data.length) return Number.POSITIVE_INFINITY
  const outside = new Uint8Array(expected.data.length)
  forInvalid(type, env, (from, to) => outside.fill(1, from, to))
  let worst = 0
  for (let i = 0; i < outside.length; i++) {
    if (outside[i]) continue
    const truth = expected.data[i] as number
    const difference = Math.abs(Number(made.data[i]) - truth) / Math.max(1, Math.abs(truth))
    if (!(difference <= worst)) worst = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference
  }
  return worst
}

/** The scope or name of the first value, in the graph's order, that differs by more than the tolerance. */
async function firstDifference(
  graph: Graph,
  feeds: Readonly<Record<string, Value>>,
  weights: ReadonlyMap<string, Float32Array>,
  env: Env,
  tolerance: number,
  options: VerifyOptions,
): Promise<string | undefined> {
  const inside = graph.nodes.filter(
    (node) => node.op !== 'input' && node.op !== 'constant' && node.type.dtype === 'f32',
  )
  const probes = new Map<number, NdArray>()
  const observe = (node: AnyNode, value: NdArray): void => {
    probes.set(node.id, value)
  }
  interpret(graph, reference(graph, feeds, weights), env, { observe })
  const outputs = inside.map(({ id }): GraphOutput => ({ name: `probe.${id}`, value: id, role: 'output' }))
  const session = await openSession(options.emit({ ...graph, outputs }), options)
  try {
    const made = await session.run(feeds, Object.fromEntries(outputs.map(({ name }) => [name, null])))
    const guilty = inside.find(
      (node) => compare(made[`probe.${node.id}`], probes.get(node.id), node.type, env) > tolerance,
    )
    return guilty && [guilty.scope, guilty.label ?? guilty.op].filter((part) => part !== '').join('.')
  } finally {
    await session.release()
  }
}
