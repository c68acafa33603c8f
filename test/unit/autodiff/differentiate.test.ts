/** What derivatives are made of: how many passes over large tensors, and what happens where they are not defined. */
import { describe, expect, test } from 'vitest'
import { differentiate } from '../../../compiler/autodiff/differentiate.ts'
import { ndArray } from '../../../compiler/interpret/array.ts'
import { interpret } from '../../../compiler/interpret/interpret.ts'
import { type Builder, createBuilder } from '../../../compiler/ir/builder.ts'
import type { AnyNode, TensorType, ValueId } from '../../../compiler/ir/graph.ts'
import { ops } from '../../../compiler/ops/table.ts'
import { sameDims } from '../../../compiler/ops/types.ts'
import { batchDim, constantDim, type Dim, parseDim, seqDim } from '../../../compiler/shapes/dim.ts'

const frames = seqDim('frames')
const f32 = (...dims: Dim[]): TensorType => ({ dtype: 'f32', dims })
const large = [batchDim, frames, constantDim(8)]

/** The nodes that only the gradients need. */
function backwardNodes(b: Builder, loss: ValueId, gradients: readonly ValueId[]): AnyNode[] {
  const needed = (values: readonly ValueId[]) =>
    b.finish({ outputs: values.map((value, k) => ({ name: `o${k}`, value, role: 'output' as const })) }).nodes
  const forward = new Set(needed([loss]).map((node) => node.id))
  return needed([loss, ...gradients]).filter((node) => !forward.has(node.id))
}

const elementwise = (nodes: readonly AnyNode[], dims: readonly Dim[]): string[] =>
  nodes
    .filter((node) => ops[node.op].traits.some((trait) => trait === 'elementwise') && sameDims(node.type.dims, dims))
    .map((node) => node.op)

const reductions = (b: Builder, nodes: readonly AnyNode[], dims: readonly Dim[]): number =>
  nodes.filter((node) => node.op === 'sum' && sameDims(b.dimsOf(node.operands[0] as ValueId), dims)).length

