/** Statements of block and model bodies: bindings that are evaluated when first asked for, parameters, states, requires. */
import { names } from '../diagnostics/catalogue/names.ts'
import { shapes } from '../diagnostics/catalogue/shapes.ts'
import { suggest } from '../diagnostics/suggest.ts'
import { boundNames, spokenName } from '../names/variants.ts'
import {
  constantOf,
  type Dim,
  formatDim,
  isRagged,
  negateDim,
  oneDim,
  productDims,
  staticSize,
  subDim,
  zeroDim,
} from '../shapes/dim.ts'
import { boundsOf, type Facts, normaliseDim, withBounds, withEquality } from '../shapes/facts.ts'
import { divRational, floorRational, isInteger, negateRational, rational, zero } from '../shapes/rational.ts'
import type {
  BinaryOp,
  Bind,
  Equation,
  Expr,
  Ident,
  Param,
  Require,
  Return,
  Span,
  State,
  Statement,
  Update,
} from '../syntax/ast.ts'
import { namesIn } from '../syntax/names-in.ts'
import {
  type Binding,
  bindValue,
  type Context,
  lookup,
  type Naming,
  report,
  reportPlain,
  type Scope,
  textAt,
} from './context.ts'
import { asNumber, type Core, type Def, freeVars, type IndexVar, substitute } from './core.ts'
import { evaluate, introduce, reportCycle, settle } from './expressions.ts'
import { readInitialiser } from './initialisers.ts'
import { staticNumber, toDim } from './numbers.ts'
import { compareAxes, leafTensor, materialise, toTensor } from './tensors.ts'
import { axisOf, describe, describeAxes, type Instance, poison, type TensorValue, type Value } from './value.ts'

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

