/** The text form of graphs, and what the checks of a graph find. */
import { describe, expect, test } from 'vitest'
import { createBuilder } from '../../../compiler/ir/builder.ts'
import type { AnyNode, Graph } from '../../../compiler/ir/graph.ts'
import { parseGraph, printGraph } from '../../../compiler/ir/text.ts'
import { verifyGraph } from '../../../compiler/ir/verify.ts'
import { batchDim, constantDim, parseDim, seqDim } from '../../../compiler/shapes/dim.ts'

function example(): Graph {
  const b = createBuilder()
  const frames = seqDim('frames')
  const x = b.input('x', 'data', { dtype: 'f32', dims: [batchDim, frames, constantDim(2)] })
  const here = b.in({ scope: 'enc "1".w', label: 'h\n', span: { file: 'a b/"m".model', start: 3, end: 17 } })
  const halved = here.window(x, {
    axis: 1,
    offset: parseDim('frames - 1'),
    stride: 2,
    dim: parseDim('(frames + 1) div 2'),
  })
  const table = b.constant([1, -0, 1e-30, Number.NEGATIVE_INFINITY, Number.NaN, 2.5], {
    dtype: 'f32',
    dims: [constantDim(3), constantDim(2)],
  })
  const sum = b.sum(halved, [1, 2], true)
  const ids = b.cast(b.reshape(sum, [batchDim]), 'i64')
  return b.finish({
    name: 'MCFN "w/o DAB"',
    outputs: [
      { name: 'emotion', value: b.gather(table, ids, 0), role: 'prediction' },
      { name: 'length', value: b.length(parseDim('frames + batch')), role: 'output' },
    ],
    seqs: [
      { name: 'frames', low: 1, high: 3000, sources: [{ input: 'x', axis: 1, lengths: 'x_lengths' }] },
      { name: 'words', low: 0, high: undefined, sources: [] },
    ],
    variables: [
      {
        path: 'emotion',
        role: 'state',
        shape: [3, 2],
        init: { kind: 'normal', scale: 0.02, fanIn: 3, fanOut: 2 },
        span: undefined,
      },
      {
        path: 'x',
        role: 'param',
        shape: [],
        init: { kind: 'zeros', scale: 0, fanIn: 1, fanOut: 1 },
        span: { file: 'm', start: 0, end: 1 },
      },
    ],
  })
}

test('a graph as text is one line a node', () => {
  expect(printGraph(example())).toMatchInlineSnapshot(`
    "graph "MCFN \\"w/o DAB\\"" ragged
    seq "frames" 1..3000 "x"[1] by "x_lengths"
    seq "words" 0..
    state "emotion" [3, 2] = normal(0.02, 3, 2)
    param "x" [] = zeros(0, 1, 1) at "m":0-1
    %0: f32[batch, frames, 2] = input() {name="x", role=data}
    %1: f32[batch, (frames + 1) div 2, 2] = window(%0) {axis=1, offset=<frames - 1>, stride=2, dilation=1, dim=<(frames + 1) div 2>} @"enc \\"1\\".w" "h\\n" at "a b/\\"m\\".model":3-17
    %2: f32[3, 2] = constant() {value=[1, -0, 1e-30, -Infinity, NaN, 2.5]}
    %3: f32[batch, 1, 1] = sum(%1) {axes=[1, 2], keep=true}
    %4: f32[batch] = reshape(%3) {dims=[<batch>]}
    %5: i64[batch] = cast(%4) {to=i64}
    %6: f32[batch, 2] = gather(%2, %5) {batchAxes=0}
    %7: f32[batch] = length() {dim=<batch + frames>}
    output "emotion" %6 prediction
    output "length" %7 output
    "
  `)
})

test('a graph is read back without loss', () => {
  const graph = example()
  expect(parseGraph(printGraph(graph))).toEqual(graph)
  expect(printGraph(parseGraph(printGraph({ ...graph, padded: true })))).toBe(printGraph({ ...graph, padded: true }))
})

test.each([
  ['nonsense', 'nonsense', '`graph` expected at column 1 of: nonsense'],
  ['an unknown op', 'graph "g" ragged\n%0: f32[] = frob()', 'expected at column 17'],
  ['a missing attribute', 'graph "g" ragged\n%1: f32[3] = sum(%0) {axes=[0]}', '`,` expected at column 31'],
  ['more than a node', 'graph "g" ragged\n%1: f32[3] = neg(%0) 7', 'the end of the line expected at column 21'],
])('%s is refused, with its place', (_, text, message) => expect(() => parseGraph(text)).toThrow(message))

describe('verification', () => {
  const broken = (change: (graph: Graph) => Partial<Graph>): string[] => {
    const graph = example()
    return verifyGraph({ ...graph, ...change(graph) })
  }
  const retype = (node: AnyNode): AnyNode => (node.op === 'sum' ? { ...node, type: { dtype: 'f32', dims: [] } } : node)

  test('finds nothing in a sound graph', () => expect(broken(() => ({}))).toEqual([]))
  test('finds a use before the definition', () => {
    expect(broken((g) => ({ nodes: [...g.nodes].reverse() }))[0]).toMatch(
      /^%\d+ = gather uses %\d+ before it is defined$/,
    )
  })
  test('finds a wrong type, and what it breaks', () => {
    const [first, second] = broken((g) => ({ nodes: g.nodes.map(retype) }))
    expect(first).toMatch(/^%\d+ = sum\(f32\[batch, .*\) .* says f32\[\] and is f32\[batch, 1, 1\]$/)
    expect(second).toMatch(/reshape\(f32\[\]\) .* is ill typed/)
  })
  test('finds names that stand twice and values that are missing', () => {
    expect(broken((g) => ({ outputs: [...g.outputs, { name: 'emotion', value: 77, role: 'output' }] }))).toEqual([
      'the output emotion stands twice',
      'the output emotion is %77, which is not defined',
    ])
    expect(broken((g) => ({ nodes: [...g.nodes, ...g.nodes.slice(0, 1)] }))).toEqual([
      '%0 is defined twice',
      'the input x stands twice',
    ])
  })
  test('finds a variable that nothing reads', () => {
    const variable = {
      path: 'w',
      role: 'param',
      shape: [],
      init: { kind: 'zeros', scale: 0, fanIn: 1, fanOut: 1 },
      span: undefined,
    } as const
    expect(broken((g) => ({ variables: [...g.variables, variable] }))).toEqual([
      'the variable w is neither read nor put out',
    ])
  })
})
