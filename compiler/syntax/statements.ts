/** Statements: concrete syntax tree to syntax tree; and what can be saved of one that could not be read. */
import type { IToken } from 'chevrotain'
import { tokenMatcher } from 'chevrotain'
import type {
  BindingCstNode,
  BodyCstNode,
  BodyLineCstNode,
  HyperCstNode,
  LabelsCstNode,
  NamedCstNode,
  ScanCstNode,
  SeqCstNode,
  StatementCstNode,
} from '../../grammar/cst.generated.ts'
import { Equals, LParen, LSquare, Name, RParen, RSquare } from '../../grammar/tokens.ts'
import { syntax } from '../diagnostics/catalogue/syntax.ts'
import type { Bind, Ident, Labels, Seq, Statement, StaticType } from './ast.ts'
import {
  type Context,
  endOfNode,
  errorExpr,
  ident,
  nodeSpan,
  only,
  report,
  startOfNode,
  stringLiteral,
  tokenSpan,
} from './context.ts'
import { buildExpr, buildExprs, buildIndices, buildNames, buildType, type ExpressionContext } from './expressions.ts'

/** The statements of a body. One that could not be read is, where it binds names, a binding of them to an error. */
export const buildBody = (context: ExpressionContext, node: BodyCstNode): Statement[] =>
  (node.children.bodyLine ?? []).flatMap((line) => buildLine(context, line))

function buildLine(context: ExpressionContext, line: BodyLineCstNode): Statement[] {
  const [statement] = line.children.statement ?? []
  return statement ? buildStatement(context, statement) : salvage(context, startOfNode(line), endOfNode(line))
}

/** `labels emotions = ["anger", …]` */
export const buildLabels = (context: Context, node: LabelsCstNode): Labels => ({
  kind: 'labels',
  doc: context.docs.get(startOfNode(node)) ?? '',
  name: ident(context, only(node.children.Name)),
  values: node.children.Text.map((token) => stringLiteral(context, token)),
  span: nodeSpan(context, node),
})

/** `int`, `real` or `bool` */
export function staticType(token: IToken): StaticType {
  const { image } = token
  if (image === 'int' || image === 'real' || image === 'bool') return image
  throw new Error(`internal error in the parser: no static type ${image}`)
}

/** One statement; a `scan` gives its bindings, so that what uses them is not reported too. */
export function buildStatement(context: ExpressionContext, node: StatementCstNode, docAt?: number): Statement[] {
  const { children } = node
  const span = nodeSpan(context, node)
  const doc = context.docs.get(docAt ?? span.start) ?? ''
  if (children.binding) return [buildBinding(context, only(children.binding), doc)]
  if (children.typed) {
    const { Typed, Name: name, type } = only(children.typed).children
    const kind = only(Typed).image === 'input' ? 'input' : 'target'
    return [{ kind, doc, name: ident(context, only(name)), type: buildType(context, only(type)), span }]
  }
  if (children.initialised) {
    const { Initialised, Name: name, type, expression } = only(children.initialised).children
    const kind = only(Initialised).image === 'param' ? 'param' : 'state'
    const init = buildExpr(context, only(expression))
    return [{ kind, doc, name: ident(context, only(name)), type: buildType(context, only(type)), init, span }]
  }
  if (children.named) return [buildNamed(context, only(children.named), doc)]
  if (children.loss) {
    const { Name: name, Weight, expression } = only(children.loss).children
    const exprs = expression.map((child) => buildExpr(context, child))
    const weight = Weight ? only(exprs) : undefined
    return [{ kind: 'loss', doc, name: ident(context, only(name)), weight, value: only(exprs.slice(-1)), span }]
  }
  if (children.result)
    return [{ kind: 'return', value: buildExpr(context, only(only(children.result).children.expression)), span }]
  if (children.require) {
    const { expression, Text } = only(children.require).children
    const why = Text?.[0] ? stringLiteral(context, Text[0]) : undefined
    return [{ kind: 'require', condition: buildExpr(context, only(expression)), why, span }]
  }
  if (children.seq) return [buildSeq(context, only(children.seq), doc)]
  if (children.hyper) return [buildHyper(context, only(children.hyper), doc)]
  if (children.labels) return [{ ...buildLabels(context, only(children.labels)), doc }]
  return buildScan(context, only(children.scan))
}

