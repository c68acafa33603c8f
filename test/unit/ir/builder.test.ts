/** The builder: types, sharing, what it folds, and graphs built again. */
import { describe, expect, test } from 'vitest'
import { type Builder, copyNode, createBuilder, deadCodeElimination, mapGraph } from '../../../compiler/ir/builder.ts'
import type { Graph, TensorType, ValueId } from '../../../compiler/ir/graph.ts'
import { printGraph } from '../../../compiler/ir/text.ts'
import { verifyGraph } from '../../../compiler/ir/verify.ts'
import { formatType } from '../../../compiler/ops/types.ts'
import { parseDim } from '../../../compiler/shapes/dim.ts'

const f = (text: string): TensorType => ({ dtype: 'f32', dims: text === '' ? [] : text.split(',').map(parseDim) })
const dims = (text: string) => f(text).dims

/** A value as a nested expression, types left out. */
function show(b: Builder, value: ValueId): string {
  const node = b.node(value)
  if (node.op === 'input') return node.attributes.name
  if (node.op === 'constant') return String(node.attributes.value)
  return `${node.op}(${node.operands.map((operand) => show(b, operand)).join(', ')})`
}

const shape = '[batch, frames, 2]'
const folds: readonly (readonly [string, (b: Builder, x: ValueId, s: ValueId) => ValueId, string])[] = [
  ['x + 0', (b, x) => b.add(x, b.constant(0)), 'x'],
  ['0 + x', (b, x) => b.add(b.constant(0), x), 'x'],
  ['x - 0', (b, x) => b.sub(x, b.constant(0)), 'x'],
  ['0 - x', (b, x) => b.sub(b.constant(0), x), 'neg(x)'],
  ['x * 1', (b, x) => b.mul(x, b.constant(1)), 'x'],
  ['x * -1', (b, x) => b.mul(b.constant(-1), x), 'neg(x)'],
  ['x * 0', (b, x) => b.mul(x, b.constant(0)), 'broadcast(0)'],
  ['x / 1', (b, x) => b.div(x, b.constant(1)), 'x'],
  ['x / 4', (b, x) => b.div(x, b.constant(4)), 'mul(x, 0.25)'],
  ['x / 3', (b, x) => b.div(x, b.constant(3)), 'div(x, 3)'],
  ['0 / x', (b, x) => b.div(b.constant(0), x), 'broadcast(0)'],
  ['x ^ 0', (b, x) => b.pow(x, b.constant(0)), 'broadcast(1)'],
  ['x ^ 2', (b, x) => b.pow(x, b.constant(2)), 'mul(x, x)'],
  ['x ^ 0.5', (b, x) => b.pow(x, b.constant(0.5)), 'sqrt(x)'],
  ['--x', (b, x) => b.neg(b.neg(x)), 'x'],
  ['-(x - s)', (b, x, s) => b.neg(b.sub(x, s)), 'sub(s, x)'],
  ['x + -s', (b, x, s) => b.add(x, b.neg(s)), 'sub(x, s)'],
  ['-x * -s', (b, x, s) => b.mul(b.neg(x), b.neg(s)), 'mul(s, x)'],
  ['x * 2 * 3', (b, x) => b.mul(b.mul(x, b.constant(2)), b.constant(3)), 'mul(x, 6)'],
  ['exp(0)', (b) => b.broadcast(b.exp(b.constant(0)), dims('batch,frames,2')), 'broadcast(1)'],
  ['1 + 2', (b) => b.broadcast(b.add(b.constant(1), b.constant(2)), dims('batch,frames,2')), 'broadcast(3)'],
  ['max(x, x)', (b, x) => b.max(x, x), 'x'],
  ['not not', (b, x, s) => b.select(b.not(b.not(b.less(x, s))), x, s), 'select(less(x, s), x, s)'],
  ['select on not', (b, x, s) => b.select(b.not(b.less(x, s)), x, s), 'select(less(x, s), s, x)'],
  ['select on a constant', (b, x) => b.select(b.constant(1, { dtype: 'bool', dims: [] }), x, b.constant(0)), 'x'],
  ['transposes', (b, x) => b.transpose(b.transpose(x, [0, 2, 1]), [0, 2, 1]), 'x'],
  ['reshapes', (b, x) => b.reshape(b.reshape(x, dims('batch,2 * frames')), dims('batch,frames,2')), 'x'],
  ['broadcasts', (b, _, s) => b.broadcast(b.broadcast(s, dims('batch,1,2')), dims('batch,frames,2')), 'broadcast(s)'],
  ['x + broadcast s', (b, x, s) => b.add(x, b.broadcast(s, dims('batch,frames,2'))), 'add(x, s)'],
  ['f(broadcast s)', (b, _, s) => b.exp(b.broadcast(s, dims('batch,frames,2'))), 'broadcast(exp(s))'],
  ['a whole window', (b, x) => b.window(x, { axis: 1, offset: parseDim('0'), dim: parseDim('frames') }), 'x'],
  ['one concat', (b, x) => b.concat([x], 2), 'x'],
  ['cast to the same', (b, x) => b.cast(x, 'f32'), 'x'],
  ['sum of nothing', (b, x) => b.sum(x, []), 'x'],
  ['sum of -x', (b, x) => b.broadcast(b.sum(b.neg(x), [2], true), dims('batch,frames,2')), 'broadcast(neg(sum(x)))'],
  [
    'sum of s * x',
    (b, x, s) => b.broadcast(b.sum(b.mul(x, s), [0, 1], true), dims('batch,frames,2')),
    'broadcast(mul(sum(x), s))',
  ],
  [
    'sum of a broadcast',
    (b, _, s) => b.broadcast(b.sum(b.broadcast(s, dims('batch,frames,2')), [1], true), dims('batch,frames,2')),
    'broadcast(mul(s, reshape(length())))',
  ],
]

