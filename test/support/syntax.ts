/** Short forms for tests of the parser: a model around a body, an expression as one line of brackets. */
import type { Diagnostic } from '../../compiler/diagnostics/diagnostic.ts'
import { formatRational } from '../../compiler/shapes/rational.ts'
import type { Expr, File, Item, Statement } from '../../compiler/syntax/ast.ts'
import { parse } from '../../compiler/syntax/parse.ts'

/** A model with a body, one statement a line. */
export const inModel = (body: string): string => `model M {\n${body}\n}\n`

/** `code at excerpt`, in order. */
export const problems = (text: string): string[] =>
  parse(text, 'a.model').diagnostics.map((d) => `${d.code} ${text.slice(d.span?.start, d.span?.end)}`)

/** Parses what must be right. Throws the first error otherwise. */
export function parsed(text: string): File {
  const { file, diagnostics } = parse(text, 'a.model')
  const [first] = diagnostics
  if (first) throw new Error(describe(first, text))
  return file
}
const describe = (d: Diagnostic, text: string): string =>
  `${d.code} ${d.message} at ${JSON.stringify(text.slice(d.span?.start, (d.span?.start ?? 0) + 40))}`

/** The only item of a text. */
export function item<K extends Item['kind']>(kind: K, text: string): Extract<Item, { kind: K }> {
  const found = parsed(text).items.find((one): one is Extract<Item, { kind: K }> => one.kind === kind)
  if (!found) throw new Error(`no ${kind} in ${text}`)
  return found
}

/** The statements of a body. */
export const statements = (body: string): readonly Statement[] => item('model', inModel(body)).body

/** The one statement of a body, of the kind that is expected. */
export function statement<K extends Statement['kind']>(kind: K, body: string): Extract<Statement, { kind: K }> {
  const [only, ...others] = statements(body)
  if (!only || only.kind !== kind || others.length > 0) throw new Error(`not one ${kind}: ${body}`)
  return only as Extract<Statement, { kind: K }>
}

/** The value of `v = text`, written with all its brackets. */
export const shape = (text: string): string => show(statement('bind', `v = ${text}`).value)

/** An expression with brackets around every operation. */
export function show(expr: Expr): string {
  const list = (exprs: readonly Expr[]): string => exprs.map(show).join(', ')
  switch (expr.kind) {
    case 'number':
      return formatRational(expr.value)
    case 'bool':
      return String(expr.value)
    case 'name':
      return expr.name
    case 'stringExpr':
      return JSON.stringify(expr.value)
    case 'unary':
      return `(${expr.op} ${show(expr.operand)})`
    case 'binary':
      return `(${show(expr.left)} ${expr.op} ${show(expr.right)})`
    case 'if':
      return `(if ${show(expr.condition)} then ${show(expr.then)} else ${show(expr.else)})`
    case 'call':
      return `${show(expr.callee)}(${expr.args.map((a) => (a.name ? `${a.name.name} = ` : '') + show(a.value)).join(', ')})`
    case 'index':
      return `${expr.base.name}[${list(expr.indices)}]`
    case 'binder': {
      const indices = expr.indices.map((i) => (i.range ? `${i.name.name}: ${show(i.range)}` : i.name.name)).join(', ')
      return `${expr.op}[${indices}${expr.condition ? ` if ${show(expr.condition)}` : ''}](${show(expr.body)})`
    }
    case 'pipe':
      return `(${show(expr.left)} |> ${show(expr.right)})`
    case 'tuple':
      return `<${list(expr.items)}>`
    case 'stack':
      return `[${list(expr.items)}]`
    case 'repeat': {
      const names = expr.carried.map((name) => name.name).join(', ')
      const head = `${show(expr.count)}${expr.index ? ` as ${expr.index.name}` : ''} from ${expr.tuple ? `<${names}>` : names}`
      return `repeat ${head} = ${show(expr.init)} {${expr.body.length}}`
    }
    case 'error':
      return 'ERROR'
  }
}
