/** Index notation: reads at indices, the scopes that equations and binders open, reductions and softmax. */
import { names } from '../diagnostics/catalogue/names.ts'
import { shapes } from '../diagnostics/catalogue/shapes.ts'
import { suggest } from '../diagnostics/suggest.ts'
import { constantDim, formatDim, oneDim, staticSize, subDim } from '../shapes/dim.ts'
import type { BinderExpr, Expr, IndexDecl, IndexExpr, Span } from '../syntax/ast.ts'
import { type Context, type IndexSlot, newSlot, newVar, newVars, report, reportPlain, slotVars } from './context.ts'
import { asNumber, type Core, type IndexVar, number, readIndex } from './core.ts'
import { evaluate, evaluateName } from './expressions.ts'
import { staticNumber, toAxis } from './numbers.ts'
import { toTensor, useOnAxis } from './tensors.ts'
import { type Axis, describe, flatDims, poison, type TensorValue, type Value } from './value.ts'

/** `x[j + 1, p]` */
export function evaluateIndex(context: Context, expr: IndexExpr): Value {
  const base = evaluateName(context, expr.base)
  if (base.kind === 'poison') {
    for (const index of expr.indices) evaluate(context, index)
    return poison
  }
  if (base.kind !== 'tensor') {
    report(context, shapes.notIndexable, expr.base.span, { name: expr.base.name, got: describe(base) })
    return poison
  }
  if (expr.indices.length > base.axes.length) {
    report(context, shapes.tooManyIndices, expr.span, {
      name: expr.base.name,
      axes: describe(base),
      count: expr.indices.length,
    })
    return poison
  }
  const seen = new Set<string>()
  const indices: Core[] = []
  let failed = false
  expr.indices.forEach((index, k) => {
    const axis = base.axes[k] as TensorValue['axes'][number]
    const slot = index.kind === 'name' ? context.indices.get(index.name) : undefined
    if (slot) {
      if (seen.has(slot.name)) {
        report(context, shapes.diagonal, index.span, { name: expr.base.name, index: slot.name })
        failed = true
        return
      }
      seen.add(slot.name)
      const vars = useOnAxis(context, slot, axis, index.span)
      if (!vars) failed = true
      else indices.push(...vars.map(readIndex))
      return
    }
    const value = evaluate(context, index)
    if (value.kind === 'poison') {
      failed = true
      return
    }
    if (axis.batch) {
      report(context, shapes.batchIndex, index.span, { index: expr.base.name })
      failed = true
      return
    }
    const tensor = toTensor(context, value, index.span)
    if (!tensor) {
      failed = true
      return
    }
    if (tensor.axes.length > 0) {
      report(context, shapes.indexNotScalar, index.span, { got: describe(tensor) })
      failed = true
      return
    }
    const core = tensor.at([])
    const constant = staticNumber(value)
    if (constant !== undefined && !Number.isInteger(constant)) {
      report(context, shapes.notWhole, index.span, { what: 'an index', value: String(constant), help: [] })
      failed = true
      return
    }
    const ofParameter = checkParameterRead(context, base, expr, k, core, index.span)
    if (!ofParameter && constant !== undefined && isLiteral(index))
      warnOutside(context, expr, axis, constant, index.span)
    indices.push(core)
  })
  if (failed) return poison
  return {
    kind: 'tensor',
    axes: base.axes.slice(expr.indices.length),
    at: (rest) => base.at([...indices, ...rest]),
    below: base.below,
  }
}

const isLiteral = (index: Expr): boolean =>
  index.kind === 'number' || (index.kind === 'unary' && index.operand.kind === 'number')

/** A number written as an index and outside the axis is a habit from elsewhere: `x[-1]` is 0, not the last position. */
function warnOutside(context: Context, expr: IndexExpr, axis: Axis, at: number, span: Span): void {
  const [dim] = axis.dims
  if (!dim) return
  const size = staticSize(dim)
  if (at >= 0 && (size === undefined || at < size)) return
  const last = size === undefined ? formatDim(subDim(dim, oneDim)) : String(size - 1)
  report(context, shapes.alwaysOutside, span, { name: expr.base.name, at: String(at), last })
}