describe('folding', () => {
  test.each(folds)('%s', (_, make, expected) => {
    const b = createBuilder()
    const x = b.input('x', 'data', f('batch,frames,2'))
    const value = make(b, x, b.input('s', 'param', f('2')))
    expect(show(b, value)).toBe(expected)
    expect(formatType(b.typeOf(value))).toBe(`f32${shape}`)
  })
})

describe('contractions', () => {
  const b = createBuilder()
  const x = b.input('x', 'data', f('batch,frames,8'))
  const w = b.input('w', 'param', f('8,4'))
  const of = (value: ValueId) => `${show(b, value)}: ${formatType(b.typeOf(value))}`

  test('an axis of size 1 is squeezed, and what it met is summed first', () => {
    const d = b.input('d', 'data', f('batch,1,4'))
    expect(of(b.contract(d, x, [0, 1, 2], [0, 1, 3], [3, 2]))).toBe('contract(reshape(d), sum(x)): f32[8, 4]')
  })
  test('a broadcast operand is not made', () => {
    const ones = b.constant(1, f('batch,frames,4'))
    expect(of(b.contract(ones, x, [0, 1, 2], [0, 1, 3], [3, 2]))).toBe('broadcast(reshape(sum(x))): f32[8, 4]')
  })
  test('size 1 on both sides stays', () => {
    const d = b.input('d1', 'data', f('batch,1,4'))
    expect(of(b.contract(d, w, [0, 1, 2], [3, 2], [0, 1, 3]))).toBe(
      'reshape(contract(reshape(d1), w)): f32[batch, 1, 8]',
    )
  })
  test('without a sum, and with the labels of one side, it is a product', () => {
    const s = b.input('s', 'data', f('batch,frames'))
    expect(of(b.contract(x, s, [0, 1, 2], [0, 1], [0, 2, 1]))).toBe(
      'mul(transpose(x), reshape(s)): f32[batch, 8, frames]',
    )
  })
  test('what is small enough stays as it is', () => {
    expect(of(b.contract(x, w, [0, 1, 2], [2, 3], [0, 1, 3]))).toBe('contract(x, w): f32[batch, frames, 4]')
  })
})

