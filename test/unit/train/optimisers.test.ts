import { describe, expect, test } from 'vitest'
import type { OptimiserKind } from '../../../compiler/artefact.ts'
import { type NdArray, ndArray } from '../../../compiler/interpret/array.ts'
import { interpret } from '../../../compiler/interpret/interpret.ts'
import { createBuilder } from '../../../compiler/ir/builder.ts'
import type { Graph, ValueId } from '../../../compiler/ir/graph.ts'
import { constantDim } from '../../../compiler/shapes/dim.ts'
import { clipByNorm, optimisers, slotsOf } from '../../../compiler/train/optimisers.ts'

const size = 5
const rate = 0.01

/** A graph of one step over vectors of five. */
function stepGraph(kind: OptimiserKind): Graph {
  const b = createBuilder()
  const vector = (name: string): ValueId => b.input(name, 'optimiser', { dtype: 'f32', dims: [constantDim(size)] })
  const slots = slotsOf(kind)
  const next = optimisers[kind](b, {
    params: vector('params'),
    gradient: vector('gradient'),
    slots: Object.fromEntries(slots.map((slot) => [slot, vector(slot)])),
    step: b.input('step', 'optimiser', { dtype: 'f32', dims: [] }),
    rate: b.mul(b.constant(rate), vector('scale')),
    decay: vector('decay'),
  })
  const outputs = [
    ['params', next.params] as const,
    ...slots.map((slot) => [slot, next.slots[slot] as ValueId] as const),
  ]
  return b.finish({ outputs: outputs.map(([name, value]) => ({ name, value, role: 'optimiser' })) })
}

/** One element's step as torch's documentation writes it, state by state. */
type Rule = (p: number, g: number, lr: number, wd: number, t: number, state: number[]) => number
const torch: Record<OptimiserKind, Rule> = {
  adam(p, gradient, lr, wd, t, state) {
    const g = gradient + wd * p
    state[0] = 0.9 * (state[0] as number) + 0.1 * g
    state[1] = 0.999 * (state[1] as number) + 0.001 * g * g
    const m = state[0] / (1 - 0.9 ** t)
    const v = state[1] / (1 - 0.999 ** t)
    return p - (lr * m) / (Math.sqrt(v) + 1e-8)
  },
  adamw(p, g, lr, wd, t, state) {
    const shrunk = p - lr * wd * p
    state[0] = 0.9 * (state[0] as number) + 0.1 * g
    state[1] = 0.999 * (state[1] as number) + 0.001 * g * g
    const m = state[0] / (1 - 0.9 ** t)
    const v = state[1] / (1 - 0.999 ** t)
    return shrunk - (lr * m) / (Math.sqrt(v) + 1e-8)
  },
  sgd(p, gradient, lr, wd, t, state) {
    const g = gradient + wd * p
    state[0] = t === 1 ? g : 0.9 * (state[0] as number) + g
    return p - lr * state[0]
  },
}

const scale = [1, 1, 0.1, 0, 1]
const decay = [0, 0.1, 0.01, 0.1, 0]
const gradientAt = (t: number): number[] => [0.5, -2 / t, 1e-9, 3, Math.sin(t)]

describe('optimisers', () => {
  test.each(['adam', 'adamw', 'sgd'] as const)('%s takes the steps that torch defines', (kind) => {
    const graph = stepGraph(kind)
    const vector = (values: readonly number[]): NdArray => ndArray([size], values)
    let state: Record<string, NdArray> = { params: vector([1, -0.5, 2, 3, 0]) }
    for (const slot of slotsOf(kind)) state[slot] = vector(scale.map(() => 0))
    const expected = { p: [1, -0.5, 2, 3, 0], states: scale.map(() => [0, 0]) }
    for (let t = 1; t <= 6; t++) {
      const gradient = gradientAt(t)
      const feeds = {
        ...state,
        gradient: vector(gradient),
        step: ndArray([], [t]),
        scale: vector(scale),
        decay: vector(decay),
      }
      state = Object.fromEntries(interpret(graph, feeds, { batch: 1, lengths: {} }))
      expected.p = expected.p.map((p, i) =>
        torch[kind](
          p,
          gradient[i] as number,
          rate * (scale[i] as number),
          decay[i] as number,
          t,
          expected.states[i] as number[],
        ),
      )
      for (let i = 0; i < size; i++) expect(state.params?.data[i]).toBeCloseTo(expected.p[i] as number, 12)
    }
    // A frozen parameter has not moved.
    expect(state.params?.data[3]).toBe(3)
  })

  test.each([
    { most: Number.POSITIVE_INFINITY, factor: 1 },
    { most: 10, factor: 1 },
    { most: 1, factor: 1 / (5 + 1e-6) },
  ])('gradients are scaled to a norm of $most', ({ most, factor }) => {
    const b = createBuilder()
    const gradient = b.input('gradient', 'optimiser', { dtype: 'f32', dims: [constantDim(2)] })
    const clipped = clipByNorm(b, gradient, b.input('most', 'optimiser', { dtype: 'f32', dims: [] }))
    const graph = b.finish({
      outputs: [
        { name: 'gradient', value: clipped.gradient, role: 'gradient' },
        { name: 'norm', value: clipped.norm, role: 'gradient' },
      ],
    })
    const made = interpret(
      graph,
      { gradient: ndArray([2], [3, -4]), most: ndArray([], [most]) },
      { batch: 1, lengths: {} },
    )
    expect(made.get('norm')?.data[0]).toBe(5)
    expect(made.get('gradient')?.data[0]).toBeCloseTo(3 * factor, 12)
    expect(made.get('gradient')?.data[1]).toBeCloseTo(-4 * factor, 12)
  })
})