/**
 * A parameter has no outside: an index that leaves it, as far as its range is known, is an error. Says whether it is a
 * parameter that is read.
 */
export function checkParameterRead(
  context: Context,
  base: TensorValue,
  expr: IndexExpr,
  axis: number,
  index: Core,
  span: Span,
): boolean {
  const probe = base.at(flatDims(base.axes).map(() => number(0)))
  if (probe.kind !== 'read' || (probe.def.body.kind !== 'param' && probe.def.body.kind !== 'state')) return false
  const size = staticSize(flatDims(base.axes)[axis] as ReturnType<typeof constantDim>)
  if (size === undefined) return true
  context.run.deferred.push(() => {
    const range = staticRangeOf(index)
    if (!range) return
    if (range[0] >= 0 && range[1] <= size - 1) return
    report(context, shapes.outsideParameter, span, {
      name: expr.base.name,
      axis,
      range: range[0] === range[1] ? String(range[0]) : `${range[0]}..${range[1]}`,
      size: String(size),
    })
  })
  return true
}

/** The least and greatest value of an index expression over static ranges, or undefined. */
export function staticRangeOf(core: Core): readonly [number, number] | undefined {
  switch (core.kind) {
    case 'number':
      return [core.value, core.value]
    case 'index': {
      const size = core.of.dim && staticSize(core.of.dim)
      return size === undefined ? undefined : [0, Math.max(size - 1, 0)]
    }
    case 'unary': {
      const a = core.op === 'neg' ? staticRangeOf(core.a) : undefined
      return a && [-a[1], -a[0]]
    }
    case 'binary': {
      const a = staticRangeOf(core.a)
      const b = staticRangeOf(core.b)
      if (!a || !b) return undefined
      switch (core.op) {
        case 'add':
          return [a[0] + b[0], a[1] + b[1]]
        case 'sub':
          return [a[0] - b[1], a[1] - b[0]]
        case 'mul': {
          const corners = [a[0] * b[0], a[0] * b[1], a[1] * b[0], a[1] * b[1]]
          return [Math.min(...corners), Math.max(...corners)]
        }
        case 'max':
          return [Math.max(a[0], b[0]), Math.max(a[1], b[1])]
        case 'min':
          return [Math.min(a[0], b[0]), Math.min(a[1], b[1])]
        default:
          return undefined
      }
    }
    default:
      return undefined
  }
}

/** Introduces the indices of an equation or a binder; ranges that are stated are known at once. */
export function introduce(context: Context, decls: readonly IndexDecl[]): { context: Context; slots: IndexSlot[] } {
  const indices = new Map(context.indices)
  const slots: IndexSlot[] = []
  for (const decl of decls) {
    const slot = newSlot(decl.name.name, decl.name.span, context.sample)
    if (decl.range) {
      if (decl.range.kind === 'name' && decl.range.name === 'batch' && context.batch) {
        slot.vars = newVars(context.run, slot.name, context.batch, undefined)
        slot.batch = true
      } else {
        const dim = toAxis(context, evaluate(context, decl.range), decl.range.span, `the range of \`${slot.name}\``)
        // A poisoned range has been reported; one position lets checking go on.
        slot.vars = [newVar(context.run, slot.name, dim ?? constantDim(1), context.sample)]
      }
      slot.ranged = { span: decl.range.span, stated: true }
    }
    const hidden = indices.get(slot.name)
    if (hidden) hidden.quiet = true
    indices.set(slot.name, slot)
    slots.push(slot)
  }
  return { context: { ...context, indices, around: [...context.around, ...slots] }, slots }
}

