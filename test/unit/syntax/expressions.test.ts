/** Precedence, calls, indices, binders, literals: an expression becomes the tree that the language's table gives. */
import { describe, expect, it } from 'vitest'
import { inModel, problems, shape } from '../../support/syntax.ts'

describe('precedence, tightest first', () => {
  it.each([
    // index and call before ^
    ['x[i] ^ 2', '(x[i] ^ 2)'],
    ['2 ^ f(x)', '(2 ^ f(x))'],
    // ^ groups to the right, before .
    ['a ^ b ^ c', '(a ^ (b ^ c))'],
    ['a . b ^ c', '(a . (b ^ c))'],
    ['a ^ b . c', '((a ^ b) . c)'],
    // . before unary -
    ['-a . b', '(- (a . b))'],
    ['-a ^ 2', '(- (a ^ 2))'],
    ['a ^ -b', '(a ^ (- b))'],
    ['a ^ -b ^ c', '(a ^ (- (b ^ c)))'],
    // unary - before * / div mod
    ['-a * b', '((- a) * b)'],
    ['a * -b', '(a * (- b))'],
    ['a * b / c div d mod e', '((((a * b) / c) div d) mod e)'],
    ['a . b * c . d', '((a . b) * (c . d))'],
    // + -
    ['a - b - c', '((a - b) - c)'],
    ['a + b * c', '(a + (b * c))'],
    ['a - -b', '(a - (- b))'],
    ['- - a', '(- (- a))'],
    // comparisons
    ['a + b <= c - d', '((a + b) <= (c - d))'],
    ['a == b and c != d', '((a == b) and (c != d))'],
    // not, and, or
    ['not a == b', '(not (a == b))'],
    ['not not a', '(not (not a))'],
    ['not a and b', '((not a) and b)'],
    ['a and not b', '(a and (not b))'],
    ['a or b and c', '(a or (b and c))'],
    ['a and b or c and d', '((a and b) or (c and d))'],
    // if, which takes all that follows
    ['if a or b then c + 1 else d + 1', '(if (a or b) then (c + 1) else (d + 1))'],
    ['if a then b else if c then d else e', '(if a then b else (if c then d else e))'],
    ['if a then b else x |> f', '(if a then b else (x |> f))'],
    ['1 + (if a then b else c) * 2', '(1 + ((if a then b else c) * 2))'],
    // brackets
    ['(a + b) * c', '((a + b) * c)'],
    ['((a))', 'a'],
    ['(a, b + 1)', '<a, (b + 1)>'],
    ['[a, b]', '[a, b]'],
  ])('%s', (text, tree) => {
    expect(shape(text)).toBe(tree)
  })
})

describe('pipes', () => {
  it.each([
    ['x |> f |> g(1)', '((x |> f) |> g(1))'],
    ['(a, b) |> f', '(<a, b> |> f)'],
    ['(a + b) |> f', '((a + b) |> f)'],
    ['a + (b |> f)', '(a + (b |> f))'],
    ['x |> Dense(4)(y)', '(x |> Dense(4)(y))'],
    ['concat(a, b) |> softmax', '(concat(a, b) |> softmax)'],
  ])('%s', (text, tree) => {
    expect(shape(text)).toBe(tree)
  })
  it.each(['x + x |> TAB()', 'x |> f + 1', '-x |> f', 'x |> f == y', 'not x |> f', 'a ^ b |> f', 'x |> f . y'])(
    'is refused beside an operator: %s',
    (text) => {
      expect(problems(inModel(`v = ${text}`))).toEqual(['MCF1013 |>'])
    },
  )
})

