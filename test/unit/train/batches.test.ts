import fc from 'fast-check'
import { expect, test } from 'vitest'
import { assembleInputs, batchesByLength } from '../../../runtime/predict/batch.ts'
import type { BoundInput } from '../../../runtime/predict/binding.ts'
import { planEpoch } from '../../../runtime/train/batches.ts'

const costs = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 300 })

test('an epoch visits every sample once, in batches of nearly one size', () => {
  fc.assert(
    fc.property(
      costs,
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 6 }),
      fc.nat(),
      (list, batchSize, bucket, seed) => {
        const batches = planEpoch(list, { seed, epoch: 1, batchSize, bucket })
        expect(batches.flat().sort((a, b) => a - b)).toEqual(list.map((_, i) => i))
        expect(Math.max(...batches.map((b) => b.length))).toBeLessThanOrEqual(batchSize)
      },
    ),
  )
})

test('the plan is a function of seed and epoch, and differs between them', () => {
  const list = Array.from({ length: 100 }, (_, i) => (i * 37) % 101)
  const plan = (seed: number, epoch: number): string =>
    JSON.stringify(planEpoch(list, { seed, epoch, batchSize: 8, bucket: 4 }))
  expect(plan(1, 1)).toBe(plan(1, 1))
  expect(new Set([plan(1, 1), plan(1, 2), plan(2, 1)]).size).toBe(3)
})

test('bucketing pads less than a free shuffle', () => {
  const list = Array.from({ length: 256 }, (_, i) => 50 + ((i * 97) % 251))
  const padded = (bucket: number): number =>
    planEpoch(list, { seed: 0, epoch: 1, batchSize: 16, bucket })
      .map((batch) => batch.length * Math.max(...batch.map((i) => list[i] ?? 0)))
      .reduce((a, b) => a + b, 0)
  expect(padded(16)).toBeLessThan(padded(1) * 0.8)
})

test('no batch is tiny', () => {
  expect(
    batchesByLength(
      Array.from({ length: 33 }, () => 1),
      32,
    ).map((b) => b.length),
  ).toEqual([17, 16])
})

test('inputs are padded with zeros and say their lengths', () => {
  const text: BoundInput = { name: 'text', field: 'text', width: 2, lengths: 'text_lengths', seq: 'words' }
  const batch = assembleInputs(
    [text],
    [
      { id: 'a', rows: { text: Float32Array.of(1, 2, 3, 4) }, targets: {} },
      { id: 'b', rows: { text: Float32Array.of(5, 6) }, targets: {} },
      { id: 'c', rows: { text: new Float32Array(0) }, targets: {} },
    ],
  )
  expect(batch.text).toEqual({
    dtype: 'f32',
    dims: [3, 2, 2],
    data: Float32Array.of(1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 0),
  })
  expect(batch.text_lengths).toEqual({ dtype: 'i64', dims: [3], data: BigInt64Array.of(2n, 1n, 0n) })
})
