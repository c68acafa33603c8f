/** Files, blocks, models and variants: concrete syntax tree to syntax tree. */
import type {
  BlockCstNode,
  EditLineCstNode,
  FileCstNode,
  FileLineCstNode,
  ItemCstNode,
  PathCstNode,
  VariantCstNode,
} from '../../grammar/cst.generated.ts'
import type { Block, Const, Edit, File, Ident, Item, Variant } from './ast.ts'
import {
  type Context,
  endOfNode,
  errorExpr,
  ident,
  nodeSpan,
  only,
  spanOf,
  startOfNode,
  stringLiteral,
} from './context.ts'
import { buildExpr, buildType, type ExpressionContext } from './expressions.ts'
import { buildBody, buildLabels, buildStatement, namesBound, staticType, tokensBetween } from './statements.ts'

/** Builds the syntax tree of a file; reports what the grammar lets through and the language does not. */
export function buildFile(base: Context, node: FileCstNode): File {
  const context: ExpressionContext = { ...base, statements: (body) => buildBody(context, body) }
  return {
    kind: 'file',
    path: base.path,
    items: (node.children.fileLine ?? []).flatMap((line) => buildLine(context, line)),
    span: spanOf(base, 0, base.text.length),
  }
}

function buildLine(context: ExpressionContext, line: FileLineCstNode): Item[] {
  const [item] = line.children.item ?? []
  if (item) return [buildItem(context, item)]
  return salvageItem(context, startOfNode(line), endOfNode(line))
}

/** A constant that is an error stands for what could not be read, so that its uses are not reported too. */
function salvageItem(context: Context, start: number, end: number): Const[] {
  const span = spanOf(context, start, end)
  const names = namesBound(tokensBetween(context, start, end)).slice(0, 1)
  return names.map((token) => ({ kind: 'const', doc: '', name: ident(context, token), value: errorExpr(span), span }))
}

function buildItem(context: ExpressionContext, { children }: ItemCstNode): Item {
  if (children.use) {
    const node = only(children.use)
    return { kind: 'use', path: stringLiteral(context, only(node.children.Text)), span: nodeSpan(context, node) }
  }
  if (children.constant) {
    const node = only(children.constant)
    return {
      kind: 'const',
      doc: docOf(context, startOfNode(node)),
      name: ident(context, only(node.children.Name)),
      value: buildExpr(context, only(node.children.expression)),
      span: nodeSpan(context, node),
    }
  }
  if (children.labels) return buildLabels(context, only(children.labels))
  if (children.block) return buildBlock(context, only(children.block))
  if (children.variant) return buildVariant(context, only(children.variant))
  const node = only(children.model)
  return {
    kind: 'model',
    doc: docOf(context, startOfNode(node)),
    name: ident(context, only(node.children.Name)),
    body: buildBody(context, only(node.children.body)),
    span: nodeSpan(context, node),
  }
}

const docOf = (context: Context, start: number): string => context.docs.get(start) ?? ''

function buildBlock(context: ExpressionContext, node: BlockCstNode): Block | Const {
  const { Name, header, body } = node.children
  const span = nodeSpan(context, node)
  const name = ident(context, only(Name))
  const doc = docOf(context, span.start)
  const statements = buildBody(context, only(body))
  if (!header?.[0]) return { kind: 'const', doc, name, value: errorExpr(span), span }
  const { staticParam, tensorParam, results } = header[0].children
  const { type, LParen } = only(results).children
  return {
    kind: 'block',
    doc,
    name,
    statics: (staticParam ?? []).map((child) => ({
      kind: 'staticParam',
      name: ident(context, only(child.children.Name)),
      type: staticType(only(child.children.StaticType)),
      default: child.children.expression?.[0] ? buildExpr(context, child.children.expression[0]) : undefined,
      span: nodeSpan(context, child),
    })),
    params: (tensorParam ?? []).map((child) => ({
      kind: 'tensorParam',
      name: ident(context, only(child.children.Name)),
      type: buildType(context, only(child.children.type)),
      span: nodeSpan(context, child),
    })),
    results: (type ?? []).map((child) => buildType(context, child)),
    tuple: LParen !== undefined,
    body: statements,
    span,
  }
}

function buildVariant(context: ExpressionContext, node: VariantCstNode): Variant {
  const { Text, Name, editLine } = node.children
  return {
    kind: 'variant',
    doc: docOf(context, startOfNode(node)),
    name: stringLiteral(context, only(Text)),
    base: ident(context, only(Name)),
    edits: (editLine ?? []).flatMap((line) => buildEdit(context, line)),
    span: nodeSpan(context, node),
  }
}

function buildEdit(context: ExpressionContext, line: EditLineCstNode): Edit[] {
  const [edit] = line.children.edit ?? []
  if (!edit) return []
  const { labels, New, statement, drop, setting } = edit.children
  const span = nodeSpan(context, edit)
  if (labels) return [buildLabels(context, only(labels))]
  if (New)
    return buildStatement(context, only(statement), span.start).map((made) => ({
      kind: 'newEdit',
      statement: made,
      span,
    }))
  if (drop) {
    const { Droppable, Name } = only(drop).children
    const what = only(Droppable).image === 'loss' ? 'loss' : 'output'
    return [{ kind: 'dropEdit', what, name: ident(context, only(Name)), span }]
  }
  const { path, LParen, expression } = only(setting).children
  const targets = (path ?? []).map((child) => buildPath(context, child))
  return [{ kind: 'setEdit', targets, tuple: LParen !== undefined, value: buildExpr(context, only(expression)), span }]
}

const buildPath = (context: Context, node: PathCstNode): Ident[] =>
  node.children.Name.map((token) => ident(context, token))
