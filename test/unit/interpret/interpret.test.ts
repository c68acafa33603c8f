/** The interpreter's rules about lengths, padding and feeds, and its kernels at sizes that use their fast paths. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type NdArray, ndArray, sizeOf } from '../../../compiler/interpret/array.ts'
import { contractArrays } from '../../../compiler/interpret/contract.ts'
import { interpret } from '../../../compiler/interpret/interpret.ts'
import { extent, lengthsOf, validMask } from '../../../compiler/interpret/ragged.ts'
import { createBuilder } from '../../../compiler/ir/builder.ts'
import type { Graph } from '../../../compiler/ir/graph.ts'
import { batchDim, parseDim, seqDim } from '../../../compiler/shapes/dim.ts'
import { at, indicesOf, randomSource } from '../../ops/support.ts'

const frames = seqDim('frames')
const env = { batch: 2, lengths: { frames: [3, 1] }, padded: { frames: 4 } }

test('extents come from padded lengths, lengths from samples', () => {
  const dim = parseDim('(frames + 1) div 2')
  expect(extent(dim, env)).toBe(2)
  expect(lengthsOf(dim, env)).toEqual([2, 1])
  expect([...validMask(dim, env)]).toEqual([1, 1, 1, 0])
  expect(extent(frames, { batch: 2, lengths: env.lengths })).toBe(3)
  expect(lengthsOf(parseDim('frames - 2'), env)).toEqual([1, 0])
})

function sums(padded: boolean): Graph {
  const b = createBuilder()
  const x = b.input('x', 'data', { dtype: 'f32', dims: [batchDim, frames] })
  const ids = b.input('ids', 'data', { dtype: 'i64', dims: [batchDim, frames] })
  const lengths = b.input('x_lengths', 'lengths', { dtype: 'i64', dims: [batchDim] })
  return b.finish({
    name: 'sums',
    outputs: [
      { name: 'sum', value: b.sum(x, [1]), role: 'output' },
      { name: 'ids', value: ids, role: 'output' },
      { name: 'lengths', value: b.cast(lengths, 'f32'), role: 'output' },
    ],
    seqs: [{ name: 'frames', low: 1, high: undefined, sources: [{ input: 'x', axis: 1, lengths: 'x_lengths' }] }],
    padded,
  })
}
const feeds = {
  x: ndArray([2, 4], [1, 2, 3, 100, 5, 100, 100, 100]),
  ids: ndArray([2, 4], [1, 1, 1, 1, 1, 1, 1, 1], 'i64'),
}
const values = (map: Map<string, NdArray>, name: string): number[] => [...(map.get(name)?.data ?? [])]

test('a ragged graph sees no padding, a padded one all of it', () => {
  expect(values(interpret(sums(false), feeds, env), 'sum')).toEqual([6, 5])
  expect(values(interpret(sums(true), feeds, env), 'sum')).toEqual([106, 305])
})

test('poison fills what is fed outside the samples of a padded graph', () => {
  const poisoned = interpret(sums(true), feeds, env, { poison: true })
  expect(values(poisoned, 'sum')).toEqual([Number.NaN, Number.NaN])
  expect(values(poisoned, 'ids')).toEqual([1, 1, 1, -1, 1, -1, -1, -1])
  expect(values(interpret(sums(true), feeds, env, { poison: 1000 }), 'sum')).toEqual([1006, 3005])
  expect([...feeds.x.data.slice(3, 4)]).toEqual([100])
})

test('lengths that are not fed come from the environment; other inputs must be fed, at their shape', () => {
  expect(values(interpret(sums(false), feeds, env), 'lengths')).toEqual([3, 1])
  expect(() => interpret(sums(false), { ids: feeds.ids }, env)).toThrow('internal: the input x is not fed')
  expect(() => interpret(sums(false), { ...feeds, x: ndArray([2, 3], [1, 2, 3, 4, 5, 6]) }, env)).toThrow(
    'internal: the input x is [2, 3] instead of [2, 4]',
  )
  expect(() => ndArray([2, 3], [1])).toThrow(RangeError)
})

test('every value can be watched', () => {
  const seen: string[] = []
  interpret(sums(false), feeds, env, { observe: (node, value) => seen.push(`${node.op} ${value.shape}`) })
  expect(seen).toContain('sum 2')
})

test('contractions of any layout agree with the sum they stand for', () => {
  const labels = fc.constantFrom(
    ...([
      [
        [0, 1],
        [1, 2],
        [0, 2],
      ],
      [
        [1, 0],
        [2, 1],
        [0, 2],
      ],
      [
        [0, 1, 2],
        [0, 3, 2],
        [0, 1, 3],
      ],
      [
        [2, 0, 1],
        [3, 2, 0],
        [3, 1, 0],
      ],
      [
        [0, 1, 2],
        [1, 2, 3],
        [3, 0],
      ],
      [[0, 1], [0, 1], []],
      [[0], [1], [0, 1]],
      [
        [0, 1, 2, 3],
        [1, 3, 4],
        [0, 2, 4],
      ],
    ] as const),
  )
  fc.assert(
    fc.property(
      labels,
      fc.array(fc.integer({ min: 0, max: 10 }), { minLength: 5, maxLength: 5 }),
      fc.nat(),
      ([left, right, out], sizes, seed) => {
        const random = randomSource(seed)
        const make = (axes: readonly number[]) => {
          const shape = axes.map((label) => sizes[label] as number)
          return ndArray(
            shape,
            Float64Array.from({ length: sizeOf(shape) }, () => random() - 0.5),
          )
        }
        const [x, y] = [make(left), make(right)]
        const found = contractArrays(x, y, { left, right, out })
        const all = [0, 1, 2, 3, 4].filter((label) => [...left, ...right].some((other) => other === label))
        const expected = new Map<string, number>()
        for (const index of indicesOf(all.map((label) => sizes[label] as number))) {
          const of = (axes: readonly number[]) => axes.map((label) => index[all.indexOf(label)] as number)
          const key = of(out).join()
          expected.set(key, (expected.get(key) ?? 0) + at(x, of(left)) * at(y, of(right)))
        }
        for (const [k, index] of indicesOf(out.map((label) => sizes[label] as number)).entries())
          expect(found[k]).toBeCloseTo(expected.get(index.join()) ?? 0, 12)
      },
    ),
    { numRuns: 150, seed: 3 },
  )
})
