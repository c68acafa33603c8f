/** A made-up batch for a training step of any compiled model, at a batch size and lengths of choice. */
import type { Program, TrainingLayout } from '../../compiler/artefact.ts'
import { BATCH, type Dim, evaluateDim } from '../../compiler/shapes/dim.ts'
import type { Value } from '../engines/value.ts'

/** How many samples, and how long each is, by the name of a seq; 1 where it is not told. */
export interface StepSize {
  readonly batch: number
  readonly lengths: Readonly<Record<string, number>>
}

/** The length told for a seq, which may be called like a member of every object. */
export const ownLength = (lengths: StepSize['lengths'], seq: string): number | undefined =>
  Object.hasOwn(lengths, seq) ? lengths[seq] : undefined

const sizesOf = (dims: readonly Dim[], { batch, lengths }: StepSize): number[] =>
  dims.map((dim) => evaluateDim(dim, (name) => (name === BATCH ? batch : (ownLength(lengths, name) ?? 1))))

/** Numbers like those of a batch: every input, its lengths, targets and noise. */
export function batchFeeds(
  program: Program,
  { noise }: Pick<TrainingLayout, 'noise'>,
  size: StepSize,
): Record<string, Value> {
  const feeds: Record<string, Value> = {}
  const { batch } = size
  const fill = (name: string, dims: readonly number[], value: (i: number) => number): void => {
    const length = dims.reduce((a, b) => a * b, 1)
    feeds[name] = { dtype: 'f32', dims: [...dims], data: Float32Array.from({ length }, (_, i) => value(i)) }
  }
  const ids = (name: string, dims: readonly number[], below: number): void => {
    const length = dims.reduce((a, b) => a * b, 1)
    const data = BigInt64Array.from({ length }, (_, i) => BigInt(i % below))
    feeds[name] = { dtype: 'i64', dims: [...dims], data }
  }
  const { inputs, targets } = program.signature
  for (const { name, dims, below, lengths } of inputs) {
    const sizes = [batch, ...sizesOf(dims, size)]
    if (below === undefined) fill(name, sizes, (i) => Math.sin(i * 12.9898))
    else ids(name, sizes, below)
    const seq = program.training.seqs.find((s) => s.sources.some((source) => source.input === name))
    const length = (seq && ownLength(size.lengths, seq.name)) ?? 1
    if (lengths !== undefined)
      feeds[lengths] = { dtype: 'i64', dims: [batch], data: new BigInt64Array(batch).fill(BigInt(length)) }
  }
  for (const { name, dims, below } of targets) {
    const sizes = [batch, ...sizesOf(dims, size)]
    if (below === undefined) fill(name, sizes, () => 0.5)
    else ids(name, sizes, below)
  }
  for (const { name, dims } of noise) fill(name, sizesOf(dims, size), (i) => ((i * 7919) % 1024) / 1024)
  return feeds
}
