/**
 * Dims: polynomials with rational coefficients over `seq` names, `batch` and floored quotients, in a
 * normal form, so that two dims written differently are equal exactly when their text is.
 */
import {
  addRational,
  compareRational,
  divRational,
  floorRational,
  formatRational,
  isInteger,
  mulRational,
  negateRational,
  one,
  type Rational,
  rational,
  toNumber,
  zero,
} from './rational.ts'

/** What a polynomial is made of: a length known at run time, or the floor of a quotient of dims. */
export type Atom =
  | { readonly kind: 'seq'; readonly name: string; readonly key: string }
  | { readonly kind: 'div'; readonly of: Dim; readonly by: bigint; readonly key: string }

interface Term {
  readonly coefficient: Rational
  /** Sorted by key; an atom stands as often as its power. */
  readonly atoms: readonly Atom[]
  readonly key: string
}

/** A dim, or any number of a spec that depends on lengths. Compare with `sameDim`, never `===`. */
export interface Dim {
  /** Sorted by key, no coefficient 0; the empty list is 0. */
  readonly terms: readonly Term[]
  readonly key: string
}

/** The reserved name of the batch axis. */
export const BATCH = 'batch'

const order = (a: { key: string }, b: { key: string }): number => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)

const keyOf = (terms: readonly Term[]): string => {
  let key = ''
  for (const { coefficient, key: own } of terms) key += `${key && '+'}${coefficient.n}/${coefficient.d}*${own}`
  return key
}

function fromTerms(terms: readonly Term[]): Dim {
  const merged = new Map<string, Term>()
  for (const term of terms) {
    const seen = merged.get(term.key)
    const coefficient = seen ? addRational(seen.coefficient, term.coefficient) : term.coefficient
    merged.set(term.key, { coefficient, atoms: term.atoms, key: term.key })
  }
  const list = [...merged.values()].filter((term) => term.coefficient.n !== 0n).sort(order)
  return { terms: list, key: keyOf(list) }
}

const monomial = (coefficient: Rational, atoms: readonly Atom[]): Term => {
  const sorted = [...atoms].sort(order)
  return { coefficient, atoms: sorted, key: sorted.map((atom) => atom.key).join('·') }
}

const atomDim = (atom: Atom): Dim => fromTerms([monomial(one, [atom])])

/** The number n as a dim. */
export function constantDim(n: number | bigint | Rational): Dim {
  const coefficient = typeof n === 'object' ? n : rational(n)
  const terms = coefficient.n === 0n ? [] : [{ coefficient, atoms: [], key: '' }]
  return { terms, key: keyOf(terms) }
}
/** The length named `name`. */
export const seqDim = (name: string): Dim => atomDim({ kind: 'seq', name, key: name })
export const batchDim: Dim = seqDim(BATCH)
export const oneDim: Dim = constantDim(1)
export const zeroDim: Dim = constantDim(0)

export function addDim(a: Dim, b: Dim): Dim {
  if (a.terms.length === 0) return b
  if (b.terms.length === 0) return a
  const [x, y] = [constantOf(a), constantOf(b)]
  return x && y ? constantDim(addRational(x, y)) : fromTerms([...a.terms, ...b.terms])
}
export function scaleDim(a: Dim, by: Rational): Dim {
  if (by.n === 0n) return zeroDim
  if (by.n === by.d) return a
  const terms = a.terms.map(({ coefficient, atoms, key }) => ({
    coefficient: mulRational(coefficient, by),
    atoms,
    key,
  }))
  return { terms, key: keyOf(terms) }
}
export const negateDim = (a: Dim): Dim => scaleDim(a, rational(-1))
export const subDim = (a: Dim, b: Dim): Dim => (a.key === b.key ? zeroDim : addDim(a, negateDim(b)))
export function mulDim(a: Dim, b: Dim): Dim {
  const [x, y] = [constantOf(a), constantOf(b)]
  if (x) return scaleDim(b, x)
  if (y) return scaleDim(a, y)
  return fromTerms(
    a.terms.flatMap((s) =>
      b.terms.map((t) => monomial(mulRational(s.coefficient, t.coefficient), [...s.atoms, ...t.atoms])),
    ),
  )
}
export const sumDims = (dims: readonly Dim[]): Dim => dims.reduce(addDim, zeroDim)
export const productDims = (dims: readonly Dim[]): Dim => dims.reduce(mulDim, oneDim)