describe('calls, indices and binders', () => {
  it.each([
    ['f()', 'f()'],
    ['Conv1d(4, width = 5)(x)', 'Conv1d(4, width = 5)(x)'],
    ['f(weight = 1, from = 2, grid = a)', 'f(weight = 1, from = 2, grid = a)'],
    ['f(a == b)', 'f((a == b))'],
    ['x[j + 2 * k - pad, p]', 'x[((j + (2 * k)) - pad), p]'],
    ['E[ids[j]]', 'E[ids[j]]'],
    ['sum[i](x[i])', 'sum[i](x[i])'],
    ['sum[k: 2 * r + 1, p](w[k])', 'sum[k: ((2 * r) + 1), p](w[k])'],
    ['softmax[i if i <= j](u[i]) . v', '(softmax[i if (i <= j)](u[i]) . v)'],
    ['mean[n](x[n]) + max[n](x[n])', '(mean[n](x[n]) + max[n](x[n]))'],
    ['max(a, min(b, 0))', 'max(a, min(b, 0))'],
    ['softmax(z)', 'softmax(z)'],
    ['logsumexp[i](z[i])', 'logsumexp[i](z[i])'],
    ['repeat 3 from h = x { return h }', 'repeat 3 from h = x {1}'],
    ['repeat n + 1 as k from (a, b) = (x, y) { c = a; return (c, b) }', 'repeat (n + 1) as k from <a, b> = <x, y> {2}'],
  ])('%s', (text, tree) => {
    expect(shape(text)).toBe(tree)
  })
})

describe('literals', () => {
  it.each([
    ['0.97', '0.97'],
    ['1e-5', '0.00001'],
    ['1.5e3', '1500'],
    ['25ms', '0.025'],
    ['10us', '0.00001'],
    ['3s', '3'],
    ['16kHz', '16000'],
    ['2.5MHz', '2500000'],
    ['1e3Hz', '1000'],
    ['25ms * 16kHz', '(0.025 * 16000)'],
    ['true', 'true'],
    ['f("a \\"b\\" \\\\ \\n \\t")', 'f("a \\"b\\" \\\\ \\n \\t")'],
  ])('%s', (text, tree) => {
    expect(shape(text)).toBe(tree)
  })
  it('keeps what was written beside the exact value', () => {
    expect(problems(inModel('a = 3ms + 3 * ms'))).toEqual([])
    expect(shape('1 / 3 + 0.1')).toBe('((1 / 3) + 0.1)')
  })
  it.each([
    ['3kg', 'MCF1008 kg'],
    ['2x', 'MCF1008 x'],
    ['0x1F', 'MCF1008 x1F'],
    ['1e', 'MCF1008 e'],
    ['1e301', 'MCF1009 1e301'],
    ['1e-9999999999', 'MCF1009 1e-9999999999'],
  ])('%s is refused', (text, problem) => {
    expect(problems(inModel(`v = ${text}`))).toEqual([problem])
  })
  it('bounds the digits of a number', () => {
    expect(problems(inModel(`v = ${'9'.repeat(100)}`))).toEqual([])
    expect(problems(inModel(`v = ${'9'.repeat(101)}`))).toEqual([`MCF1009 ${'9'.repeat(101)}`])
  })
})

describe('what needs brackets or another form', () => {
  it.each([
    ['a < b < c', ['MCF1012 <']],
    ['a == b != c == d', ['MCF1012 !=', 'MCF1012 ==']],
    ['(a < b) == (b < c)', []],
    ['a + if c then x else y', ['MCF1014 if']],
    ['-if c then x else y', ['MCF1014 if']],
    ['x |> if c then f else g', ['MCF1014 if']],
    ['a == not b', ['MCF1014 not']],
    ['a + not b', ['MCF1014 not']],
    ['f(x)[i]', ['MCF1015 [i]']],
    ['(x)[i]', ['MCF1015 [i]']],
    ['x[i][j]', ['MCF1015 [j]']],
    ['sum(x)', ['MCF1016 sum']],
    ['mean', ['MCF1016 mean']],
    ['f(a = 1, 2)', ['MCF1022 2']],
  ])('%s', (text, expected) => {
    expect(problems(inModel(`v = ${text}`))).toEqual(expected)
  })
})
