/** What a model declares: lengths, labels, hypers, inputs and targets. */
import { names } from '../diagnostics/catalogue/names.ts'
import { shapes } from '../diagnostics/catalogue/shapes.ts'
import { diagnose } from '../diagnostics/diagnostic.ts'
import { suggest } from '../diagnostics/suggest.ts'
import {
  BATCH,
  batchDim,
  constantDim,
  constantOf,
  type Dim,
  formatDim,
  lengthNames,
  seqDim,
  staticSize,
} from '../shapes/dim.ts'
import { withBounds } from '../shapes/facts.ts'
import { compareRational, parseRational, type Rational, toNumber } from '../shapes/rational.ts'
import type { Expr, Hyper, Input, Labels, Seq, Span, Statement, Target } from '../syntax/ast.ts'
import { type Context, newVars, report } from './context.ts'
import { type Def, readIndex } from './core.ts'
import { evaluate } from './expressions.ts'
import { checkStatic, isOfType } from './headers.ts'
import type { Elaborated, ElaboratedInput } from './model.ts'
import { staticNumber, toAxis, toDim } from './numbers.ts'
import { declare, declareStatement } from './statements.ts'
import { leafTensor } from './tensors.ts'
import { axisOf, describe, numberValue, poison, type TensorValue, type Value } from './value.ts'

export interface Gathered {
  readonly seqs: Map<string, { low: number; high: number | undefined }>
  readonly targets: Map<string, Elaborated['targets'][number]>
  readonly result: () => Pick<Elaborated, 'inputs' | 'targets' | 'hypers' | 'labels'>
}

/** Binds what a model declares. */
export function declareModel(
  context: Context,
  statements: readonly Statement[],
  overrides: Readonly<Record<string, string>>,
): Gathered {
  const inputs: ElaboratedInput[] = []
  const targets = new Map<string, Elaborated['targets'][number]>()
  const hypers: Record<string, number> = {}
  const labels: Record<string, readonly string[]> = {}
  const seqs: Gathered['seqs'] = new Map()
  const variables = new Map<string, Def>()
  checkOverrides(context, statements, overrides)
  const given = (name: string): string | undefined => (Object.hasOwn(overrides, name) ? overrides[name] : undefined)
  for (const statement of statements) {
    switch (statement.kind) {
      case 'seq':
        declareSeq(context, statement, seqs)
        break
      case 'labels':
        declare(context, context.scope, statement.name, () => {
          const value = labelsValue(context, statement, given(statement.name.name))
          labels[statement.name.name] = value.labels ?? []
          return value
        })
        break
      case 'hyper':
        declare(context, context.scope, statement.name, () => {
          const value = hyperValue(context, statement, given(statement.name.name))
          const known = staticNumber(value)
          if (known !== undefined) hypers[statement.name.name] = known
          return value
        })
        break
      case 'input':
      case 'target':
        declare(context, context.scope, statement.name, () => {
          const made = declareInput(context, statement)
          if (!made) return poison
          if (statement.kind === 'input') inputs.push(made.info)
          else targets.set(made.info.name, { ...made.info, classes: made.classes })
          return made.tensor
        })
        break
      case 'predict':
      case 'loss':
      case 'output':
        break
      case 'return':
        break
      default:
        declareStatement(context, statement, undefined, variables)
    }
  }
  return {
    seqs,
    targets,
    result: () => ({ inputs, targets: [...targets.values()], hypers, labels }),
  }
}

export function checkOverrides(
  context: Context,
  statements: readonly Statement[],
  overrides: Readonly<Record<string, string>>,
): void {
  const available = statements.flatMap((s) => (s.kind === 'hyper' || s.kind === 'labels' ? [s.name.name] : []))
  for (const name of Object.keys(overrides))
    if (!available.includes(name))
      context.run.report(
        diagnose(names.unknownHyper, undefined, { name, available, suggestion: suggest(name, available) }),
      )
}

export function declareSeq(context: Context, statement: Seq, seqs: Gathered['seqs']): void {
  for (const item of statement.names) {
    const name = item.name.name
    declare(context, context.scope, item.name, () => numberValue(seqDim(name)))
    context.run.origins.set(name, { text: 'seq', span: item.name.span })
    const bound = (expr: Expr | undefined): Rational | undefined => {
      if (!expr) return undefined
      const dim = toDim(context, evaluate(context, expr), expr.span, `a bound of \`${name}\``)
      const value = dim && constantOf(dim)
      if (dim && !value)
        report(context, shapes.notStatic, expr.span, { what: `a bound of \`${name}\``, got: formatDim(dim) })
      return value
    }
    const low = bound(item.low)
    const high = bound(item.high)
    if (low && high && compareRational(low, high) > 0)
      report(context, shapes.badBounds, item.span, {
        what: `\`${name}\``,
        low: String(toNumber(low)),
        high: String(toNumber(high)),
      })
    context.run.facts = withBounds(context.run.facts, name, { low: low ?? { n: 0n, d: 1n }, high })
    seqs.set(name, { low: low ? toNumber(low) : 0, high: high && toNumber(high) })
  }
}

