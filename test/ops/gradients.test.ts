/** Every derivative against central finite differences, in float64 on ragged batches. */
import { describe, expect, test } from 'vitest'
import { differentiate } from '../../compiler/autodiff/differentiate.ts'
import { pullbackOf } from '../../compiler/autodiff/pullbacks.ts'
import type { NdArray } from '../../compiler/interpret/array.ts'
import { interpret } from '../../compiler/interpret/interpret.ts'
import type { Graph, ValueId } from '../../compiler/ir/graph.ts'
import type { OpName } from '../../compiler/ops/op.ts'
import { inferType, opNames } from '../../compiler/ops/table.ts'
import { axesOf } from '../../compiler/ops/types.ts'
import { lengthNames, oneDim } from '../../compiler/shapes/dim.ts'
import { type Example, examples } from './examples.ts'
import { type Built, build, drawFeeds, ENV, validIndices } from './support.ts'

const STEP = 1e-5

/** How the loss weighs the result: each kind leaves the cotangent small along other axes. */
const losses = ['each element by its own weight', 'along the last axis', 'all alike', 'squared'] as const

function lossOf({ builder: b, result, fed }: Built, kind: (typeof losses)[number]): ValueId {
  const type = b.typeOf(result)
  const weigh = (dims: typeof type.dims): ValueId => {
    const weights = { dtype: 'f32', dims } as const
    if (fed instanceof Map) fed.set('weights', { type: weights, domain: 'any' })
    return b.mul(result, b.input('weights', 'data', weights))
  }
  const weighed = {
    'each element by its own weight': () => weigh(type.dims),
    'along the last axis': () =>
      weigh(type.dims.slice(-1).map((dim) => (lengthNames(dim).length === 0 ? dim : oneDim))),
    'all alike': () => result,
    squared: () => b.mul(result, result),
  }[kind]()
  return b.sum(weighed, axesOf(b.dimsOf(weighed).length))
}

function total(graph: Graph, feeds: Record<string, NdArray>): number {
  return interpret(graph, feeds, ENV).get('loss')?.data[0] as number
}

function check<K extends OpName>(
  op: K,
  example: Example<K>,
  kind: (typeof losses)[number],
  simplify: boolean,
  seed: number,
): void {
  const built = build(op, example, simplify)
  const { builder, inputs } = built
  const loss = lossOf(built, kind)
  const wrt = [...new Set(inputs)].filter((x) => builder.typeOf(x).dtype === 'f32')
  const gradients = differentiate(builder, loss, wrt)
  const forward = builder.finish({ name: op, outputs: [{ name: 'loss', value: loss, role: 'loss' }] })
  const backward = builder.finish({
    name: op,
    outputs: gradients.map((value, k) => ({ name: `g${k}`, value, role: 'gradient' })),
  })
  const feeds = drawFeeds(built.fed, ENV, seed)
  const found = interpret(backward, feeds, ENV)
  for (const [k, x] of wrt.entries()) {
    const name = `x${inputs.indexOf(x)}`
    const array = feeds[name] as NdArray
    const gradient = found.get(`g${k}`) as NdArray
    expect(gradient.shape).toEqual(array.shape)
    for (const i of validIndices(builder.typeOf(x), ENV)) {
      const moved = (by: number): number => {
        const data = array.data.slice()
        data[i] = (data[i] as number) + by
        return total(forward, { ...feeds, [name]: { ...array, data } })
      }
      const expected = (moved(STEP) - moved(-STEP)) / (2 * STEP)
      const actual = gradient.data[i] as number
      if (!(Math.abs(actual - expected) <= 1e-5 * Math.max(1, Math.abs(expected))))
        expect.fail(`${name}[${i}]: the derivative is ${actual}, finite differences give ${expected}`)
    }
  }
}

const differentiable = opNames.filter((op) => typeof pullbackOf(op) === 'function')

/** True where a real number goes in and one comes out. */
const isReal = (op: OpName, { operands, attributes, own }: Example<OpName>): boolean => {
  const type = inferType(op, operands, attributes, own)
  return typeof type !== 'string' && type.dtype === 'f32' && operands.some(({ dtype }) => dtype === 'f32')
}

describe.each(differentiable)('%s', (op) => {
  const rows: readonly Example<OpName>[] = examples[op]
  describe.each(rows.map((example, row) => ({ example, row })).filter(({ example }) => isReal(op, example)))(
    'example $row',
    ({ example, row }) => {
      test.each(losses)('%s', (kind) => {
        for (const simplify of [true, false]) check(op, example, kind, simplify, row + 1)
      })
    },
  )
})

test('an op without a derivative says why', () => {
  for (const op of opNames) {
    const row = pullbackOf(op)
    if (typeof row !== 'function') expect(row.none.length).toBeGreaterThan(10)
  }
})
