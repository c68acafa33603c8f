/** Feeds random samples to graphs, and runs padded graphs with the worst padding that their analysis allows. */
import fc from 'fast-check'
import { differentiate } from '../../compiler/autodiff/differentiate.ts'
import type { NdArray } from '../../compiler/interpret/array.ts'
import { interpret } from '../../compiler/interpret/interpret.ts'
import { type Env, forInvalid, lengthsOf, shapeOf } from '../../compiler/interpret/ragged.ts'
import { createBuilder } from '../../compiler/ir/builder.ts'
import type { AnyNode, Graph, TensorType, ValueId } from '../../compiler/ir/graph.ts'
import { LOW, type Padding } from '../../compiler/ops/padding.ts'
import { ownerOf } from '../../compiler/ops/types.ts'
import { padStates } from '../../compiler/passes/padding-analysis.ts'
import { isRagged } from '../../compiler/shapes/dim.ts'

/** A number in [0, 1) that depends on all of its arguments: the same whatever is padded or stands beside it. */
export function hash(...parts: readonly (string | number)[]): number {
  let h = 2166136261
  for (const ch of parts.join('|')) h = Math.imul(h ^ ch.charCodeAt(0), 16777619)
  h = Math.imul(h ^ (h >>> 15), 2246822507)
  h = Math.imul(h ^ (h >>> 13), 3266489909)
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32
}

export const inputsOf = (graph: Graph): readonly (AnyNode & { op: 'input' })[] =>
  graph.nodes.flatMap((node) => (node.op === 'input' ? [node] : []))

/** Calls back with each element's flat place and its index on every axis. */
function forElements(shape: readonly number[], visit: (flat: number, index: readonly number[]) => void): void {
  const index = shape.map(() => 0)
  const size = shape.reduce((n, extent) => n * extent, 1)
  for (let flat = 0; flat < size; flat++) {
    visit(flat, index)
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] as number) + 1
      if ((index[axis] as number) < (shape[axis] as number)) break
      index[axis] = 0
    }
  }
}

/** For each element, the axes on which it lies beyond its sample. */
function beyond(type: TensorType, env: Env): (index: readonly number[]) => number[] {
  const lengths = type.dims.map((dim) => (isRagged(dim) ? lengthsOf(dim, env) : undefined))
  const owners = type.dims.map((_, axis) => ownerOf(type.dims, axis))
  return (index) =>
    index.flatMap((at, axis) => {
      const own = lengths[axis]
      return own && at >= (own[index[owners[axis] as number] as number] as number) ? [axis] : []
    })
}

/**
 * Random contents for every input of a graph, keyed by name, sample and position, so that padding and neighbours do
 * not change them; `samples` names the batch's samples. `padding` fills what lies beyond the lengths.
 */
export function randomFeeds(
  graph: Graph,
  env: Env,
  options: {
    readonly padding: number
    readonly seed?: number
    readonly samples?: readonly number[]
    readonly ids?: number
  },
): Map<string, NdArray> {
  const { padding, seed = 0, samples = Array.from({ length: env.batch }, (_, b) => b), ids = 5 } = options
  const feeds = new Map<string, NdArray>()
  for (const { attributes, type } of inputsOf(graph)) {
    if (attributes.role === 'lengths') continue
    const shape = shapeOf(type.dims, env)
    const data = new Float64Array(shape.reduce((n, size) => n * size, 1))
    const outside = beyond(type, env)
    const perSample = attributes.role === 'data' || attributes.role === 'target' || attributes.role === 'noise'
    forElements(shape, (flat, index) => {
      const key = perSample ? [samples[index[0] as number] as number, ...index.slice(1)] : index
      const r = hash(seed, attributes.name, ...key)
      const out = outside(index).length > 0
      if (type.dtype === 'i64') data[flat] = out ? (Number.isNaN(padding) ? 1e9 : padding) : Math.floor(r * ids)
      else if (attributes.role === 'noise') data[flat] = r
      else data[flat] = out ? padding : 3 * r - 1.5
    })
    feeds.set(attributes.name, { dtype: type.dtype, shape, data })
  }
  return feeds
}

/** A padded place that does not hold what the analysis says. */
export class PoisonError extends Error {}

const strength = (padding: Padding): number =>
  typeof padding === 'number' ? 0 : padding === 'low' ? 1 : padding === 'finite' ? 2 : 3

/**
 * The outputs of a padded graph where each value's padding is overwritten as soon as it is made: 1000 or -1000 where
 * the analysis calls it finite, NaN where it may be anything. What it calls a number must be that number. Throws a
 * PoisonError otherwise.
 */
