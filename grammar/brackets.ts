/** Balances brackets over a list of tokens, so that one that is missing costs one error and one statement. */
import { type IToken, type TokenType, tokenMatcher } from 'chevrotain'
import type { Problem, Range } from './messages.ts'
import { endOf, LCurly, LParen, LSquare, makeToken, RCurly, RParen, RSquare, Separator } from './tokens.ts'

export interface Brackets {
  readonly problems: Problem[]
  /** Offsets of brackets that do not fit, in the order found. */
  readonly marks: number[]
  /** True inside `( )` and `[ ]`, but for a `{ }` within them. */
  readonly inside: () => boolean
  /** True where anything is open. */
  readonly any: () => boolean
  readonly open: (token: IToken) => void
  /** Takes a closing bracket; gives what to keep in its place, or nothing. */
  readonly close: (token: IToken) => IToken | undefined
  /** The statement ends at a token, whatever brackets are open in it. */
  readonly endStatement: (by: IToken) => void
  /** The same, where the statement is known to be broken otherwise: nothing is reported. */
  readonly abandonStatement: () => void
  /** Everything ends: at a token that can only stand outside, or at the end of the text. */
  readonly endAll: (by: IToken | undefined, at: number) => void
  /** A line ends: closers that were expected on it are no longer. */
  readonly endLine: () => void
}

const closerOf = (open: IToken): TokenType =>
  open.tokenType === LParen ? RParen : open.tokenType === LSquare ? RSquare : RCurly
const isCurly = (token: IToken | undefined): boolean => token?.tokenType === LCurly
const rangeOf = (token: IToken): Range => ({ start: token.startOffset, end: endOf(token) })

/** A count by closer; the stack may be long, and searching it for each closer would be quadratic. */
function makeCounts(): {
  readonly of: (closer: TokenType) => number
  readonly add: (closer: TokenType, n: number) => void
  readonly clear: () => void
} {
  const counts = new Map<TokenType, number>()
  const of = (closer: TokenType): number => counts.get(closer) ?? 0
  return { of, add: (closer, n) => void counts.set(closer, of(closer) + n), clear: () => counts.clear() }
}

/** Makes a tracker that puts the braces it has to add at the end of `tokens`. */
export function makeBrackets(tokens: IToken[]): Brackets {
  const problems: Problem[] = []
  const marks: number[] = []
  const stack: IToken[] = []
  const opened = makeCounts()
  // Closers whose openers have been reported as left open; they need no second report.
  const forgiven = makeCounts()
  // The same for braces, over any number of lines.
  let braces = 0

  const pop = (): void => {
    const open = stack.pop()
    if (open) opened.add(closerOf(open), -1)
  }

  /** Closes what is open above the stack's `size` lowest, reporting the outermost of it. */
  const closeDownTo = (size: number, at: number, by?: IToken): void => {
    const left = stack.splice(size)
    const [open] = left
    if (!open) return
    problems.push({ kind: 'unclosed', open, by, at: rangeOf(open), line: { start: open.startOffset, end: at } })
    forgiven.clear()
    for (const bracket of left.reverse()) {
      marks.push(bracket.startOffset)
      opened.add(closerOf(bracket), -1)
      if (!isCurly(bracket)) forgiven.add(closerOf(bracket), 1)
      else {
        const last = tokens.at(-1)
        if (last && tokenMatcher(last, Separator)) tokens.pop()
        tokens.push(makeToken(RCurly, '', at))
      }
    }
  }

  const close = (token: IToken): IToken | undefined => {
    const { tokenType } = token
    const top = stack.at(-1)
    if (top && closerOf(top) === tokenType) {
      pop()
      return token
    }
    if (opened.of(tokenType) > 0) {
      closeDownTo(stack.findLastIndex((open) => closerOf(open) === tokenType) + 1, token.startOffset)
      pop()
      return token
    }
    if (forgiven.of(tokenType) > 0) {
      forgiven.add(tokenType, -1)
      return undefined
    }
    if (tokenType === RCurly && braces > 0) {
      braces--
      return undefined
    }
    marks.push(token.startOffset)
    const at = rangeOf(token)
    if (!top || isCurly(top) || tokenType === RCurly) {
      problems.push({ kind: 'unopened', close: token, at, line: at })
      return undefined
    }
    problems.push({ kind: 'mismatched', open: top, close: token, at, line: { start: top.startOffset, end: at.end } })
    pop()
    return makeToken(closerOf(top), token.image, token.startOffset)
  }

  const inside = (): boolean => stack.length > 0 && !isCurly(stack.at(-1))
  return {
    problems,
    marks,
    inside,
    any: () => stack.length > 0,
    open: (token) => {
      opened.add(closerOf(token), 1)
      stack.push(token)
    },
    close,
    endStatement: (by) => {
      if (inside()) closeDownTo(stack.findLastIndex(isCurly) + 1, by.startOffset)
    },
    abandonStatement: () => {
      for (let open = stack.at(-1); open && !isCurly(open); open = stack.at(-1)) {
        forgiven.add(closerOf(open), 1)
        pop()
      }
    },
    endAll: (by, at) => {
      const curlies = stack.filter(isCurly).length
      closeDownTo(0, at, by)
      braces += curlies
    },
    endLine: () => forgiven.clear(),
  }
}
