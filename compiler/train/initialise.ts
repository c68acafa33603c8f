/** Start values of parameters and states, from named initialisers and a seed. */
import type { FlatLayout } from '../artefact.ts'
import type { Initialiser, Variable } from '../ir/graph.ts'

/**
 * All variables of a layout as one flat vector. Each variable draws from a stream of its own, keyed by the seed and its
 * path, so that an edit elsewhere in a spec does not change where it starts.
 */
export function initialValues(layout: FlatLayout, seed: number): Float32Array {
  const out = new Float32Array(layout.size)
  for (const { variable, offset } of layout.entries) {
    const size = variable.shape.reduce((a, b) => a * b, 1)
    initialise(variable, seed, out.subarray(offset, offset + size))
  }
  return out
}

/** Where variables lie in a flat vector, in their order. */
export function layoutOf(variables: readonly Variable[]): FlatLayout {
  let size = 0
  const entries = variables.map((variable) => {
    const offset = size
    size += variable.shape.reduce((a, b) => a * b, 1)
    return { variable, offset }
  })
  return { size, entries }
}

function initialise(variable: Variable, seed: number, out: Float32Array): void {
  const { init, path } = variable
  const fixed = constantOf(init)
  if (fixed !== undefined) {
    out.fill(fixed)
    return
  }
  const key = keyOf(seed, path)
  const uniform = uniformBound(init)
  if (uniform !== undefined) {
    for (let i = 0; i < out.length; i++) out[i] = uniform * (2 * openUniform(key, i) - 1)
    return
  }
  const deviation = normalDeviation(init)
  for (let i = 0; i < out.length; i += 2) {
    // Box and Muller: two uniform draws make two normal ones.
    const radius = deviation * Math.sqrt(-2 * Math.log(openUniform(key, i)))
    const angle = 2 * Math.PI * openUniform(key, i + 1)
    out[i] = radius * Math.cos(angle)
    if (i + 1 < out.length) out[i + 1] = radius * Math.sin(angle)
  }
}

const constantOf = ({ kind, scale }: Initialiser): number | undefined =>
  kind === 'zeros' ? 0 : kind === 'ones' ? 1 : kind === 'constant' ? scale : undefined

/** Half the width of the uniform initialisers: Glorot and Bengio 2010; He et al. 2015 with torch's gain for ReLU. */
function uniformBound({ kind, scale, fanIn, fanOut }: Initialiser): number | undefined {
  if (kind === 'uniform') return scale
  if (kind === 'glorot_uniform') return Math.sqrt(6 / (fanIn + fanOut))
  return kind === 'he_uniform' ? Math.sqrt(6 / fanIn) : undefined
}

/** The deviation of the normal initialisers, as torch's `xavier_normal_` and `kaiming_normal_` have it: not truncated. */
function normalDeviation({ kind, scale, fanIn, fanOut }: Initialiser): number {
  if (kind === 'glorot_normal') return Math.sqrt(2 / (fanIn + fanOut))
  return kind === 'he_normal' ? Math.sqrt(2 / fanIn) : scale
}

type Key = readonly [number, number]

/** A bijection of 32-bit words with low bias (Wellons, "Prospecting for hash functions"). */
function mix(word: number): number {
  let x = word ^ (word >>> 16)
  x = Math.imul(x, 0x21f0aaad)
  x ^= x >>> 15
  x = Math.imul(x, 0xd35a2d97)
  return x ^ (x >>> 15)
}

/** Two words from the seed and a path, by FNV-1a from two starts. */
function keyOf(seed: number, path: string): Key {
  const words = [0x811c9dc5, 0x9e3779b9].map((start) => {
    let hash = start ^ mix(seed | 0) ^ mix(Math.floor(seed / 2 ** 32) | 0)
    for (let i = 0; i < path.length; i++) hash = Math.imul(hash ^ path.charCodeAt(i), 0x01000193)
    return mix(hash)
  })
  return [words[0] as number, words[1] as number]
}

/** A number between 0 and 1, neither of them, with 32 bits. */
const openUniform = (key: Key, position: number): number =>
  ((mix(mix((position + key[0]) | 0) ^ key[1]) >>> 0) + 0.5) * 2 ** -32