export function runPoisoned(
  graph: Graph,
  feeds: ReadonlyMap<string, NdArray>,
  env: Env,
  inputs: 'any' | 'zero',
): Map<string, NdArray> {
  const states = padStates(graph, { inputs })
  const observe = (node: AnyNode, value: NdArray): void => {
    if (!node.type.dims.some(isRagged)) return
    const claims = states.get(node.id as ValueId) ?? []
    const outside = beyond(node.type, env)
    forElements(value.shape, (flat, index) => {
      const axes = outside(index)
      if (axes.length === 0) return
      const claim = axes.map((axis) => claims[axis] ?? 'any').sort((a, b) => strength(a) - strength(b))[0] as Padding
      const held = value.data[flat] as number
      const wrong =
        typeof claim === 'number'
          ? !(Math.abs(held - claim) <= 1e-9 * Math.abs(claim))
          : (claim === 'low' && !(held <= LOW / 10)) || (claim === 'finite' && !Number.isFinite(held))
      if (wrong) throw new PoisonError(`%${node.id} = ${node.op} holds ${held} at [${index}], which should be ${claim}`)
      const sign = (flat * 7 + node.id) % 3 === 0 ? -1 : 1
      if (claim === 'finite') value.data[flat] = node.type.dtype === 'bool' ? (sign + 1) / 2 : 1e3 * sign
      else if (claim === 'any') value.data[flat] = node.type.dtype === 'f32' ? Number.NaN : 1e9
    })
  }
  const copies = new Map([...feeds].map(([name, array]) => [name, { ...array, data: array.data.slice() }]))
  return interpret(graph, copies, env, { observe })
}

/**
 * How two results differ, the first place of each output; none where every valid position agrees to `tolerance` of
 * the output's greatest and each padded position of `padded` is 0.
 */
export function differences(
  graph: Graph,
  expected: ReadonlyMap<string, NdArray>,
  padded: ReadonlyMap<string, NdArray>,
  env: Env,
  tolerance = 1e-9,
): string[] {
  const types = new Map(graph.nodes.map((node) => [node.id, node.type]))
  return graph.outputs.flatMap(({ name, value }) => {
    const type = types.get(value) as TensorType
    const want = expected.get(name) as NdArray
    const have = padded.get(name) as NdArray
    const invalid = new Uint8Array(want.data.length)
    forInvalid(type, env, (from, to) => invalid.fill(1, from, to))
    const scale = want.data.reduce(
      (top, x, i) => (invalid[i] || !Number.isFinite(x) ? top : Math.max(top, Math.abs(x))),
      1,
    )
    for (let i = 0; i < want.data.length; i++) {
      const [a, b] = [want.data[i] as number, have.data[i] as number]
      if (invalid[i] ? b !== 0 : !(Object.is(a, b) || Math.abs(a - b) <= tolerance * scale))
        return [`${name}: element ${i} is ${b} instead of ${invalid[i] ? 0 : a}`]
    }
    return []
  })
}

/** What a run finds wrong, or what stops it. */
export function failure(run: () => string[]): string[] {
  try {
    return run()
  } catch (error) {
    if (error instanceof PoisonError || error instanceof RangeError) return [error.message]
    throw error
  }
}

/** An output's elements inside the samples, in order, whatever they are padded to. */
export function validElements(graph: Graph, name: string, results: ReadonlyMap<string, NdArray>, env: Env): number[] {
  const output = graph.outputs.find((one) => one.name === name)
  const type = graph.nodes.find(({ id }) => id === output?.value)?.type as TensorType
  const { data } = results.get(name) as NdArray
  const invalid = new Uint8Array(data.length)
  forInvalid(type, env, (from, to) => invalid.fill(1, from, to))
  return [...data].filter((_, at) => invalid[at] === 0)
}

/** A batch of the seqs of random graphs: `t` at least 1, `m` perhaps 0, padded beyond the longest sample. */
export const batches: fc.Arbitrary<Env> = fc
  .array(fc.record({ t: fc.integer({ min: 1, max: 4 }), m: fc.integer({ min: 0, max: 3 }) }), {
    minLength: 1,
    maxLength: 3,
  })
  .chain((samples) =>
    fc.record({ t: fc.nat({ max: 2 }), m: fc.nat({ max: 2 }) }).map((extra) => {
      const t = samples.map((sample) => sample.t)
      const m = samples.map((sample) => sample.m)
      const padded = { t: Math.max(...t) + extra.t, m: Math.max(1, ...m) + extra.m }
      return { batch: samples.length, lengths: { t, m }, padded }
    }),
  )

/** The graph with the gradient of its output `total` by each f32 input as further outputs. */
export function withGradients(graph: Graph): Graph {
  const builder = createBuilder(graph)
  const total = graph.outputs.find(({ role }) => role === 'total')
  if (!total) throw new Error('the graph has no total')
  const wrt = inputsOf(graph).filter(({ type, attributes }) => type.dtype === 'f32' && attributes.role !== 'noise')
  const gradients = differentiate(
    builder,
    total.value,
    wrt.map(({ id }) => id),
  )
  const outputs = wrt.map(({ attributes }, at) => ({
    name: `gradient.${attributes.name}`,
    value: gradients[at] as ValueId,
    role: 'gradient' as const,
  }))
  return builder.finish({ outputs: [...graph.outputs, ...outputs] })
}
