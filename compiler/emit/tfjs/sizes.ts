/** Sizes in the text of a module: dims are plain JavaScript numbers there, lengths arrays of them. */
import { type Atom, BATCH, batchDim, type Dim, lengthNames, oneDim, staticSize } from '../../shapes/dim.ts'

/** How dims are written in a function. */
export interface Sizes {
  readonly one: Dim
  readonly batch: Dim
  /** The padded extent of a dim, never negative: `frames`, `Math.max(0, 2 * frames - 3)`. */
  text(dim: Dim): string
  /** An offset: as `text`, but it may be below 0. */
  offset(dim: Dim): string
  /** `[batch_size, frames, 256]`. */
  shape(dims: readonly Dim[]): string
  /** A function from a sample's place in the batch to the dim at its own lengths: `(b) => lengths.frames[b] - 2`. */
  perSample(dim: Dim): string
  /** The local that holds a length's extent. */
  readonly extentName: ExtentName
  /** The names of the lengths that were asked for so far, `batch` among them. */
  readonly used: ReadonlySet<string>
}

/** The local that holds a length's extent. */
export type ExtentName = (seq: string) => string

/** True where no length can make the dim negative, as far as its form shows. */
const isNeverNegative = (dim: Dim): boolean =>
  dim.terms.every((t) => t.coefficient.n > 0n && t.atoms.every((a) => a.kind === 'seq'))

export function createSizes(extentName: ExtentName): Sizes {
  const used = new Set<string>()
  const note = (dim: Dim): void => {
    for (const name of lengthNames(dim)) used.add(name)
  }
  const extent = (name: string): string => extentName(name)
  const sample = (name: string): string => (name === BATCH ? extentName(BATCH) : `lengths.${name}[b]`)
  const clipped = (dim: Dim, text: string): string => (isNeverNegative(dim) ? text : `Math.max(0, ${text})`)
  const text: Sizes['text'] = (dim) => {
    note(dim)
    const size = staticSize(dim)
    return size === undefined ? clipped(dim, writeDim(dim, extent)) : String(Math.max(0, size))
  }
  return {
    one: oneDim,
    batch: batchDim,
    extentName,
    used,
    text,
    offset: (dim) => {
      note(dim)
      return writeDim(dim, extent)
    },
    shape: (dims) => `[${dims.map(text).join(', ')}]`,
    perSample: (dim) => {
      note(dim)
      return `(b) => ${writeDim(dim, sample)}`
    },
  }
}

/** A dim as a JavaScript expression over names. */
export function writeDim(dim: Dim, nameOf: (seq: string) => string): string {
  if (dim.terms.length === 0) return '0'
  // What is divided is multiplied first, so that whole numbers stay whole.
  const denominator = dim.terms.reduce((lcm, { coefficient: { d } }) => (lcm * d) / gcd(lcm, d), 1n)
  const atom = (a: Atom): string =>
    a.kind === 'seq' ? nameOf(a.name) : `Math.floor(${bracketed(writeDim(a.of, nameOf))} / ${a.by})`
  // Lengths before plain numbers: `frames - 2`.
  const ordered = [...dim.terms].sort((s, t) => t.atoms.length - s.atoms.length)
  let text = ''
  for (const term of ordered) {
    const scaled = (term.coefficient.n * denominator) / term.coefficient.d
    const size = scaled < 0n ? -scaled : scaled
    const factors = term.atoms.map(atom)
    if (size !== 1n || factors.length === 0) factors.unshift(String(size))
    const product = factors.join(' * ')
    text += text === '' ? (scaled < 0n ? `-${product}` : product) : `${scaled < 0n ? ' - ' : ' + '}${product}`
  }
  return denominator === 1n ? text : `${bracketed(text)} / ${denominator}`
}

const bracketed = (text: string): string => (/^[\w.[\]]+$/.test(text) ? text : `(${text})`)
const gcd = (a: bigint, b: bigint): bigint => (b === 0n ? (a < 0n ? -a : a) : gcd(b, a % b))
