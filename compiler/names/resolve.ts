/**
 * Looks every name of every file up, also in blocks that nothing uses, and finds what is wrong with the text alone:
 * unknown, reserved, doubled and hidden names, statements out of place, results that nothing binds.
 */
import { builtinNames } from '../check/builtins.ts'
import type { FileScope } from '../check/context.ts'
import { initialisers } from '../check/initialisers.ts'
import { names } from '../diagnostics/catalogue/names.ts'
import { shapes } from '../diagnostics/catalogue/shapes.ts'
import { type Diagnostic, diagnose, type Row } from '../diagnostics/diagnostic.ts'
import { suggest } from '../diagnostics/suggest.ts'
import type { Block, Expr, File, Ident, IndexDecl, Model, Span, Statement, TypeExpr, Variant } from '../syntax/ast.ts'
import { namesIn } from '../syntax/names-in.ts'
import { reservedWords, unwritableNames } from './reserved.ts'
import { noUses, type Uses, unusedNames } from './unused.ts'
import { boundNames } from './variants.ts'

const fixed: ReadonlySet<string> = new Set(['pi', 'training', 'batch', ...builtinNames])

/** What can be seen, and where it was bound. */
type Visible = ReadonlyMap<string, Span | undefined>

interface Walk {
  readonly uses: Uses
  readonly globals: FileScope['items']
  readonly report: <P>(row: Row<P>, span: Span, params: P) => void
  /** False in a variant's edit: what it names may come from a block that it replaces or from another variant. */
  readonly complete: boolean
}

/** The faults of names in all files. */
export function resolveNames(files: ReadonlyMap<string, File>, scopes: ReadonlyMap<string, FileScope>): Diagnostic[] {
  const diagnostics: Diagnostic[] = []
  for (const [path, file] of files) {
    const walk: Walk = {
      uses: noUses(),
      globals: scopes.get(path)?.items ?? new Map(),
      report: (row, span, params) => diagnostics.push(diagnose(row, span, params)),
      complete: scopes.get(path)?.complete !== false,
    }
    for (const item of file.items) {
      if (item.kind === 'block') resolveBlock({ ...walk, uses: noUses() }, item)
      else if (item.kind === 'model') resolveModel({ ...walk, uses: noUses() }, item, file)
      else if (item.kind === 'const') resolveExpr(walk, item.value, new Map())
      else if (item.kind === 'variant' && !baseOf(item, file)) resolveVariant(walk, item, undefined)
    }
  }
  return diagnostics
}

const baseOf = (variant: Variant, file: File): Model | undefined =>
  file.items.find((item): item is Model => item.kind === 'model' && item.name.name === variant.base.name)

function resolveModel(walk: Walk, model: Model, file: File): void {
  const variants = file.items.filter((item) => item.kind === 'variant').filter((item) => baseOf(item, file) === model)
  resolveBody(walk, model.body, new Map(), 'model')
  for (const variant of variants) resolveVariant(walk, variant, model)
  const added = variants.flatMap(({ edits }) =>
    edits.flatMap((edit) => (edit.kind === 'newEdit' ? [edit.statement] : [])),
  )
  warnUnused(
    walk,
    [...model.body, ...added],
    `model \`${model.name.name}\`${variants.length > 0 ? ' or its variants' : ''}`,
  )
}

