/** Compiles a spec, runs its ragged graphs in float64, and gives the same from the naive evaluator beside it. */
import { type CompileOptions, compile } from '../../compiler/compile.ts'
import type { NdArray } from '../../compiler/interpret/array.ts'
import { interpret } from '../../compiler/interpret/interpret.ts'
import type { Env } from '../../compiler/interpret/ragged.ts'
import type { Graph } from '../../compiler/ir/graph.ts'
import { verifyGraph } from '../../compiler/ir/verify.ts'
import { evaluateDim } from '../../compiler/shapes/dim.ts'
import { loadSources } from '../../compiler/source/load.ts'
import { path, readerOf, rendered } from './check.ts'
import { type Grid, grid, size, sliceAt } from './naive-grid.ts'
import { type Outcome, runModel, type Sample } from './naive-model.ts'

/** Numbers in -1..1 that follow from a seed. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state / 2 ** 31 - 1) * 0.9
  }
}

const hashOf = (text: string): number => [...text].reduce((h, c) => Math.imul(h, 31) + c.charCodeAt(0), 7)

/** Values for a variable that follow from its path alone; a variance is not negative. */
const variableAt = (name: string, shape: readonly number[]): Grid => {
  const next = randomOf(hashOf(name))
  const sign = /\b(\w*var|va|seen)$/.test(name) ? Math.abs : (x: number): number => x
  return grid(
    shape,
    Array.from({ length: size(shape) }, () => sign(next())),
  )
}

export interface Comparison {
  readonly got: Readonly<Record<string, readonly (readonly number[])[]>>
  readonly wanted: Readonly<Record<string, readonly (readonly number[])[]>>
  /** Parameters and states, as the compiler and as the naive evaluator name them. */
  readonly paths: { readonly got: readonly string[]; readonly wanted: readonly string[] }
}

/**
 * Runs both on random feeds. `lengths` gives each seq its length in each sample. Values are by name, for each sample;
 * `loss x`, `update x` have one list. Throws with the rendered diagnostics where the spec is wrong.
 */
export function compareWithNaive(
  text: string,
  lengths: Readonly<Record<string, readonly number[]>>,
  options: CompileOptions & { readonly batch?: number; readonly seed?: number; readonly training?: boolean } = {},
): Comparison {
  const { training = false, seed = 1 } = options
  const batch = Object.values(lengths)[0]?.length ?? options.batch ?? 3
  const read = readerOf(text)
  const compiled = compile(path, read, options)
  const { program } = compiled
  if (!program) throw new Error(rendered(compiled))
  const graph: Graph = training ? program.training : program.inference
  for (const each of [program.training, program.inference]) {
    const problems = verifyGraph(each)
    if (problems.length > 0) throw new Error(problems.join('\n'))
  }
  const env: Env = { batch, lengths }
  const next = randomOf(seed)
  const feeds = new Map<string, NdArray>()
  const samples: Sample[] = Array.from({ length: batch }, (_, b) => ({
    values: {},
    lengths: Object.fromEntries(Object.entries(lengths).map(([name, all]) => [name, all[b] as number])),
  }))
  for (const { name, dims, below } of [...program.signature.inputs, ...program.signature.targets]) {
    const shapes = samples.map((sample) => dims.map((dim) => evaluateDim(dim, (seq) => sample.lengths[seq] as number)))
    const padded = dims.map((_, axis) => Math.max(0, ...shapes.map((shape) => shape[axis] as number)))
    const data = new Float64Array(batch * size(padded)).fill(below === undefined ? Number.NaN : 0)
    samples.forEach((sample, b) => {
      const shape = shapes[b] as number[]
      const values = Array.from({ length: size(shape) }, () =>
        below === undefined ? next() : Math.floor(((next() + 0.9) / 1.8) * below),
      )
      const whole = grid(shape, values)
      Object.assign(sample.values, { [name]: shape.length === 0 ? values[0] : whole })
      place(whole, padded, data, b * size(padded))
    })
    feeds.set(name, { dtype: below === undefined ? 'f32' : 'i64', shape: [batch, ...padded], data })
  }
  for (const { path: name, shape } of graph.variables)
    feeds.set(name, { dtype: 'f32', shape, data: Float64Array.from(variableAt(name, shape).data) })
  const results = interpret(graph, feeds, env)
  const files = [...loadSources(path, read).order].reverse()
  const naive = runModel(files, samples, variableAt, training)
  return {
    ...pair(graph, results, naive, batch),
    paths: { got: graph.variables.map((v) => v.path), wanted: naive.paths },
  }
}

/** Copies a sample's array into its place in the padded one. */
function place(part: Grid, padded: readonly number[], data: Float64Array, start: number): void {
  if (part.shape.length === 0) {
    data[start] = part.data[0] as number
    return
  }
  const step = size(padded.slice(1))
  for (let i = 0; i < (part.shape[0] as number); i++) place(sliceAt(part, [i]), padded.slice(1), data, start + i * step)
}

/** A sample's part of a padded array: what lies inside `shape`. */
function unpad(array: NdArray, sample: number, shape: readonly number[]): number[] {
  const whole = grid(array.shape, [...array.data])
  const walk = (at: readonly number[]): number[] =>
    at.length === shape.length
      ? [sliceAt(whole, [sample, ...at]).data[0] as number]
      : Array.from({ length: shape[at.length] as number }, (_, i) => walk([...at, i])).flat()
  return walk([])
}

const asGrid = (value: Grid | number): Grid => (typeof value === 'number' ? grid([], [value]) : value)

function pair(
  graph: Graph,
  results: ReadonlyMap<string, NdArray>,
  naive: Outcome,
  batch: number,
): Pick<Comparison, 'got' | 'wanted'> {
  const got: Record<string, number[][]> = {}
  const wanted: Record<string, (readonly number[])[]> = {}
  for (const { name, role } of graph.outputs) {
    const array = results.get(name) as NdArray
    if (role === 'prediction' || role === 'output') {
      const values = (role === 'prediction' ? naive.predictions : naive.outputs)[name] ?? []
      wanted[name] = values.map((value) => asGrid(value).data)
      got[name] = Array.from({ length: batch }, (_, b) => unpad(array, b, asGrid(values[b] as Grid | number).shape))
    } else if (role === 'loss') {
      wanted[`loss ${name}`] = [[naive.losses[name] as number]]
      got[`loss ${name}`] = [[...array.data]]
    } else if (role === 'update') {
      wanted[`update ${name}`] = [asGrid(naive.updates[name] as Grid | number).data]
      got[`update ${name}`] = [[...array.data]]
    }
  }
  return { got, wanted }
}
