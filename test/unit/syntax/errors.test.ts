/** Several syntax errors in one run: each is told once, and what stands beside it is still read. */
import { describe, expect, it } from 'vitest'
import { maxDiagnostics, parse } from '../../../compiler/syntax/parse.ts'
import { inModel, problems, show } from '../../support/syntax.ts'

/** What a model's body binds, `ERROR` where that is not known. */
function bindings(text: string): string[] {
  return parse(text, 'a').file.items.flatMap((item) => {
    if (item.kind === 'const') return [`const ${item.name.name} = ${show(item.value)}`]
    if (item.kind !== 'model' && item.kind !== 'block') return [item.kind]
    return item.body.map((s) =>
      s.kind === 'bind' ? `${s.names.map((n) => n.name).join(' ')} = ${show(s.value)}` : s.kind,
    )
  })
}

describe('recovery', () => {
  it('goes on at the next line, and keeps the names', () => {
    const text = inModel('a = 1 +\n* 2\nb = 3\n(c, d) = )\ny[i, j] = ^\nparam w: [ = x\ne = 4')
    expect(problems(text)).toEqual(['MCF1001 *', 'MCF1006 )', 'MCF1001 ^', 'MCF1005 ['])
    expect(bindings(text)).toEqual(['a = ERROR', 'b = 3', 'c d = ERROR', 'y = ERROR', 'w = ERROR', 'e = 4'])
  })
  it('goes on after `;` and at the end of a body', () => {
    const text = 'model M { a = ; b = 2; c = * }\nmodel N { d = 1 }'
    expect(problems(text)).toEqual(['MCF1001 ', 'MCF1001 *'])
    expect(bindings(text)).toEqual(['a = ERROR', 'b = 2', 'c = ERROR', 'd = 1'])
  })
  it('reads the body of a block whose header is broken', () => {
    const text = 'block B(x) -> [] {\n a = * \n b = 1\n}\nconst c = 2'
    expect(problems(text)).toEqual(['MCF1001 )', 'MCF1001 *'])
    expect(bindings(text)).toEqual(['const B = ERROR', 'const c = 2'])
  })
  it('skips the braces of a broken `repeat`', () => {
    const text = inModel('a = repeet 3 from h = x {\n b = h\n return b\n}\nc = 1')
    expect(problems(text)).toEqual(['MCF1018 3'])
    expect(bindings(text)).toEqual(['a = repeet', 'c = 1'])
  })
  it('reports in the body of a `repeat` and around it', () => {
    const text = inModel('a = repeat 3 from h = x {\n b = *\n return b\n}\nc = *')
    expect(problems(text)).toEqual(['MCF1001 *', 'MCF1001 *'])
    expect(bindings(text)).toEqual(['a = repeat 3 from h = x {2}', 'c = ERROR'])
  })
  it('goes on between items', () => {
    const text = 'nonsense here\nconst a = 1\n42\nuse 3\nconst b = *\nvariant "v" of M { a = ; b = 1 }'
    expect(problems(text)).toEqual(['MCF1001 nonsense', 'MCF1001 42', 'MCF1001 3', 'MCF1001 *', 'MCF1001 '])
    expect(bindings(text)).toEqual(['const a = 1', 'const b = ERROR', 'variant'])
  })
})

describe('a missing bracket costs one error', () => {
  it.each([
    ['a = f(x\nb = 1\nreturn b', ['MCF1005 ('], ['a = ERROR', 'b = 1', 'return']],
    ['a = f(g(x)\ny[i] = x[i]\nb = 1', ['MCF1005 ('], ['a = ERROR', 'equation', 'b = 1']],
    ['a = f((((x\nb = 1', ['MCF1005 ('], ['a = ERROR', 'b = 1']],
    ['a = [1, 2\nparam w: [3] = x\nb = 1', ['MCF1005 ['], ['a = ERROR', 'param', 'b = 1']],
    ['a = f(2; b = 3); c = 4', ['MCF1005 ('], ['a = ERROR', 'b = 3', 'c = 4']],
    ['a = f(x))\nb = 1', ['MCF1006 )'], ['a = f(x)', 'b = 1']],
    ['a = [f(x]\nb = 1', ['MCF1005 ('], ['a = ERROR', 'b = 1']],
    ['a = f(x]\nb = 1', ['MCF1007 ]'], ['a = f(x)', 'b = 1']],
    ['a = "x\nb = f("y)\nc = 1', ['MCF1003 "x', 'MCF1003 "y)'], ['a = ERROR', 'b = ERROR', 'c = 1']],
  ])('%j', (body, expected, bound) => {
    const text = inModel(body)
    expect(problems(text)).toEqual(expected)
    expect(bindings(text)).toEqual(bound)
  })
  it('a brace is closed where an item begins', () => {
    const text = 'model M {\n a = 1\n\nblock B()(x: []) -> [] {\n return x\n}\nconst c = 1'
    expect(problems(text)).toEqual(['MCF1005 {'])
    expect(bindings(text)).toEqual(['a = 1', 'return', 'const c = 1'])
  })
  it('also where the item was meant to stand inside', () => {
    const text = 'model M {\n a = 1\n block B()(x: []) -> [] {\n  return x\n }\n}\nconst c = 1'
    expect(problems(text)).toEqual(['MCF1005 {'])
    expect(bindings(text)).toEqual(['a = 1', 'return', 'const c = 1'])
  })
  it('or where the file ends', () => {
    expect(problems('model M {\n a = (1')).toEqual(['MCF1005 {'])
    expect(problems('model M { a = 1 } }')).toEqual(['MCF1006 }'])
  })
})

