/** What is told of lengths, against counting. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addDim,
  constantDim,
  type Dim,
  evaluateDim,
  floorDivDim,
  formatDim,
  modDim,
  mulDim,
  parseDim,
  scaleDim,
  seqDim,
  subDim,
} from '../../../compiler/shapes/dim.ts'
import { withEquality } from '../../../compiler/shapes/equality.ts'
import { atMost, compareDims, noFacts, normaliseDim, withBounds } from '../../../compiler/shapes/facts.ts'
import { findShrinking, neverShrinks } from '../../../compiler/shapes/growth.ts'
import { rational } from '../../../compiler/shapes/rational.ts'

/** Dims over two lengths, with quotients. */
const dims: fc.Arbitrary<Dim> = fc.letrec<{ dim: Dim }>((tie) => ({
  dim: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(seqDim('t'), seqDim('u')),
    fc.integer({ min: -4, max: 9 }).map(constantDim),
    fc.tuple(tie('dim'), tie('dim')).map(([a, b]) => addDim(a, b)),
    fc.tuple(tie('dim'), tie('dim')).map(([a, b]) => subDim(a, b)),
    fc.tuple(tie('dim'), fc.integer({ min: -3, max: 3 })).map(([a, k]) => scaleDim(a, rational(k))),
    fc.tuple(tie('dim'), fc.integer({ min: 1, max: 4 })).map(([a, k]) => floorDivDim(a, BigInt(k))),
    fc.tuple(tie('dim'), fc.integer({ min: 1, max: 4 })).map(([a, k]) => modDim(a, BigInt(k))),
    fc.constant(mulDim(seqDim('t'), seqDim('u'))),
  ),
})).dim

const lengths = Array.from({ length: 100 }, (_, k) => ({ t: k % 10, u: Math.floor(k / 10) }))
const valuesOf = (dim: Dim): number[] => lengths.map((at) => evaluateDim(dim, (name) => (name === 't' ? at.t : at.u)))

describe('dims', () => {
  it('compare as their values do', () => {
    fc.assert(
      fc.property(dims, dims, (a, b) => {
        const pairs = valuesOf(a).map((x, k) => [x, valuesOf(b)[k] as number] as const)
        const told = compareDims(a, b, noFacts)
        if (told === 'equal') expect(pairs.every(([x, y]) => Math.abs(x - y) < 1e-9)).toBe(true)
        if (pairs.every(([x, y]) => x === y)) expect(told).not.toBe('different')
        const order = atMost(a, b, noFacts)
        if (order === 'yes') expect(pairs.every(([x, y]) => x <= y + 1e-9)).toBe(true)
        if (order === 'no') expect(pairs.every(([x, y]) => x > y - 1e-9)).toBe(true)
      }),
      { numRuns: 300, seed: 3 },
    )
  })
  it('tell that a floor is below its quotient', () => {
    const t = seqDim('t')
    expect(atMost(floorDivDim(t, 2n), t, noFacts)).toBe('yes')
    expect(atMost(addDim(scaleDim(floorDivDim(t, 2n), rational(2)), constantDim(1)), t, noFacts)).toBe('unknown')
    expect(
      atMost(
        floorDivDim(addDim(t, constantDim(1)), 2n),
        t,
        withBounds(noFacts, 't', { low: rational(1), high: undefined }),
      ),
    ).toBe('yes')
  })
  it('are equal where a fact says so', () => {
    const [t, u] = [seqDim('t'), seqDim('u')]
    const facts = withEquality(noFacts, t, addDim(u, constantDim(2)))
    expect(facts).toBeDefined()
    if (!facts) return
    expect(compareDims(t, addDim(u, constantDim(2)), facts)).toBe('equal')
    expect(compareDims(t, u, facts)).toBe('different')
    const same = [scaleDim(t, rational(2)), addDim(scaleDim(u, rational(2)), constantDim(4))] as const
    expect(normaliseDim(same[0], facts).key).toBe(normaliseDim(same[1], facts).key)
  })
  it('read back as they are written', () => {
    expect(parseDim('(samples - 400) div 160 + 1').key).toBe(
      addDim(floorDivDim(subDim(seqDim('samples'), constantDim(400)), 160n), constantDim(1)).key,
    )
  })
  it('use an equality for a length only where what it becomes never shrinks', () => {
    const equal = (a: string, b: string, facts = noFacts): [string, string][] | undefined => {
      const made = withEquality(facts, parseDim(a), parseDim(b))
      return made && [...made.equal].map(([key, value]) => [key, formatDim(value)])
    }
    expect(equal('t', 'u + 2')).toEqual([['u', 't - 2']])
    expect(equal('t', 'a + b')).toEqual([['t', 'a + b']])
    expect(equal('a', 't + b')).toEqual([['a', 'b + t']])
    expect(equal('t + u', '10')).toBeUndefined()
    expect(equal('t - t div 2', 'u')).toEqual([['u', '-t div 2 + t']])
    expect(equal('t div 2', 'u')?.map(([, value]) => value)).toEqual(['u'])
  })
})

describe('growth', () => {
  const grows = (text: string): boolean => neverShrinks(parseDim(text), noFacts)
  it.each([
    't',
    '3 * t + 1',
    't - 400',
    '(t - 400) div 160 + 1',
    't - t div 2',
    't - t div 2 - 3',
    '3 * (t div 3) + t - t div 2',
    't div 2 - t div 2 div 2',
    '2 * t - t div 2 - t div 3',
    't * u',
    't * t - t',
    '(t + u) div 2',
    't - t div 2 + u * t',
    '7',
  ])('sees that %s never shrinks', (text) => expect(grows(text)).toBe(true))
  it.each([
    '10 - t',
    't - 3 * (t div 3)',
    't - u',
    '(10 - t) div 2',
    '(t - 3) * (u - 3)',
    '20 * t - t * t',
    't div 2 - t div 3',
  ])('sees that %s may shrink', (text) => {
    expect(grows(text)).toBe(false)
    expect(findShrinking(parseDim(text), noFacts)).toBeDefined()
  })
  it('needs no bound from above, which padding may pass', () => {
    const bound = withBounds(noFacts, 't', { low: rational(3), high: rational(9) })
    expect(neverShrinks(parseDim('t * u - 3 * u'), bound)).toBe(true)
    expect(neverShrinks(parseDim('20 * t - t * t'), bound)).toBe(false)
    expect(findShrinking(parseDim('20 * t - t * t'), bound)).toBeUndefined()
  })
  it('is as counting has it', () => {
    let unproven = 0
    fc.assert(
      fc.property(dims, (dim) => {
        const values = valuesOf(dim)
        const shrinks = values.some((value, k) => {
          const [t, u] = [k % 10 < 9 ? values[k + 1] : value, values[k + 10] ?? value]
          return (t as number) < value || u < value
        })
        const never = neverShrinks(dim, noFacts)
        if (shrinks) expect(never, formatDim(dim)).toBe(false)
        if (never) expect(findShrinking(dim, noFacts), formatDim(dim)).toBeUndefined()
        else if (!shrinks) unproven++
      }),
      { numRuns: 2000, seed: 5 },
    )
    expect(unproven, 'dims that never shrink and cannot be shown to').toBeLessThan(20)
  })
})
