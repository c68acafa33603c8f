import { describe, expect, test } from 'vitest'
import type { Initialiser, Variable } from '../../../compiler/ir/graph.ts'
import { initialValues, layoutOf } from '../../../compiler/train/initialise.ts'

const variable = (path: string, shape: readonly number[], init: Partial<Initialiser>): Variable => ({
  path,
  role: 'param',
  shape,
  init: { kind: 'zeros', scale: 0, fanIn: 1, fanOut: 1, ...init },
  span: undefined,
})

const values = (init: Partial<Initialiser>, seed = 1, path = 'a.w'): Float32Array =>
  initialValues(layoutOf([variable(path, [100, 400], init)]), seed)

const moments = (x: Float32Array): { mean: number; deviation: number; least: number; greatest: number } => {
  const mean = x.reduce((a, b) => a + b, 0) / x.length
  const variance = x.reduce((a, b) => a + (b - mean) ** 2, 0) / x.length
  return { mean, deviation: Math.sqrt(variance), least: Math.min(...x), greatest: Math.max(...x) }
}

describe('initial values', () => {
  test.each([
    { init: { kind: 'glorot_uniform', fanIn: 100, fanOut: 400 } as const, bound: Math.sqrt(6 / 500) },
    { init: { kind: 'he_uniform', fanIn: 100 } as const, bound: Math.sqrt(6 / 100) },
    { init: { kind: 'uniform', scale: 0.25 } as const, bound: 0.25 },
  ])('$init.kind fills its range evenly', ({ init, bound }) => {
    const { mean, deviation, least, greatest } = moments(values(init))
    expect(Math.abs(mean)).toBeLessThan(bound * 0.02)
    expect(deviation / (bound / Math.sqrt(3))).toBeCloseTo(1, 1)
    expect(least).toBeGreaterThanOrEqual(-bound)
    expect(greatest).toBeLessThanOrEqual(bound)
    expect(least).toBeLessThan(-bound * 0.99)
    expect(greatest).toBeGreaterThan(bound * 0.99)
  })

  test.each([
    { init: { kind: 'glorot_normal', fanIn: 100, fanOut: 400 } as const, deviation: Math.sqrt(2 / 500) },
    { init: { kind: 'he_normal', fanIn: 100 } as const, deviation: Math.sqrt(2 / 100) },
    { init: { kind: 'normal', scale: 3 } as const, deviation: 3 },
  ])('$init.kind has its deviation', ({ init, deviation }) => {
    const x = values(init)
    const found = moments(x)
    expect(Math.abs(found.mean)).toBeLessThan(deviation * 0.03)
    expect(found.deviation / deviation).toBeCloseTo(1, 1)
    const within = x.filter((v) => Math.abs(v) < deviation).length / x.length
    expect(within).toBeCloseTo(0.6827, 1)
  })

  test('fixed kinds', () => {
    expect(new Set(values({ kind: 'zeros' }))).toEqual(new Set([0]))
    expect(new Set(values({ kind: 'ones' }))).toEqual(new Set([1]))
    expect(new Set(values({ kind: 'constant', scale: 0.5 }))).toEqual(new Set([0.5]))
  })

  test('a variable starts the same whatever stands beside it, and differently with another seed or path', () => {
    const init = { kind: 'uniform', scale: 1 } as const
    const one = variable('x.w', [8], init)
    const other = variable('y.w', [3], init)
    const alone = initialValues(layoutOf([one]), 7)
    const behind = initialValues(layoutOf([other, one]), 7)
    expect(behind.slice(3)).toEqual(alone)
    expect(initialValues(layoutOf([one]), 8)).not.toEqual(alone)
    expect(initialValues(layoutOf([{ ...one, path: 'z.w' }]), 7)).not.toEqual(alone)
    expect(initialValues(layoutOf([one]), 7 + 2 ** 32)).not.toEqual(alone)
  })
})