const namingFor = (context: Context, name: string | undefined): Naming => ({
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

/** `param w: […] = init`, `state m: […] = init`: one per instance, shared by all its uses. */
export function evaluateVariable(
  context: Context,
  statement: Param | State,
  instance: Instance | undefined,
  variables: Map<string, Def>,
): Value {
  const name = statement.name.name
  const dims: Dim[] = []
  for (const expr of statement.type.dims) {
    const dim = toDim(context, evaluate(context, expr), expr.span, 'a dim')
    if (!dim) return poison
    if (staticSize(dim) === undefined) {
      report(context, shapes.variableShape, expr.span, { name, got: formatDim(dim) })
      return poison
    }
    dims.push(dim)
  }
  const size = constantOf(productDims(dims))
  if (size && size.n > 500_000_000n) {
    report(context, shapes.tooLarge, statement.span, { what: `\`${name}\``, limit: '500,000,000 numbers' })
    return poison
  }
  const known = variables.get(name)
  const asTensor = (def: Def): TensorValue => ({
    kind: 'tensor',
    axes: dims.map(axisOf),
    below: undefined,
    at: (indices) => ({ kind: 'read', def, at: indices }),
  })
  if (known) {
    const before = known.axes.map((v) => axisOf(v.dim as Dim))
    if (compareAxes(context, before, dims.map(axisOf)).kind === 'equal') return asTensor(known)
    report(context, shapes.sharedShape, statement.span, {
      name,
      first: describeAxes(before),
      now: describeAxes(dims.map(axisOf)),
      block: instance?.block.name.name ?? 'the model',
    })
    return poison
  }
  const init = readInitialiser(
    context,
    statement.init,
    dims.map((dim) => staticSize(dim) as number),
  )
  if (!init) return poison
  const path = [context.path, name].filter(Boolean).join('.')
  const { def, tensor } = leafTensor(
    context,
    { kind: statement.kind, path, init },
    { label: name, dims, lead: [], span: statement.name.span },
  )
  variables.set(name, def)
  return tensor
}

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

/** `update m = expr`: m on the right is its value after the updates before. Only training has any. */
function evaluateUpdate(context: Context, statement: Update): void {
  const { name } = statement.name
  const binding = context.scope.bindings.get(name)
  const state = binding?.value
  const def = state?.kind === 'tensor' ? defOf(state) : undefined
  if (!binding || (state?.kind !== 'poison' && def?.body.kind !== 'state')) {
    reportPlain(context, names.unknownName, statement.name.span, {
      name,
      what: 'state',
      suggestion: suggest(name, context.scope.bindings.keys()),
    })
    return
  }
  if (!def || state?.kind !== 'tensor') return
  const before = context.run.updates.get(def)
  const pending = before
    ? new Map([
        [
          name,
          {
            ...state,
            at: (indices: readonly Core[]) =>
              substitute(before, new Map(def.axes.map((v, k) => [v, indices[k] as Core]))),
          },
        ],
      ])
    : context.pending
  const value = evaluate({ ...context, pending, naming: namingFor(context, name) }, statement.value)
  const tensor = toTensor(context, value, statement.value.span)
  if (!tensor) return
  if (tensor.axes.length > 0 && compareAxes(context, state.axes, tensor.axes).kind !== 'equal') {
    report(context, shapes.updateShape, statement.value.span, { name, wants: describe(state), got: describe(tensor) })
    return
  }
  const full: TensorValue = {
    ...tensor,
    axes: state.axes,
    at: (indices) => tensor.at(tensor.axes.length > 0 ? indices : []),
  }
  const bound = materialise(context, full, statement.span, `${name}'`)
  const probe = bound.at(def.axes.map((of) => ({ kind: 'index', of })))
  for (const v of freeVars(probe))
    if (!def.axes.includes(v)) {
      report(context, shapes.updatePerSample, statement.value.span, { name })
      return
    }
  if (context.training) context.run.updates.set(def, probe)
}

const defOf = (tensor: TensorValue): Def | undefined => {
  const probe = tensor.at(tensor.axes.map(() => ({ kind: 'number', value: 0 })))
  return probe.kind === 'read' ? probe.def : undefined
}

/** `require cond, "why"`: exact on numbers; over lengths it is a fact from here on, which is checked when it runs. */
export function checkRequire(context: Context, statement: Require): void {
  const { condition } = statement
  if (condition.kind === 'binary' && learnt.has(condition.op)) {
    const left = evaluate(context, condition.left)
    const right = evaluate(context, condition.right)
    if (left.kind === 'poison' || right.kind === 'poison') return
    if (left.kind === 'number' && right.kind === 'number') {
      const gap = normaliseDim(subDim(left.dim, right.dim), context.run.facts)
      if (!constantOf(gap)) {
        learn(context, statement, condition.op, gap)
        return
      }
    }
  }
  const value = evaluate(context, condition)
  if (value.kind === 'poison') return
  const known = staticNumber(value)
  if (known === undefined) {
    report(context, shapes.requireUnusable, statement.span, { condition: textAt(context.run, condition.span) })
    return
  }
  if (known === 0)
    report(context, shapes.requireFails, statement.span, {
      condition: textAt(context.run, condition.span),
      why: statement.why?.value,
      values: [...new Set(namesIn(condition).map(({ name }) => name))].flatMap((name) => {
        const bound = evaluate(context, { kind: 'name', name, span: condition.span })
        return bound.kind === 'number' || bound.kind === 'real'
          ? [`\`${name}\` is ${describe(bound).replace('the number ', '')}`]
          : []
      }),
    })
}

const learnt: ReadonlySet<BinaryOp> = new Set(['==', '>=', '<=', '>', '<'])

/** Adds what a condition over lengths says of `gap`, left minus right, to the facts; what cannot be used is reported. */
function learn(context: Context, statement: Require, op: BinaryOp, gap: Dim): void {
  const { run } = context
  const condition = textAt(run, statement.condition.span)
  const least =
    op === '>=' || op === '==' ? gap : op === '<=' ? negateDim(gap) : subDim(op === '>' ? gap : negateDim(gap), oneDim)
  const range = boundsOf(least, run.facts)
  const never = (range.high && range.high.n < 0n) || (op === '==' && range.low && range.low.n > 0n)
  if (never) {
    report(context, shapes.requireFails, statement.span, {
      condition,
      why: statement.why?.value,
      values: ['for every length'],
    })
    return
  }
  const facts = op === '==' ? withEquality(run.facts, gap, zeroDim) : withLeast(run.facts, least)
  if (facts) run.facts = facts
  else report(context, shapes.requireUnusable, statement.span, { condition })
}

/** The facts with `gap >= 0` added where it bounds one length; undefined where it cannot be used. */
function withLeast(facts: Facts, gap: Dim): Facts | undefined {
  const range = boundsOf(gap, facts)
  if (range.low && range.low.n >= 0n) return facts
  const named = gap.terms.filter((term) => term.atoms.length > 0)
  const [term] = named
  const atom = term?.atoms[0]
  if (named.length !== 1 || !term || term.atoms.length !== 1 || atom?.kind !== 'seq') return undefined
  const rest = constantOf(subDim(gap, { terms: [term], key: '' })) ?? zero
  const limit = divRational(negateRational(rest), term.coefficient)
  const old = facts.bounds.get(atom.name) ?? { low: zero, high: undefined }
  const floor = floorRational(limit)
  const up = isInteger(limit) ? floor : floor + 1n
  return withBounds(
    facts,
    atom.name,
    term.coefficient.n > 0n ? { low: rational(up), high: old.high } : { low: old.low, high: rational(floor) },
  )
}
