/** What the grammar has to say about a text, as data; and the words for tokens in it. */
import { EOF, type IToken, tokenMatcher } from 'chevrotain'
import { Separator } from './tokens.ts'

/** A half-open range of UTF-16 offsets. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** One mistake. `at` is where it shows; `line` is the whole statement that was given up, or a part of it. */
export type Problem = { readonly at: Range; readonly line: Range } & (
  | {
      readonly kind: 'unexpected'
      /** In words: `a name`, `` `=` ``. */
      readonly expected: string
      readonly found: IToken
      readonly previous: IToken | undefined
      /** The grammar rule that stopped, innermost last. */
      readonly rules: readonly string[]
    }
  | {
      readonly kind: 'unclosed'
      readonly open: IToken
      /** What showed that it is open, where that is a token and not the end. */
      readonly by: IToken | undefined
    }
  | { readonly kind: 'unopened'; readonly close: IToken }
  | { readonly kind: 'stray'; readonly found: IToken }
  | { readonly kind: 'mismatched'; readonly open: IToken; readonly close: IToken }
  | { readonly kind: 'tooDeep'; readonly limit: number }
  | { readonly kind: 'tooLong'; readonly limit: number }
)

/** A token in words, as it stands in the text: `` `model` ``, `the end of the line`. */
export function describeToken(token: IToken): string {
  if (token.tokenType === EOF) return 'the end of the file'
  if (tokenMatcher(token, Separator)) return token.image === ';' ? '`;`' : 'the end of the line'
  if (token.image === '') return 'the end of the block'
  const image = token.image.length > 40 ? `${token.image.slice(0, 37)}…` : token.image
  return `\`${image}\``
}
