/** Counter-based random numbers: a draw is a function of its key and position, so no order of work can change it. */
import { createHash } from 'node:crypto'

/** Two 32-bit words; a stream of independent draws for each. */
export type Key = readonly [number, number]

/** The key of a list of parts, such as (seed, epoch, sample id, noise name). */
export function keyOf(...parts: readonly (number | string)[]): Key {
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest()
  return [digest.readUInt32LE(0), digest.readUInt32LE(4)]
}

/** A bijection of 32-bit words with low bias (Wellons, "Prospecting for hash functions"). */
function mix(word: number): number {
  let x = word ^ (word >>> 16)
  x = Math.imul(x, 0x21f0aaad)
  x ^= x >>> 15
  x = Math.imul(x, 0xd35a2d97)
  return x ^ (x >>> 15)
}

/** 32 random bits at a position of a key's stream. */
export const bitsAt = (key: Key, position: number): number => mix(mix((position + key[0]) | 0) ^ key[1]) >>> 0

/** A number in [0, 1) with 24 bits, so that it is exact in f32. */
export const uniformAt = (key: Key, position: number): number => (bitsAt(key, position) >>> 8) * 2 ** -24

/**
 * Fills one sample's part of a padded noise tensor. Positions count over the sample's own extents, so that its draws
 * are the same under any padding; padded places stay as they are.
 */
export function fillNoise(
  out: Float32Array,
  start: number,
  key: Key,
  valid: readonly number[],
  padded: readonly number[],
): void {
  let position = 0
  const visit = (axis: number, offset: number): void => {
    const extent = valid[axis] ?? 1
    if (axis >= valid.length - 1) {
      for (let i = 0; i < extent; i++) out[offset + i] = uniformAt(key, position++)
      return
    }
    const stride = padded.slice(axis + 1).reduce((a, b) => a * b, 1)
    for (let i = 0; i < extent; i++) visit(axis + 1, offset + i * stride)
  }
  visit(0, start)
}

/** A permutation of 0..n-1 (Fisher–Yates). */
export function permutation(n: number, key: Key): number[] {
  const order = Array.from({ length: n }, (_, i) => i)
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor((bitsAt(key, i) / 2 ** 32) * (i + 1))
    const kept = order[i] as number
    order[i] = order[j] as number
    order[j] = kept
  }
  return order
}
