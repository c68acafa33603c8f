/** What puts values together: stacks, joins along an axis, and the rounds of `repeat`. */
import { shapes } from '../diagnostics/catalogue/shapes.ts'
import { constantDim, constantOf, sumDims } from '../shapes/dim.ts'
import type { Expr, RepeatExpr, Span } from '../syntax/ast.ts'
import { spend } from './calls.ts'
import { bindValue, type Context, childScope, newVar, report } from './context.ts'
import { asNumber, type Core, readIndex } from './core.ts'
import { evaluate } from './expressions.ts'
import { evaluateBody } from './statements.ts'
import { materialise, type Placed, sameShapes, toTensor } from './tensors.ts'
import { axisOf, describe, flatDims, numberValue, poison, type TensorValue, type Value } from './value.ts'

/** `[a, b]` stacks along a new first axis. */
export function evaluateStack(context: Context, items: readonly Expr[], span: Span): Value {
  const parts: Placed[] = []
  for (const item of items) {
    const tensor = toTensor(context, evaluate(context, item), item.span)
    if (!tensor) return poison
    parts.push({ tensor, span: item.span })
  }
  const [first, ...others] = parts
  if (!first || !others.every((part) => sameShapes(context, '[ ]', first, part))) return poison
  return joined(
    context,
    span,
    0,
    first.tensor.axes,
    parts.map(({ tensor }) => ({ part: tensor, size: undefined })),
  )
}

/**
 * Tensors end to end: along axis `axis` of theirs with the sizes given, or, without sizes, along a new axis there.
 * The result has a definition of its own.
 */
export function joined(
  context: Context,
  span: Span,
  axis: number,
  axes: TensorValue['axes'],
  parts: readonly { part: TensorValue; size: ReturnType<typeof constantDim> | undefined }[],
): TensorValue {
  const total = sumDims(parts.map(({ size }) => size ?? constantDim(1)))
  const result = [...axes.slice(0, axis), axisOf(total), ...axes.slice(axis + (parts[0]?.size ? 1 : 0))]
  const before = flatDims(axes.slice(0, axis)).length
  const lambda: TensorValue = {
    kind: 'tensor',
    axes: result,
    below: undefined,
    at: (indices) => {
      const along = indices[before] as Core
      if (along.kind !== 'index') throw new Error('a join is read where it is defined')
      return {
        kind: 'concat',
        along: along.of,
        parts: parts.map(({ part, size }) => {
          const of = newVar(context.run, 'k', size ?? constantDim(1), undefined)
          const own = [...indices.slice(0, before), ...(size ? [readIndex(of)] : []), ...indices.slice(before + 1)]
          return { of, body: asNumber(part.at(own)) }
        }),
      }
    },
  }
  return materialise(context, lambda, span)
}

/** The value with definitions of its own, so that what is built on it does not repeat it. */
export const defined = (context: Context, value: Value, span: Span): Value =>
  value.kind === 'tensor'
    ? materialise(context, value, span)
    : value.kind === 'tuple'
      ? { kind: 'tuple', items: value.items.map((item) => defined(context, item, span)) }
      : value

/** `repeat n as k from h = x { … return next }` */
export function evaluateRepeat(context: Context, expr: RepeatExpr): Value {
  const counted = evaluate(context, expr.count)
  if (counted.kind === 'poison') return poison
  const count = counted.kind === 'number' ? constantOf(counted.dim) : undefined
  if (count?.d !== 1n || count.n < 0n || count.n > 1000n) {
    report(context, shapes.repeatCount, expr.count.span, { got: describe(counted) })
    return poison
  }
  let carried = evaluate(context, expr.init)
  for (let k = 0; k < Number(count.n) && carried.kind !== 'poison'; k++) {
    const scope = childScope(context.scope)
    const items = expr.tuple && carried.kind === 'tuple' ? carried.items : [carried]
    if (items.length !== expr.carried.length) {
      report(context, shapes.tupleCount, expr.init.span, { wants: expr.carried.length, got: describe(carried) })
      return poison
    }
    expr.carried.forEach((ident, at) => {
      bindValue(scope, ident.name, items[at] as Value, ident.span)
    })
    if (expr.index) bindValue(scope, expr.index.name, numberValue(constantDim(k)), expr.index.span)
    const path = `${context.naming.base}.${k}`
    if (!spend(context, expr.span)) return poison
    const inner: Context = { ...context, scope, path, naming: { base: path, counts: new Map() } }
    carried = defined(inner, evaluateBody(inner, expr.body), expr.span)
  }
  return carried
}
