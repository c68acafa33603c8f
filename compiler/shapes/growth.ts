/**
 * Whether a dim never shrinks as its lengths grow. A batch is padded to the greatest of each length, and an axis has the
 * dim's value there: a sample with a lesser length, and more positions, would not fit.
 */
import { type Atom, BATCH, type Dim, evaluateDim, lengthNames, seqDim, substituteDim } from './dim.ts'
import {
  atomBounds,
  type Facts,
  type Interval,
  plusInterval,
  pointInterval,
  timesInterval,
  withBounds,
} from './facts.ts'
import { divRational, floorRational, negateRational, one, rational, toNumber, zero } from './rational.ts'

/** Whether it is known of a dim that no longer sample has less of it, however far a batch is padded. */
export function neverShrinks(dim: Dim, facts: Facts): boolean {
  // The padding may go beyond what bounds the lengths of samples above.
  const bounds = new Map([...facts.bounds].map(([name, { low }]) => [name, { low, high: undefined }]))
  const open: Facts = { ...facts, bounds }
  if (grows(dim, open)) return true
  // As a function of a quotient that never shrinks itself: `t - t div 2`, where `t` is `frames div 3`.
  return quotientsIn(dim).some((quotient) => {
    const whole = substituteDim(dim, ({ key }) => (key === quotient.key ? seqDim(key) : undefined))
    const { low } = atomBounds(quotient, open)
    return grows(whole, withBounds(open, quotient.key, { low, high: undefined })) && neverShrinks(quotient.of, facts)
  })
}

/** Whether no length can grow by one and the dim shrink, as far as the bounds of its parts tell. */
const grows = (dim: Dim, facts: Facts): boolean =>
  lengthNames(dim).every((name) => {
    const { low } = name === BATCH ? pointInterval(zero) : step(dim, name, facts)
    return low !== undefined && low.n >= 0n
  })

/** By how much a dim changes where the length `name` grows by one. */
function step(dim: Dim, name: string, facts: Facts): Interval {
  let sum = pointInterval(zero)
  for (const { coefficient, atoms } of dim.terms) {
    let value = pointInterval(coefficient)
    let change = pointInterval(zero)
    for (const atom of atoms) {
      const [factor, growth] = [atomBounds(atom, facts), stepOfAtom(atom, name, facts)]
      const grown = plusInterval(factor, growth)
      change = plusInterval(timesInterval(change, grown), timesInterval(value, growth))
      value = timesInterval(value, factor)
    }
    sum = plusInterval(sum, change)
  }
  return sum
}

function stepOfAtom(atom: Atom, name: string, facts: Facts): Interval {
  if (atom.kind === 'seq') return pointInterval(atom.name === name ? one : zero)
  const { low, high } = step(atom.of, name, facts)
  const by = rational(atom.by)
  return {
    low: low && rational(floorRational(divRational(low, by))),
    high: high && rational(-floorRational(divRational(negateRational(high), by))),
  }
}

/** The quotients that a dim is made of, those inside others too. */
const quotientsIn = (dim: Dim): Extract<Atom, { kind: 'div' }>[] =>
  dim.terms.flatMap(({ atoms }) =>
    atoms.flatMap((atom) => (atom.kind === 'div' ? [atom, ...quotientsIn(atom.of)] : [])),
  )

/** Lengths at which a dim has some positions, and a longer one at which it has fewer. */
export interface Shrinking {
  readonly lengths: ReadonlyMap<string, number>
  readonly count: number
  readonly longer: { readonly name: string; readonly length: number; readonly count: number }
}

/** How far above the least lengths a dim is looked at. */
const SEARCHED = 64

/** Where a dim is seen to shrink within the bounds of its lengths, or undefined. */
export function findShrinking(dim: Dim, facts: Facts): Shrinking | undefined {
  const ranges = lengthNames(dim).flatMap((name): { name: string; least: number; most: number }[] => {
    if (name === BATCH) return []
    const { low = zero, high } = facts.bounds.get(name) ?? {}
    const least = toNumber(low)
    return [{ name, least, most: Math.min(least + SEARCHED, high ? toNumber(high) : Number.POSITIVE_INFINITY) }]
  })
  const countAt = (lengths: ReadonlyMap<string, number>): number =>
    Math.max(
      0,
      evaluateDim(dim, (name) => lengths.get(name) ?? 1),
    )
  for (const end of ['least', 'most'] as const) {
    const others = ranges.map((range): [string, number] => [range.name, range[end]])
    for (const { name, least, most } of ranges)
      for (let length = least; length < most; length++) {
        const lengths = new Map(others).set(name, length)
        const longer = { name, length: length + 1, count: countAt(new Map(others).set(name, length + 1)) }
        const count = countAt(lengths)
        if (longer.count < count) return { lengths, count, longer }
      }
  }
  return undefined
}
