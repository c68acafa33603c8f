/** How much memory the tensors of a function take at once. */
import type { DType, TensorType } from '../../ir/graph.ts'
import { evaluateDim } from '../../shapes/dim.ts'
import type { Listing } from './listing.ts'

/** Bytes an element, as tfjs counts them. */
const BYTES: Readonly<Record<DType, number>> = { f32: 4, i64: 4, bool: 1 }

/**
 * The most bytes that tensors made by the function have at once, at given sizes (`batch` among them), as
 * `tf.memory().numBytes` counts them: a tensor under another shape counts again while both are there.
 */
export function peakOf(
  { statements, done, least }: Pick<Listing, 'statements' | 'done' | 'least'>,
  sizeOf: (seq: string) => number,
): number {
  const extent = (seq: string): number => Math.max(least.get(seq) ?? 0, sizeOf(seq))
  const bytesOf = ({ dtype, dims }: TensorType): number =>
    dims.reduce((n, dim) => n * Math.max(0, evaluateDim(dim, extent)), BYTES[dtype])
  const sizes = new Map<string, number>()
  let live = 0
  let peak = 0
  for (const [at, { name, type, scratch }] of statements.entries()) {
    const own = bytesOf(type)
    sizes.set(name, own)
    live += own
    peak = Math.max(peak, live + Math.max(0, ...scratch.map(bytesOf)))
    for (const over of done[at] ?? []) live -= sizes.get(over) ?? 0
  }
  return peak
}