/** The value where no length is left in it, or undefined. */
export function constantOf(a: Dim): Rational | undefined {
  if (a.terms.length > 1) return undefined
  const term = a.terms[0]
  if (!term) return zero
  return term.key === '' ? term.coefficient : undefined
}

/** The value as a JavaScript integer where it is a whole constant, or undefined. */
export function staticSize(a: Dim): number | undefined {
  const value = constantOf(a)
  return value && isInteger(value) ? Number(value.n) : undefined
}

export const sameDim = (a: Dim, b: Dim): boolean => a.key === b.key
export const isOne = (a: Dim): boolean => a.key === oneDim.key

/** The part of a with whole coefficients divisible by `by`, and the rest: what a floor can be pulled out of. */
function splitMultiples(a: Dim, by: bigint): [Dim, Dim] {
  const out: Term[] = []
  const rest: Term[] = []
  for (const term of a.terms) {
    const { n, d } = term.coefficient
    if (d !== 1n) rest.push(term)
    else {
      const q = floorRational(rational(n, by))
      if (term.atoms.length > 0 && n % by !== 0n) rest.push(term)
      else {
        out.push({ ...term, coefficient: rational(q) })
        rest.push({ ...term, coefficient: rational(n - q * by) })
      }
    }
  }
  return [fromTerms(out), fromTerms(rest)]
}

/** floor(a / by) for a positive whole `by`. */
export function floorDivDim(a: Dim, by: bigint): Dim {
  const value = constantOf(a)
  if (value) return constantDim(floorRational(divRational(value, rational(by))))
  if (by === 1n) return a
  const [whole, rest] = splitMultiples(a, by)
  const left = constantOf(rest)
  if (left) return addDim(whole, constantDim(floorRational(divRational(left, rational(by)))))
  return addDim(whole, atomDim({ kind: 'div', of: rest, by, key: `(${rest.key})div${by}` }))
}
/** a mod by, for a positive whole `by`; never negative. */
export const modDim = (a: Dim, by: bigint): Dim => subDim(a, scaleDim(floorDivDim(a, by), rational(by)))

/** a / b where that is a polynomial: b a constant, or a factor of every term of a. */
export function divideDim(a: Dim, b: Dim): Dim | undefined {
  const value = constantOf(b)
  if (value) return value.n === 0n ? undefined : scaleDim(a, divRational(one, value))
  const [divisor] = b.terms
  if (b.terms.length !== 1 || !divisor) return sameDim(a, b) ? oneDim : undefined
  const terms: Term[] = []
  for (const term of a.terms) {
    const atoms = [...term.atoms]
    for (const atom of divisor.atoms) {
      const at = atoms.findIndex((x) => x.key === atom.key)
      if (at < 0) return undefined
      atoms.splice(at, 1)
    }
    terms.push(monomial(divRational(term.coefficient, divisor.coefficient), atoms))
  }
  return fromTerms(terms)
}

/** Replaces atoms by dims, inside floors too; the result is in normal form. */
export function substituteDim(a: Dim, by: (atom: Atom) => Dim | undefined): Dim {
  return sumDims(
    a.terms.map((term) =>
      scaleDim(
        productDims(
          term.atoms.map((atom) => {
            const direct = by(atom)
            if (direct) return direct
            if (atom.kind === 'seq') return atomDim(atom)
            const rebuilt = floorDivDim(substituteDim(atom.of, by), atom.by)
            const [only] = rebuilt.terms
            const inner = rebuilt.terms.length === 1 && only?.atoms.length === 1 ? only.atoms[0] : undefined
            return (inner && inner.key !== atom.key && by(inner)) || rebuilt
          }),
        ),
        term.coefficient,
      ),
    ),
  )
}