function buildBinding(context: ExpressionContext, node: BindingCstNode, doc: string): Statement {
  const { names, Name: name, indices, expression } = node.children
  const span = nodeSpan(context, node)
  const value = buildExpr(context, only(expression))
  if (names?.[0]) return { kind: 'bind', doc, names: buildNames(context, names[0]), tuple: true, value, span }
  const first = ident(context, only(name))
  if (!indices?.[0]) return { kind: 'bind', doc, names: [first], tuple: false, value, span }
  return { kind: 'equation', doc, name: first, indices: buildIndices(context, indices[0]), value, span }
}

function buildNamed(context: ExpressionContext, node: NamedCstNode, doc: string): Statement {
  const { Named, Name: name, expression } = node.children
  const parts = {
    name: ident(context, only(name)),
    value: buildExpr(context, only(expression)),
    span: nodeSpan(context, node),
  }
  const word = only(Named).image
  if (word === 'update') return { kind: 'update', ...parts }
  return { kind: word === 'predict' ? 'predict' : 'output', doc, ...parts }
}

function buildSeq(context: ExpressionContext, node: SeqCstNode, doc: string): Seq {
  const names = node.children.seqName.map((child) => {
    const [low, high] = (child.children.bounds?.[0]?.children.expression ?? []).map((e) => buildExpr(context, e))
    const name = ident(context, only(child.children.Name))
    return { kind: 'seqName', name, low, high, span: nodeSpan(context, child) } as const
  })
  return { kind: 'seq', doc, names, span: nodeSpan(context, node) }
}

function buildHyper(context: ExpressionContext, node: HyperCstNode, doc: string): Statement {
  const { Name: name, StaticType: type, expression, bounds, expressions } = node.children
  const [low, high] = (bounds?.[0]?.children.expression ?? []).map((e) => buildExpr(context, e))
  return {
    kind: 'hyper',
    doc,
    name: ident(context, only(name)),
    type: staticType(only(type)),
    default: buildExpr(context, only(expression)),
    low,
    high,
    grid: expressions?.[0] ? buildExprs(context, expressions[0]) : [],
    span: nodeSpan(context, node),
  }
}

const bindToError = (context: Context, names: readonly Ident[], start: number, end: number): Bind => {
  const span = { file: context.path, start, end }
  return { kind: 'bind', doc: '', names, tuple: names.length > 1, value: errorExpr(span), span }
}

function buildScan(context: ExpressionContext, node: ScanCstNode): Statement[] {
  report(context, syntax.scanLater, tokenSpan(context, only(node.children.Scan)), {})
  return buildBody(context, only(node.children.body)).flatMap((statement) => {
    if (statement.kind === 'equation')
      return [bindToError(context, [statement.name], statement.span.start, statement.span.end)]
    return statement.kind === 'bind' ? [{ ...statement, value: errorExpr(statement.value.span) }] : []
  })
}

/** The tokens from one offset to another. */
export function tokensBetween(context: Context, start: number, end: number): readonly IToken[] {
  let low = 0
  let high = context.tokens.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((context.tokens[middle]?.startOffset ?? 0) < start) low = middle + 1
    else high = middle
  }
  let last = low
  while (last < context.tokens.length && (context.tokens[last]?.startOffset ?? end) < end) last++
  return context.tokens.slice(low, last)
}

/** Words after which a name is bound in the space that bindings share. */
const declaring = new Set(['input', 'target', 'hyper', 'param', 'state', 'labels', 'seq', 'const', 'block'])

/** The names that an unreadable statement binds, as far as that can be seen. */
export function namesBound(tokens: readonly IToken[]): IToken[] {
  const [first, second] = tokens
  if (!first) return []
  if (declaring.has(first.image)) return second && tokenMatcher(second, Name) ? [second] : []
  if (first.tokenType === LParen) {
    const close = tokens.findIndex((token) => token.tokenType === RParen)
    if (close < 0 || tokens[close + 1]?.tokenType !== Equals) return []
    return tokens.slice(1, close).filter((token) => tokenMatcher(token, Name))
  }
  if (!tokenMatcher(first, Name)) return []
  const close = second?.tokenType === LSquare ? tokens.findIndex((token) => token.tokenType === RSquare) : 0
  return close >= 0 && tokens[close + 1]?.tokenType === Equals ? [first] : []
}

function salvage(context: Context, start: number, end: number): Statement[] {
  const names = namesBound(tokensBetween(context, start, end))
  if (names.length === 0) return []
  const idents = names.map((token) => ident(context, token))
  return [bindToError(context, idents, start, end)]
}
