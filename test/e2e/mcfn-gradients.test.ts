/**
 * The gradient of the whole network's loss, at small sizes, with its dropout and masks, against finite differences: for each
 * parameter along a random direction, which has a share of every element, and in one element.
 */
import { expect, test } from 'vitest'
import { differentiate } from '../../compiler/autodiff/differentiate.ts'
import { compile } from '../../compiler/compile.ts'
import type { NdArray } from '../../compiler/interpret/array.ts'
import { interpret } from '../../compiler/interpret/interpret.ts'
import { createBuilder } from '../../compiler/ir/builder.ts'
import { verifyGraph } from '../../compiler/ir/verify.ts'
import { axesOf } from '../../compiler/ops/types.ts'
import { constantDim } from '../../compiler/shapes/dim.ts'
import { makeNodeReader } from '../../compiler/source/node-reader.ts'
import type { Domain } from '../ops/examples.ts'
import { draw, randomSource } from '../ops/support.ts'

const env = { batch: 3, lengths: { frames: [7, 1, 4], words: [2, 3, 1] } }
const overrides = { d: '16', heads: '2', hidden: '4', text_dim: '5' }

const composed = [['Proposed'], ['scaled'], ['DANet', 'additive', 'word-aligned']]
test.each(composed.map((variants) => ({ variants })))('$variants', { timeout: 60_000 }, ({ variants }) => {
  const { program, diagnostics } = compile('specs/mcfn.model', makeNodeReader(), { overrides, variants })
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
  const training = program?.training
  const total = training?.outputs.find(({ role }) => role === 'total')?.value
  if (!training || total === undefined) return expect.unreachable()

  const b = createBuilder(training)
  const loss = b.sum(total, axesOf(b.dimsOf(total).length))
  const inputs = training.nodes.filter((node) => node.op === 'input')
  const params = inputs.filter((node) => node.attributes.role === 'param')
  const gradients = differentiate(
    b,
    loss,
    params.map((node) => node.id),
  )
  const graph = b.finish({
    outputs: [
      { name: 'loss', value: loss, role: 'loss' },
      ...gradients.map((value, k) => ({
        name: params[k]?.attributes.name as string,
        value,
        role: 'gradient' as const,
      })),
    ],
  })
  expect(verifyGraph(graph)).toEqual([])

  const random = randomSource(11)
  const domains: Partial<Record<string, Domain>> = { target: { below: constantDim(4) } }
  const feeds: Record<string, NdArray> = {}
  for (const { attributes, type } of inputs) {
    const { name, role } = attributes
    const array = draw(type, domains[role], env, random)
    // Noise is in [0, 1); the drawn values are in [-2, 2).
    const scale = role === 'noise' ? (x: number) => x / 4 + 0.5 : (x: number) => x / 4
    feeds[name] = type.dtype === 'f32' && role !== 'data' ? { ...array, data: array.data.map(scale) } : array
  }
  const forward = b.finish({ outputs: graph.outputs.slice(0, 1) })
  const found = interpret(graph, feeds, env)
  const largest = Math.max(...[...found.values()].flatMap(({ data }) => [...data].map(Math.abs)))
  for (const { attributes, type } of params) {
    const { name } = attributes
    const array = feeds[name] as NdArray
    const everywhere = draw(type, 'any', env, random).data
    const one = Math.floor(random() * array.data.length)
    for (const direction of [everywhere, array.data.map((_, i) => (i === one ? 1 : 0))]) {
      const moved = (by: number): number => {
        const data = array.data.map((x, i) => x + by * (direction[i] as number))
        return interpret(forward, { ...feeds, [name]: { ...array, data } }, env).get('loss')?.data[0] as number
      }
      const step = 1e-6
      const expected = (moved(step) - moved(-step)) / (2 * step)
      const actual = found.get(name)?.data.reduce((sum, x, i) => sum + x * (direction[i] as number), 0) ?? Number.NaN
      // Some gradients are 0 but for rounding: a bias before batch norm, or under a softmax.
      expect(Math.abs(actual - expected) / Math.max(Math.abs(expected), 1e-3 * largest), name).toBeLessThan(1e-5)
    }
  }
})
