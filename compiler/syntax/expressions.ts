/** Expressions, types and indices: concrete syntax tree to syntax tree. */
import type { IToken } from 'chevrotain'
import type {
  ArgumentCstNode,
  BodyCstNode,
  ExpressionCstNode,
  ExpressionsCstNode,
  IndicesCstNode,
  NamesCstNode,
  ReductionCstNode,
  RepetitionCstNode,
  SuffixCstNode,
  TermCstNode,
  TypeCstNode,
} from '../../grammar/cst.generated.ts'
import { endOf } from '../../grammar/tokens.ts'
import { syntax } from '../diagnostics/catalogue/syntax.ts'
import type { Arg, BinderOp, Expr, Ident, IndexDecl, Statement, TypeExpr } from './ast.ts'
import {
  type Context,
  endOfNode,
  errorExpr,
  excerpt,
  ident,
  nodeSpan,
  only,
  report,
  spanOf,
  startOfNode,
  textValue,
  tokenSpan,
} from './context.ts'
import { maxDigits, maxExponent, readNumber, units } from './literals.ts'
import { combine, type Term } from './operators.ts'

/** A context that can read the statements of a `repeat`. */
export interface ExpressionContext extends Context {
  readonly statements: (body: BodyCstNode) => Statement[]
}

/** Any expression. Reports what precedence or an index makes of it, and stands an error node there. */
export function buildExpr(context: ExpressionContext, node: ExpressionCstNode): Expr {
  const { term, BinaryOp } = node.children
  return combine(
    context,
    term.map((child) => buildTerm(context, child)),
    BinaryOp ?? [],
  )
}

/** A list of expressions. */
export const buildExprs = (context: ExpressionContext, node: ExpressionsCstNode): Expr[] =>
  node.children.expression.map((child) => buildExpr(context, child))

/** `[frames, 256] of n` */
export function buildType(context: ExpressionContext, node: TypeCstNode): TypeExpr {
  const { expressions, expression } = node.children
  return {
    kind: 'type',
    dims: expressions?.[0] ? buildExprs(context, expressions[0]) : [],
    of: expression?.[0] ? buildExpr(context, expression[0]) : undefined,
    span: nodeSpan(context, node),
  }
}

/** `j: t, o` */
export const buildIndices = (context: ExpressionContext, node: IndicesCstNode): IndexDecl[] =>
  node.children.index.map((child) => ({
    kind: 'indexDecl',
    name: ident(context, only(child.children.Name)),
    range: child.children.expression?.[0] ? buildExpr(context, child.children.expression[0]) : undefined,
    span: nodeSpan(context, child),
  }))

/** `(a, b)` on a left side. */
export const buildNames = (context: Context, node: NamesCstNode): Ident[] =>
  node.children.Name.map((token) => ident(context, token))

function buildTerm(context: ExpressionContext, node: TermCstNode): Term {
  const { children } = node
  const prefixes = children.PrefixOp ?? []
  const base = buildPrimary(context, node)
  let { expr } = base
  let end = base.end
  for (const suffix of children.suffix ?? []) {
    const plain = expr === base.expr && !children.brackets
    end = endOfNode(suffix)
    expr = buildSuffix(context, suffix, expr, base.start, end, plain)
  }
  return { prefixes, expr, start: base.start, end, open: children.conditional !== undefined }
}

function buildPrimary(
  context: ExpressionContext,
  { children }: TermCstNode,
): { readonly expr: Expr; readonly start: number; readonly end: number } {
  const ofToken = (token: IToken, expr: Expr) => ({ expr, start: token.startOffset, end: endOf(token) })
  const [number, text, truth, name] = [children.NumberLiteral, children.Text, children.Truth, children.Name]
  if (number?.[0]) return ofToken(number[0], buildNumber(context, number[0]))
  if (name?.[0]) return ofToken(name[0], { kind: 'name', name: name[0].image, span: tokenSpan(context, name[0]) })
  if (truth?.[0])
    return ofToken(truth[0], { kind: 'bool', value: truth[0].image === 'true', span: tokenSpan(context, truth[0]) })
  if (text?.[0]) {
    const span = tokenSpan(context, text[0])
    return ofToken(text[0], { kind: 'stringExpr', value: textValue(context, text[0]), span })
  }
  const node =
    children.brackets?.[0] ??
    children.stack?.[0] ??
    children.reduction?.[0] ??
    children.conditional?.[0] ??
    only(children.repetition)
  const span = nodeSpan(context, node)
  const whole = (expr: Expr) => ({ expr, start: span.start, end: span.end })
  switch (node.name) {
    case 'brackets': {
      const items = buildExprs(context, only(node.children.expressions))
      return whole(items.length === 1 ? only(items) : { kind: 'tuple', items, span })
    }
    case 'stack':
      return whole({ kind: 'stack', items: buildExprs(context, only(node.children.expressions)), span })
    case 'reduction':
      return whole(buildReduction(context, node))
    case 'conditional': {
      const [condition, then, otherwise] = node.children.expression.map((child) => buildExpr(context, child))
      if (!condition || !then || !otherwise) throw new Error('internal error in the parser: an `if` without its sides')
      return whole({ kind: 'if', condition, then, else: otherwise, span })
    }
    case 'repetition':
      return whole(buildRepetition(context, node))
  }
}

