/** What the grammar found wrong, as diagnostics: the one place that knows which mistake is likely where. */
import { type IToken, tokenMatcher } from 'chevrotain'
import type { Layout } from '../../grammar/layout.ts'
import { describeToken, type Problem, type Range } from '../../grammar/messages.ts'
import { Arrow, Binder, Colon, Equals, Keyword, LCurly, LSquare, Name, OpenText } from '../../grammar/tokens.ts'
import { syntax } from '../diagnostics/catalogue/syntax.ts'
import { type Diagnostic, diagnose } from '../diagnostics/diagnostic.ts'
import type { Span } from './ast.ts'

type Unexpected = Extract<Problem, { kind: 'unexpected' }>

const pairs = new Map([
  ['(', ')'],
  ['[', ']'],
  ['{', '}'],
  [')', '('],
  [']', '['],
  ['}', '{'],
])
const partner = (bracket: string): string => pairs.get(bracket) ?? ''

/** What people write in other languages, and what it is here. */
const strayHints = new Map([
  ["'", 'a text stands in double quotes: "anger"'],
  ['‘', 'a text stands in double quotes: "anger"'],
  ['“', 'a text stands in straight double quotes: "anger"'],
  ['”', 'a text stands in straight double quotes: "anger"'],
  ['`', 'a text stands in double quotes: "anger"'],
  ['!', 'write `not x`, or `a != b`'],
  ['&', 'write `and`'],
  ['|', 'write `or`; `|>` passes a value to a block'],
  ['%', 'write `mod`'],
  ['#', 'a comment begins with `//`'],
  ['@', 'write the matrix product as an equation: `y[i, j] = sum[k](a[i, k] * b[k, j])`'],
  ['?', 'write `if c then a else b`'],
  ['×', 'write `*`'],
  ['·', 'write `a . b` for the product of two one-axis values, `*` by element'],
  ['−', 'this is not the minus sign of the keyboard: write `-`'],
  ['–', 'this is not the minus sign of the keyboard: write `-`'],
  ['≤', 'write `<=`'],
  ['≥', 'write `>=`'],
  ['≠', 'write `!=`'],
  ['→', 'write `->`'],
])

function strayHint(text: string): string | undefined {
  const [first = ''] = text
  const known = strayHints.get(first)
  if (known !== undefined) return known
  return /\p{L}/u.test(first)
    ? 'a name is made of the letters a to z and A to Z, digits and `_`: `alpha`, `x_hat`'
    : undefined
}

/** Turns the grammar's problems into diagnostics; those that follow from a bracket's are left out. */
export function toDiagnostics(path: string, text: string, layout: Layout, grammar: readonly Problem[]): Diagnostic[] {
  const { marks } = layout
  const followsFrom = ({ line }: Problem): boolean => {
    const next = marks[lowerBound(marks, line.start)]
    return next !== undefined && next <= line.end
  }
  const own = grammar.filter((problem) => problem.kind !== 'unexpected' || !followsFrom(problem))
  return [...layout.problems, ...own].map((problem) => toDiagnostic(path, text, problem))
}

function lowerBound(sorted: readonly number[], value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] ?? value) < value) low = middle + 1
    else high = middle
  }
  return low
}

function toDiagnostic(path: string, text: string, problem: Problem): Diagnostic {
  const span = { file: path, start: problem.at.start, end: problem.at.end }
  switch (problem.kind) {
    case 'unclosed': {
      const bracket = problem.open.image
      return diagnose(syntax.unclosedBracket, span, { bracket, closer: partner(bracket) })
    }
    case 'unopened': {
      const bracket = problem.close.image
      return diagnose(syntax.unopenedBracket, span, { bracket, opener: partner(bracket) })
    }
    case 'mismatched': {
      const opener = problem.open.image
      const open = placeOf(path, problem.open)
      const params = { opener, closer: problem.close.image, wanted: partner(opener), open }
      return diagnose(syntax.mismatchedBracket, span, params)
    }
    case 'stray': {
      const { tokenType, image } = problem.found
      if (tokenType === OpenText) return diagnose(syntax.openText, span, {})
      const shown = image.length > 20 ? `${image.slice(0, 20)}…` : image
      return diagnose(syntax.strayCharacter, span, { text: shown, hint: strayHint(image) })
    }
    case 'tooDeep':
      return diagnose(syntax.tooDeep, span, { limit: problem.limit })
    case 'tooLong':
      return diagnose(syntax.tooLong, span, { limit: problem.limit })
    case 'unexpected':
      return unexpected(path, text, span, problem)
  }
}

