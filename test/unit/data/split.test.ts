/** Tests that parts of a corpus share nothing that they must not, and that the same seed gives the same parts. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nearest } from '../../../runtime/data/nearest.ts'
import { seededRandom, shuffled } from '../../../runtime/data/random.ts'
import { folds, type Groupable, split } from '../../../runtime/data/split.ts'

const sample = (id: number, session: number, speaker?: string, dialogue?: string, label = id % 4): Groupable => ({
  id: `${id}`,
  session,
  speaker,
  dialogue,
  targets: { emotion: [label] },
})
/** 5 sessions of 4 speakers with 20 samples each. */
const corpus = Array.from({ length: 400 }, (_, i) => {
  const speaker = Math.floor(i / 20)
  return sample(i, 1 + Math.floor(speaker / 4), `s${speaker}`, `d${Math.floor(i / 5)}`)
})
const ids = (samples: readonly Groupable[]): string[] => samples.map(({ id }) => id)
const both = (a: readonly Groupable[], b: readonly Groupable[], key: 'speaker' | 'dialogue' | 'id'): unknown[] => {
  const seen = new Set(a.map((s) => s[key]))
  return b.map((s) => s[key]).filter((value) => value !== undefined && seen.has(value))
}

describe('split', () => {
  it('holds out a session, and keeps speakers and dialogues on one side', () => {
    const { train, validation, test, grouping, warnings } = split(corpus, { testSession: 2, validation: 0.15, seed: 1 })
    expect(test.every((s) => s.session === 2)).toBe(true)
    expect(test.length).toBe(80)
    expect([...train, ...validation].some((s) => s.session === 2)).toBe(false)
    expect(train.length + validation.length).toBe(320)
    expect(validation.length).toBe(40)
    expect(grouping).toBe('speaker and dialogue')
    expect(both(train, validation, 'speaker')).toEqual([])
    expect(both(train, validation, 'dialogue')).toEqual([])
    expect(warnings).toEqual([])
  })
  it('gives the same parts for a seed, whatever it is called with before, and others for another', () => {
    const at = (seed: number): string[] => ids(split(corpus, { testSession: 1, validation: 0.2, seed }).validation)
    expect(at(3)).toEqual(at(3))
    expect(new Set([1, 2, 3, 4].map((seed) => at(seed).join())).size).toBeGreaterThan(1)
  })
  it('keeps speakers apart, and says so, where dialogues join too many', () => {
    const joined = corpus.map((s, i) => ({ ...s, dialogue: `d${i % 7}` }))
    const { train, validation, grouping, warnings } = split(joined, { testSession: 1, validation: 0.2, seed: 1 })
    expect(grouping).toBe('speaker')
    expect(both(train, validation, 'speaker')).toEqual([])
    expect(warnings.map((d) => d.message)).toEqual([
      '7 dialogues are in both training and validation: only whole speakers could be kept apart at this size',
    ])
  })
  it('keeps dialogues apart where one speaker speaks all', () => {
    const alone = corpus.map((s) => ({ ...s, speaker: 'me' }))
    const { train, validation, grouping, warnings } = split(alone, { validation: 0.1, seed: 1 })
    expect(grouping).toBe('dialogue')
    expect(both(train, validation, 'dialogue')).toEqual([])
    expect(warnings.map((d) => d.slug)).toEqual(['split-shared'])
  })
  it('falls back to single samples', () => {
    const bare = corpus.map(({ id, session, targets }) => ({
      id,
      session,
      targets,
      speaker: undefined,
      dialogue: undefined,
    }))
    const { validation, train, test, warnings } = split(bare, { testSession: 5, validation: 0.25, seed: 9 })
    expect([train.length, validation.length, test.length]).toEqual([240, 80, 80])
    expect(warnings).toEqual([])
  })
  it('mixes the classes as they are mixed in all', () => {
    const skewed = corpus.map((s, i) => ({ ...s, targets: { emotion: [Math.floor(i / 20) % 4] } }))
    const { validation } = split(skewed, { testSession: 1, validation: 0.25, seed: 2 })
    const counts = [0, 1, 2, 3].map((k) => validation.filter((s) => s.targets.emotion?.[0] === k).length)
    expect(counts).toEqual([20, 20, 20, 20])
  })
  it('takes a session to validate', () => {
    const { train, validation, grouping } = split(corpus, { testSession: 1, validation: { session: 2 }, seed: 1 })
    expect([train.length, validation.length, grouping]).toEqual([240, 80, 'session'])
  })
  it('refuses a session that is not there, and an empty part', () => {
    expect(() => split(corpus, { testSession: 6, validation: 0.1, seed: 1 })).toThrow('no sample belongs to session 6')
    expect(() => split(corpus.slice(0, 80), { testSession: 1, validation: 0.1, seed: 1 })).toThrow(
      'nothing is left for',
    )
    expect(() => split(corpus, { testSession: 1, validation: { session: 1 }, seed: 1 })).toThrow('left for validation')
  })
  it('never puts a sample on two sides, nor loses one', () => {
    const any = fc.array(fc.tuple(fc.nat(3), fc.option(fc.nat(6)), fc.option(fc.nat(9))), {
      minLength: 12,
      maxLength: 60,
    })
    fc.assert(
      fc.property(any, fc.integer(), fc.double({ min: 0.1, max: 0.5, noNaN: true }), (rows, seed, validation) => {
        const samples = rows.map(([session, s, d], i) =>
          sample(i, session, s === null ? undefined : `${s}`, d === null ? undefined : `${d}`),
        )
        const parts = split(samples, { validation, seed })
        const all = [...parts.train, ...parts.validation, ...parts.test]
        expect(new Set(all).size).toBe(samples.length)
        if (parts.grouping.includes('speaker')) expect(both(parts.train, parts.validation, 'speaker')).toEqual([])
        if (parts.grouping.includes('dialogue')) expect(both(parts.train, parts.validation, 'dialogue')).toEqual([])
      }),
    )
  })
})

describe('folds', () => {
  it('covers the samples, speakers apart', () => {
    const parts = folds(corpus, 5, 1)
    expect(parts.map((part) => part.length)).toEqual([80, 80, 80, 80, 80])
    expect(new Set(parts.flatMap(ids)).size).toBe(400)
    for (const [i, a] of parts.entries()) for (const b of parts.slice(i + 1)) expect(both(a, b, 'speaker')).toEqual([])
    expect(folds(corpus, 5, 1)).toEqual(parts)
    expect(() => folds(corpus.slice(0, 3), 5, 1)).toThrow('5 folds')
  })
})

it('draws evenly and repeatably', () => {
  const random = seededRandom(42, 'x')
  const draws = Array.from({ length: 20000 }, random)
  expect(draws.every((v) => v >= 0 && v < 1)).toBe(true)
  expect(draws.reduce((a, b) => a + b) / draws.length).toBeCloseTo(0.5, 1)
  expect(seededRandom(42, 'x')()).toBe(draws[0])
  expect(seededRandom(42, 'y')()).not.toBe(draws[0])
  expect(seededRandom(43, 'x')()).not.toBe(draws[0])
  expect(shuffled([1, 2, 3, 4, 5], random).sort()).toEqual([1, 2, 3, 4, 5])
})

it('finds what was meant', () => {
  expect(nearest('hapiness', ['sadness', 'happiness'])).toBe('happiness')
  expect(nearest('NEUTRAL', ['neutral'])).toBe('neutral')
  expect(nearest('joy', ['anger', 'happiness'])).toBeUndefined()
})
