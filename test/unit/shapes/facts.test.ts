/** What is told of lengths, against counting. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addDim,
  constantDim,
  type Dim,
  evaluateDim,
  floorDivDim,
  modDim,
  mulDim,
  parseDim,
  scaleDim,
  seqDim,
  subDim,
} from '../../../compiler/shapes/dim.ts'
import { atMost, compareDims, noFacts, normaliseDim, withBounds, withEquality } from '../../../compiler/shapes/facts.ts'
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
})
