/** The initialisers of parameters and states: their names and arguments. */
import { shapes } from '../diagnostics/catalogue/shapes.ts'
import { suggest } from '../diagnostics/suggest.ts'
import type { Initialiser } from '../ir/graph.ts'
import type { Expr } from '../syntax/ast.ts'
import { type Context, report, reportPlain } from './context.ts'
import { evaluate } from './expressions.ts'
import { staticNumber } from './numbers.ts'
import { describe } from './value.ts'

interface InitialiserRow {
  readonly kind: Initialiser['kind']
  /** The name of its scale argument, with a default; none where it has no scale. */
  readonly scale: { readonly name: string; readonly default: number | undefined } | undefined
  readonly fans: boolean
  readonly doc: string
}

/** Every initialiser of the language. */
export const initialisers: { readonly [name: string]: InitialiserRow } = {
  zeros: { kind: 'zeros', scale: undefined, fans: false, doc: 'all 0' },
  ones: { kind: 'ones', scale: undefined, fans: false, doc: 'all 1' },
  constant: { kind: 'constant', scale: { name: 'value', default: undefined }, fans: false, doc: 'all `value`' },
  uniform: { kind: 'uniform', scale: { name: 'bound', default: 0.05 }, fans: false, doc: 'uniform in -bound..bound' },
  normal: { kind: 'normal', scale: { name: 'deviation', default: 0.05 }, fans: false, doc: 'normal with mean 0' },
  glorot_uniform: {
    kind: 'glorot_uniform',
    scale: undefined,
    fans: true,
    doc: 'uniform within sqrt(6 / (fan_in + fan_out))',
  },
  glorot_normal: {
    kind: 'glorot_normal',
    scale: undefined,
    fans: true,
    doc: 'normal, deviation sqrt(2 / (fan_in + fan_out))',
  },
  he_uniform: { kind: 'he_uniform', scale: undefined, fans: true, doc: 'uniform within sqrt(6 / fan_in)' },
  he_normal: { kind: 'he_normal', scale: undefined, fans: true, doc: 'normal, deviation sqrt(2 / fan_in)' },
}

/** Reads `glorot_uniform(fan_in = c)`. The last axis is the fan out, the product of the others the fan in. */
export function readInitialiser(context: Context, expr: Expr, shape: readonly number[]): Initialiser | undefined {
  const callee = expr.kind === 'call' ? expr.callee : expr
  if (callee.kind !== 'name') {
    if (expr.kind !== 'error')
      report(context, shapes.notAValue, expr.span, { got: 'an expression', wants: 'an initialiser such as `zeros()`' })
    return undefined
  }
  const row = Object.hasOwn(initialisers, callee.name) ? initialisers[callee.name] : undefined
  if (!row) {
    const available = Object.keys(initialisers)
    reportPlain(context, shapes.unknownInitialiser, callee.span, {
      name: callee.name,
      available,
      suggestion: suggest(callee.name, available),
    })
    return undefined
  }
  const fanOut = shape.at(-1) ?? 1
  const values: { [name: string]: number } = {
    fan_in: Math.max(
      shape.slice(0, -1).reduce((a, b) => a * b, 1),
      1,
    ),
    fan_out: fanOut,
  }
  const allowed = [...(row.scale ? [row.scale.name] : []), ...(row.fans ? ['fan_in', 'fan_out'] : [])]
  if (row.scale?.default !== undefined) values[row.scale.name] = row.scale.default
  for (const [k, arg] of (expr.kind === 'call' ? expr.args : []).entries()) {
    const name = arg.name?.name ?? allowed[k]
    if (!name || !allowed.includes(name)) {
      report(context, shapes.unknownStatic, arg.span, {
        block: callee.name,
        name: name ?? `argument ${k + 1}`,
        available: allowed,
        suggestion: name && suggest(name, allowed),
      })
      return undefined
    }
    const value = evaluate(context, arg.value)
    if (value.kind === 'poison') return undefined
    const known = staticNumber(value)
    if (known === undefined) {
      report(context, shapes.notStatic, arg.span, { what: `\`${name}\` of an initialiser`, got: describe(value) })
      return undefined
    }
    values[name] = known
  }
  if (row.scale && values[row.scale.name] === undefined) {
    report(context, shapes.missingStatic, expr.span, { block: callee.name, name: row.scale.name, type: 'a number' })
    return undefined
  }
  return {
    kind: row.kind,
    scale: row.scale ? (values[row.scale.name] as number) : 0,
    fanIn: values.fan_in as number,
    fanOut: values.fan_out as number,
  }
}
