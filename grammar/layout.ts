/** Decides which newlines end a statement, gathers documentation, and balances brackets, so that the grammar need not. */
import { type IToken, type TokenType, tokenMatcher } from 'chevrotain'
import type { Problem, Range } from './messages.ts'
import {
  Doc,
  Equals,
  endOf,
  ItemStart,
  Labels,
  LCurly,
  Leading,
  LineKeyword,
  LParen,
  LSquare,
  makeToken,
  Name,
  Newline,
  NumberLiteral,
  OpenText,
  RCurly,
  RParen,
  RSquare,
  Semicolon,
  Separator,
  Text,
  Trailing,
} from './tokens.ts'

/** The tokens the grammar reads: braces balanced, one separator between statements and none beside a brace. */
export interface Layout {
  readonly tokens: readonly IToken[]
  /** The text of the `///` lines right above a token, by the token's offset. */
  readonly docs: ReadonlyMap<number, string>
  readonly problems: readonly Problem[]
}

const closerOf = (open: IToken): TokenType =>
  open.tokenType === LParen ? RParen : open.tokenType === LSquare ? RSquare : RCurly
const isCurly = (token: IToken | undefined): boolean => token?.tokenType === LCurly
const endsOperand = (token: IToken | undefined): boolean =>
  token !== undefined && [Name, NumberLiteral, Text, RParen, RSquare, RCurly].some((type) => tokenMatcher(token, type))

/** `h =` or `y[j, p] =` at the place: where brackets are open, a sign that one of them was left so. */
function startsBinding(tokens: readonly IToken[], at: number): boolean {
  const first = tokens[at]
  if (!first || !tokenMatcher(first, Name)) return false
  let next = at + 1
  if (tokens[next]?.tokenType === LSquare) {
    // A left side is short; a long search on every line of a broken file would be slow.
    for (let depth = 0, limit = next + 60; next < limit; next++) {
      const type = tokens[next]?.tokenType
      if (type === LSquare) depth++
      else if (type === RSquare && --depth === 0) break
      else if (type === undefined || type === Newline) return false
    }
    next++
  }
  return tokens[next]?.tokenType === Equals
}

/** `block F`, `use "…"`: the beginning of an item, and not a keyword that is misused as a name. */
function startsItem(tokens: readonly IToken[], at: number): boolean {
  const first = tokens[at]
  const next = tokens[at + 1]
  if (!first || !next || !tokenMatcher(first, ItemStart) || first.tokenType === Labels) return false
  return next.tokenType === Text || next.tokenType === OpenText || tokenMatcher(next, Name)
}

