/** Statements of block and model bodies: bindings that are evaluated when first asked for, parameters, states, requires. */
import { names } from '../diagnostics/catalogue/names.ts'
import { shapes } from '../diagnostics/catalogue/shapes.ts'
import { suggest } from '../diagnostics/suggest.ts'
import { boundNames, spokenName } from '../names/variants.ts'
import { type Dim, isRagged } from '../shapes/dim.ts'
import type { Bind, Equation, Expr, Ident, Return, Span, Statement } from '../syntax/ast.ts'
import {
  type Binding,
  bindValue,
  type Context,
  lookup,
  type Naming,
  report,
  reportPlain,
  type Scope,
} from './context.ts'
import { asNumber, type Core, type Def, type IndexVar, substitute } from './core.ts'
import { introduce, settle } from './equations.ts'
import { evaluate, reportCycle } from './expressions.ts'
import { checkRequire } from './requires.ts'
import { materialise, toTensor } from './tensors.ts'
import { axisOf, describe, type Instance, poison, type TensorValue, type Value } from './value.ts'
import { evaluateUpdate, evaluateVariable } from './variables.ts'

/** Names whose values need each other, statements in reverse order, may be as many. */
const MAX_CHAIN = 400

/** A binding that is evaluated once, when it is first asked for; a cycle is reported where it closes. */
export function lazily(context: Context, name: string, span: Span, make: () => Value): Binding {
  return {
    state: 'todo',
    value: undefined,
    span,
    evaluate() {
      if (this.state === 'done') return this.value as Value
      if (this.state === 'busy') return reportCycle(context, name, span)
      if (context.run.pendingNames.length >= MAX_CHAIN) {
        report(context, shapes.tooLarge, span, {
          what: 'the chain of names that need each other',
          limit: `${MAX_CHAIN}`,
        })
        return poison
      }
      this.state = 'busy'
      context.run.pendingNames.push(name)
      this.value = make()
      context.run.pendingNames.pop()
      this.state = 'done'
      return this.value
    },
  }
}

/** Binds a name in a scope; one that is taken has been reported by the resolver. */
export function declare(context: Context, scope: Scope, ident: Ident, make: () => Value): void {
  if (lookup(scope, ident.name)) return
  scope.bindings.set(ident.name, lazily(context, ident.name, ident.span, make))
}

export const namingFor = (context: Context, name: string | undefined): Naming => ({
  base: [context.path, name && spokenName(name)].filter(Boolean).join('.'),
  counts: new Map(),
})

/** The `return` of a body; one that has none has been reported by the resolver. */
export const returnOf = (statements: readonly Statement[]): Return | undefined =>
  statements.find((statement): statement is Return => statement.kind === 'return')

/** The value that a body returns, after all its statements were checked. */
export function evaluateBody(context: Context, statements: readonly Statement[], instance?: Instance): Value {
  const variables = instance?.variables ?? new Map<string, Def>()
  for (const statement of statements) declareStatement(context, statement, instance, variables)
  for (const statement of statements) if (statement.kind === 'require') checkRequire(context, statement)
  for (const statement of statements) force(context, statement)
  const returned = returnOf(statements)
  if (!returned) return poison
  // Unnamed instances in a `return` are named under the body's own path, as nothing else is.
  const result = evaluate(context, returned.value)
  runDeferred(context)
  return result
}

/** Runs the checks that waited for ranges. */
export function runDeferred(context: Context): void {
  for (const check of context.run.deferred.splice(0)) check()
}

/** Makes the names of a statement known. */
export function declareStatement(
  context: Context,
  statement: Statement,
  instance: Instance | undefined,
  variables: Map<string, Def>,
): void {
  const { scope } = context
  switch (statement.kind) {
    case 'bind':
      declareBind(context, scope, statement)
      return
    case 'equation':
      declare(context, scope, statement.name, () => evaluateEquation(context, statement))
      return
    case 'param':
    case 'state':
      declare(context, scope, statement.name, () => evaluateVariable(context, statement, instance, variables))
      return
    case 'update':
    case 'require':
    case 'return':
      return
    case 'seq':
      for (const item of statement.names) checkSeqInBlock(context, item.name)
      return
    default:
      // Out of place, as the resolver has said: what it would have bound agrees with everything.
      for (const { name, span } of boundNames(statement)) bindValue(scope, name, poison, span)
  }
}

