/** The padding law: what a padded graph computes at valid positions is what the ragged graph means. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { interpret } from '../../compiler/interpret/interpret.ts'
import { pad } from '../../compiler/passes/padding.ts'
import { batches, differences, randomFeeds, runPoisoned, withGradients } from '../support/poison.ts'
import { randomGraph } from '../support/random-graph.ts'

const runs = { numRuns: Number(process.env.MCFNC_RUNS ?? 150) }
const timeout = 300_000

describe.each(['any', 'zero'] as const)('padding of inputs: %s', (inputs) => {
  const padding = inputs === 'any' ? Number.NaN : 0

  test('the padded graph gives the ragged graph, whatever stands in its padding', { timeout }, () => {
    fc.assert(
      fc.property(randomGraph(), batches, (graph, env) => {
        const feeds = randomFeeds(graph, env, { padding })
        const expected = interpret(graph, feeds, env)
        expect(differences(graph, expected, runPoisoned(pad(graph, { inputs }), feeds, env, inputs), env)).toEqual([])
      }),
      runs,
    )
  })

  test('so do its gradients', { timeout }, () => {
    fc.assert(
      fc.property(randomGraph({ steps: 8 }), batches, (forward, env) => {
        const graph = withGradients(forward)
        const feeds = randomFeeds(graph, env, { padding })
        const expected = interpret(graph, feeds, env)
        expect(differences(graph, expected, runPoisoned(pad(graph, { inputs }), feeds, env, inputs), env)).toEqual([])
      }),
      runs,
    )
  })
})