function resolveBlock(walk: Walk, block: Block): void {
  const visible = new Map<string, Span>()
  const bindOnce = ({ name, span }: Ident): void => bindIn(walk, visible, name, span)
  for (const param of block.statics) bindOnce(param.name)
  for (const param of block.params)
    for (const dim of [...param.type.dims, ...(param.type.of ? [param.type.of] : [])])
      if (dim.kind === 'name' && !walk.globals.has(dim.name) && !visible.has(dim.name)) visible.set(dim.name, dim.span)
  const header = (type: TypeExpr): void => {
    for (const { name, span } of [...type.dims, ...(type.of ? [type.of] : [])].flatMap(namesIn))
      if (!isKnown(walk, name, visible))
        walk.report(shapes.unboundDim, span, {
          name,
          block: block.name.name,
          suggestion: suggest(name, [...visible.keys(), ...walk.globals.keys()]),
        })
  }
  for (const param of block.params) header(param.type)
  for (const result of block.results) header(result)
  for (const param of block.params) bindOnce(param.name)
  for (const param of block.statics) if (param.default) resolveExpr(walk, param.default, visible)
  resolveBody(walk, block.body, visible, 'block')
  checkReturns(walk, block.body, block.name.span, `block \`${block.name.name}\``)
  // There `seq t` speaks of a dim of the header.
  const bound = block.body.filter(({ kind }) => kind !== 'seq')
  warnUnused(walk, bound, `block \`${block.name.name}\``)
}

function warnUnused({ uses, report }: Walk, statements: readonly Statement[], where: string): void {
  for (const { name, span } of unusedNames(uses, statements)) report(names.unusedName, span, { name, where })
}

function checkReturns(walk: Walk, body: readonly Statement[], span: Span, what: string): void {
  const [first, ...others] = body.filter((statement) => statement.kind === 'return')
  if (!first) walk.report(names.missingReturn, span, { what })
  for (const extra of others) walk.report(names.misplaced, extra.span, { what: 'a second `return`', where: what })
}

/** An edit's indices must not hide a name of the model; the names that it uses are looked up when it is applied. */
function resolveVariant(outer: Walk, variant: Variant, base: Model | undefined): void {
  const walk: Walk = { ...outer, complete: false }
  const added = variant.edits.flatMap((edit) => (edit.kind === 'newEdit' ? [edit.statement] : []))
  const visible = new Map([...(base?.body ?? []), ...added].flatMap(boundNames).map(({ name, span }) => [name, span]))
  for (const edit of variant.edits) {
    if (edit.kind === 'setEdit') resolveExpr(walk, edit.value, visible)
    else if (edit.kind === 'newEdit') {
      checkPlace(walk, edit.statement, 'model')
      for (const { name, span } of boundNames(edit.statement)) reserved(walk, name, span)
      resolveStatement(walk, edit.statement, visible)
    }
  }
}

function reserved(walk: Walk, name: string, span: Span): void {
  if (reservedWords.has(name)) walk.report(names.reservedName, span, { name })
}

/** Binds a name in a scope that must not have it. */
function bindIn(walk: Walk, visible: Map<string, Span | undefined>, name: string, span: Span): void {
  reserved(walk, name, span)
  if (visible.has(name)) walk.report(names.duplicateName, span, { name, first: visible.get(name) })
  else visible.set(name, span)
}

type Place = 'block' | 'model' | 'repeat'

const modelOnly: readonly Statement['kind'][] = ['input', 'target', 'hyper', 'labels', 'predict', 'loss', 'output']

function checkPlace(walk: Walk, statement: Statement, place: Place): void {
  const wrong =
    place === 'model'
      ? statement.kind === 'return'
      : modelOnly.includes(statement.kind) || (place === 'repeat' && statement.kind === 'seq')
  if (wrong)
    walk.report(names.misplaced, statement.span, {
      what: `\`${statement.kind}\``,
      where: place === 'repeat' ? '`repeat`' : `a ${place}`,
    })
}

function resolveBody(walk: Walk, statements: readonly Statement[], outer: Visible, place: Place): void {
  const visible = new Map(outer)
  for (const statement of statements) {
    checkPlace(walk, statement, place)
    // In a block `seq t` speaks of a dim of the header.
    if (place !== 'model' && statement.kind === 'seq') continue
    for (const { name, span } of boundNames(statement)) bindIn(walk, visible, name, span)
  }
  for (const statement of statements) resolveStatement(walk, statement, visible)
}

