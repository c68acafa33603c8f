/** Every form of item, statement and edit, as the tree that later phases read. */
import { describe, expect, it } from 'vitest'
import { parse } from '../../../compiler/syntax/parse.ts'
import { type Json, printAst } from '../../../compiler/syntax/print.ts'
import { inModel, item, parsed, statements } from '../../support/syntax.ts'

const first = (body: string): Json => {
  const [only] = statements(body)
  if (!only) throw new Error(`nothing in ${body}`)
  return printAst(only)
}
const name = (text: string): Json => ({ kind: 'name', name: text })
const number = (text: string): Json => ({ kind: 'number', value: text, text })

describe('statements', () => {
  it.each<[string, Json]>([
    ['h = x', { kind: 'bind', names: ['h'], tuple: false, value: name('x') }],
    ['(a, b) = x', { kind: 'bind', names: ['a', 'b'], tuple: true, value: name('x') }],
    [
      'y[j: t, o] = x',
      {
        kind: 'equation',
        name: 'y',
        indices: [
          { kind: 'indexDecl', name: 'j', range: name('t') },
          { kind: 'indexDecl', name: 'o' },
        ],
        value: name('x'),
      },
    ],
    [
      'seq frames, words in 1..300',
      {
        kind: 'seq',
        names: [
          { kind: 'seqName', name: 'frames' },
          { kind: 'seqName', name: 'words', low: number('1'), high: number('300') },
        ],
      },
    ],
    ['labels l = ["a", "b"]', { kind: 'labels', name: 'l', values: ['a', 'b'] }],
    ['input x: [t, 3]', { kind: 'input', name: 'x', type: { kind: 'type', dims: [name('t'), number('3')] } }],
    ['target y: [] of l', { kind: 'target', name: 'y', type: { kind: 'type', of: name('l') } }],
    ['hyper d: int = 256', { kind: 'hyper', name: 'd', type: 'int', default: number('256') }],
    [
      'hyper a: real = 1 in 0..2 grid 0, 1',
      {
        kind: 'hyper',
        name: 'a',
        type: 'real',
        default: number('1'),
        low: number('0'),
        high: number('2'),
        grid: [number('0'), number('1')],
      },
    ],
    [
      'hyper b: bool = true grid false',
      {
        kind: 'hyper',
        name: 'b',
        type: 'bool',
        default: { kind: 'bool', value: true },
        grid: [{ kind: 'bool', value: false }],
      },
    ],
    [
      'param w: [c] = zeros',
      { kind: 'param', name: 'w', type: { kind: 'type', dims: [name('c')] }, init: name('zeros') },
    ],
    ['state m: [] = ones', { kind: 'state', name: 'm', type: { kind: 'type' }, init: name('ones') }],
    ['update m = x', { kind: 'update', name: 'm', value: name('x') }],
    ['require a', { kind: 'require', condition: name('a') }],
    ['require a, "why"', { kind: 'require', condition: name('a'), why: 'why' }],
    ['predict y = p', { kind: 'predict', name: 'y', value: name('p') }],
    ['loss l = x', { kind: 'loss', name: 'l', value: name('x') }],
    ['loss l weight w = x', { kind: 'loss', name: 'l', weight: name('w'), value: name('x') }],
    [
      'loss weight weight weight = weight',
      { kind: 'loss', name: 'weight', weight: name('weight'), value: name('weight') },
    ],
    ['output o = x', { kind: 'output', name: 'o', value: name('x') }],
    ['return x', { kind: 'return', value: name('x') }],
  ])('%s', (text, tree) => {
    expect(first(text)).toEqual(tree)
  })
})

describe('items', () => {
  it('use, const, labels', () => {
    const file = parsed('use "std/blocks"\nconst mels = 40\nlabels l = ["a"]')
    expect(file.items.map((one) => printAst(one))).toEqual([
      { kind: 'use', path: 'std/blocks' },
      { kind: 'const', name: 'mels', value: number('40') },
      { kind: 'labels', name: 'l', values: ['a'] },
    ])
  })
  it('a block with its header', () => {
    const block = item('block', 'block B(w: int = 3, bias: bool)(x: [t, c], y: [] of k) -> ([t], []) { return (x, y) }')
    expect({ ...(printAst(block) as object), body: block.body.length }).toEqual({
      kind: 'block',
      name: 'B',
      statics: [
        { kind: 'staticParam', name: 'w', type: 'int', default: number('3') },
        { kind: 'staticParam', name: 'bias', type: 'bool' },
      ],
      params: [
        { kind: 'tensorParam', name: 'x', type: { kind: 'type', dims: [name('t'), name('c')] } },
        { kind: 'tensorParam', name: 'y', type: { kind: 'type', of: name('k') } },
      ],
      results: [{ kind: 'type', dims: [name('t')] }, { kind: 'type' }],
      tuple: true,
      body: 1,
    })
    expect(item('block', 'block B()() -> [] { return 1 }')).toMatchObject({ statics: [], params: [], tuple: false })
    expect(item('block', 'block B()(x: []) -> ([]) { return x }')).toMatchObject({ tuple: true })
  })
  it('a variant with every edit', () => {
    const text = `variant "v" of M {
      alpha = 0; DAB.TAB = Zeros
      (Sf, A.b) = F()(S)
      labels l = ["a"]
      new input wave: [samples]; drop loss ce; drop output fused
    }`
    const set = (targets: Json, tuple: boolean): Json => ({ kind: 'setEdit', targets, tuple })
    const edits = item('variant', text).edits.map((edit) => {
      const printed = printAst(edit)
      return edit.kind === 'setEdit' ? set((printed as { targets: Json }).targets, edit.tuple) : printed
    })
    expect(edits).toEqual([
      set([['alpha']], false),
      set([['DAB', 'TAB']], false),
      set([['Sf'], ['A', 'b']], true),
      { kind: 'labels', name: 'l', values: ['a'] },
      { kind: 'newEdit', statement: { kind: 'input', name: 'wave', type: { kind: 'type', dims: [name('samples')] } } },
      { kind: 'dropEdit', what: 'loss', name: 'ce' },
      { kind: 'dropEdit', what: 'output', name: 'fused' },
    ])
  })
})

describe('places', () => {
  const text = 'model M {\r\n  y[j] = (a + b) * f(x)\r\n}\r\n'
  it('are lines and columns where the text is given', () => {
    const { file } = parse(text, 'a.model')
    expect(printAst(file, text)).toMatchObject({
      at: '1:1-4:1',
      items: [{ at: '1:1-3:2', body: [{ at: '2:3-2:24' }] }],
    })
  })
  it('cover brackets that leave no node', () => {
    const [equation] = statements('y[j] = (a + b) * f(x)')
    if (equation?.kind !== 'equation' || equation.value.kind !== 'binary') throw new Error('not what was written')
    const source = inModel('y[j] = (a + b) * f(x)')
    const at = ({ start, end }: { start: number; end: number }): string => source.slice(start, end)
    expect(at(equation.value.span)).toBe('(a + b) * f(x)')
    expect(at(equation.value.opSpan)).toBe('*')
    expect(at(equation.value.left.span)).toBe('a + b')
    expect(at(equation.value.right.span)).toBe('f(x)')
    expect(at(equation.name.span)).toBe('y')
  })
})
