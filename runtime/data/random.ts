/** A small generator of repeatable random numbers, for splits and the synthetic corpus. */

/**
 * Numbers in [0, 1) with 32 bits, the same for the same seed and name on every machine. `name` gives independent streams, so
 * that drawing more for one purpose does not change another. The generator is sfc32 (Doty-Humphrey, PractRand).
 */
export function seededRandom(seed: number, name = ''): () => number {
  let hash = 0x811c9dc5
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  let a = hash | 0
  let b = seed | 0
  let c = Math.floor(seed / 0x100000000) | 0
  let counter = 1
  const next = (): number => {
    const t = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + t) | 0
    return (t >>> 0) / 0x100000000
  }
  for (let i = 0; i < 15; i++) next()
  return next
}

/** A shuffled copy (Fisher and Yates). */
export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const out = [...items]
  for (let i = out.length - 1; i > 0; i--) {
    const k = Math.floor(random() * (i + 1))
    const [x, y] = [out[i], out[k]]
    if (x !== undefined && y !== undefined) [out[i], out[k]] = [y, x]
  }
  return out
}
