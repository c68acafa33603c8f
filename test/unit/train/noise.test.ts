import fc from 'fast-check'
import { expect, test } from 'vitest'
import { batchDim, constantDim, seqDim } from '../../../compiler/shapes/dim.ts'
import type { Example } from '../../../runtime/predict/batch.ts'
import type { BoundInput } from '../../../runtime/predict/binding.ts'
import { assembleNoise } from '../../../runtime/train/batches.ts'
import { keyOf, permutation, uniformAt } from '../../../runtime/train/noise.ts'

test('draws are uniform: mean, variance, and every sixteenth equally often', () => {
  const key = keyOf('test', 1)
  const n = 200_000
  const bins = new Float64Array(16)
  let sum = 0
  let squares = 0
  let neighbours = 0
  for (let i = 0; i < n; i++) {
    const u = uniformAt(key, i)
    sum += u
    squares += u * u
    neighbours += (u - 0.5) * (uniformAt(key, i + 1) - 0.5)
    bins.fill((bins[Math.floor(u * 16)] ?? 0) + 1, Math.floor(u * 16), Math.floor(u * 16) + 1)
  }
  expect(Math.abs(sum / n - 1 / 2)).toBeLessThan(0.003)
  expect(Math.abs(squares / n - 1 / 3)).toBeLessThan(0.003)
  expect(Math.abs(neighbours / n)).toBeLessThan(0.001)
  const chi = bins.reduce((total, count) => total + (count - n / 16) ** 2 / (n / 16), 0)
  // 15 degrees of freedom: 37.7 is passed once in a thousand keys.
  expect(chi).toBeLessThan(37.7)
})

test('keys differ in every part', () => {
  const keys = [
    keyOf(1, 2, 'a'),
    keyOf(1, 2, 'b'),
    keyOf(1, 3, 'a'),
    keyOf(2, 2, 'a'),
    keyOf('1', 2, 'a'),
    keyOf(12, 'a'),
  ]
  expect(new Set(keys.map(String)).size).toBe(keys.length)
})

test('a permutation holds every index once', () => {
  fc.assert(
    fc.property(fc.nat(300), fc.nat(), (n, seed) => {
      expect(permutation(n, keyOf(seed)).sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i))
    }),
  )
})

const speech: BoundInput = { name: 'speech', field: 'audio', width: 2, lengths: 'speech_lengths', seq: 'frames' }
const example = (id: string, frames: number): Example => ({
  id,
  rows: { speech: new Float32Array(frames * 2) },
  targets: {},
})
const noise = [
  { name: 'drop', dims: [batchDim, seqDim('frames'), constantDim(3)] },
  { name: 'across', dims: [batchDim, constantDim(2), seqDim('frames')] },
  { name: 'one', dims: [batchDim] },
]

/** The dims after the batch, and the numbers, of one noise input. */
function drawn(
  name: string,
  examples: readonly Example[],
  seed: number,
  epoch: number,
): { dims: number[]; numbers: number[] } {
  const { [name]: value } = assembleNoise(noise, [speech], examples, seed, epoch)
  return { dims: value?.dims.slice(1) ?? [], numbers: Array.from(value?.data ?? [], Number) }
}
const product = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1)

test('a sample draws the same alone as among others and under padding, and zeros stand in the padding', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 5 }), (frames) => {
      const examples = frames.map((n, i) => example(`s${i}`, n))
      examples.forEach((one, i) => {
        for (const { name } of noise) {
          const { dims: padded, numbers } = drawn(name, examples, 7, 3)
          const { dims: own, numbers: alone } = drawn(name, [one], 7, 3)
          const mine = numbers.slice(i * product(padded), (i + 1) * product(padded))
          const isOwn = (j: number): boolean =>
            padded.every((n, k) => Math.floor(j / product(padded.slice(k + 1))) % n < (own[k] ?? 0))
          expect(mine.filter((_, j) => isOwn(j))).toEqual(alone)
          expect(mine.filter((x, j) => !isOwn(j) && x !== 0)).toEqual([])
        }
      })
    }),
  )
})

test('draws differ between epochs, seeds, samples and names', () => {
  const draw = (id: string, seed: number, epoch: number): number[] =>
    noise.flatMap(({ name }) => drawn(name, [example(id, 4)], seed, epoch).numbers)
  const all = [draw('a', 0, 1), draw('b', 0, 1), draw('a', 1, 1), draw('a', 0, 2)].flat()
  expect(new Set(all).size).toBe(all.length)
})