const placeOf = (path: string, token: IToken): Span & Range => ({
  file: path,
  start: token.startOffset,
  end: token.startOffset + token.image.length,
})

function unexpected(path: string, text: string, span: Span, problem: Unexpected): Diagnostic {
  const { expected, found, previous, rules } = problem
  const rule = rules.at(-1) ?? ''
  const what = describeToken(found)
  const isWord = (token: IToken): boolean => tokenMatcher(token, Keyword) || tokenMatcher(token, Binder)
  if (expected === 'a name') {
    if (isWord(found)) return diagnose(syntax.reservedWord, span, { word: found.image })
    // `input = 3`: the keyword was meant as a name.
    if (previous && isWord(previous) && (found.tokenType === Equals || found.tokenType === LSquare))
      return diagnose(syntax.reservedWord, placeOf(path, previous), { word: previous.image })
  }
  if (rule === 'statement' && tokenMatcher(found, Binder)) {
    const binds = /^\s*(?:\[[^\]]*\]\s*)?=(?!=)/.test(text.slice(span.end, span.end + 200))
    if (binds) return diagnose(syntax.reservedWord, span, { word: found.image })
    return diagnose(syntax.loneExpression, span, { name: undefined, found: what, hint: bindingHint(found) })
  }
  if (rule === 'staticParam' && found.tokenType === LSquare)
    return diagnose(syntax.tensorInStatics, span, { name: nameBefore(text, span.start) })
  if (rule === 'header' && expected === '`(`' && found.tokenType === Arrow)
    return diagnose(syntax.missingList, span, {})
  if (rule === 'line') {
    const hint =
      found.tokenType === Equals
        ? 'a comparison is written `==`; a line that ends with an operator goes on in the next'
        : undefined
    return diagnose(syntax.statementGoesOn, span, { found: what, hint })
  }
  if (rule === 'binding' && expected === '`=`' && previous)
    return diagnose(syntax.loneExpression, span, { name: previous.image, found: what, hint: bindingHint(found) })
  return diagnose(syntax.unexpected, span, {
    expected: wanted(expected, rule),
    found: what,
    hint: hintFor(problem, rule),
  })
}

/** The name in `name: ` before an offset. */
const nameBefore = (text: string, end: number): string =>
  /([A-Za-z_]\w*)\s*:\s*$/.exec(text.slice(Math.max(0, end - 100), end))?.[1] ?? 'x'

function wanted(expected: string, rule: string): string {
  if (rule === 'suffix' && expected === '`)`') return '`,` or `)`'
  if (rule === 'suffix' && expected === '`]`') return '`,` or `]`'
  if (rule === 'brackets' || rule === 'stack') return expected.replace(/^`(.)`$/, '`,` or `$1`')
  return expected
}

function bindingHint(found: IToken): string {
  if (found.tokenType === Colon)
    return 'a declaration begins with its keyword: `input`, `target`, `param`, `state` or `hyper`'
  if (tokenMatcher(found, Name)) return 'a statement is a binding `name = …` or begins with a keyword'
  return 'an expression alone does nothing: bind it to a name, `y = …`'
}

function hintFor({ expected, found, previous }: Unexpected, rule: string): string | undefined {
  if (rule === 'conditional') return 'an `if` has both sides: `if c then a else b`'
  if (rule === 'header' && expected === '`->`' && found.tokenType === LCurly)
    return 'a block says what it gives: `-> [t, c]`, or `-> ([t, c], [])` for two'
  if (rule === 'header') return 'a header is `block NAME(width: int = 3)(x: [t, c]) -> [t, c] { … }`'
  if (rule === 'repetition') return 'a repetition is `repeat n as k from h = x { … return next }`'
  if (rule === 'item') return 'statements stand in a `model` or a `block`; a number for all of them is a `const`'
  if (rule === 'statement' && tokenMatcher(found, Keyword)) return `\`${found.image}\` cannot begin a statement here`
  if (rule === 'edit') return 'an edit is `name = …`, `labels …`, `new input …`, `drop loss name` or `drop output name`'
  if (rule === 'index')
    return 'the left side and a reduction introduce indices: names, with a range as in `j: t` where none is read'
  if (rule === 'indices')
    return 'the left side and a reduction introduce indices: names, with a range as in `j: t` where none is read'
  if (rule === 'staticParam')
    return 'a static parameter is `name: int`, `name: real` or `name: bool`, with a default as in `= 3`'
  if (rule === 'type' && previous && expected === '`[`')
    return 'a type is the list of its dims: `[frames, 256]`, or `[]` for a scalar'
  if (expected === 'an expression' && previous && tokenMatcher(previous, Equals)) return 'a value belongs here'
  return undefined
}
