/** The padding law as the language states it: neither padding nor, where samples do not meet, neighbours change anything. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { interpret } from '../../compiler/interpret/interpret.ts'
import type { Env } from '../../compiler/interpret/ragged.ts'
import type { Graph } from '../../compiler/ir/graph.ts'
import { pad } from '../../compiler/passes/padding.ts'
import { isBatch, oneDim } from '../../compiler/shapes/dim.ts'
import { batches, randomFeeds, validElements, withGradients } from '../support/poison.ts'
import { randomGraph } from '../support/random-graph.ts'

const runs = { numRuns: Number(process.env.MCFNC_RUNS ?? 100) }
const timeout = 300_000

/** What each output holds inside the samples. */
function run(graph: Graph, env: Env, garbage: number, samples?: readonly number[]): Map<string, number[]> {
  const feeds = randomFeeds(graph, env, { padding: garbage, ...(samples ? { samples } : {}) })
  const results = interpret(graph, feeds, env)
  return new Map(graph.outputs.map(({ name }) => [name, validElements(graph, name, results, env)]))
}

const scaleOf = (values: readonly number[]): number =>
  values.reduce((top, value) => (Number.isFinite(value) ? Math.max(top, Math.abs(value)) : top), 1)

function expectClose(have: readonly number[], want: readonly number[], scale: number, message: string): void {
  expect(have.length, message).toBe(want.length)
  for (const [at, value] of have.entries())
    if (!Object.is(value, want[at]) && !(Math.abs(value - (want[at] as number)) <= 1e-12 * scale))
      expect.fail(`${message}: element ${at} is ${value} instead of ${want[at]}`)
}

test('the same batch gives the same under any padding', { timeout }, () => {
  const paddings = fc.record({
    t: fc.nat({ max: 4 }),
    m: fc.nat({ max: 4 }),
    garbage: fc.constantFrom(Number.NaN, 1e6, -77),
  })
  fc.assert(
    fc.property(randomGraph({ steps: 10 }), batches, paddings, (forward, env, { garbage, ...more }) => {
      const graph = pad(withGradients(forward), { inputs: 'any' })
      const extents = { t: (env.padded?.t ?? 1) + more.t, m: (env.padded?.m ?? 1) + more.m }
      const want = run(graph, env, 0)
      const have = run(graph, { ...env, padded: extents }, garbage)
      for (const [name, values] of want) expectClose(have.get(name) ?? [], values, scaleOf(values), name)
    }),
    runs,
  )
})

test('where samples do not meet, each gives the same alone as inside any batch', { timeout }, () => {
  fc.assert(
    fc.property(randomGraph({ steps: 10, batchReductions: false }), batches, (forward, env) => {
      const graph = pad(withGradients(forward), { inputs: 'any' })
      const together = run(graph, env, Number.NaN)
      const alone = Array.from({ length: env.batch }, (_, sample) => {
        const lengths = { t: [env.lengths.t?.[sample] ?? 0], m: [env.lengths.m?.[sample] ?? 0] }
        const padded = { t: lengths.t[0] as number, m: Math.max(1, lengths.m[0] as number) }
        return run(graph, { batch: 1, lengths, padded }, 0, [sample])
      })
      for (const { name, value, role } of graph.outputs) {
        const dims = graph.nodes.find(({ id }) => id === value)?.type.dims ?? []
        const own = alone.map((results) => results.get(name) ?? [])
        const have = together.get(name) ?? []
        if (isBatch(dims[0] ?? oneDim)) expectClose(have, own.flat(), scaleOf(have), name)
        // The loss and the gradient of a parameter are sums over the samples; what knows no sample is the same.
        else if (role === 'gradient' || role === 'total') {
          const sums = have.map((_, at) => own.reduce((sum, values) => sum + (values[at] as number), 0))
          expectClose(have, sums, scaleOf(own.flat()), name)
        } else for (const values of own) expectClose(have, values, scaleOf(have), name)
      }
    }),
    runs,
  )
})