describe('passes over large tensors', () => {
  test.each([true, false])('batch norm pulls back in closed form, its means kept %s', (keep) => {
    const b = createBuilder()
    const x = b.input('x', 'data', f32(...large))
    const gain = b.input('gain', 'param', f32(constantDim(8)))
    const bias = b.input('bias', 'param', f32(constantDim(8)))
    const weights = b.input('weights', 'data', f32(...large))
    const count = b.max(b.sum(b.length(frames), [0]), b.constant(1))
    const centred = b.sub(x, b.div(b.sum(x, [0, 1], keep), count))
    const variance = b.div(b.sum(b.mul(centred, centred), [0, 1], keep), count)
    const normal = b.div(centred, b.sqrt(b.add(variance, b.constant(1e-5))))
    const y = b.tanh(b.add(b.mul(normal, gain), bias))
    const loss = b.sum(b.mul(y, weights), [0, 1, 2])
    const nodes = backwardNodes(b, loss, differentiate(b, loss, [x, gain, bias]))
    // Three for tanh and its cotangent; d·x̂, d·s, x̂·k and two additions for the norm.
    expect(elementwise(nodes, large)).toHaveLength(3 + 5)
    expect(reductions(b, nodes, large)).toBe(2)
  })

  test('the cotangent of a mean is never broadcast', () => {
    const b = createBuilder()
    const x = b.input('x', 'data', f32(...large))
    const w = b.input('w', 'param', f32(constantDim(8), constantDim(4)))
    const h = b.contract(x, w, [0, 1, 2], [2, 3], [0, 1, 3])
    const mean = b.div(b.sum(h, [1]), b.max(b.reshape(b.length(frames), [batchDim, constantDim(1)]), b.constant(1)))
    const loss = b.sum(b.mul(mean, mean), [0, 1])
    const nodes = backwardNodes(b, loss, differentiate(b, loss, [w]))
    expect(nodes.filter((node) => node.op === 'broadcast')).toEqual([])
    expect(nodes.filter((node) => node.type.dims.some((dim) => dim.key === frames.key)).map((node) => node.op)).toEqual(
      [],
    )
  })

  test('x · xᵀ pulls back as one product', () => {
    const b = createBuilder()
    const x = b.input('x', 'data', f32(...large))
    const weights = b.input('weights', 'data', f32(batchDim, frames, frames))
    const gram = b.contract(x, x, [0, 1, 2], [0, 3, 2], [0, 1, 3])
    const loss = b.sum(b.mul(b.softmax(gram, 2), weights), [0, 1, 2])
    const nodes = backwardNodes(b, loss, differentiate(b, loss, [x]))
    expect(nodes.filter((node) => node.op === 'contract')).toHaveLength(1)
  })

  test('a leaky rectifier pulls back through the sign alone', () => {
    const b = createBuilder()
    const x = b.input('x', 'data', f32(...large))
    const weights = b.input('weights', 'data', f32(...large))
    const loss = b.sum(b.mul(b.max(x, b.mul(b.constant(0.01), x)), weights), [0, 1, 2])
    expect(elementwise(backwardNodes(b, loss, differentiate(b, loss, [x])), large)).toEqual(['less', 'select', 'mul'])
  })

  test('cotangents of slices that make up a value are joined', () => {
    const b = createBuilder()
    const w = b.input('w', 'param', f32(constantDim(3), constantDim(2)))
    const slice = (start: number, size: number) =>
      b.window(w, { axis: 0, offset: constantDim(start), dim: constantDim(size) })
    const total = (x: ValueId) => b.sum(b.mul(x, x), [0, 1])
    const loss = b.add(total(slice(1, 2)), total(slice(0, 1)))
    const nodes = backwardNodes(b, loss, differentiate(b, loss, [w]))
    expect(nodes.filter((node) => node.op === 'window' || node.op === 'add')).toEqual([])
    expect(nodes.at(-1)?.op).toBe('concat')
  })

  test('no mask is ever built', () => {
    const b = createBuilder()
    const x = b.input('x', 'data', f32(...large))
    const y = b.maximum(b.window(b.softmax(x, 1), { axis: 1, offset: constantDim(-1), dim: frames }), [1])
    const loss = b.sum(y, [0, 1])
    const [dx] = differentiate(b, loss, [x])
    expect(b.typeOf(dx as ValueId)).toEqual(b.typeOf(x))
    expect(b.nodes.filter((node) => node.op === 'valid')).toEqual([])
  })
})