/** In a block `seq t` says that a dim of the header must be ragged. */
function checkSeqInBlock(context: Context, ident: Ident): void {
  const binding = context.scope.parent?.bindings.get(ident.name)
  const value = binding && (binding.state === 'done' ? binding.value : binding.evaluate())
  if (!value) {
    reportPlain(context, names.unknownName, ident.span, {
      name: ident.name,
      what: 'dim in the header',
      suggestion: suggest(ident.name, context.scope.parent?.bindings.keys() ?? []),
    })
    return
  }
  if (value.kind === 'number' && !isRagged(value.dim))
    report(context, shapes.notAValue, ident.span, {
      got: describe(value),
      wants: 'a length that differs from sample to sample',
    })
}

function declareBind(context: Context, scope: Scope, statement: Bind): void {
  const [first] = statement.names
  if (!first) return
  const named = (): Context => ({ ...context, naming: namingFor(context, first.name) })
  if (!statement.tuple) {
    declare(context, scope, first, () => {
      const value = evaluate(named(), statement.value)
      return bindNamed(context, first, value, statement.value)
    })
    return
  }
  let all: Value | undefined
  const whole = lazily(context, first.name, statement.span, () => evaluate(named(), statement.value))
  statement.names.forEach((ident, k) => {
    declare(context, scope, ident, () => {
      if (!all) {
        all = whole.evaluate()
        if (all.kind !== 'poison' && (all.kind !== 'tuple' || all.items.length !== statement.names.length)) {
          report(context, shapes.tupleCount, statement.span, { wants: statement.names.length, got: describe(all) })
          all = poison
        }
      }
      return all.kind === 'tuple' ? bindNamed(context, ident, all.items[k] as Value, statement.value) : poison
    })
  })
}

/** A bound instance takes its binding's name; a bound tensor is computed once and shown among the types. */
export function bindNamed(context: Context, ident: Ident, value: Value, expr: Expr): Value {
  if (
    value.kind === 'instance' &&
    (expr.kind === 'call' || expr.kind === 'name') &&
    value.instance.span === expr.span
  ) {
    value.instance.path = [context.path, ident.name].filter(Boolean).join('.')
    return value
  }
  const bound = value.kind === 'tensor' ? materialise(context, value, ident.span, ident.name) : value
  note(context, ident, bound)
  return bound
}

const note = (context: Context, ident: Ident, value: Value): void => {
  if (value.kind === 'poison') return
  context.run.types.push({ path: context.path, name: ident.name, type: describe(value), span: ident.span })
}

/** `y[j: t, o] = expr` */
export function evaluateEquation(context: Context, statement: Equation): Value {
  const named = { ...context, naming: namingFor(context, statement.name.name) }
  const inner = introduce(named, statement.indices)
  const value = evaluate(inner.context, statement.value)
  const vars = settle(context, inner.slots, value.kind === 'poison')
  if (!vars || value.kind === 'poison') return poison
  const body = toTensor(inner.context, value, statement.value.span)
  if (!body) return poison
  const axes = inner.slots.map((slot) => {
    const mine = slot.vars as IndexVar[]
    return slot.batch
      ? { dims: mine.map((v) => v.dim as Dim), batch: true, mappedBy: undefined }
      : axisOf((mine[0] as IndexVar).dim as Dim)
  })
  const defined: TensorValue = {
    kind: 'tensor',
    axes: [...axes, ...body.axes],
    below: undefined,
    at: (indices) => {
      const by = new Map(vars.map((v, k) => [v, indices[k] as Core]))
      return substituteAt(body, by, indices.slice(vars.length))
    },
  }
  const bound = materialise(context, defined, statement.name.span, statement.name.name)
  note(context, statement.name, bound)
  return bound
}

const substituteAt = (body: TensorValue, by: ReadonlyMap<IndexVar, Core>, rest: readonly Core[]): Core =>
  substitute(asNumber(body.at(rest)), by)

/** Evaluates what a statement stands for even where nothing asks for it, so that every fault is found. */
export function force(context: Context, statement: Statement): void {
  switch (statement.kind) {
    case 'bind':
      for (const ident of statement.names) forceName(context, ident)
      return
    case 'equation':
    case 'param':
    case 'state':
      forceName(context, statement.name)
      return
    case 'update':
      evaluateUpdate(context, statement)
      return
    default:
      return
  }
}

const forceName = (context: Context, ident: Ident): void => {
  const binding = context.scope.bindings.get(ident.name)
  if (binding?.state === 'todo') binding.evaluate()
}
