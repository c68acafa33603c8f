/** The padding law: what a padded graph computes at valid positions is what the ragged graph means. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { interpret } from '../../compiler/interpret/interpret.ts'
import type { Env } from '../../compiler/interpret/ragged.ts'
import { pad } from '../../compiler/passes/padding.ts'
import { differences, randomFeeds, runPoisoned } from '../support/poison.ts'
import { randomGraph } from '../support/random-graph.ts'

/** A batch with its lengths and the extents it is padded to. */
const batches: fc.Arbitrary<Env> = fc
  .array(fc.record({ t: fc.integer({ min: 1, max: 4 }), m: fc.integer({ min: 0, max: 3 }) }), {
    minLength: 1,
    maxLength: 3,
  })
  .chain((samples) =>
    fc.record({ t: fc.nat({ max: 2 }), m: fc.nat({ max: 2 }) }).map((extra) => ({
      batch: samples.length,
      lengths: { t: samples.map((sample) => sample.t), m: samples.map((sample) => sample.m) },
      padded: {
        t: Math.max(...samples.map((sample) => sample.t)) + extra.t,
        m: Math.max(1, ...samples.map((sample) => sample.m)) + extra.m,
      },
    })),
  )

describe.each(['any', 'zero'] as const)('padding of inputs: %s', (inputs) => {
  test('the padded graph gives the ragged graph, whatever stands in its padding', () => {
    fc.assert(
      fc.property(randomGraph(), batches, (graph, env) => {
        const feeds = randomFeeds(graph, env, { padding: inputs === 'any' ? Number.NaN : 0 })
        const expected = interpret(graph, feeds, env)
        const padded = pad(graph, { inputs })
        expect(differences(graph, expected, runPoisoned(padded, feeds, env, inputs), env)).toEqual([])
      }),
      { numRuns: Number(process.env['MCFNC_RUNS'] ?? 300) },
    )
  })
})