describe('where a derivative is not defined', () => {
  /** d loss / dx at some values of x. */
  const gradient = (values: number[], make: (b: Builder, x: ValueId) => ValueId): number[] => {
    const b = createBuilder()
    const x = b.input('x', 'data', f32(constantDim(values.length)))
    const loss = b.sum(make(b, x), [0])
    const [dx] = differentiate(b, loss, [x])
    const graph = b.finish({ outputs: [{ name: 'dx', value: dx as ValueId, role: 'gradient' }] })
    return [
      ...(interpret(graph, { x: ndArray([values.length], values) }, { batch: 1, lengths: {} }).get('dx')?.data ?? []),
    ]
  }
  const zero = (b: Builder): ValueId => b.constant(0)

  test.each([
    ['log', (b: Builder, x: ValueId) => b.log(x), 0.5],
    ['sqrt', (b: Builder, x: ValueId) => b.sqrt(x), 0.5 / Math.SQRT2],
    ['1 / x', (b: Builder, x: ValueId) => b.div(b.constant(1), x), -0.25],
    ['3 / x', (b: Builder, x: ValueId) => b.div(b.constant(3), x), -0.75],
    ['x / x', (b: Builder, x: ValueId) => b.div(x, x), 0],
    ['x ^ 0.3', (b: Builder, x: ValueId) => b.pow(x, b.constant(0.3)), 0.3 * 2 ** -0.7],
    ['x ^ x', (b: Builder, x: ValueId) => b.pow(x, x), 4 * (Math.log(2) + 1)],
  ] as const)('the side of a selection that is not taken adds nothing: %s', (_, f, slope) => {
    const [negative, nought, positive] = gradient([-2, 0, 2], (b, x) => b.select(b.less(zero(b), x), f(b, x), zero(b)))
    expect([negative, nought].map((slope) => Math.abs(slope ?? Number.NaN))).toEqual([0, 0])
    expect(positive).toBeCloseTo(slope, 12)
  })

  test('it is 0 at the kinks of abs and relu, and shared evenly by equal sides', () => {
    expect(gradient([0], (b, x) => b.abs(x))).toEqual([0])
    expect(gradient([0], (b, x) => b.relu(x))).toEqual([0])
    expect(gradient([0, 1, -1], (b, x) => b.max(x, zero(b)))).toEqual([0.5, 1, 0])
    expect(gradient([0, 1, -1], (b, x) => b.min(zero(b), x))).toEqual([0.5, 0, 1])
    expect(gradient([0, 2, -2], (b, x) => b.max(b.mul(x, b.constant(0.25)), x))).toEqual([0.25, 1, 0.25])
    expect(gradient([0, 2, -2], (b, x) => b.min(x, b.mul(x, b.constant(3))))).toEqual([3, 1, 3])
    expect(gradient([0, 2, -2], (b, x) => b.max(x, b.mul(x, b.constant(-1))))).toEqual([0, 1, -1])
    expect(gradient([3, 1, 3, 3], (b, x) => b.maximum(x, [0], true))).toEqual([1 / 3, 0, 1 / 3, 1 / 3])
  })

  test.each([
    [0, [0, 0, 0]],
    [1, [1, 1, 1]],
    [2, [-4, 0, 4]],
    [3, [12, 0, 12]],
  ] as const)('x ^ %i at -2, 0 and 2', (p, slopes) => {
    expect(gradient([-2, 0, 2], (b, x) => b.pow(x, b.constant(p))).map((slope) => slope + 0)).toEqual(slopes)
  })

  test('nothing flows through stop_gradient, floor, comparisons and whole numbers', () => {
    expect(gradient([2], (b, x) => b.mul(b.stopGradient(x), x))).toEqual([2])
    expect(gradient([2.5], (b, x) => b.add(b.floor(x), b.cast(b.cast(x, 'i64'), 'f32')))).toEqual([0])
    expect(gradient([2.5], (b, x) => b.mul(b.cast(b.less(zero(b), x), 'f32'), x))).toEqual([1])
  })

  test('a mean over nothing has a gradient of 0', () => {
    const b = createBuilder()
    const x = b.input('x', 'data', f32(batchDim, frames))
    const w = b.input('w', 'param', f32())
    const each = b.div(b.mul(x, w), b.reshape(b.length(frames), [batchDim, constantDim(1)]))
    const loss = b.sum(each, [0, 1])
    const [dw] = differentiate(b, loss, [w])
    const graph = b.finish({ outputs: [{ name: 'dw', value: dw as ValueId, role: 'gradient' }] })
    const env = { batch: 2, lengths: { frames: [2, 0] } }
    expect(interpret(graph, { x: ndArray([2, 2], [1, 3, 9, 9]), w: ndArray([], [1]) }, env).get('dw')?.data[0]).toBe(2)
  })
})

test('a value that the loss does not read has a gradient of zeros, at its type', () => {
  const b = createBuilder()
  const x = b.input('x', 'data', f32(batchDim, parseDim('2 * frames')))
  const w = b.input('w', 'param', f32(constantDim(3)))
  const [dw, dx] = differentiate(b, b.sum(x, [0, 1]), [w, x]) as [ValueId, ValueId]
  expect(b.typeOf(dw)).toEqual(b.typeOf(w))
  expect(b.typeOf(dx)).toEqual(b.typeOf(x))
})

test('a loss that is not a scalar is refused', () => {
  const b = createBuilder()
  const x = b.input('x', 'data', f32(constantDim(3)))
  expect(() => differentiate(b, x, [x])).toThrow('a loss must be f32[]')
})