/** The variables of indices whose scope ends here; one without a range is reported. */
export function settle(context: Context, slots: readonly IndexSlot[], quiet: boolean): IndexVar[] | undefined {
  const vars: IndexVar[] = []
  let failed = false
  for (const slot of slots) {
    const mine = slotVars(context.run, slot)
    if (mine.some((v) => !v.dim)) {
      if (!quiet && !slot.quiet) report(context, shapes.indexUnknownRange, slot.span, { index: slot.name })
      failed = true
    }
    vars.push(...mine)
  }
  return failed ? undefined : vars
}

export function evaluateBinder(context: Context, expr: BinderExpr): Value {
  if (expr.op === 'softmax') return evaluateSoftmax(context, expr)
  const inner = introduce(context, expr.indices)
  // The body first: its reads tell the ranges of the indices that the condition compares.
  const body = evaluate(inner.context, expr.body)
  const condition = expr.condition && elementCondition(inner.context, expr.condition)
  const over = settle(context, inner.slots, body.kind === 'poison')
  const tensor = toTensor(inner.context, body, expr.body.span)
  if (!tensor || !over || condition === null) return poison
  if (expr.op === 'mean' || expr.op === 'max') warnOffset(context, expr, inner.slots)
  return {
    kind: 'tensor',
    axes: tensor.axes,
    at: (indices) =>
      reduceCore(expr.op as Exclude<BinderExpr['op'], 'softmax'>, over, condition, asNumber(tensor.at(indices))),
    below: undefined,
  }
}

export const reduceCore = (
  op: 'sum' | 'mean' | 'max' | 'min' | 'logsumexp',
  over: readonly IndexVar[],
  condition: Core | undefined,
  body: Core,
): Core =>
  op === 'sum' && body.kind === 'number' && body.value === 0 ? body : { kind: 'reduce', op, over, condition, body }

/** An offset read directly under `max` or `mean` counts zeros that are not in the sample. */
export function warnOffset(context: Context, expr: BinderExpr, slots: readonly IndexSlot[]): void {
  if (expr.body.kind !== 'index') return
  const bound = new Set(slots.map((slot) => slot.name))
  const uses = (e: Expr): boolean =>
    e.kind === 'name' ? bound.has(e.name) : e.kind === 'binary' ? uses(e.left) || uses(e.right) : false
  for (const index of expr.body.indices)
    if (index.kind === 'binary' && (index.op === '+' || index.op === '-') && uses(index))
      report(context, shapes.offsetUnderReducer, index.span, { op: expr.op })
}

/** A binder's condition as one element; null where an error was reported. */
export function elementCondition(context: Context, expr: Expr): Core | undefined | null {
  const tensor = toTensor(context, evaluate(context, expr), expr.span)
  if (!tensor) return null
  if (tensor.axes.length > 0) {
    report(context, shapes.scalarWanted, expr.span, { what: 'a condition', got: describe(tensor), notes: [], help: [] })
    return null
  }
  const core = tensor.at([])
  return core.kind === 'number' && core.value !== 0 ? undefined : core
}

/** `softmax[i](…)`: its indices stand outside; it introduces none. */
export function evaluateSoftmax(context: Context, expr: BinderExpr): Value {
  const slots: IndexSlot[] = []
  for (const decl of expr.indices) {
    const slot = context.indices.get(decl.name.name)
    if (slot) slots.push(slot)
    else
      reportPlain(context, names.unknownName, decl.name.span, {
        name: decl.name.name,
        what: 'index',
        suggestion: suggest(decl.name.name, context.indices.keys()),
      })
  }
  const condition = expr.condition && elementCondition(context, expr.condition)
  const body = toTensor(context, evaluate(context, expr.body), expr.body.span)
  if (!body || condition === null || slots.length < expr.indices.length) return poison
  return {
    kind: 'tensor',
    axes: body.axes,
    at: (indices) => ({
      kind: 'softmax',
      over: slots.flatMap((slot) => slotVars(context.run, slot)),
      condition,
      body: asNumber(body.at(indices)),
    }),
    below: undefined,
  }
}