/** Lays out the lexer's tokens. Takes time linear in their number; never throws. */
export function layOut(raw: readonly IToken[], textLength: number): Layout {
  const tokens: IToken[] = []
  const problems: Problem[] = []
  const docs = new Map<number, string>()
  const stack: IToken[] = []
  let docLines: string[] = []
  let pending: IToken | undefined
  let fresh = true
  let afterNewline = true
  // Closers whose openers have been reported as left open; they need no second report.
  let forgiven: TokenType[] = []

  const report = (
    token: IToken,
    problem: Range,
    rest:
      | { kind: 'unclosed'; open: IToken }
      | { kind: 'unopened'; close: IToken }
      | { kind: 'mismatched'; open: IToken; close: IToken },
  ): void => {
    const at = { start: token.startOffset, end: endOf(token) }
    problems.push({ at, line: problem, ...rest })
  }
  const unclosed = (open: IToken, at: number): void =>
    report(open, { start: open.startOffset, end: at }, { kind: 'unclosed', open })

  /** Closes what is open above the stack's `size` lowest, reporting the outermost of it. */
  const closeDownTo = (size: number, at: number): void => {
    const left = stack.splice(size)
    const [outermost] = left
    if (!outermost) return
    unclosed(outermost, at)
    forgiven = left.filter((open) => !isCurly(open)).map(closerOf)
    for (const open of left.reverse()) {
      if (isCurly(open)) {
        if (tokens.at(-1) && tokenMatcher(tokens.at(-1) as IToken, Separator)) tokens.pop()
        tokens.push(makeToken(RCurly, '', at))
      }
    }
  }
  const innermostCurly = (): number => stack.findLastIndex(isCurly)

  /** Pops the stack for a closer; true where the closer is to be kept, or what to keep in its place. */
  const close = (token: IToken): IToken | undefined => {
    const top = stack.at(-1)
    if (top && closerOf(top) === token.tokenType) {
      stack.pop()
      return token
    }
    const floor = token.tokenType === RCurly ? -1 : innermostCurly()
    let match = stack.findLastIndex((open) => closerOf(open) === token.tokenType)
    // A `)` may close over an unclosed `{` that stands inside brackets, but not a block's own.
    if (match >= 0 && match < floor && !stack.some((open, i) => i < floor && !isCurly(open))) match = -1
    if (match >= 0) {
      closeDownTo(match + 1, token.startOffset)
      stack.pop()
      return token
    }
    const known = forgiven.indexOf(token.tokenType)
    if (known >= 0) {
      forgiven.splice(known, 1)
      return undefined
    }
    const range = { start: token.startOffset, end: endOf(token) }
    if (top && !isCurly(top) && token.tokenType !== RCurly) {
      report(token, { start: top.startOffset, end: endOf(token) }, { kind: 'mismatched', open: top, close: token })
      stack.pop()
      return makeToken(closerOf(top), token.image, token.startOffset)
    }
    report(token, range, { kind: 'unopened', close: token })
    return undefined
  }

  for (let i = 0; i < raw.length; i++) {
    const token = raw[i] as IToken
    const type = token.tokenType
    if (type === Newline) {
      if (afterNewline) docLines = []
      afterNewline = true
      fresh = true
      if (stack.length === 0 || isCurly(stack.at(-1))) {
        pending ??= token
        forgiven = []
      }
      continue
    }
    if (type === Doc) {
      if (afterNewline) docLines.push(token.image.replace(/^\/\/\/ ?/, '').trimEnd())
      afterNewline = false
      continue
    }
    afterNewline = false
    if (type === Semicolon) {
      if (stack.length > 0 && !isCurly(stack.at(-1))) closeDownTo(innermostCurly() + 1, token.startOffset)
      if (pending?.tokenType !== Semicolon) pending = token
      fresh = true
      continue
    }
    if (fresh) {
      const inBrackets = stack.length > 0 && !isCurly(stack.at(-1))
      const previous = tokens.at(-1)
      if (stack.length > 0 && startsItem(raw, i)) {
        closeDownTo(0, token.startOffset)
        pending ??= makeToken(Newline, '', token.startOffset)
      } else if (inBrackets && (tokenMatcher(token, LineKeyword) || (endsOperand(previous) && startsBinding(raw, i)))) {
        closeDownTo(innermostCurly() + 1, token.startOffset)
        pending ??= makeToken(Newline, '', token.startOffset)
      }
      fresh = false
    }
    let kept: IToken | undefined = token
    if (type === RParen || type === RSquare || type === RCurly) kept = close(token)
    if (!kept) continue
    const previous = tokens.at(-1)
    if (pending && previous && previous.tokenType !== LCurly && type !== RCurly) {
      const goesOn = pending.tokenType === Newline && (tokenMatcher(previous, Trailing) || tokenMatcher(token, Leading))
      if (!goesOn) tokens.push(pending)
    }
    pending = undefined
    if (docLines.length > 0) {
      docs.set(token.startOffset, docLines.join('\n'))
      docLines = []
    }
    if (type === LParen || type === LSquare || type === LCurly) stack.push(token)
    tokens.push(kept)
  }
  if (stack.length > 0) closeDownTo(0, textLength)
  return { tokens, docs, problems }
}