describe('sharing', () => {
  test('equal operations are one value, whichever way round', () => {
    const b = createBuilder()
    const x = b.input('x', 'data', f('3'))
    const y = b.input('y', 'data', f('3'))
    expect(b.add(x, y)).toBe(b.add(y, x))
    expect(b.sub(x, y)).not.toBe(b.sub(y, x))
    expect(b.sum(x, [0])).toBe(b.sum(x, [0]))
    expect(b.constant(0)).not.toBe(b.constant(-0))
    expect(b.input('noise', 'noise', f('3'))).toBe(b.input('noise', 'noise', f('3')))
    expect(b.input('noise.1', 'noise', f('3'))).not.toBe(b.input('noise', 'noise', f('3')))
  })
  test('a builder on a graph keeps its ids and shares with its nodes', () => {
    const b = createBuilder()
    const x = b.input('x', 'data', f('3'))
    const y = b.exp(b.neg(x))
    const graph = b.finish({ name: 'g', outputs: [{ name: 'y', value: y, role: 'output' }] })
    const again = createBuilder(graph)
    expect(again.exp(again.neg(x))).toBe(y)
    expect(again.find('neg', [x], {})).toBe(again.neg(x))
    expect(again.find('exp', [x], {})).toBeUndefined()
    expect(again.nodes).toEqual(graph.nodes)
  })
  test('a value carries the place at which it was first made', () => {
    const b = createBuilder()
    const span = { file: 'm.model', start: 1, end: 4 }
    const here = b.in({ scope: 'enc', span })
    const x = b.input('x', 'data', f('3'))
    const y = here.in({ label: 'h' }).exp(x)
    expect(b.node(y)).toMatchObject({ scope: 'enc', label: 'h', span })
    expect(b.exp(x)).toBe(y)
    expect(b.node(x)).toMatchObject({ scope: '', label: undefined, span: undefined })
  })
})

test('what is ill typed is refused, with op and types', () => {
  const b = createBuilder()
  const x = b.input('x', 'data', f('batch,3'))
  expect(() => b.add(x, b.input('y', 'data', f('4')))).toThrow(
    'internal: add(f32[batch, 3], f32[4]) {} is ill typed: axis 1 is 3 in one operand and 4 in another',
  )
  expect(() => b.neg(99)).toThrow('internal: there is no value %99')
})

const init = { kind: 'zeros', scale: 0, fanIn: 1, fanOut: 1 } as const
function small(): Graph {
  const b = createBuilder()
  const x = b.input('x', 'data', f('batch,3'))
  const used = b.input('used', 'param', f('3'))
  const unused = b.input('unused', 'param', f('3'))
  b.mul(x, unused)
  return b.finish({
    name: 'small',
    outputs: [{ name: 'y', value: b.in({ scope: 'out' }).mul(x, used), role: 'output' }],
    variables: ['used', 'unused', 'y'].map((path) => ({ path, role: 'param', shape: [3], init, span: undefined })),
  })
}

test('finish drops what no output needs, and variables that nothing reads', () => {
  const graph = small()
  expect(graph.nodes.map((node) => node.op)).toEqual(['input', 'input', 'mul'])
  expect(graph.variables.map(({ path }) => path)).toEqual(['used', 'y'])
  expect(verifyGraph(graph)).toEqual([])
  expect(deadCodeElimination({ ...graph, outputs: [] })).toMatchObject({ nodes: [], variables: [] })
})

test('a graph built again is the same, but for what is replaced', () => {
  const graph = small()
  const again = mapGraph(graph, () => undefined)
  expect(again.nodes.map((node) => node.op)).toEqual(graph.nodes.map((node) => node.op))
  expect(printGraph(mapGraph(again, () => undefined))).toBe(printGraph(again))
  const changed = mapGraph(graph, (node, operands, b) =>
    node.op === 'mul' ? b.add(operands[0] as ValueId, copyNode(b, node, operands)) : undefined,
  )
  expect(changed.nodes.map((node) => node.op)).toEqual(['input', 'input', 'mul', 'add'])
  expect(changed.nodes.at(-1)?.scope).toBe('out')
  expect(verifyGraph(changed)).toEqual([])
})

test('a builder that does not simplify builds what it is asked for', () => {
  const b = createBuilder(undefined, { simplify: false })
  const x = b.input('x', 'data', f('3'))
  expect(show(b, b.add(b.neg(b.neg(x)), b.constant(0)))).toBe('add(neg(neg(x)), 0)')
})