describe('reserved words', () => {
  it.each([
    ['input = 3', 'MCF1017 input'],
    ['loss = 3', 'MCF1017 loss'],
    ['param model: [3] = x', 'MCF1017 model'],
    ['(a, if) = x', 'MCF1017 if'],
    ['sum = 3', 'MCF1017 sum'],
    ['max[i] = x[i]', 'MCF1017 max'],
    ['y[in] = x', 'MCF1017 in'],
    ['sum[i](x[i])', 'MCF1019 sum'],
  ])('%s', (body, expected) => {
    expect(problems(inModel(body))).toEqual([expected])
  })
  it('are few: words of one place are names elsewhere', () => {
    expect(problems(inModel('weight = 1; grid = 2; as = 3; from = 4; int = 5; real = 6; bool = 7'))).toEqual([])
  })
})

describe('scan', () => {
  const text = `block Sums()(x: [t]) -> [t] {
  a = 1
  scan j: t {
    g[j] = h[j - 1] + x[j]
    h[j] = tanh(g[j])
  }
  return h
}`
  it('is one error, and binds what it would', () => {
    expect(problems(text)).toEqual(['MCF1023 scan'])
    expect(bindings(text)).toEqual(['a = 1', 'g = ERROR', 'h = ERROR', 'return'])
  })
})

describe('habits from elsewhere are recognised', () => {
  const help = (body: string): string[] => parse(inModel(body), 'a').diagnostics.flatMap((d) => d.help)
  it.each([
    ['let x = 3', 'a binding has no keyword: `x = …`'],
    ['x := 3', 'a value is bound with `=`'],
    ['x += 3', 'every name is bound once: bind the sum to a new name'],
    ['x: [t]', 'a declaration begins with its keyword: `input`, `target`, `param`, `state` or `hyper`'],
    ['def f(x) = 3', 'a function is a `block NAME()(x: [t]) -> [t] { … }`'],
    ['y = x ** 2', 'a power is `x ^ 2`'],
    ['y = x[1:3]', 'a slice is an equation with a stated range: `y[i: 2] = x[i + 1]`'],
    ['y[i + 1] = x[i]', 'the left side introduces indices; shift the reads instead: `y[i] = x[i - 1]`'],
    ['y = sum(i in x)', 'a reduction names its index in square brackets: `sum[i](x[i])`'],
    ['y = a && b', 'write `and`'],
    ['y = a @ b', 'write the matrix product as an equation: `y[i, j] = sum[k](a[i, k] * b[k, j])`'],
    ['y = .5', 'a number has a digit before its dot: `0.5`'],
    ['y = 5.', 'a number has a digit after its dot: `5.0`'],
    ['y = f(x,)', 'no comma stands before a closing bracket'],
    ['y = []', 'something belongs between these brackets'],
    ['hyper a: float = 3', 'write `real`'],
    ['y = if a then b', 'an `if` has both sides: `if c then a else b`'],
    ["labels l = ['a']", 'a text stands in double quotes: `"anger"`'],
  ])('%s', (body, hint) => {
    expect(help(body)).toEqual([hint])
  })
  it.each([
    ['e[j, p] = E[ids[j], p]', 'new g[j, p] = …; e = g'],
    ['g[j: 3] = 1', 'new h[j: 3] = …; g = h'],
  ])('an edit is no equation: %s', (edit, shown) => {
    const [d] = parse(`variant "v" of M { ${edit} }`, 'a').diagnostics
    expect(d?.help).toEqual([`no indices stand on the left of an edit: write \`${shown}\``])
  })
  it('the end of a line is said to be that, though a brace comes next', () => {
    const text = inModel('a = 1 +')
    const [d] = parse(text, 'a').diagnostics
    expect(d).toMatchObject({ message: 'expected an expression, found the end of the line' })
    expect(d?.span?.start).toBe(text.indexOf('+') + 1)
  })
})

it('many errors are counted, not shown', () => {
  const { diagnostics } = parse(inModel('a = *\n'.repeat(maxDiagnostics + 7)), 'a')
  expect(diagnostics).toHaveLength(maxDiagnostics + 1)
  expect(diagnostics.at(-1)).toMatchObject({ code: 'MCF1024', message: '7 more syntax errors are not shown' })
})