function resolveStatement(walk: Walk, statement: Statement, visible: Visible): void {
  switch (statement.kind) {
    case 'labels':
      return
    case 'seq':
      for (const item of statement.names)
        for (const bound of [item.low, item.high]) if (bound) resolveExpr(walk, bound, visible)
      return
    case 'input':
    case 'target':
      resolveType({ ...walk, uses: { ...walk.uses, names: walk.uses.inTypes } }, statement.type, visible)
      return
    case 'hyper':
      for (const expr of [statement.default, statement.low, statement.high, ...statement.grid])
        if (expr) resolveExpr(walk, expr, visible)
      return
    case 'param':
    case 'state':
      resolveType(walk, statement.type, visible)
      resolveInitialiser(walk, statement.init, visible)
      return
    case 'require':
      resolveExpr(walk, statement.condition, visible)
      return
    case 'loss':
    case 'output':
      if (unwritableNames.has(statement.name.name)) reserved(walk, statement.name.name, statement.name.span)
      if (statement.kind === 'loss' && statement.weight) resolveExpr(walk, statement.weight, visible)
      resolveExpr(walk, statement.value, visible)
      return
    case 'equation':
      resolveExpr(walk, statement.value, introduced(walk, statement.indices, visible))
      return
    case 'predict':
      walk.uses.names.add(statement.name.name)
      resolveExpr(walk, statement.value, visible)
      return
    default:
      resolveExpr(walk, statement.value, visible)
  }
}

const resolveType = (walk: Walk, type: TypeExpr, visible: Visible): void => {
  for (const dim of type.dims) resolveExpr(walk, dim, visible)
  if (type.of) resolveExpr(walk, type.of, visible)
}

function resolveInitialiser(walk: Walk, init: Expr, visible: Visible): void {
  const callee = init.kind === 'call' ? init.callee : init
  if (callee.kind === 'error') return
  if (callee.kind !== 'name') {
    walk.report(shapes.notAValue, init.span, { got: 'an expression', wants: 'an initialiser such as `zeros()`' })
    return
  }
  const available = Object.keys(initialisers)
  if (!available.includes(callee.name))
    walk.report(shapes.unknownInitialiser, callee.span, {
      name: callee.name,
      available,
      suggestion: suggest(callee.name, available),
    })
  if (init.kind === 'call') for (const arg of init.args) resolveExpr(walk, arg.value, visible)
}

/** The scope inside a binder: its indices must hide nothing. */
function introduced(walk: Walk, decls: readonly IndexDecl[], visible: Visible): Visible {
  const inner = new Map(visible)
  for (const { name, range } of decls) {
    if (range) resolveExpr(walk, range, visible)
    reserved(walk, name.name, name.span)
    if (inner.has(name.name) || walk.globals.has(name.name))
      walk.report(names.hiddenName, name.span, {
        name: name.name,
        first: inner.get(name.name) ?? walk.globals.get(name.name)?.item.name.span,
      })
    inner.set(name.name, name.span)
  }
  return inner
}

const isKnown = (walk: Walk, name: string, visible: Visible): boolean =>
  !walk.complete || visible.has(name) || walk.globals.has(name) || fixed.has(name)

function resolveName(walk: Walk, name: string, span: Span, visible: Visible, what: string): void {
  walk.uses.names.add(name)
  if (isKnown(walk, name, visible)) return
  const candidates = [...visible.keys(), ...walk.globals.keys(), ...fixed]
  walk.report(names.unknownName, span, { name, what, suggestion: suggest(name, candidates) })
}

function resolveExpr(walk: Walk, expr: Expr, visible: Visible): void {
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
      if (expr.op === 'softmax')
        for (const { name } of expr.indices) resolveName(walk, name.name, name.span, visible, 'index')
      const inner = expr.op === 'softmax' ? visible : introduced(walk, expr.indices, visible)
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
      const inner = new Map(visible)
      for (const { name, span } of [...(expr.index ? [expr.index] : []), ...expr.carried])
        bindIn(walk, inner, name, span)
      resolveBody(walk, expr.body, inner, 'repeat')
      checkReturns(walk, expr.body, expr.span, '`repeat`')
      warnUnused(walk, expr.body, 'this `repeat`')
    }
  }
}
