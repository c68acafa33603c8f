/** Passes that only make a graph cheaper: what it computes stays the same. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { differentiate } from '../../../compiler/autodiff/differentiate.ts'
import { type NdArray, ndArray } from '../../../compiler/interpret/array.ts'
import { interpret } from '../../../compiler/interpret/interpret.ts'
import { type Env, shapeOf } from '../../../compiler/interpret/ragged.ts'
import { createBuilder } from '../../../compiler/ir/builder.ts'
import type { AnyNode, Graph } from '../../../compiler/ir/graph.ts'
import { verifyGraph } from '../../../compiler/ir/verify.ts'
import type { OpName } from '../../../compiler/ops/op.ts'
import { branchless } from '../../../compiler/passes/branchless.ts'
import { centre } from '../../../compiler/passes/centre.ts'
import { foldAffine } from '../../../compiler/passes/fold-affine.ts'
import { foldConstants, type Weights } from '../../../compiler/passes/fold-constants.ts'
import { layout } from '../../../compiler/passes/layout.ts'
import { type Pass, runPasses } from '../../../compiler/passes/pass.ts'
import { shifts } from '../../../compiler/passes/shifts.ts'
import { taps } from '../../../compiler/passes/taps.ts'
import { batchDim, constantDim, oneDim, seqDim } from '../../../compiler/shapes/dim.ts'
import { buildTrainingGraph } from '../../../compiler/train/training-graph.ts'
import { handMadeMcfn } from '../../support/hand-made.ts'
import { distance } from '../../support/ort.ts'
import { buildRandomGraph, ID_COUNT } from '../../support/random-graph.ts'

const lengths = { t: [5, 2, 3], m: [1, 4, 2], frames: [6, 4, 7], words: [3, 5, 2] }
const env: Env = { batch: 3, lengths }

function feedsOf(graph: Graph): Record<string, NdArray> {
  const feeds: Record<string, NdArray> = {}
  for (const node of graph.nodes) {
    if (node.op !== 'input') continue
    const shape = shapeOf(node.type.dims, env)
    const size = shape.reduce((a, b) => a * b, 1)
    const { name, role } = node.attributes
    const value = (i: number): number => {
      if (node.type.dtype === 'i64') return i % Math.min(ID_COUNT, 3)
      // Weights are f32, variances positive.
      if (role === 'param' || role === 'state') return Math.fround(0.6 + 0.5 * Math.sin(i * 1.3 + name.length))
      return role === 'noise' ? ((i * 37) % 64) / 64 : Math.sin(i * 1.7 + name.length)
    }
    feeds[name] = ndArray(
      shape,
      Array.from({ length: size }, (_, i) => value(i)),
      node.type.dtype,
    )
  }
  return feeds
}

function expectSame(before: Graph, after: Graph, tolerance: number): void {
  expect(verifyGraph(after)).toEqual([])
  const feeds = feedsOf(before)
  const [want, found] = [interpret(before, feeds, env), interpret(after, feeds, env)]
  for (const [name, value] of want) {
    if (value.data.some((x) => Math.abs(x) > 1e6)) continue
    expect(distance(found.get(name) as NdArray, value), name).toBeLessThan(tolerance)
  }
}

const weightsOf = (graph: Graph): Weights =>
  new Map(Object.entries(feedsOf(graph)).map(([name, { data }]) => [name, Float32Array.from(data)]))

const rewrites: readonly { readonly name: string; readonly of: (graph: Graph) => Pass; readonly tolerance: number }[] =
  [
    { name: 'branchless', of: () => branchless, tolerance: 1e-9 },
    { name: 'centre', of: () => centre, tolerance: 1e-9 },
    { name: 'layout', of: () => layout, tolerance: 1e-9 },
    { name: 'fold-affine', of: () => foldAffine, tolerance: 1e-9 },
    { name: 'shifts', of: () => shifts, tolerance: 1e-9 },
    { name: 'taps', of: () => taps, tolerance: 1e-9 },
    { name: 'fold-constants', of: (graph) => foldConstants(weightsOf(graph)), tolerance: 1e-9 },
  ]

const program = handMadeMcfn({ d: 8, audio: 5, text: 3, heads: 2, hidden: 4, classes: 3 })
const graphs = {
  inference: program.inference,
  forward: program.training,
  joint: buildTrainingGraph(program, 'adam').graph,
}

describe.each(rewrites)('$name', ({ of, tolerance }) => {
  test('keeps what random graphs compute', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 1 << 20 }), { minLength: 3, maxLength: 90 }), (choices) => {
        const graph = buildRandomGraph(choices)
        expectSame(graph, of(graph).run(graph), tolerance)
      }),
      { numRuns: 60 },
    )
  })

  test.each(Object.entries(graphs))('keeps what the network computes: %s', (_, graph) => {
    expectSame(graph, of(graph).run(graph), tolerance)
  })
})

const count = (graph: Graph, op: OpName, where: (node: AnyNode) => boolean = () => true): number =>
  graph.nodes.filter((node) => node.op === op && where(node)).length
const f32 = (...dims: (typeof batchDim)[]) => ({ dtype: 'f32', dims }) as const
const frames = seqDim('frames')
const c = constantDim

test('leaky rectifiers choose nothing, forwards and backwards', () => {
  const b = createBuilder()
  const x = b.input('x', 'data', f32(batchDim, c(4)))
  const y = b.select(b.less(b.constant(0), x), x, b.mul(b.constant(0.01), x))
  const loss = b.sum(b.mul(y, y), [0, 1])
  const [gradient] = differentiate(b, loss, [x]) as [number]
  const graph = b.finish({
    outputs: [
      { name: 'y', value: y, role: 'output' },
      { name: 'gradient', value: gradient, role: 'gradient' },
    ],
  })
  const after = branchless.run(graph)
  expect(count(graph, 'select')).toBeGreaterThan(0)
  expect(count(after, 'select')).toBe(0)
  expectSame(graph, after, 1e-12)
})

test.each([true, false])('a shift of each position leaves a sum along the last axis, kept: %s', (keep) => {
  const b = createBuilder()
  const x = b.input('x', 'data', f32(batchDim, frames, c(4)))
  const shift = b.reshape(b.sum(x, [2]), [batchDim, frames, oneDim])
  const graph = b.finish({
    seqs: [{ name: 'frames', low: 1, high: undefined, sources: [{ input: 'x', axis: 1, lengths: 'x_lengths' }] }],
    outputs: [{ name: 'sum', value: b.sum(b.add(b.mul(x, x), shift), [2], keep), role: 'output' }],
  })
  expectSame(graph, centre.run(graph), 1e-12)
})

test('a bias before a normalisation over the batch has no gradient, and is not added', () => {
  const b = createBuilder()
  const x = b.input('x', 'data', f32(batchDim, frames, c(4)))
  const bias = b.input('b', 'param', f32(c(4)))
  const shifted = b.add(b.mul(x, x), bias)
  const n = b.max(b.sum(b.length(frames), [0]), b.constant(1))
  const mean = b.div(b.sum(shifted, [0, 1]), n)
  const centred = b.sub(shifted, mean)
  const graph = b.finish({
    seqs: [{ name: 'frames', low: 1, high: undefined, sources: [{ input: 'x', axis: 1, lengths: 'x_lengths' }] }],
    outputs: [
      { name: 'centred', value: centred, role: 'output' },
      { name: 'mean', value: mean, role: 'output' },
    ],
  })
  const after = centre.run(graph)
  expect(count(after, 'add', (node) => node.type.dims.length === 3)).toBe(0)
  expectSame(graph, after, 1e-12)
  const again = createBuilder(after)
  const value = after.outputs[0]?.value as number
  const parameter = after.nodes.find((node) => node.op === 'input' && node.attributes.name === 'b')
  const loss = again.sum(again.mul(value, again.mul(value, value)), [0, 1, 2])
  const [gradient] = differentiate(again, loss, [parameter?.id as number]) as [number]
  const made = interpret(
    again.finish({ outputs: [{ name: 'g', value: gradient, role: 'gradient' }] }),
    feedsOf(after),
    env,
  )
  expect([...(made.get('g') as NdArray).data]).toEqual([0, 0, 0, 0])
})

test('a product takes a transposed operand as it stands, through element-wise operations', () => {
  const b = createBuilder()
  const x = b.input('x', 'data', f32(batchDim, frames, c(4)))
  const w = b.input('w', 'param', f32(c(4), c(3)))
  const scores = b.contract(x, w, [0, 1, 2], [2, 3], [0, 1, 3])
  const turned = b.softmax(b.tanh(b.transpose(scores, [0, 2, 1])), 2)
  const read = b.contract(turned, x, [0, 1, 2], [0, 2, 3], [0, 1, 3])
  const graph = b.finish({
    seqs: [{ name: 'frames', low: 1, high: undefined, sources: [{ input: 'x', axis: 1, lengths: 'x_lengths' }] }],
    outputs: [{ name: 'y', value: read, role: 'output' }],
  })
  const after = layout.run(graph)
  expect(count(after, 'transpose')).toBe(0)
  expectSame(graph, after, 1e-12)
})

describe('a convolution', () => {
  const b = createBuilder()
  const x = b.input('x', 'data', f32(batchDim, frames, c(4)))
  const w = b.input('w', 'param', f32(c(3), c(4), c(4)))
  const products = [0, 1, 2].map((k) => {
    const tap = b.reshape(b.window(w, { axis: 0, offset: c(k), dim: c(1) }), [c(4), c(4)])
    const read = b.window(b.tanh(x), { axis: 1, offset: c(2 * k - 2), dim: frames })
    return b.contract(read, tap, [0, 1, 2], [2, 3], [0, 1, 3])
  })
  const y = products.reduce((p, q) => b.add(p, q))
  const gradients = differentiate(b, b.sum(b.mul(y, b.tanh(y)), [0, 1, 2]), [x, w]) as [number, number]
  const graph = b.finish({
    seqs: [{ name: 'frames', low: 1, high: undefined, sources: [{ input: 'x', axis: 1, lengths: 'x_lengths' }] }],
    outputs: [
      { name: 'y', value: y, role: 'output' },
      ...gradients.map((value, k) => ({ name: `gradient ${k}`, value, role: 'gradient' }) as const),
    ],
  })
  const isShift = (node: AnyNode): boolean =>
    node.op === 'window' && node.attributes.axis === 1 && node.type.dims.length === 3

  test('shifts its input and its cotangent, and no product', () => {
    const after = runPasses(graph, [shifts])
    const shifted = after.nodes.filter(isShift).map((node) => node.operands[0])
    expect(shifted.length).toBe(4)
    expect(new Set(shifted).size).toBe(2)
    expect(count(after, 'contract')).toBe(9)
    expectSame(graph, after, 1e-12)
  })

  test('is one product, and two backwards', () => {
    const after = runPasses(graph, [shifts, taps])
    expect(count(after, 'contract')).toBe(3)
    expectSame(graph, after, 1e-12)
  })

  test('stays as it is where something else reads a product', () => {
    const outputs = [...graph.outputs, { name: 'first', value: products[0] as number, role: 'output' } as const]
    const more = { ...graph, outputs }
    expect(count(runPasses(more, [taps]), 'contract')).toBeGreaterThan(3)
    expectSame(more, runPasses(more, [shifts, taps]), 1e-12)
  })
})
