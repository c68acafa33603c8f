/** The padding law: what a padded graph computes at valid positions is what the ragged graph means. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { interpret } from '../../compiler/interpret/interpret.ts'
import type { Graph } from '../../compiler/ir/graph.ts'
import type { PaddingFacts } from '../../compiler/ops/padding.ts'
import { pad } from '../../compiler/passes/padding.ts'
import { analyse, type Masks, operandsOf, paddingFacts, unmetNeeds } from '../../compiler/passes/padding-analysis.ts'
import { planMasks } from '../../compiler/passes/padding-plan.ts'
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

  test('no mask is planned that nothing relies on', { timeout }, () => {
    fc.assert(
      fc.property(randomGraph({ steps: 10 }), fc.boolean(), (forward, gradients) => {
        const graph = gradients ? withGradients(forward) : forward
        const facts = paddingFacts(graph, inputs)
        const masks = planMasks(graph, facts)
        const natural = analyse(graph, facts)
        expect(isEnough(graph, facts, masks)).toBe(true)
        for (const [value, axes] of masks)
          for (const axis of axes) {
            // What may be NaN is cut where it comes in, needed or not.
            if (natural.get(value)?.padding[axis] === 'any') continue
            const fewer = new Map(masks).set(value, new Set([...axes].filter((other) => other !== axis)))
            expect(isEnough(graph, facts, fewer), `%${value} on axis ${axis}`).toBe(false)
          }
      }),
      runs,
    )
  })
})

/** Whether no need is left that only a mask can meet, and each ragged output is zero in its padding. */
function isEnough(graph: Graph, facts: PaddingFacts, masks: Masks): boolean {
  const views = analyse(graph, facts, masks)
  const outputs = graph.outputs.every(({ value }) =>
    (views.get(value)?.padding ?? []).every((padding) => padding === undefined || padding === 0),
  )
  const needs = graph.nodes.flatMap((node) => unmetNeeds(node, operandsOf(node, views), facts))
  return outputs && needs.every((list) => list.some(({ repair }) => repair !== 'mask'))
}
