import { describe, expect, test } from 'vitest'
import { type Builder, createBuilder } from '../../../compiler/ir/builder.ts'
import type { AnyNode, Graph, ValueId } from '../../../compiler/ir/graph.ts'
import { verifyGraph } from '../../../compiler/ir/verify.ts'
import type { OpName } from '../../../compiler/ops/op.ts'
import { formatType } from '../../../compiler/ops/types.ts'
import { pad } from '../../../compiler/passes/padding.ts'
import { checkPadding, padStates } from '../../../compiler/passes/padding-analysis.ts'
import { addDim, batchDim, constantDim as c, type Dim, floorDivDim, oneDim } from '../../../compiler/shapes/dim.ts'
import { maskUses } from '../../support/masks.ts'
import { m, randomSeqs, t } from '../../support/random-graph.ts'

const f32 = (...dims: Dim[]) => ({ dtype: 'f32' as const, dims })

/** The padded graph of what `make` gives for x [batch, t, 3] (t at least 1) and y [batch, m, 2] (m perhaps 0). */
function padded(
  make: (b: Builder, x: ValueId, y: ValueId, w: ValueId) => readonly ValueId[],
  inputs: 'any' | 'zero' = 'zero',
): Graph {
  const b = createBuilder()
  const x = b.input('x', 'data', f32(batchDim, t, c(3)))
  const y = b.input('y', 'data', f32(batchDim, m, c(2)))
  const w = b.input('w', 'param', f32(c(3), c(4)))
  const outputs = make(b, x, y, w).map((value, at) => ({ name: `o${at}`, value, role: 'output' as const }))
  const graph = pad(b.finish({ name: 'g', outputs, seqs: randomSeqs }), { inputs })
  expect(verifyGraph(graph)).toEqual([])
  expect(checkPadding(graph, { inputs })).toEqual([])
  return graph
}

const count = (graph: Graph, op: OpName): number => graph.nodes.filter((node) => node.op === op).length
/** The types of values that a mask is put on. */
const masked = (graph: Graph): string[] => {
  const nodes = new Map<ValueId, AnyNode>(graph.nodes.map((node) => [node.id, node]))
  return maskUses(graph).map(({ node }) => formatType((nodes.get(node) as AnyNode).type))
}

describe('no mask where none is needed', () => {
  test('a sum of what is zero', () => {
    expect(masked(padded((b, x) => [b.sum(b.relu(x), [1])]))).toEqual([])
  })
  test('a chain that keeps zeros, up to a ragged output', () => {
    expect(masked(padded((b, x, _, w) => [b.tanh(b.contract(x, w, [0, 1, 2], [2, 3], [0, 1, 3]))]))).toEqual([])
  })
  test('finite values that nothing sums', () => {
    expect(masked(padded((b, x) => [b.sum(b.mul(b.cos(x), x), [1])]))).toEqual([])
  })
  test('a window that stays inside the sample', () => {
    const inside = padded((b, x) => {
      const dim = addDim(t, c(-2))
      const value = b.sum(b.window(b.cos(x), { axis: 1, offset: c(1), dim }), [2])
      return [b.sum(value, [0, 1])]
    })
    // Only the sum has a mask row.
    expect(masked(inside)).toEqual(['f32[]'])
    const strided = padded((b, x) => {
      const dim = addDim(floorDivDim(addDim(t, c(-1)), 2n), oneDim)
      return [b.sum(b.window(b.cos(x), { axis: 1, offset: c(0), stride: 2, dim }), [0, 1])]
    })
    expect(masked(strided)).toEqual(['f32[3]'])
  })
  test('a softmax over a length that is never 0 is zero in its padding', () => {
    const attend = (value: (x: ValueId, y: ValueId) => ValueId) =>
      padded((b, x, y) => [b.contract(b.softmax(value(x, y), 1), b.cos(value(x, y)), [0, 1, 2], [0, 1, 3], [0, 2, 3])])
    expect(masked(attend((x) => x))).toEqual(['f32[batch, t, 3]'])
    expect(masked(attend((_, y) => y))).toHaveLength(2)
  })
  test('numbers that the padding holds are followed', () => {
    // log(sqrt(0 + 1)) is 0.
    expect(masked(padded((b, x) => [b.sum(b.log(b.sqrt(b.add(b.mul(x, x), b.constant(1)))), [1])]))).toEqual([])
    expect(
      count(
        padded((b, x) => [b.div(x, b.add(b.mul(x, x), b.constant(1)))]),
        'select',
      ),
    ).toBe(0)
  })
})

