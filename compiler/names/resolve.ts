/** Looks every name of every block and model up, also in blocks that nothing uses: what no name can mean is reported. */
import { builtinNames } from '../check/builtins.ts'
import type { FileScope } from '../check/context.ts'
import { initialisers } from '../check/initialisers.ts'
import { names } from '../diagnostics/catalogue/names.ts'
import { type Diagnostic, diagnose } from '../diagnostics/diagnostic.ts'
import { suggest } from '../diagnostics/suggest.ts'
import type { Block, Expr, File, IndexDecl, Model, Span, Statement, TypeExpr } from '../syntax/ast.ts'
import { reservedWords } from './reserved.ts'

const fixed: ReadonlySet<string> = new Set(['pi', 'training', 'batch', ...builtinNames])

interface Walk {
  readonly globals: FileScope['items']
  readonly diagnostics: Diagnostic[]
}

/** Unknown and reserved names in all files. */
export function resolveNames(files: ReadonlyMap<string, File>, scopes: ReadonlyMap<string, FileScope>): Diagnostic[] {
  const diagnostics: Diagnostic[] = []
  for (const [path, file] of files) {
    const walk: Walk = { globals: scopes.get(path)?.items ?? new Map(), diagnostics }
    for (const item of file.items) {
      if (item.kind === 'block') resolveBlock(walk, item)
      else if (item.kind === 'model') resolveModel(walk, item)
      else if (item.kind === 'const') resolveExpr(walk, item.value, new Set())
    }
  }
  return diagnostics
}

function resolveBlock(walk: Walk, block: Block): void {
  const visible = new Set<string>()
  for (const param of block.statics) bind(walk, visible, param.name.name, param.name.span)
  for (const param of block.params)
    for (const dim of [...param.type.dims, ...(param.type.of ? [param.type.of] : [])])
      if (dim.kind === 'name' && !walk.globals.has(dim.name)) visible.add(dim.name)
  for (const param of block.params) bind(walk, visible, param.name.name, param.name.span)
  for (const param of block.statics) if (param.default) resolveExpr(walk, param.default, visible)
  for (const param of block.params) resolveType(walk, param.type, visible)
  // A result's dim that nothing binds has an error of its own where the block is used.
  resolveBody(walk, block.body, visible)
}

function resolveModel(walk: Walk, model: Model): void {
  resolveBody(walk, model.body, new Set())
}

function bind(walk: Walk, visible: Set<string>, name: string, span: Span): void {
  if (reservedWords.has(name)) walk.diagnostics.push(diagnose(names.reservedName, span, { name }))
  visible.add(name)
}

function resolveBody(walk: Walk, statements: readonly Statement[], outer: ReadonlySet<string>): void {
  const visible = new Set(outer)
  for (const statement of statements) {
    if (statement.kind === 'bind') for (const ident of statement.names) bind(walk, visible, ident.name, ident.span)
    else if (statement.kind === 'seq')
      for (const item of statement.names) bind(walk, visible, item.name.name, item.name.span)
    else if (
      statement.kind === 'equation' ||
      statement.kind === 'param' ||
      statement.kind === 'state' ||
      statement.kind === 'hyper' ||
      statement.kind === 'labels' ||
      statement.kind === 'input' ||
      statement.kind === 'target'
    )
      bind(walk, visible, statement.name.name, statement.name.span)
  }
  for (const statement of statements) resolveStatement(walk, statement, visible)
}

function resolveStatement(walk: Walk, statement: Statement, visible: ReadonlySet<string>): void {
  switch (statement.kind) {
    case 'labels':
      return
    case 'seq':
      for (const item of statement.names)
        for (const bound of [item.low, item.high]) if (bound) resolveExpr(walk, bound, visible)
      return
    case 'input':
    case 'target':
      resolveType(walk, statement.type, visible)
      return
    case 'hyper':
      for (const expr of [statement.default, statement.low, statement.high, ...statement.grid])
        if (expr) resolveExpr(walk, expr, visible)
      return
    case 'param':
    case 'state':
      resolveType(walk, statement.type, visible)
      resolveExpr(walk, statement.init, new Set([...visible, ...Object.keys(initialisers)]))
      return
    case 'require':
      resolveExpr(walk, statement.condition, visible)
      return
    case 'loss':
      if (statement.weight) resolveExpr(walk, statement.weight, visible)
      resolveExpr(walk, statement.value, visible)
      return
    case 'equation':
      resolveExpr(walk, statement.value, introduced(walk, statement.indices, visible))
      return
    default:
      resolveExpr(walk, statement.value, visible)
  }
}

const resolveType = (walk: Walk, type: TypeExpr, visible: ReadonlySet<string>): void => {
  for (const dim of type.dims) resolveExpr(walk, dim, visible)
  if (type.of) resolveExpr(walk, type.of, visible)
}

function introduced(walk: Walk, decls: readonly IndexDecl[], visible: ReadonlySet<string>): Set<string> {
  const inner = new Set(visible)
  for (const decl of decls) {
    if (decl.range) resolveExpr(walk, decl.range, visible)
    bind(walk, inner, decl.name.name, decl.name.span)
  }
  return inner
}

function resolveName(walk: Walk, name: string, span: Span, visible: ReadonlySet<string>, what: string): void {
  if (visible.has(name) || walk.globals.has(name) || fixed.has(name)) return
  const candidates = [...visible, ...walk.globals.keys(), ...fixed]
  walk.diagnostics.push(diagnose(names.unknownName, span, { name, what, suggestion: suggest(name, candidates) }))
}

function resolveExpr(walk: Walk, expr: Expr, visible: ReadonlySet<string>): void {
  const go = (e: Expr): void => resolveExpr(walk, e, visible)
  switch (expr.kind) {
    case 'number':
    case 'bool':
    case 'stringExpr':
    case 'error':
      return
    case 'name':
      resolveName(walk, expr.name, expr.span, visible, 'name')
      return
    case 'unary':
      go(expr.operand)
      return
    case 'binary':
    case 'pipe':
      go(expr.left)
      go(expr.right)
      return
    case 'if':
      go(expr.condition)
      go(expr.then)
      go(expr.else)
      return
    case 'call':
      if (expr.callee.kind === 'name')
        resolveName(walk, expr.callee.name, expr.callee.span, visible, 'block or function')
      else go(expr.callee)
      for (const arg of expr.args) go(arg.value)
      return
    case 'index':
      resolveName(walk, expr.base.name, expr.base.span, visible, 'name')
      expr.indices.forEach(go)
      return
    case 'binder': {
      if (expr.op === 'softmax') {
        for (const decl of expr.indices) resolveName(walk, decl.name.name, decl.name.span, visible, 'index')
        if (expr.condition) go(expr.condition)
        go(expr.body)
        return
      }
      const inner = introduced(walk, expr.indices, visible)
      if (expr.condition) resolveExpr(walk, expr.condition, inner)
      resolveExpr(walk, expr.body, inner)
      return
    }
    case 'tuple':
    case 'stack':
      expr.items.forEach(go)
      return
    case 'repeat': {
      go(expr.count)
      go(expr.init)
      const inner = new Set(visible)
      for (const ident of [...(expr.index ? [expr.index] : []), ...expr.carried])
        bind(walk, inner, ident.name, ident.span)
      resolveBody(walk, expr.body, inner)
      return
    }
  }
}
