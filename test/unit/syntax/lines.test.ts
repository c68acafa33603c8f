/** Where a statement ends: newlines, `;`, brackets, operators; and what documentation belongs to. */
import { describe, expect, it } from 'vitest'
import type { Statement } from '../../../compiler/syntax/ast.ts'
import { inModel, item, parsed, problems, show, statements } from '../../support/syntax.ts'

const brief = (list: readonly Statement[]): string[] =>
  list.map((s) => (s.kind === 'bind' ? `${s.names.map((n) => n.name).join(' ')} = ${show(s.value)}` : s.kind))

describe('a line goes on', () => {
  it.each([
    ['in round brackets', 'v = f(\n a,\n b\n)'],
    ['in square brackets', 'v = [\n\na\n,\n b]'],
    ['before an operator', 'v = a\n + b\n - c\n * d'],
    ['before a pipe', 'v = a\n\n  |> f\n  |> g'],
    ['before then and else', 'v = if a\n then b\n else c'],
    ['after an operator', 'v = a +\n b and\n not\n c'],
    ['after `=`', 'v =\n\n a'],
    ['after then and else', 'v = if a then\n b else\n c'],
    ['after a comma', 'v = f(a)\nseq a,\n b'],
    ['before a comment and an operator', 'v = a // why\n // more\n + b'],
    ['before a brace', 'v = repeat 3 from h = x\n{\n return h\n}'],
  ])('%s', (_, text) => {
    const unfolded = text.replace(/\/\/.*$/gm, '').replace(/\s*\n\s*/g, (s) => (text.includes('{') ? s : ' '))
    expect(problems(inModel(text))).toEqual([])
    if (!text.includes('seq')) expect(brief(statements(text))).toEqual(brief(statements(unfolded)))
  })
})

describe('a statement ends', () => {
  it.each([
    ['a = 1\nb = 2', ['a = 1', 'b = 2']],
    ['a = 1; b = 2', ['a = 1', 'b = 2']],
    ['a = 1;\n;\n\nb = 2;', ['a = 1', 'b = 2']],
    ['a = 1\r\nb = 2\rc = 3', ['a = 1', 'b = 2', 'c = 3']],
    ['a = f(x)\n(b, c) = g(x)', ['a = f(x)', 'b c = g(x)']],
    ['a = x\nb = [x]', ['a = x', 'b = [x]']],
    ['a = (repeat 2 from h = x { y = h\n z = y\n return z })\nb = 1', ['a = repeat 2 from h = x {3}', 'b = 1']],
    ['', []],
    ['\n\n// nothing\n;', []],
  ])('%j', (text, expected) => {
    expect(brief(statements(text))).toEqual(expected)
  })
})

describe('a number needs a digit after its dot', () => {
  it('so 0..1 is a range and 1.5 a number', () => {
    const [first] = statements('seq t in 1..3000')
    const [second] = statements('hyper a: real = 0.5 in 0..1.5')
    if (first?.kind !== 'seq' || second?.kind !== 'hyper') throw new Error('not what was written')
    const bounds = [first.names[0]?.low, first.names[0]?.high, second.low, second.high]
    expect(bounds.map((b) => (b ? show(b) : b))).toEqual(['1', '3000', '0', '1.5'])
  })
})

describe('documentation', () => {
  const text = `/// not this one

/// Energies,
///   indented.
// a comment between
block B()(x: []) -> [] {
  /// The half.
  h = x / 2 /// not this either
  return h
}
//// a divider
const a = 1
/// A variant.
variant "v" of M {
  /// The wave.
  new input wave: [samples]
}
`
  it('belongs to what stands right below', () => {
    const file = parsed(text)
    const docs = file.items.map((one) => (one.kind === 'use' ? undefined : one.doc))
    expect(docs).toEqual(['Energies,\n  indented.', '', 'A variant.'])
    const [half, back] = item('block', text).body
    expect(half?.kind === 'bind' && half.doc).toBe('The half.')
    expect(back?.kind).toBe('return')
    const [edit] = item('variant', text).edits
    expect(edit?.kind === 'newEdit' && edit.statement.kind === 'input' && edit.statement.doc).toBe('The wave.')
  })
})
