/** The padding law for axes of every length that the checker lets through, and what it refuses. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { interpret } from '../../compiler/interpret/interpret.ts'
import type { Env } from '../../compiler/interpret/ragged.ts'
import type { Graph } from '../../compiler/ir/graph.ts'
import { pad } from '../../compiler/passes/padding.ts'
import { compileText } from '../support/check.ts'
import { randomFeeds, validElements } from '../support/poison.ts'

const runs = { numRuns: Number(process.env.MCFNC_RUNS ?? 150) }

/** A spec that computes along an axis of the length that is written. */
const spec = (axis: string): string => `model M {
  seq t in 1..6
  seq u
  input x: [t, 2]
  input y: [u, 2]
  param w: [2] = ones()
  z[j: ${axis}, p] = w[p] * x[j + 1, p] + y[j - 1, p]
  s[p] = sum[j](z[j, p] ^ 2)
  output o = z
  output q = s
  output r = mean[j, p](z[j, p])
}`

/** Lengths as they are written, many of which shrink and many of which do not. */
const axes: fc.Arbitrary<string> = fc.letrec<{ dim: string }>((tie) => ({
  dim: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom('t', 'u', 't', '1', '3'),
    fc.tuple(tie('dim'), fc.constantFrom('+', '+', '-', '*'), tie('dim')).map((parts) => `(${parts.join(' ')})`),
    fc.tuple(tie('dim'), fc.constantFrom('div', 'div', 'mod'), fc.constantFrom(2, 3)).map((p) => `(${p.join(' ')})`),
  ),
})).dim

const samples = fc.array(fc.record({ t: fc.integer({ min: 1, max: 6 }), u: fc.nat({ max: 6 }) }), {
  minLength: 1,
  maxLength: 4,
})

function run(graph: Graph, env: Env, which: readonly number[]): Map<string, number[]> {
  const results = interpret(graph, randomFeeds(graph, env, { padding: Number.NaN, samples: which }), env)
  return new Map(graph.outputs.map(({ name }) => [name, validElements(graph, name, results, env)]))
}

test('an axis that is let through has room for every sample, and gives each the same as alone', () => {
  let accepted = 0
  let refused = 0
  fc.assert(
    fc.property(axes, samples, fc.nat({ max: 9 }), (axis, batch, more) => {
      const { program, diagnostics } = compileText(spec(axis))
      const codes = diagnostics.filter(({ severity }) => severity === 'error').map(({ code }) => code)
      if (!program) {
        refused += codes.includes('MCF3053') ? 1 : 0
        expect(['MCF3053', 'MCF3012']).toEqual(expect.arrayContaining(codes))
        return
      }
      accepted++
      const graph = pad(program.inference, { inputs: 'any' })
      const lengths = { t: batch.map(({ t }) => t), u: batch.map(({ u }) => u) }
      const together: Env = {
        batch: batch.length,
        lengths,
        padded: { t: Math.max(...lengths.t) + more, u: Math.max(1, ...lengths.u) + more },
      }
      const have = run(
        graph,
        together,
        batch.map((_, k) => k),
      )
      const own = batch.map(({ t, u }, k) =>
        run(graph, { batch: 1, lengths: { t: [t], u: [u] }, padded: { t, u: Math.max(1, u) } }, [k]),
      )
      for (const { name } of graph.outputs) {
        const want = own.flatMap((results) => results.get(name) ?? [])
        expect(have.get(name)?.length, `${name} of ${axis}`).toBe(want.length)
        have.get(name)?.forEach((value, at) => {
          expect(value, `${name} of ${axis}`).toBeCloseTo(want[at] as number, 9)
        })
      }
    }),
    runs,
  )
  expect(accepted).toBeGreaterThan(20)
  expect(refused).toBeGreaterThan(20)
})