export function labelsValue(
  context: Context,
  statement: Labels,
  override: string | undefined,
): ReturnType<typeof numberValue> {
  const values =
    override === undefined ? statement.values.map((v) => v.value) : override.split(',').map((part) => part.trim())
  const repeated = values.find((value, k) => values.indexOf(value) !== k || value === '')
  if (repeated !== undefined) report(context, names.duplicateLabel, statement.span, { label: repeated })
  return numberValue(constantDim(values.length), values)
}

export const wanted = { int: 'a whole number', real: 'a number', bool: 'true or false' } as const

/** The number that a text gives, or undefined. */
export function overrideValue(text: string): Value | undefined {
  const literal = text === 'true' ? '1' : text === 'false' ? '0' : text
  if (!/^[+-]?\d{1,400}(\.\d{1,400})?([eE][+-]?\d{1,3})?$/.test(literal)) return undefined
  return numberValue(constantDim(parseRational(literal)))
}

/** The value of a hyper: `-D`, else its default; checked against its type and domain. */
export function hyperValue(context: Context, statement: Hyper, override: string | undefined): Value {
  const name = statement.name.name
  let checked: Value
  if (override === undefined)
    checked = checkStatic(
      context,
      `\`${name}\``,
      statement.type,
      evaluate(context, statement.default),
      statement.default.span,
    )
  else {
    const value = overrideValue(override.trim())
    if (!value || !isOfType(statement.type, value)) {
      report(context, names.hyperValue, statement.span, { name, value: `"${override}"`, wants: wanted[statement.type] })
      return poison
    }
    checked = value
  }
  const known = staticNumber(checked)
  if (checked.kind !== 'poison' && known === undefined) {
    report(context, shapes.notStatic, statement.default.span, { what: `\`${name}\``, got: describe(checked) })
    return poison
  }
  const limit = (expr: Expr | undefined): number | undefined => {
    if (!expr) return undefined
    const value = evaluate(context, expr)
    const bound = staticNumber(value)
    if (bound === undefined && value.kind !== 'poison')
      report(context, shapes.notStatic, expr.span, { what: `a bound of \`${name}\``, got: describe(value) })
    return bound
  }
  const low = limit(statement.low)
  const high = limit(statement.high)
  if (low !== undefined && high !== undefined && low > high && statement.low) {
    report(context, shapes.badBounds, statement.low.span, { what: `\`${name}\``, low: String(low), high: String(high) })
    return checked
  }
  const outside = (x: number | undefined): boolean =>
    x !== undefined && ((low !== undefined && x < low) || (high !== undefined && x > high))
  const check = (x: number | undefined, span: Span): boolean => {
    if (!outside(x)) return true
    report(context, shapes.outOfDomain, span, { name, value: String(x), low: String(low), high: String(high) })
    return false
  }
  for (const item of statement.grid) {
    const value = checkStatic(context, `the grid of \`${name}\``, statement.type, evaluate(context, item), item.span)
    check(staticNumber(value), item.span)
  }
  return check(known, override === undefined ? statement.default.span : statement.span) ? checked : poison
}

export function declareInput(
  context: Context,
  statement: Input | Target,
): { info: ElaboratedInput; tensor: TensorValue; classes: readonly string[] | undefined } | undefined {
  const name = statement.name.name
  const dims: Dim[] = []
  for (const expr of statement.type.dims) {
    const dim = toAxis(context, evaluate(context, expr), expr.span, 'a dim')
    if (!dim) return undefined
    if (lengthNames(dim).includes(BATCH)) {
      report(context, shapes.batchWritten, expr.span, { what: `${statement.kind} ${name}` })
      return undefined
    }
    for (const length of lengthNames(dim)) {
      const known = context.run.origins.get(length)
      if (known?.text === 'seq')
        context.run.origins.set(length, { text: `${statement.kind} ${name}`, span: statement.span })
    }
    dims.push(dim)
  }
  let below: Dim | undefined
  let classes: readonly string[] | undefined
  if (statement.type.of) {
    const value = evaluate(context, statement.type.of)
    below = toDim(context, value, statement.type.of.span, 'the bound of ids')
    if (!below) return undefined
    if (staticSize(below) === undefined) {
      report(context, shapes.notStatic, statement.type.of.span, { what: 'the bound of ids', got: formatDim(below) })
      return undefined
    }
    classes = value.kind === 'number' ? value.labels : undefined
  }
  const lead = newVars(context.run, BATCH, [batchDim], undefined)
  const { def } = leafTensor(
    context,
    { kind: statement.kind, name },
    { label: name, dims, lead, below, span: statement.name.span },
  )
  const at = context.sample ? [readIndex(context.sample)] : []
  return {
    info: { name, dims, below: below && staticSize(below), span: statement.span },
    classes,
    tensor: {
      kind: 'tensor',
      axes: dims.map(axisOf),
      below,
      at: (indices) => ({ kind: 'read', def, at: [...at, ...indices] }),
    },
  }
}
