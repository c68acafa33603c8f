/** Diagnostics as a person sees them. */
import { describe, expect, it } from 'vitest'
import { type Diagnostic, diagnose, error, warning } from '../../../compiler/diagnostics/diagnostic.ts'
import { renderText } from '../../../compiler/diagnostics/render.ts'

interface Parts {
  readonly message?: string
  readonly at?: readonly [number, number]
  readonly file?: string
  readonly caption?: string
  readonly labels?: readonly { at: readonly [number, number]; text: string; file?: string }[]
  readonly notes?: readonly string[]
  readonly help?: readonly string[]
  readonly warn?: boolean
}
function make(parts: Parts): Diagnostic {
  const span = (at: readonly [number, number], file = parts.file ?? 'a.model') => ({ file, start: at[0], end: at[1] })
  const text = () => ({
    message: parts.message ?? 'wrong',
    caption: parts.caption,
    labels: (parts.labels ?? []).map((label) => ({ span: span(label.at, label.file), text: label.text })),
    notes: parts.notes ?? [],
    help: parts.help ?? [],
  })
  const row = parts.warn ? warning('MCF3001', 'x', text) : error('MCF3001', 'x', text)
  return diagnose(row, parts.at ? span(parts.at) : undefined, {})
}
const render = (text: string | undefined, parts: Parts): string =>
  renderText([make(parts)], () => text, { color: false })
/** The place of a piece of text. */
const at = (text: string, piece: string): [number, number] => {
  const start = text.indexOf(piece)
  return [start, start + piece.length]
}

describe('text', () => {
  it('shows the frame of the language reference', () => {
    const text = `${'\n'.repeat(40)}    diff = S - Sc\n`
    const out = render(text, {
      message: '`S - Sc` needs equal shapes',
      at: at(text, 'S'),
      caption: '[frames, 256]',
      labels: [{ at: at(text, 'Sc'), text: '[words, 256]' }],
      notes: ['axis 0: `frames` (input speech, line 12) is not `words` (input text, line 13)'],
      help: ['pool both over time first'],
    })
    expect(out).toBe(`error[MCF3001]: \`S - Sc\` needs equal shapes
  --> a.model:41:12
   |
41 |     diff = S - Sc
   |            ^   -- [words, 256]
   |            [frames, 256]
   = axis 0: \`frames\` (input speech, line 12) is not \`words\` (input text, line 13)
   = help: pool both over time first
`)
  })
  it('puts near lines in one frame and far ones, and other files, in their own', () => {
    const lines = Array.from({ length: 120 }, (_, i) => `v${i + 1} = x`)
    const text = lines.join('\n')
    const out = render(text, {
      at: at(text, 'v110'),
      caption: 'here',
      labels: [
        { at: at(text, 'v108'), text: 'near' },
        { at: at(text, 'v7 '), text: 'far' },
        { at: at(text, 'v9 '), text: 'elsewhere', file: 'b.model' },
      ],
    })
    expect(out).toBe(`error[MCF3001]: wrong
   --> a.model:110:1
    |
108 | v108 = x
    | ---- near
109 | v109 = x
110 | v110 = x
    | ^^^^ here
   ::: a.model:7:1
    |
  7 | v7 = x
    | --- far
   ::: b.model:9:1
    |
  9 | v9 = x
    | --- elsewhere
`)
  })
  it('shows what has no place, or no text', () => {
    expect(render('', { warn: true, help: ['one\ntwo'] })).toBe('warning[MCF3001]: wrong\n   = help: one\n     two\n')
    expect(render(undefined, { at: [3, 4] })).toBe('error[MCF3001]: wrong\n  --> a.model\n')
  })
  it('sends no control character to a terminal', () => {
    const bad = 'a\u001b[31m\u202eb\r'
    const parts: Parts = { at: [0, 1], caption: bad, labels: [{ at: [0, 1], text: bad }], notes: [bad], help: [bad] }
    const out = renderText([{ ...make(parts), message: bad }], () => bad, { color: false })
    expect(out.split('a\\u001b[31m\\u202eb\\u000d')).toHaveLength(6)
    expect(out.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u)
  })
  it('separates two by a blank line, and is empty for none', () => {
    expect(renderText([make({}), make({})], () => '', { color: false })).toBe(
      'error[MCF3001]: wrong\n\nerror[MCF3001]: wrong\n',
    )
    expect(renderText([], () => '', { color: true })).toBe('')
  })
  it('colours only when asked to', () => {
    const parts: Parts = { at: [0, 1], caption: 'c', labels: [{ at: [2, 3], text: 'l' }], notes: ['n'], help: ['h'] }
    const colored = renderText([make(parts)], () => 'a b', { color: true })
    const plain = renderText([make(parts)], () => 'a b', { color: false })
    expect(plain).not.toContain('\u001b')
    expect(colored).toContain('\u001b[1;31m')
    // The escapes themselves, without a control character in a pattern.
    const bare = colored.split('\u001b').map((part, i) => (i === 0 ? part : part.replace(/^\[[\d;]*m/, '')))
    expect(bare.join('')).toBe(plain)
  })
})

describe('places that are hard to show', () => {
  /** The source line and the row of carets under it. */
  const frame = (text: string, place: readonly [number, number]): string[] =>
    render(text, { at: place })
      .split('\n')
      .slice(3, 5)
      .map((line) => line.slice(5))
  it.each<[string, string, readonly [number, number], string, string]>([
    ['tabs', '\ta\tb = c', [3, 4], '    a   b = c', '        ^'],
    ['windows line ends', 'a = b\r\nc = d\r\n', [7, 8], 'c = d', '^'],
    ['wide and joined characters', '"感情 é😀" = x', [11, 12], '"感情 é😀" = x', '             ^'],
    ['an empty file', '', [0, 0], '', '^'],
    ['the end of the file', 'a = ', [4, 4], 'a =', '    ^'],
    ['the end of the file after a newline', 'a = b\n', [6, 6], '', '^'],
    ['past the end', 'a', [7, 9], 'a', ' ^'],
    ['several lines', 'a = f(\n  b\n)', [4, 12], 'a = f(', '    ^^'],
    ['nothing at all', 'abc', [1, 1], 'abc', ' ^'],
    ['control characters', 'a\u001b[31m\u202eb', [7, 8], 'a\ufffd[31m\ufffdb', '       ^'],
  ])('%s', (_, text, place, line, carets) => {
    expect(frame(text, place)).toEqual([line, carets])
  })
  it('a long line is cut around the place', () => {
    const text = `${'x + '.repeat(5000)}BAD${' + y'.repeat(5000)}`
    const [line = '', carets = ''] = frame(text, at(text, 'BAD'))
    expect(line.length).toBeLessThan(160)
    expect(line.startsWith('…')).toBe(true)
    expect(line.endsWith('…')).toBe(true)
    expect(line.slice(carets.indexOf('^'), carets.lastIndexOf('^') + 1)).toBe('BAD')
  })
})
