import { expect, test } from 'vitest'
import type { Example } from '../../../runtime/predict/batch.ts'
import { checkDistributions, scorePredictions } from '../../../runtime/predict/scores.ts'
import { formatAnswers, nameAnswers } from '../../../runtime/report/answers.ts'
import { summariseFolds } from '../../../runtime/train/folds.ts'

const example = (...targets: number[]): Example => ({ id: 'x', rows: {}, targets: { y: targets } })

test('a distribution costs the logarithm of what it gave to the truth', () => {
  const made = [{ y: Float32Array.of(0.5, 0.25, 0.25) }, { y: Float32Array.of(0.25, 0.25, 0.5) }]
  const scores = scorePredictions([{ name: 'y', kind: 'distribution', classes: ['a', 'b', 'c'] }], made, [
    example(0),
    example(1),
  ])
  expect(scores.y?.loss).toBeCloseTo((Math.log(2) + Math.log(4)) / 2)
  expect(scores.y?.classes).toMatchObject({
    accuracy: 0.5,
    ua: 0.5,
    confusion: [
      [1, 0, 0],
      [0, 0, 1],
      [0, 0, 0],
    ],
  })
})

test('probabilities and reals are scored over their elements', () => {
  const probabilities = scorePredictions(
    [{ name: 'y', kind: 'probabilities', classes: undefined }],
    [{ y: Float32Array.of(0.5, 0.25) }],
    [example(1, 0)],
  )
  expect(probabilities.y).toEqual({ loss: expect.closeTo((Math.log(2) - Math.log(0.75)) / 2) })
  const real = scorePredictions(
    [{ name: 'y', kind: 'real', classes: undefined }],
    [{ y: Float32Array.of(3) }],
    [example(1)],
  )
  expect(real.y).toEqual({ loss: 4 })
})

test('a sure mistake costs much, not infinitely much', () => {
  const made = [{ y: Float32Array.of(1, 0) }]
  const scores = scorePredictions([{ name: 'y', kind: 'distribution', classes: ['a', 'b'] }], made, [example(1)])
  expect(Number.isFinite(scores.y?.loss)).toBe(true)
})

test('what is no distribution is refused, row by row', () => {
  const y = { name: 'y', kind: 'distribution' } as const
  checkDistributions(y, Float32Array.of(0.25, 0.75, 1, 0), 2)
  checkDistributions(y, Float32Array.of(1 / 3, 1 / 3, 1 / 3), 3)
  checkDistributions({ name: 'y', kind: 'real' }, Float32Array.of(-7), 1)
  for (const bad of [
    [2, -1],
    [0.5, 0.4],
    [Number.NaN, 1],
    [Number.POSITIVE_INFINITY, 0],
  ])
    expect(() => checkDistributions(y, Float32Array.of(0, 1, ...bad), 2), `${bad}`).toThrow(
      expect.objectContaining({ diagnostics: [expect.objectContaining({ code: 'MCF6612' })] }),
    )
  const made = [{ y: Float32Array.of(-2, 3) }]
  expect(() => scorePredictions([{ ...y, classes: ['a', 'b'] }], made, [example(1)])).toThrow(/no distribution/)
})

test('answers stand with the likeliest first', () => {
  const predictions = [{ name: 'y', kind: 'distribution', classes: ['a', 'b'] }] as const
  const answers = nameAnswers(predictions, { y: Float32Array.of(0.25, 0.75) })
  expect(answers).toEqual({ y: { label: 'b', probabilities: { b: 0.75, a: 0.25 } } })
  const text = formatAnswers(answers, false)
  expect(text.indexOf('b  0.750')).toBeLessThan(text.indexOf('a  0.250'))
  expect(text).not.toContain('\x1b')
})

test('folds are averaged, and their confusions added', () => {
  const metrics = (ua: number, confusion: number[][]): Parameters<typeof summariseFolds>[0][string] => ({
    best_epoch: 1,
    epochs: 1,
    steps: 1,
    validation: {},
    test: {
      y: {
        loss: 1,
        classes: {
          samples: 2,
          accuracy: ua,
          wa: ua,
          ua,
          weighted_f1: ua,
          macro_f1: ua,
          confusion,
          classes: ['a', 'b'].map((name) => ({ name, precision: 0, recall: 0, f1: 0, support: 1 })),
        },
      },
    },
  })
  const summary = summariseFolds({
    one: metrics(0.5, [
      [1, 0],
      [1, 0],
    ]),
    two: metrics(1, [
      [1, 0],
      [0, 1],
    ]),
  })
  expect(summary.mean['y.ua']).toBe(0.75)
  expect(summary.deviation['y.ua']).toBeCloseTo(Math.SQRT1_2 / 2)
  expect(summary.pooled.y?.accuracy).toBe(0.75)
})