/** The names of the lengths that a depends on, sorted; `batch` among them. */
export function lengthNames(a: Dim): string[] {
  const names = new Set<string>()
  const visit = (dim: Dim): void => {
    for (const term of dim.terms)
      for (const atom of term.atoms) atom.kind === 'seq' ? names.add(atom.name) : visit(atom.of)
  }
  visit(a)
  return [...names].sort()
}

/** True where the dim differs from sample to sample: it depends on a length other than `batch`. */
export const isRagged = (a: Dim): boolean =>
  a.terms.some(({ atoms }) => atoms.some((atom) => (atom.kind === 'seq' ? atom.name !== BATCH : isRagged(atom.of))))
export const isBatch = (a: Dim): boolean => a.key === batchDim.key

/** The value at given lengths, in float64; exact for dims. */
export function evaluateDim(a: Dim, lengthOf: (name: string) => number): number {
  let total = 0
  for (const term of a.terms) {
    let product = toNumber(term.coefficient)
    for (const atom of term.atoms)
      product *=
        atom.kind === 'seq' ? lengthOf(atom.name) : Math.floor(evaluateDim(atom.of, lengthOf) / Number(atom.by))
    total += product
  }
  return total
}

/** As a person writes it: `frames`, `3 * frames + 1`, `(samples - 400) div 160 + 1`. `parseDim` reads it back. */
export function formatDim(a: Dim): string {
  if (a.terms.length === 0) return '0'
  const ordered = [...a.terms].sort((s, t) => t.atoms.length - s.atoms.length || order(s, t))
  let text = ''
  for (const term of ordered) {
    const negative = term.coefficient.n < 0n
    const size = negative ? negateRational(term.coefficient) : term.coefficient
    const factors = term.atoms.map(formatAtom)
    if (compareRational(size, one) !== 0 || factors.length === 0) factors.unshift(formatRational(size))
    else if (factors.length === 1 && ordered.length === 1 && !negative) return factors[0] as string
    const product = factors.map((f) => (factors.length > 1 && f.includes(' ') ? `(${f})` : f)).join(' * ')
    text += text === '' ? (negative ? `-${product}` : product) : `${negative ? ' - ' : ' + '}${product}`
  }
  return text
}

function formatAtom(atom: Atom): string {
  if (atom.kind === 'seq') return atom.name
  const inner = formatDim(atom.of)
  return `${/^\w+$/.test(inner) ? inner : `(${inner})`} div ${atom.by}`
}

/** Reads what `formatDim` wrote. Throws a RangeError on anything else. */
export function parseDim(text: string): Dim {
  const tokens = text.match(/[A-Za-z_]\w*|\d+(?:\.\d+)?(?:\/\d+)?|[-+*()]/g) ?? []
  let at = 0
  const fail = (): never => {
    throw new RangeError(`not a dim: ${text}`)
  }
  const primary = (): Dim => {
    const token = tokens[at++] ?? fail()
    if (token === '(') {
      const inner = sum()
      if (tokens[at++] !== ')') fail()
      return inner
    }
    if (/^\d/.test(token)) {
      const [num = '0', den = '1'] = token.split('/')
      const [whole = '0', fraction = ''] = num.split('.')
      return constantDim(rational(BigInt(whole + fraction), 10n ** BigInt(fraction.length) * BigInt(den)))
    }
    return /^[A-Za-z_]/.test(token) ? seqDim(token) : fail()
  }
  const quotient = (): Dim => {
    let left = primary()
    while (tokens[at] === 'div') {
      at++
      left = floorDivDim(left, BigInt(tokens[at++] ?? fail()))
    }
    return left
  }
  const product = (): Dim => {
    let left = quotient()
    while (tokens[at] === '*') {
      at++
      left = mulDim(left, quotient())
    }
    return left
  }
  const sum = (): Dim => {
    const negative = tokens[at] === '-'
    if (negative) at++
    let left = product()
    if (negative) left = negateDim(left)
    while (tokens[at] === '+' || tokens[at] === '-') {
      const minus = tokens[at++] === '-'
      const right = product()
      left = minus ? subDim(left, right) : addDim(left, right)
    }
    return left
  }
  const result = sum()
  return at === tokens.length ? result : fail()
}
