/** What the builders of the syntax tree share: the text, its tokens, spans and a place for diagnostics. */
import type { CstNode, IToken } from 'chevrotain'
import { endOf } from '../../grammar/tokens.ts'
import { syntax } from '../diagnostics/catalogue/syntax.ts'
import { type Diagnostic, diagnose, type Row } from '../diagnostics/diagnostic.ts'
import type { ErrorExpr, Ident, Span, StringLiteral } from './ast.ts'
import { readText } from './literals.ts'

export interface Context {
  readonly path: string
  readonly text: string
  /** Laid out, in order. */
  readonly tokens: readonly IToken[]
  /** Documentation by the offset of the token it stands above. */
  readonly docs: ReadonlyMap<number, string>
  readonly diagnostics: Diagnostic[]
}

export const spanOf = (context: Context, start: number, end: number): Span => ({ file: context.path, start, end })
export const tokenSpan = (context: Context, token: IToken): Span => spanOf(context, token.startOffset, endOf(token))

/** The first offset of a node. The grammar tracks offsets, and no rule matches nothing but an empty file. */
export const startOfNode = (node: CstNode): number => node.location?.startOffset || 0
/** The offset after a node. */
export const endOfNode = (node: CstNode): number => {
  const end = node.location?.endOffset
  return end === undefined || Number.isNaN(end) ? startOfNode(node) : end + 1
}
export const nodeSpan = (context: Context, node: CstNode): Span => spanOf(context, startOfNode(node), endOfNode(node))

/** The one child that the grammar promises. */
export function only<T>(children: readonly T[] | undefined): T {
  const [child] = children ?? []
  if (child === undefined) throw new Error('internal error in the parser: the grammar and its types differ')
  return child
}

/** Reports a row at a place. */
export function report<P>(context: Context, row: Row<P>, span: Span, params: P): void {
  context.diagnostics.push(diagnose(row, span, params))
}

export const ident = (context: Context, token: IToken): Ident => ({
  kind: 'ident',
  name: token.image,
  span: tokenSpan(context, token),
})

export const errorExpr = (span: Span): ErrorExpr => ({ kind: 'error', span })

/** The value of a text token; reports escapes that mean nothing. */
export function textValue(context: Context, token: IToken): string {
  const { value, bad } = readText(token.image)
  for (const { sequence, offset } of bad) {
    const start = token.startOffset + offset
    report(context, syntax.badEscape, spanOf(context, start, start + sequence.length), { escape: sequence })
  }
  return value
}

export const stringLiteral = (context: Context, token: IToken): StringLiteral => ({
  kind: 'string',
  value: textValue(context, token),
  span: tokenSpan(context, token),
})

/** The text between two offsets on one line, short enough for a message. */
export function excerpt(context: Context, span: Span): string {
  const text = context.text.slice(span.start, span.end).replace(/\s+/g, ' ')
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}
