/** Decides which newlines end a statement, and gathers documentation, so that the grammar need not. */
import { type IToken, type TokenType, tokenMatcher } from 'chevrotain'
import { makeBrackets } from './brackets.ts'
import type { Problem } from './messages.ts'
import {
  Comment,
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
  Stray,
  Text,
  Trailing,
} from './tokens.ts'

/** The tokens the grammar reads: braces balanced, one separator between statements and none beside a brace. */
export interface Layout {
  readonly tokens: readonly IToken[]
  /** The text of the `///` lines right above a token, by the token's offset. */
  readonly docs: ReadonlyMap<number, string>
  readonly problems: readonly Problem[]
  /** Offsets of brackets that do not fit, sorted: what else is wrong with a statement around one follows from it. */
  readonly marks: readonly number[]
}

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

const isOpener = (type: TokenType): boolean => type === LParen || type === LSquare || type === LCurly
const isCloser = (type: TokenType): boolean => type === RParen || type === RSquare || type === RCurly

/** Lays out the lexer's tokens. Takes time linear in their number; never throws. */
export function layOut(raw: readonly IToken[], textLength: number): Layout {
  const tokens: IToken[] = []
  const docs = new Map<number, string>()
  const brackets = makeBrackets(tokens)
  let docLines: string[] = []
  // What ends the statement before, where it does: that depends on the token after it.
  let pending: IToken | undefined
  // True where a new statement begins although the line before ends with an operator: that one is a mistake.
  let ended = false
  // True before the first token of a line or after a `;`.
  let fresh = true
  // True while a line has nothing on it.
  let blank = true
  let broken = false

  /** Finds brackets and operators left open by what the first token of a line is. */
  const beginLine = (token: IToken, at: number): void => {
    ended = pending !== undefined && (tokenMatcher(token, LineKeyword) || startsBinding(raw, at))
    const item = brackets.any() && startsItem(raw, at)
    const statement =
      brackets.inside() && (tokenMatcher(token, LineKeyword) || (endsOperand(tokens.at(-1)) && startsBinding(raw, at)))
    if (!item && !statement) return
    if (item) brackets.endAll(token, token.startOffset)
    else brackets.endStatement(token)
    brackets.endLine()
    pending ??= makeToken(Newline, '', token.startOffset)
  }
  /** What is no token breaks its statement; one report of such a thing is enough for that. */
  const reportStray = (found: IToken): void => {
    const at = { start: found.startOffset, end: endOf(found) }
    if (!broken) brackets.problems.push({ kind: 'stray', found, at, line: at })
    brackets.marks.push(at.start)
    broken = true
    // The rest of the line is in a text that has no end, closing brackets and all.
    if (found.tokenType === OpenText) brackets.abandonStatement()
  }
  const separate = (token: IToken): void => {
    const previous = tokens.at(-1)
    if (pending && previous && previous.tokenType !== LCurly && token.tokenType !== RCurly) {
      const joined = tokenMatcher(previous, Trailing) || tokenMatcher(token, Leading)
      const goesOn = joined && !ended && pending.tokenType === Newline
      if (!goesOn) {
        tokens.push(pending)
        broken = false
      }
    }
    pending = undefined
    ended = false
  }

  for (const [i, token] of raw.entries()) {
    const type = token.tokenType
    if (type === Newline) {
      if (blank) docLines = []
      blank = true
      fresh = true
      if (brackets.inside()) continue
      pending ??= token
      brackets.endLine()
    } else if (type === Doc || type === Comment) {
      if (blank && type === Doc) docLines.push(token.image.replace(/^\/\/\/ ?/, '').trimEnd())
      blank = false
    } else if (type === Semicolon) {
      brackets.endStatement(token)
      pending = token
      blank = false
      fresh = true
    } else {
      blank = false
      if (fresh) beginLine(token, i)
      fresh = false
      const kept = isCloser(type) ? brackets.close(token) : token
      if (!kept) continue
      separate(kept)
      if (type === Stray || type === OpenText) reportStray(token)
      if (docLines.length > 0) docs.set(token.startOffset, docLines.join('\n'))
      docLines = []
      if (isOpener(type)) brackets.open(token)
      tokens.push(kept)
    }
  }
  brackets.endAll(undefined, textLength)
  return { tokens, docs, problems: brackets.problems, marks: [...brackets.marks].sort((a, b) => a - b) }
}
