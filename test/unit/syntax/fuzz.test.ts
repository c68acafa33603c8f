/** Whatever the text: the parser ends, does not throw, and its spans lie in the text, children in their parents. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toJson } from '../../../compiler/diagnostics/json.ts'
import { renderText } from '../../../compiler/diagnostics/render.ts'
import type { Span } from '../../../compiler/syntax/ast.ts'
import { parse } from '../../../compiler/syntax/parse.ts'
import { printAst } from '../../../compiler/syntax/print.ts'
import { keywords } from '../../../grammar/words.ts'

const isSpan = (value: unknown): value is Span =>
  typeof value === 'object' && value !== null && 'start' in value && 'end' in value && 'file' in value

function check(text: string): void {
  const { file, diagnostics } = parse(text, 'a')
  const within = (span: Span, outer: Span): boolean =>
    outer.start <= span.start && span.start <= span.end && span.end <= outer.end
  const visit = (value: unknown, outer: Span): void => {
    if (typeof value !== 'object' || value === null) return
    const own = 'span' in value && isSpan(value.span) ? value.span : outer
    if (!within(own, outer)) throw new Error(`${JSON.stringify(own)} is not within ${JSON.stringify(outer)}`)
    for (const child of Object.values(value)) if (!isSpan(child)) visit(child, own)
  }
  const whole = { file: 'a', start: 0, end: text.length }
  visit(file, whole)
  for (const { span } of diagnostics) expect(span && within(span, whole)).toBe(true)
  expect(typeof renderText(diagnostics, () => text, { color: true })).toBe('string')
  expect(toJson(diagnostics, () => text)).toHaveLength(diagnostics.length)
  expect(printAst(file, text)).not.toBeNull()
}

const words = [...keywords, 'weight', 'grid', 'as', 'from', 'int', 'real', 'sum', 'max', 'softmax']
const others = [
  ...['a', 'b1', 'Dense', 'M', '0', '1.5', '25ms', '3x', '1e9', '"t"', '"open', '"\\q"', '\n', '\n\n', ';', ' ', '\t'],
  ...['(', ')', '[', ']', '{', '}', '|>', '^', '.', '..', '->', '-', '+', '*', '/', '==', '!=', '<=', '<', '=', ','],
  ...[':', '//', '/// doc', '@', 'é', '😀', '\r', '\r\n', '\ufeff', '\u2028', '\0'],
]
const token = fc.oneof(fc.constantFrom(...words), fc.constantFrom(...others))
const soup = fc.array(token, { maxLength: 60 }).map((tokens) => tokens.join(' '))
/** Pieces that are nearly right, so that the parser gets somewhere. */
const line = fc.oneof(
  soup,
  fc.constantFrom('a = b', 'y[j: t, o] = sum[k](x[j + k] * w[k, o])', 'return if a then b else c', 'seq t in 1..9'),
  fc
    .tuple(fc.constantFrom('a = ', 'param w: [c] = ', 'loss l weight ', 'require '), soup)
    .map((parts) => parts.join('')),
)
const nearly = fc
  .tuple(
    fc.constantFrom(
      'model M {\n',
      'block B(n: int)(x: [t]) -> [t] {\n',
      'variant "v" of M {\n',
      'a = repeat 2 from h = x {\n',
      '',
    ),
    fc.array(line, { maxLength: 8 }),
    fc.constantFrom('\n}', '', '}}', ')'),
  )
  .map(([head, lines, tail]) => `${head}${lines.join('\n')}${tail}`)

describe('random', () => {
  it('text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), check), { numRuns: 300 })
  })
  it('tokens', () => {
    fc.assert(fc.property(soup, check), { numRuns: 500 })
  })
  it('files of lines that are nearly right', () => {
    fc.assert(
      fc.property(fc.array(nearly, { maxLength: 4 }), (items) => check(items.join('\n'))),
      { numRuns: 500 },
    )
  })
})
