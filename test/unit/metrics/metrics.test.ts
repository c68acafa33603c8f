/** Tests the measures against what scikit-learn 1.9 gives (cases.json, written by test/peers/metrics.py). */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  argmaxRows,
  classificationMetrics,
  confusionMatrix,
  metricsOfConfusion,
} from '../../../runtime/metrics/metrics.ts'

interface Case {
  readonly name: string
  readonly truth: number[]
  readonly predicted: number[]
  readonly classes: number
  readonly accuracy: number
  readonly ua: number
  readonly weightedF1: number
  readonly macroF1: number
  readonly confusion: number[][]
  readonly precision: number[]
  readonly recall: number[]
  readonly f1: number[]
  readonly support: number[]
}
const cases: Case[] = JSON.parse(readFileSync(new URL('./cases.json', import.meta.url), 'utf8'))
const names = (n: number): string[] => Array.from({ length: n }, (_, k) => `class ${k}`)

describe('as scikit-learn', () => {
  it.each(cases)('$name', (expected) => {
    const found = classificationMetrics(expected.truth, expected.predicted, names(expected.classes))
    expect(found.samples).toBe(expected.truth.length)
    for (const key of ['accuracy', 'ua', 'weightedF1', 'macroF1'] as const) {
      expect(found[key], key).toBeCloseTo(expected[key], 12)
    }
    expect(found.wa).toBe(found.accuracy)
    expect(found.confusion).toEqual(expected.confusion)
    found.classes.forEach((row, k) => {
      for (const key of ['precision', 'recall', 'f1', 'support'] as const) {
        expect(row[key], `${key} of ${row.name}`).toBeCloseTo(expected[key][k] ?? Number.NaN, 12)
      }
    })
  })
})

it('adds up sessions by their matrices', () => {
  const one = confusionMatrix([0, 1], [0, 0], 2)
  const two = confusionMatrix([1, 1], [1, 0], 2)
  const both = one.map((row, i) => row.map((n, k) => n + (two[i]?.[k] ?? 0)))
  expect(metricsOfConfusion(both, ['a', 'b'])).toEqual(classificationMetrics([0, 1, 1, 1], [0, 0, 1, 0], ['a', 'b']))
})

it('refuses what cannot be measured', () => {
  expect(() => classificationMetrics([], [], ['a'])).toThrow(RangeError)
  expect(() => classificationMetrics([0], [], ['a'])).toThrow(RangeError)
  expect(() => classificationMetrics([0], [1], ['a'])).toThrow(RangeError)
  expect(() => classificationMetrics([-1], [0], ['a'])).toThrow(RangeError)
})

it('takes the first of equal classes', () => {
  expect(argmaxRows(Float32Array.of(0.1, 0.5, 0.4, 0.5, 0.2, 0.5), 3)).toEqual([1, 0])
})
