/** What is known about lengths beyond their names: bounds, and equalities that a `require` states. */
import {
  type Atom,
  addDim,
  constantDim,
  constantOf,
  type Dim,
  negateDim,
  scaleDim,
  subDim,
  substituteDim,
  sumDims,
} from './dim.ts'
import {
  addRational,
  compareRational,
  divRational,
  floorRational,
  isInteger,
  mulRational,
  negateRational,
  one,
  type Rational,
  rational,
  zero,
} from './rational.ts'

/** A closed interval; an undefined end is open. */
export interface Interval {
  readonly low: Rational | undefined
  readonly high: Rational | undefined
}

export interface Facts {
  /** The bounds of each length by name; one that is absent is at least 0. */
  readonly bounds: ReadonlyMap<string, Interval>
  /** Atoms that equal something else, by key. */
  readonly equal: ReadonlyMap<string, Dim>
}

/** The interval that holds one number. */
export const pointInterval = (at: Rational): Interval => ({ low: at, high: at })

export const noFacts: Facts = { bounds: new Map(), equal: new Map() }

/** The dim with every known equality applied: two dims that are equal under the facts become the same. */
export function normaliseDim(dim: Dim, facts: Facts): Dim {
  if (facts.equal.size === 0) return dim
  let current = dim
  for (let round = 0; round < 8; round++) {
    const next = substituteDim(current, (atom) => facts.equal.get(atom.key))
    if (next.key === current.key) return next
    current = next
  }
  return current
}

/** The interval that holds every value of a dim. */
export function boundsOf(dim: Dim, facts: Facts): Interval {
  let sum = pointInterval(zero)
  for (const { coefficient, atoms } of dim.terms) {
    let factor = pointInterval(one)
    for (const atom of atoms) factor = timesInterval(factor, atomBounds(atom, facts))
    sum = plusInterval(sum, timesInterval(factor, pointInterval(coefficient)))
  }
  return sum
}

/** The interval that holds every value of an atom. */
export function atomBounds(atom: Atom, facts: Facts): Interval {
  if (atom.kind === 'seq') return facts.bounds.get(atom.name) ?? { low: zero, high: undefined }
  const inner = boundsOf(atom.of, facts)
  const by = rational(atom.by)
  return {
    low: inner.low && rational(floorRational(divRational(inner.low, by))),
    high: inner.high && rational(floorRational(divRational(inner.high, by))),
  }
}

const negative = (r: Rational): boolean => r.n < 0n

/** The sum of two intervals. */
export const plusInterval = (a: Interval, b: Interval): Interval => ({
  low: a.low && b.low && addRational(a.low, b.low),
  high: a.high && b.high && addRational(a.high, b.high),
})

/** The product of two intervals; open ends are treated as infinite. */
export function timesInterval(a: Interval, b: Interval): Interval {
  const constant = a.low && a.high && compareRational(a.low, a.high) === 0 ? a.low : undefined
  if (constant) {
    if (constant.n === 0n) return { low: zero, high: zero }
    const low = b.low && mulRational(b.low, constant)
    const high = b.high && mulRational(b.high, constant)
    return negative(constant) ? { low: high, high: low } : { low, high }
  }
  const other = b.low && b.high && compareRational(b.low, b.high) === 0
  if (other) return timesInterval(b, a)
  if (a.low && b.low && !negative(a.low) && !negative(b.low))
    return { low: mulRational(a.low, b.low), high: a.high && b.high && mulRational(a.high, b.high) }
  if (!a.low || !a.high || !b.low || !b.high) return { low: undefined, high: undefined }
  const corners = [a.low, a.high].flatMap((x) => [b.low as Rational, b.high as Rational].map((y) => mulRational(x, y)))
  corners.sort(compareRational)
  return { low: corners[0], high: corners[3] }
}

/** Whether a is never below b (`yes`), sometimes or always (`no`: always), or that cannot be told. */
export function atMost(a: Dim, b: Dim, facts: Facts): 'yes' | 'no' | 'unknown' {
  const gap = normaliseDim(subDim(b, a), facts)
  const range = boundsOf(gap, facts)
  if (range.low && !negative(range.low)) return 'yes'
  if (range.high && negative(range.high)) return 'no'
  if (!gap.terms.some(({ atoms }) => atoms.some(({ kind }) => kind === 'div'))) return 'unknown'
  const low = boundsOf(withoutFloors(gap, 'below'), facts).low
  // A whole number above -1 is at least 0.
  const isWholeGap = gap.terms.every((term) => isInteger(term.coefficient))
  if (low && !negative(isWholeGap ? rational(-floorRational(negateRational(low))) : low)) return 'yes'
  const high = boundsOf(withoutFloors(gap, 'above'), facts).high
  return high && negative(high) ? 'no' : 'unknown'
}

/** A dim that is never above (`below`) or never below (`above`): each floor that stands alone is a quotient, or nearly. */
function withoutFloors(dim: Dim, side: 'below' | 'above'): Dim {
  const terms = dim.terms.map((term): Dim => {
    const [atom] = term.atoms
    if (term.atoms.length !== 1 || atom?.kind !== 'div') return { terms: [term], key: term.key }
    // floor(q / n) lies between (q - n + 1) / n and q / n.
    const least = negative(term.coefficient) !== (side === 'below')
    const top = least ? subDim(atom.of, constantDim(atom.by - 1n)) : atom.of
    return scaleDim(top, divRational(term.coefficient, rational(atom.by)))
  })
  return sumDims(terms)
}

/**
 * Whether two dims are equal for all lengths. Polynomials in lengths alone have one normal form, so there unequal
 * text is `different`; floors can hide an equality, so with them the bounds decide or nothing does.
 */
export function compareDims(a: Dim, b: Dim, facts: Facts): 'equal' | 'different' | 'unknown' {
  if (a.key === b.key) return 'equal'
  const gap = normaliseDim(subDim(a, b), facts)
  const value = constantOf(gap)
  if (value) return value.n === 0n ? 'equal' : 'different'
  const range = boundsOf(gap, facts)
  if ((range.low && range.low.n > 0n) || (range.high && range.high.n < 0n)) return 'different'
  const floors = gap.terms.some((term) => term.atoms.some((atom) => atom.kind === 'div'))
  return floors ? 'unknown' : 'different'
}

/** Whether the value is whole for all lengths: each coefficient is, or a `require` makes the quotient exact. */
export function isWhole(dim: Dim, facts: Facts): boolean {
  const normal = normaliseDim(dim, facts)
  if (normal.terms.every((term) => isInteger(term.coefficient))) return true
  // `frames / 2` is whole where the facts say that `frames div 2` is `frames / 2`.
  return [...facts.equal].some(([, value]) => {
    const rest = subDim(normal, value)
    const back = addDim(normal, negateDim(value))
    return rest.key === back.key && rest.terms.every((term) => isInteger(term.coefficient))
  })
}

/** The facts with `low <= name <= high` added. */
export function withBounds(facts: Facts, name: string, bounds: Interval): Facts {
  return { ...facts, bounds: new Map(facts.bounds).set(name, bounds) }
}