function buildNumber(context: Context, token: IToken): Expr {
  const span = tokenSpan(context, token)
  const reading = readNumber(token.image)
  if (reading.kind === 'number') return { kind: 'number', value: reading.value, text: token.image, span }
  if (reading.kind === 'huge') report(context, syntax.hugeNumber, span, { digits: maxDigits, exponent: maxExponent })
  else {
    const suffix = spanOf(context, span.end - reading.suffix.length, span.end)
    report(context, syntax.badUnit, suffix, { ...reading, units: [...units.keys()] })
  }
  return errorExpr(span)
}

const binderOps: ReadonlyMap<string, BinderOp> = new Map(
  (['sum', 'mean', 'max', 'min', 'logsumexp', 'softmax'] as const).map((op) => [op, op]),
)
/** Reductions that are functions of whole values too. */
const alsoFunctions = new Set<string>(['max', 'min', 'softmax'])

function buildReduction(context: ExpressionContext, node: ReductionCstNode): Expr {
  const { Binder, indices, condition, expression } = node.children
  const span = nodeSpan(context, node)
  const word = only(Binder)
  const op = binderOps.get(word.image)
  if (!op) throw new Error(`internal error in the parser: no reduction ${word.image}`)
  if (!indices?.[0]) {
    if (alsoFunctions.has(op)) return { kind: 'name', name: op, span }
    report(context, syntax.binderNeedsIndex, span, { name: op, argument: '…' })
    return errorExpr(span)
  }
  return {
    kind: 'binder',
    op,
    indices: buildIndices(context, indices[0]),
    condition: condition?.[0] ? buildExpr(context, condition[0]) : undefined,
    body: buildExpr(context, only(expression)),
    span,
  }
}

function buildRepetition(context: ExpressionContext, node: RepetitionCstNode): Expr {
  const { expression, round, names, Name, body } = node.children
  const [count, init] = expression.map((child) => buildExpr(context, child))
  if (!count || !init) throw new Error('internal error in the parser: a `repeat` without its count or its start')
  return {
    kind: 'repeat',
    count,
    index: round?.[0] ? ident(context, round[0]) : undefined,
    carried: names?.[0] ? buildNames(context, names[0]) : [ident(context, only(Name))],
    tuple: names !== undefined,
    init,
    body: context.statements(only(body)),
    span: nodeSpan(context, node),
  }
}

/** A call or an index after `base`; `plain` where the base is one bare word or number. */
function buildSuffix(
  context: ExpressionContext,
  node: SuffixCstNode,
  base: Expr,
  start: number,
  end: number,
  plain: boolean,
): Expr {
  const span = spanOf(context, start, end)
  const { LSquare, expressions, argument } = node.children
  if (!LSquare) {
    const args = buildArgs(context, argument ?? [])
    return base.kind === 'error' ? errorExpr(span) : { kind: 'call', callee: base, args, span }
  }
  const list = only(expressions)
  const indices = buildExprs(context, list)
  if (base.kind === 'name' && plain) return { kind: 'index', base, indices, span }
  if (base.kind !== 'error') {
    const text = excerpt(context, nodeSpan(context, list))
    const merged = base.kind === 'index' ? `${excerpt(context, base.span).slice(0, -1)}, ${text}]` : undefined
    const params = { base: excerpt(context, spanOf(context, start, startOfNode(node))), indices: text, merged }
    report(context, syntax.onlyNamesIndexed, nodeSpan(context, node), params)
  }
  return errorExpr(span)
}

function buildArgs(context: ExpressionContext, nodes: readonly ArgumentCstNode[]): Arg[] {
  let named: string | undefined
  return nodes.map((node) => {
    const { Name, expression } = node.children
    const span = nodeSpan(context, node)
    if (Name?.[0]) named = Name[0].image
    else if (named !== undefined)
      report(context, syntax.positionalAfterNamed, span, { example: excerpt(context, span) })
    return {
      kind: 'arg',
      name: Name?.[0] ? ident(context, Name[0]) : undefined,
      value: buildExpr(context, only(expression)),
      span,
    }
  })
}