describe('masks are few and small', () => {
  test('a sum of finite values is a product with the mask row', () => {
    const graph = padded((b, x) => [b.sum(b.cos(x), [0, 1])])
    expect(count(graph, 'sum')).toBe(0)
    expect(graph.nodes.find(({ op }) => op === 'contract')?.type.dims).toEqual([c(3)])
  })
  test('one mask serves all that read a value, and those that follow', () => {
    const graph = padded((b, x, _, w) => {
      const h = b.cos(x)
      const shifted = [-1, 1].map((offset) => b.window(h, { axis: 1, offset: c(offset), dim: t }))
      const products = shifted.map((value) => b.contract(value, w, [0, 1, 2], [2, 3], [0, 1, 3]))
      return [...products.map((value) => b.maximum(value, [2])), b.transpose(h, [0, 2, 1]), b.sum(b.relu(h), [1])]
    })
    expect(masked(graph).filter((type) => type === 'f32[batch, t, 3]')).toHaveLength(1)
    expect(count(graph, 'valid')).toBe(1)
    expect(count(graph, 'cast')).toBe(1)
  })
  test('the smaller factor of a product is masked', () => {
    const graph = padded((b, x) => [b.mul(b.cos(x), b.cos(b.sum(x, [2], true)))])
    expect(masked(graph)).toEqual(['f32[batch, t, 1]'])
  })
  test('the smaller side of a contraction is masked', () => {
    const graph = padded((b, x) => {
      const narrow = b.cos(b.sum(x, [2], true))
      return [b.contract(b.cos(x), narrow, [0, 1, 2], [0, 1, 3], [0, 2, 3])]
    })
    expect(masked(graph)).toEqual(['f32[batch, t]'])
  })
  test('what is repeated along the axis is not repeated first', () => {
    const graph = padded((b, x) => [b.broadcast(b.sum(x, [1], true), [batchDim, t, c(3)])])
    expect(count(graph, 'broadcast')).toBe(0)
    expect(masked(graph)).toEqual(['f32[batch, t, 3]'])
  })
})

describe('what may be anything', () => {
  test('is cut where it comes in, once', () => {
    const graph = padded((b, x) => [b.sum(x, [1]), b.sum(b.relu(x), [1]), b.tanh(x)], 'any')
    expect(count(graph, 'select')).toBe(1)
    expect(masked(graph)).toEqual(['f32[batch, t, 3]'])
  })
  test('ids are', () => {
    const b = createBuilder()
    const ids = b.input('ids', 'data', { dtype: 'i64', dims: [batchDim, m] })
    const table = b.input('table', 'param', f32(c(5), c(3)))
    const value = b.sum(b.gather(table, ids, 0), [1])
    const graph = b.finish({ name: 'g', outputs: [{ name: 'o', value, role: 'output' }], seqs: randomSeqs })
    expect(count(pad(graph, { inputs: 'any' }), 'select')).toBe(1)
    expect(count(pad(graph, { inputs: 'zero' }), 'select')).toBe(0)
  })
  test('divisors, logarithms and roots get 1', () => {
    for (const make of [
      (b: Builder, x: ValueId) => b.div(b.constant(1), x),
      (b: Builder, x: ValueId) => b.log(x),
      (b: Builder, x: ValueId) => b.sqrt(x),
    ]) {
      const graph = padded((b, x) => [b.sum(make(b, b.add(x, b.reshape(b.iota(t), [batchDim, t, oneDim]))), [1])])
      expect(count(graph, 'select')).toBe(1)
      for (const claims of padStates(graph, { inputs: 'zero' }).values()) expect(claims).not.toContain('any')
    }
  })
})

test('a ragged output is zero in its padding', () => {
  const graph = padded((b, x) => [b.cos(x), b.iota(t)])
  const states = padStates(graph, { inputs: 'zero' })
  for (const { value } of graph.outputs) expect(states.get(value)?.[1]).toBe(0)
})

test('a padded graph is left as it is', () => {
  const graph = padded((b, x) => [b.softmax(b.cos(x), 1)])
  expect(pad(graph, { inputs: 'zero' })).toBe(graph)
})

test('a ragged graph needs masks, and the check says where', () => {
  const b = createBuilder()
  const x = b.input('x', 'data', f32(batchDim, t, c(3)))
  const value = b.sum(b.cos(x), [1])
  const ragged = b.finish({ name: 'g', outputs: [{ name: 'o', value, role: 'output' }], seqs: randomSeqs })
  expect(checkPadding(ragged, { inputs: 'zero' })).toEqual(['%2 = sum: operand 0 (%1) must be zero on axis 1 and is 1'])
  expect(checkPadding(ragged, { inputs: 'any' })[0]).toContain('and is any')
})
