/** Every op on its examples: types, kernels against plain formulas, batches against lone samples, any padding. */
import { describe, expect, test } from 'vitest'
import { type NdArray, ndArray } from '../../compiler/interpret/array.ts'
import { interpret } from '../../compiler/interpret/interpret.ts'
import { type Env, lengthsOf, shapeOf } from '../../compiler/interpret/ragged.ts'
import type { Graph, TensorType } from '../../compiler/ir/graph.ts'
import { parseGraph, printGraph } from '../../compiler/ir/text.ts'
import { verifyGraph } from '../../compiler/ir/verify.ts'
import type { OpName } from '../../compiler/ops/op.ts'
import { factsOf, opNames } from '../../compiler/ops/table.ts'
import { isBatch, isRagged } from '../../compiler/shapes/dim.ts'
import { type Example, examples } from './examples.ts'
import { naiveOf } from './naive.ts'
import {
  type Built,
  build,
  drawFeeds,
  ENV,
  envOf,
  expectClose,
  indicesOf,
  repad,
  sampleOf,
  validIndices,
  WIDE,
} from './support.ts'

const graphOf = ({ builder, result }: Built): Graph =>
  builder.finish({ name: 'one', outputs: [{ name: 'y', value: result, role: 'output' }] })

const run = (graph: Graph, feeds: Record<string, NdArray>, env: Env): NdArray =>
  interpret(graph, feeds, env).get('y') as NdArray

const cut = (feeds: Record<string, NdArray>, fed: Built['fed'], b: number): Record<string, NdArray> =>
  Object.fromEntries(
    Object.entries(feeds).map(([name, array]) => [name, sampleOf(array, fed.get(name)?.type as TensorType, ENV, b)]),
  )

/** The op's formula at every index, for one sample or for arrays without lengths. */
function byFormula<K extends OpName>(
  op: K,
  example: Example<K>,
  type: TensorType,
  feeds: Record<string, NdArray>,
  env: Env,
): NdArray {
  const shape = shapeOf(type.dims, env)
  const operands = example.operands.map((_, k) => feeds[`x${example.shared ? 0 : k}`] as NdArray)
  const formula = naiveOf(op)
  const { attributes } = example
  return ndArray(
    shape,
    indicesOf(shape).map((index) => formula({ operands, attributes, index, shape, env })),
    type.dtype,
  )
}

describe.each(opNames)('%s', (op) => {
  const rows: readonly Example<OpName>[] = examples[op]
  test.each(rows.map((example, row) => [row, example] as const))('example %i', (row, example) => {
    const plain = build(op, example, false)
    const simple = build(op, example, true)
    const type = plain.builder.typeOf(plain.result)
    const graph = graphOf(plain)
    expect(verifyGraph(graph)).toEqual([])
    expect(verifyGraph(graphOf(simple))).toEqual([])
    expect(parseGraph(printGraph(graph))).toEqual(graph)

    const feeds = drawFeeds(plain.fed, ENV, row + 7)
    const result = run(graph, feeds, ENV)
    const valid = validIndices(type, ENV)
    for (const [i, value] of result.data.entries())
      if (!valid.includes(i)) expect(value).toBe(type.dtype === 'f32' ? Number.NaN : 0)
      else expect(value).not.toBeNaN()
    expectClose(run(graphOf(simple), feeds, ENV), result, 1e-12, 'simplified')

    const wider = Object.fromEntries(
      Object.entries(feeds).map(([name, array]) => [name, repad(array, plain.fed.get(name)?.type as TensorType, WIDE)]),
    )
    expectClose(run(graph, wider, WIDE), repad(result, type, WIDE), 1e-12, 'more padding', validIndices(type, WIDE))

    const lengthFree = [type, ...example.operands].every(
      ({ dims }) => !dims.some((dim) => isRagged(dim) || isBatch(dim)),
    )
    if (lengthFree && op !== 'length' && op !== 'input')
      expectClose(result, byFormula(op, example, type, feeds, ENV), 1e-9, 'formula')
    if (example.mixes || !type.dims.some(isBatch)) return
    for (let b = 0; b < ENV.batch; b++) {
      const env = envOf(ENV, b)
      const own = cut(feeds, plain.fed, b)
      const lone = run(graph, own, env)
      expectClose(sampleOf(result, type, ENV, b), lone, 1e-12, `sample ${b} alone`)
      if (op !== 'input') expectClose(lone, byFormula(op, example, type, own, env), 1e-9, `sample ${b} by the formula`)
    }
  })

  test('its facts say what it does and costs', () => {
    const { doc, cost } = factsOf(op)
    expect(doc.length).toBeGreaterThan(4)
    for (const example of rows) {
      const { builder, result } = build(op, example, false)
      const found = cost(example.operands, example.attributes, builder.typeOf(result), (dim) =>
        isBatch(dim) ? 4 : Math.max(...lengthsOf(dim, ENV)),
      )
      expect(found.flops).toBeGreaterThanOrEqual(0)
      expect(Number.isFinite(found.bytes)).toBe(true)
    }
  })
})
