/** What the grammar found wrong, as diagnostics: the one place that knows which mistake is likely where. */
import { type IToken, tokenLabel, tokenMatcher } from 'chevrotain'
import type { Layout } from '../../grammar/layout.ts'
import { describeToken, type Problem, type Range } from '../../grammar/messages.ts'
import {
  Arrow,
  BinaryOp,
  Binder,
  Colon,
  Comma,
  Dot,
  Equals,
  endOf,
  In,
  Keyword,
  LParen,
  LSquare,
  Name,
  OpenText,
  RCurly,
  RParen,
  RSquare,
  Star,
  StaticType,
} from '../../grammar/tokens.ts'
import { syntax } from '../diagnostics/catalogue/syntax.ts'
import { editedEquation, forms, hints, staticTypes, strayHints } from '../diagnostics/catalogue/syntax-hints.ts'
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

function strayHint(text: string): string | undefined {
  const [first = ''] = text
  const known = strayHints.get(first)
  if (known !== undefined || !/\p{L}/u.test(first)) return known
  return hints.letters
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
      const by = problem.by && placeOf(path, problem.by)
      return diagnose(syntax.unclosedBracket, span, { bracket, closer: partner(bracket), by })
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

/** A syntax error where a token is one that cannot stand there. */
function unexpected(path: string, text: string, at: Span, problem: Unexpected): Diagnostic {
  const { expected, found, previous, rules } = problem
  const rule = rules.at(-1) ?? ''
  const { span, what } = placeFound(at, text, problem)
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
    return diagnose(syntax.loneExpression, span, { name: undefined, found: what, hint: hints.alone })
  }
  if (rule === 'staticParam' && found.tokenType === LSquare)
    return diagnose(syntax.tensorInStatics, span, { name: nameBefore(text, span.start) })
  if (rule === 'header' && expected === '`(`' && found.tokenType === Arrow)
    return diagnose(syntax.missingList, span, {})
  if (rule === 'line') {
    const hint = found.tokenType === Equals ? hints.comparison : undefined
    return diagnose(syntax.statementGoesOn, span, { found: what, hint })
  }
  if (rule === 'binding' && expected === '`=`' && previous) {
    const hint = bindingHint(previous, found, text)
    return diagnose(syntax.loneExpression, span, { name: previous.image, found: what, hint })
  }
  const hint = hintFor(problem, rule, text)
  return diagnose(syntax.unexpected, span, { expected: wanted(expected, rule), found: what, hint })
}

/** A `}` on another line is not what was found: the end of the line before it is. */
function placeFound(at: Span, text: string, { found, previous }: Unexpected): { span: Span; what: string } {
  const what = describeToken(found)
  const end = previous ? endOf(previous) : at.start
  if (found.tokenType !== RCurly || !/[\r\n]/.test(text.slice(end, found.startOffset))) return { span: at, what }
  return { span: { ...at, start: end, end }, what: 'the end of the line' }
}

/** The name in `name: ` before an offset. */
const nameBefore = (text: string, end: number): string =>
  /([A-Za-z_]\w*)\s*:\s*$/.exec(text.slice(Math.max(0, end - 100), end))?.[1] ?? 'x'

function wanted(expected: string, rule: string): string {
  if (rule === 'suffix' || rule === 'brackets' || rule === 'stack')
    return expected.replace(/^`([)\]])`$/, '`,` or `$1`')
  return expected
}

const followedByEquals = (token: IToken, text: string): boolean => text[endOf(token)] === '='

/** Help where a statement began with a name and no `=` came. */
function bindingHint(previous: IToken, found: IToken, text: string): string {
  if (found.tokenType === Colon) return followedByEquals(found, text) ? hints.assignment : hints.declaration
  if (tokenMatcher(found, BinaryOp) && followedByEquals(found, text)) return hints.boundOnce
  if (!tokenMatcher(found, Name)) return hints.alone
  if (/^(?:def|fn|func|function)$/.test(previous.image)) return hints.makeBlock
  return /^(?:let|var|val|auto|dim)$/.test(previous.image) ? hints.noLet : hints.binding
}

/** Help for any other place: a habit that is recognised, or how the form is written. */
function hintFor({ expected, found, previous }: Unexpected, rule: string, text: string): string | undefined {
  if (expected === 'an expression' && previous) {
    if (found.tokenType === Star && previous.tokenType === Star) return hints.power
    if (found.tokenType === Dot) return hints.leadingDigit
    if (previous.tokenType === Dot && /\d/.test(text.charAt(previous.startOffset - 1))) return hints.trailingDigit
    if (found.tokenType === RParen || found.tokenType === RSquare) {
      if (previous.tokenType === Comma) return hints.lastComma
      if (previous.tokenType === LParen || previous.tokenType === LSquare) return hints.empty
    }
  }
  if (rule !== 'named' && tokenMatcher(found, BinaryOp) && followedByEquals(found, text)) return hints.boundOnce
  if (rule === 'suffix' && found.tokenType === Colon) return hints.slice
  if (rule === 'suffix' && found.tokenType === In) return hints.axis
  if (rule === 'binding' && expected === '`]`') return hints.shiftedIndex
  if (rule === 'setting' && found.tokenType === LSquare && previous && text[previous.startOffset - 1] !== '.') {
    const [indices = '[j]'] = /^\[[^[\]\r\n]{1,40}\]/.exec(text.slice(found.startOffset, found.startOffset + 50)) ?? []
    return editedEquation(previous.image, indices)
  }
  if (rule === 'item' && /^(?:import|include|from|require)$/.test(found.image)) return hints.useFile
  if (rule === 'item' && /^(?:def|fn|func|function|class)$/.test(found.image)) return hints.makeBlock
  if (expected === tokenLabel(StaticType)) return staticTypes.get(found.image) ?? forms.get(rule)
  if (rule === 'header' && expected === '`->`') return forms.get('results')
  return forms.get(rule)
}
