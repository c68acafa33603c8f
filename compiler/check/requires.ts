/** What a `require` states: checked where it is static, a fact where it speaks of lengths. */
import { shapes } from '../diagnostics/catalogue/shapes.ts'
import { constantOf, type Dim, negateDim, oneDim, subDim, zeroDim } from '../shapes/dim.ts'
import { withEquality } from '../shapes/equality.ts'
import { boundsOf, type Facts, normaliseDim, withBounds } from '../shapes/facts.ts'
import { divRational, floorRational, isInteger, negateRational, rational, zero } from '../shapes/rational.ts'
import type { BinaryOp, Require } from '../syntax/ast.ts'
import { namesIn } from '../syntax/names-in.ts'
import { type Context, report, textAt } from './context.ts'
import { evaluate } from './expressions.ts'
import { staticNumber } from './numbers.ts'
import { describe } from './value.ts'

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

export const learnt: ReadonlySet<BinaryOp> = new Set(['==', '>=', '<=', '>', '<'])

/** Adds what a condition over lengths says of `gap`, left minus right, to the facts; what cannot be used is reported. */
export function learn(context: Context, statement: Require, op: BinaryOp, gap: Dim): void {
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
  if (facts) {
    run.facts = facts
    if (op === '==') run.assumed.push({ condition, dims: [gap] })
  } else report(context, shapes.requireUnusable, statement.span, { condition })
}

/** The facts with `gap >= 0` added where it bounds one length; undefined where it cannot be used. */
export function withLeast(facts: Facts, gap: Dim): Facts | undefined {
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
