/** The padding law for the specs that are shipped: every variant, its predictions and its whole training step. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { compile } from '../../compiler/compile.ts'
import type { NdArray } from '../../compiler/interpret/array.ts'
import { interpret } from '../../compiler/interpret/interpret.ts'
import type { Env } from '../../compiler/interpret/ragged.ts'
import type { Graph } from '../../compiler/ir/graph.ts'
import { verifyGraph } from '../../compiler/ir/verify.ts'
import { pad } from '../../compiler/passes/padding.ts'
import { checkPadding } from '../../compiler/passes/padding-analysis.ts'
import { makeNodeReader } from '../../compiler/source/node-reader.ts'
import { buildTrainingGraph } from '../../compiler/train/training-graph.ts'
import { maskUses, withoutMask } from '../support/masks.ts'
import { differences, failure, inputsOf, randomFeeds, runPoisoned, validElements } from '../support/poison.ts'

const spec = 'specs/mcfn.model'
const variants = [...readFileSync(spec, 'utf8').matchAll(/^variant "([^"]+)"/gm)].flatMap(([, name]) => name ?? [])
const overrides = { d: '8', heads: '2', hidden: '4', text_dim: '5' }

const env: Env = {
  batch: 3,
  lengths: { frames: [3, 7, 5], words: [4, 1, 2], samples: [400, 1300, 800] },
  padded: { frames: 9, words: 5, samples: 1500 },
}

/** Random feeds with what must be positive made so. */
function feedsOf(graph: Graph, padding: number): Map<string, NdArray> {
  const feeds = randomFeeds(graph, env, { padding, ids: 4 })
  const states = new Set(inputsOf(graph).flatMap(({ attributes: { name, role } }) => (role === 'state' ? name : [])))
  for (const [name, array] of feeds) {
    // Variances and second moments are among them.
    if (states.has(name) || name === 'states' || name === 'moment2')
      feeds.set(name, { ...array, data: array.data.map(Math.abs) })
    if (name === 'step') feeds.set(name, { ...array, data: array.data.map(() => 3) })
    if (name === 'params') feeds.set(name, { ...array, data: array.data.map((value) => value / 3) })
  }
  return feeds
}

/** What goes wrong when the graph runs padded. */
function problems(graph: Graph, inputs: 'any' | 'zero'): string[] {
  const padded = pad(graph, { inputs })
  const feeds = feedsOf(graph, inputs === 'any' ? Number.NaN : 0)
  const expected = interpret(graph, feeds, env)
  const unknown = graph.outputs.flatMap(({ name }) =>
    validElements(graph, name, expected, env).some(Number.isNaN) ? [`${name} is NaN`] : [],
  )
  const found = differences(graph, expected, runPoisoned(padded, feeds, env, inputs), env)
  return [...verifyGraph(padded), ...unknown, ...found]
}

describe.each([undefined, ...variants])('%s', (variant) => {
  const { program, diagnostics } = compile(spec, makeNodeReader(), {
    overrides,
    variants: variant === undefined ? [] : [variant],
  })

  test('predictions', () => {
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
    if (program) for (const inputs of ['any', 'zero'] as const) expect(problems(program.inference, inputs)).toEqual([])
  })

  test('the training step', () => {
    if (program) expect(problems(buildTrainingGraph(program, 'adam').graph, 'zero')).toEqual([])
  })
})

test('each mask of the training step shows when it is missing', { timeout: 300_000 }, () => {
  const { program } = compile(spec, makeNodeReader(), { overrides })
  if (!program) throw new Error('the spec has errors')
  const { graph } = buildTrainingGraph(program, 'adam')
  const padded = pad(graph, { inputs: 'zero' })
  const feeds = feedsOf(graph, 0)
  const expected = interpret(graph, feeds, env)
  const uses = maskUses(padded)
  expect(uses.length).toBeGreaterThan(10)
  for (const use of uses) {
    const without = withoutMask(padded, use)
    expect(checkPadding(without, { inputs: 'zero' }), `${use.text} is idle`).not.toEqual([])
    const run = () => differences(graph, expected, runPoisoned(without, feeds, env, 'zero'), env)
    expect(failure(run), `nothing shows without ${use.text}`).not.toEqual([])
  }
})
