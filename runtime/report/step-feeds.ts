/** Feeds for a training step of any compiled model, at a batch size and lengths of choice. */
import type { Program, TrainingArtefact } from '../../compiler/artefact.ts'
import { BATCH, type Dim, evaluateDim } from '../../compiler/shapes/dim.ts'
import { initialValues } from '../../compiler/train/initialise.ts'
import type { Value } from '../engines/value.ts'

/** Samples of a batch, and the length of each in every seq; the longest is what it is padded to. */
export interface Extents {
  readonly batch: number
  readonly lengths: Readonly<Record<string, readonly number[]>>
}

const sizesOf = (dims: readonly Dim[], { batch, lengths }: Extents): number[] =>
  dims.map((dim) => evaluateDim(dim, (name) => (name === BATCH ? batch : Math.max(...(lengths[name] ?? [1])))))

/** Numbers like those of a batch: every input, its lengths, targets and noise. */
export function batchFeeds(program: Program, artefact: TrainingArtefact, extents: Extents): Record<string, Value> {
  const feeds: Record<string, Value> = {}
  const { batch } = extents
  const fill = (name: string, dims: readonly number[], value: (i: number) => number): void => {
    const size = dims.reduce((a, b) => a * b, 1)
    feeds[name] = { dtype: 'f32', dims: [...dims], data: Float32Array.from({ length: size }, (_, i) => value(i)) }
  }
  const ids = (name: string, dims: readonly number[], below: number): void => {
    const size = dims.reduce((a, b) => a * b, 1)
    const data = BigInt64Array.from({ length: size }, (_, i) => BigInt(i % below))
    feeds[name] = { dtype: 'i64', dims: [...dims], data }
  }
  const { inputs, targets } = program.signature
  for (const { name, dims, below, lengths } of inputs) {
    const sizes = [batch, ...sizesOf(dims, extents)]
    if (below === undefined) fill(name, sizes, (i) => Math.sin(i * 12.9898))
    else ids(name, sizes, below)
    const seq = program.training.seqs.find((s) => s.sources.some((source) => source.input === name))
    const own = extents.lengths[seq?.name ?? '']
    if (lengths !== undefined && own) {
      feeds[lengths] = { dtype: 'i64', dims: [batch], data: BigInt64Array.from(own, BigInt) }
    }
  }
  for (const { name, dims, below } of targets) {
    const sizes = [batch, ...sizesOf(dims, extents)]
    if (below === undefined) fill(name, sizes, () => 0.5)
    else ids(name, sizes, below)
  }
  for (const { name, dims } of artefact.noise) fill(name, sizesOf(dims, extents), (i) => ((i * 7919) % 1024) / 1024)
  return feeds
}

/** Weights as they start, empty slots, and the numbers that a step is told. */
export function stateFeeds(artefact: TrainingArtefact): Record<string, Value> {
  const { params, states, slots } = artefact
  const vector = (data: Float32Array): Value => ({ dtype: 'f32', dims: [data.length], data })
  const number = (value: number): Value => ({ dtype: 'f32', dims: [], data: Float32Array.of(value) })
  return {
    params: vector(initialValues(params, 1)),
    ...(states.size > 0 ? { states: vector(initialValues(states, 1)) } : {}),
    ...Object.fromEntries(slots.map((slot) => [slot, vector(new Float32Array(params.size))])),
    step: number(1),
    learning_rate: number(1e-4),
    learning_rate_scale: vector(new Float32Array(params.size).fill(1)),
    weight_decay: vector(new Float32Array(params.size)),
    clip_norm: number(Number.POSITIVE_INFINITY),
  }
}
