/** Diagnostics as data: JSON, order, places, suggestions. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Diagnostic, diagnose, error } from '../../../compiler/diagnostics/diagnostic.ts'
import { toJson } from '../../../compiler/diagnostics/json.ts'
import { linesOf } from '../../../compiler/diagnostics/position.ts'
import { sortDiagnostics } from '../../../compiler/diagnostics/sort.ts'
import { editDistance, suggest } from '../../../compiler/diagnostics/suggest.ts'

const at = (file: string | undefined, start: number, code = 'MCF1001', end = start + 1): Diagnostic =>
  diagnose(
    error(code, 'x', () => ({ message: 'm' })),
    file === undefined ? undefined : { file, start, end },
    {},
  )

describe('JSON', () => {
  it('has lines and columns from 1, the end exclusive', () => {
    const [first] = toJson([at('a', 6, 'MCF1001', 9)], () => 'ab\r\ncdefg\n')
    expect(first).toMatchObject({ code: 'MCF1001', severity: 'error', message: 'm', file: 'a' })
    expect(first).toMatchObject({ line: 2, column: 3, endLine: 2, endColumn: 6 })
  })
  it('says null where a place is not known', () => {
    expect(toJson([at(undefined, 0), at('gone', 3)], () => undefined)).toMatchObject([
      { file: null, line: null, column: null, endLine: null, endColumn: null },
      { file: 'gone', line: null, column: null },
    ])
  })
  it('carries labels, notes, help and fixes, and survives JSON', () => {
    const span = { file: 'a', start: 1, end: 2 }
    const full = {
      ...at('a', 0),
      labels: [{ span, text: 'l' }],
      notes: ['n'],
      help: ['h'],
      fixes: [{ title: 'f', edits: [{ span, text: 'new' }] }],
    }
    const json = toJson([full], () => 'abc')
    expect(JSON.parse(JSON.stringify(json))).toEqual(json)
    expect(json[0]?.labels).toEqual([{ text: 'l', file: 'a', line: 1, column: 2, endLine: 1, endColumn: 3 }])
    expect(json[0]?.fixes[0]?.edits[0]).toMatchObject({ text: 'new', column: 2 })
  })
})

it('order is by file as given, then place, then code; repetitions go', () => {
  const list = [at('b', 1), at('a', 9), at('a', 2, 'MCF3001'), at('a', 2), at(undefined, 0), at('b', 1), at('c', 0)]
  const places = (files?: string[]): string[] =>
    sortDiagnostics(list, files).map((d) => `${d.span?.file ?? '-'}${d.span?.start ?? ''} ${d.code.slice(3)}`)
  expect(places()).toEqual(['- 1001', 'a2 1001', 'a2 3001', 'a9 1001', 'b1 1001', 'c0 1001'])
  expect(places(['c', 'b'])).toEqual(['- 1001', 'c0 1001', 'b1 1001', 'a2 1001', 'a2 3001', 'a9 1001'])
})

it('places agree with counting line ends', () => {
  const text = fc.array(fc.constantFrom('a', 'é', '😀', '\n', '\r', '\r\n', '\t')).map((parts) => parts.join(''))
  fc.assert(
    fc.property(text, fc.nat(40), (source, n) => {
      const offset = Math.min(n, source.length)
      const { line, column } = linesOf(source).at(offset)
      // A line end counts once it is over: the `\r` of `\r\n` has not ended the line before the `\n`.
      const before = source.slice(0, offset)
      const half = before.endsWith('\r') && source.charAt(offset) === '\n'
      const pieces = (half ? before.slice(0, -1) : before).split(/\r\n|\r|\n/)
      expect(line).toBe(pieces.length)
      expect(column).toBe((pieces.at(-1) ?? '').length + 1 + (half ? 1 : 0))
    }),
  )
})

describe('suggestions', () => {
  it.each([
    ['Dnese', ['Dense', 'Conv1d'], 'Dense'],
    ['dense', ['Dense', 'dens'], 'Dense'],
    ['Conv1D', ['Conv2d', 'Conv1d'], 'Conv1d'],
    ['CrossEntorpy', ['CrossEntropy'], 'CrossEntropy'],
    ['lenght', ['length', 'lengths'], 'length'],
    ['x', ['y', 'z', 'xs'], undefined],
    ['X', ['x'], 'x'],
    ['Sc', ['Sf', 'S'], undefined],
    ['speech', ['text', 'emotion'], undefined],
    ['alpha', ['beta', 'gamma'], undefined],
    ['alhpa', [], undefined],
    ['ab1', ['ab3', 'ab2'], 'ab2'],
    ['a'.repeat(1000), ['a'.repeat(1001)], undefined],
  ])('%s', (name, candidates, expected) => {
    expect(suggest(name, candidates)).toBe(expected)
  })
  it('the distance is a distance, up to its limit', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 })
    fc.assert(
      fc.property(word, word, (a, b) => {
        const d = editDistance(a, b, 10)
        expect(d).toBe(editDistance(b, a, 10))
        expect(d === 0).toBe(a === b)
        expect(d).toBeGreaterThanOrEqual(Math.abs(a.length - b.length))
        expect(d).toBeLessThanOrEqual(Math.max(a.length, b.length))
        expect(editDistance(a, b, 1)).toBe(Math.min(d, 2))
      }),
    )
    expect(editDistance('ab', 'ba', 3)).toBe(1)
    expect(editDistance('abc', 'bca', 3)).toBe(2)
  })
})
