/** Texts made to break a parser: each gives a few diagnostics, quickly, and a tree that recursion can walk. */
import { describe, expect, it } from 'vitest'
import type { File } from '../../../compiler/syntax/ast.ts'
import { parse } from '../../../compiler/syntax/parse.ts'
import { inModel } from '../../support/syntax.ts'

/** How deep a tree is, found without recursion. */
function depthOf(file: File): number {
  let deepest = 0
  const stack: [unknown, number][] = [[file, 0]]
  for (let next = stack.pop(); next; next = stack.pop()) {
    const [value, depth] = next
    if (typeof value !== 'object' || value === null) continue
    deepest = Math.max(deepest, depth)
    for (const child of Object.values(value)) stack.push([child, depth + (Array.isArray(value) ? 0 : 1)])
  }
  return deepest
}

const many = 10_000
const bind = (value: string): string => inModel(`v = ${value}`)

describe('deep and long expressions', () => {
  it.each([
    ['round brackets', bind(`${'('.repeat(many)}1${')'.repeat(many)}`), 'MCF1010'],
    ['square brackets', bind(`${'['.repeat(many)}1${']'.repeat(many)}`), 'MCF1010'],
    ['calls in calls', bind(`${'f('.repeat(many)}1${')'.repeat(many)}`), 'MCF1010'],
    ['indices in indices', bind(`${'x['.repeat(many)}1${']'.repeat(many)}`), 'MCF1010'],
    ['if after if', bind(`${'if a then b else '.repeat(many)}c`), 'MCF1010'],
    ['if in if', bind(`${'if '.repeat(many)}c`), 'MCF1010'],
    ['reductions', bind(`${'sum[i]('.repeat(many)}1${')'.repeat(many)}`), 'MCF1010'],
    ['repeats', bind(`${'repeat 2 from h = x { return '.repeat(many)}1${'}'.repeat(many)}`), 'MCF1010'],
    ['minus', bind(`${'- '.repeat(many)}1`), 'MCF1011'],
    ['not', bind(`${'not '.repeat(many)}1`), 'MCF1011'],
    ['powers', bind(`${'2 ^ '.repeat(many)}1`), 'MCF1011'],
    ['a sum', bind(`1${' + 1'.repeat(10 * many)}`), 'MCF1011'],
    ['a pipe', bind(`x${' |> f'.repeat(many)}`), 'MCF1011'],
    ['calls of calls', bind(`f${'()'.repeat(many)}`), 'MCF1011'],
    ['indices of indices', bind(`x${'[i]'.repeat(many)}`), 'MCF1011'],
    ['brackets in a type', `block B()(x: [${'('.repeat(many)}1${')'.repeat(many)}]) -> [] { return x }`, 'MCF1010'],
  ])('%s', (_, text, code) => {
    const { file, diagnostics } = parse(text, 'a')
    expect(diagnostics.map((d) => d.code)).toEqual([code])
    expect(depthOf(file)).toBeLessThan(1500)
  })
  it('what is allowed is not deeper than a recursive walk can go', () => {
    const chain = (length: number): string => Array.from({ length }, () => 'a').join(' + ')
    const text = bind(`${'(1 + '.repeat(98)}${chain(250)}${')'.repeat(98)}`)
    const { file, diagnostics } = parse(text, 'a')
    expect(diagnostics).toEqual([])
    expect(() => JSON.stringify(file, (_, v: unknown) => (typeof v === 'bigint' ? `${v}` : v))).not.toThrow()
  })
})

describe('a long text', () => {
  const size = 250_000
  const fill = (piece: string, length = size): string => piece.repeat(Math.ceil(length / piece.length))
  it.each([
    ['of a megabyte', inModel(fill('a = x + 1\n', 1_000_000))],
    ['of statements', inModel(fill('a = x + 1\n'))],
    ['of broken statements', inModel(fill('a = = x + 1\n'))],
    ['on one line', inModel(`a = [${fill('1, ')}1]`)],
    ['of open braces', fill('{')],
    ['of open brackets', fill('(')],
    ['of closed brackets', fill(')')],
    ['of open, then of other closed brackets', fill('[') + fill(')')],
    ['of brackets left open on each line', fill('model A { a = [\n')],
    ['of all brackets', fill('{[(')],
    ['of quotes', fill('"')],
    ['of letters that no name has', fill('αβ ')],
    ['of one name', fill('a')],
    ['of digits', inModel(`a = ${fill('9')}`)],
    ['of newlines', fill('\r\n')],
    ['of slashes', fill('/')],
    ['of documentation', fill('/// why\n')],
    ['of items cut short', fill('block x ')],
    ['of left sides that do not end', inModel(`f(${fill('a[b\n')}`)],
  ])(
    '%s takes a moment',
    (_, text) => {
      const start = performance.now()
      const { diagnostics } = parse(text, 'a')
      expect(diagnostics.length).toBeLessThan(102)
      // The machine that runs this may be busy; quadratic work would take minutes.
      expect(performance.now() - start).toBeLessThan(20_000)
    },
    60_000,
  )
})
