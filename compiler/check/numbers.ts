/** Arithmetic on static numbers and dims: exact where it can be, and undefined where it must become a tensor's. */
import { shapes } from '../diagnostics/catalogue/shapes.ts'
import {
  addDim,
  BATCH,
  constantDim,
  constantOf,
  type Dim,
  divideDim,
  floorDivDim,
  formatDim,
  lengthNames,
  modDim,
  mulDim,
  negateDim,
  oneDim,
  productDims,
  subDim,
} from '../shapes/dim.ts'
import { atMost, compareDims, isWhole, normaliseDim } from '../shapes/facts.ts'
import { findShrinking, neverShrinks } from '../shapes/growth.ts'
import { compareRational, isInteger, type Rational, rational, toNumber } from '../shapes/rational.ts'
import type { BinaryExpr, BinaryOp, Span } from '../syntax/ast.ts'
import { type Context, report } from './context.ts'
import { applyBinary, type BinaryFunction } from './core.ts'
import {
  describe,
  type NumberValue,
  numberValue,
  type PoisonValue,
  poison,
  type RealValue,
  type Value,
} from './value.ts'

export const boolValue = (value: boolean): NumberValue => numberValue(constantDim(value ? 1 : 0))

/** A static value as a float64, or undefined where it depends on lengths. */
export function staticNumber(value: Value): number | undefined {
  if (value.kind === 'real') return value.value
  if (value.kind !== 'number') return undefined
  const constant = constantOf(value.dim)
  return constant && toNumber(constant)
}

const functions: { readonly [K in BinaryOp]?: BinaryFunction } = {
  '+': 'add',
  '-': 'sub',
  '*': 'mul',
  '/': 'div',
  '^': 'pow',
  div: 'intDiv',
  mod: 'mod',
}

export const isQuotient = (op: BinaryOp): boolean => op === '/' || op === 'div' || op === 'mod'

/** A static number that is not rational; one that is not a number at all is reported. */
export function realValue(context: Context, value: number, span: Span): RealValue | PoisonValue {
  if (Number.isFinite(value)) return { kind: 'real', value }
  report(context, shapes.notFinite, span, { value: Number.isNaN(value) ? 'not a number' : 'infinite' })
  return poison
}

/** `-a` where a is static or a length. */
export function negated(a: Value): Value | undefined {
  if (a.kind === 'real') return { kind: 'real', value: -a.value }
  return a.kind === 'number' ? numberValue(negateDim(a.dim)) : undefined
}

/** `a op b` on numbers; undefined where the result depends on lengths in a way that only a tensor can hold. */
export function numberBinary(context: Context, expr: BinaryExpr, a: Value, b: Value): Value | undefined {
  if (a.kind !== 'number' && a.kind !== 'real') return undefined
  if (b.kind !== 'number' && b.kind !== 'real') return undefined
  const { op } = expr
  const negativePower = op === '^' && (staticNumber(b) ?? 0) < 0
  if ((isQuotient(op) && staticNumber(b) === 0) || (negativePower && staticNumber(a) === 0)) {
    report(context, shapes.zeroDivisor, isQuotient(op) ? expr.right.span : expr.left.span, {})
    return poison
  }
  if (a.kind === 'number' && b.kind === 'number') return exact(context, expr, a.dim, b.dim)
  const x = staticNumber(a)
  const y = staticNumber(b)
  if (x === undefined || y === undefined) return undefined
  const fn = functions[op]
  if (fn) return realValue(context, applyBinary(fn, x, y), expr.span)
  switch (op) {
    case '==':
      return boolValue(x === y)
    case '!=':
      return boolValue(x !== y)
    case '<':
      return boolValue(x < y)
    case '<=':
      return boolValue(x <= y)
    case '>':
      return boolValue(x > y)
    case '>=':
      return boolValue(x >= y)
    case 'and':
      return boolValue(x !== 0 && y !== 0)
    case 'or':
      return boolValue(x !== 0 || y !== 0)
    default:
      return undefined
  }
}

function exact(context: Context, { op, span, right }: BinaryExpr, a: Dim, b: Dim): Value | undefined {
  const { facts } = context.run
  const x = constantOf(a)
  const y = constantOf(b)
  switch (op) {
    case '+':
      return bounded(context, addDim(a, b), span)
    case '-':
      return bounded(context, subDim(a, b), span)
    case '*':
      return bounded(context, mulDim(a, b), span)
    case '/': {
      const quotient = divideDim(a, b)
      return quotient && bounded(context, quotient, span)
    }
    case '^':
      return power(context, a, x, y, span)
    case 'div':
    case 'mod': {
      if (y && isInteger(y) && y.n > 0n) return numberValue(op === 'div' ? floorDivDim(a, y.n) : modDim(a, y.n))
      if (x && y) {
        const quotient = rational(x.n * y.d, x.d * y.n)
        const floor = quotient.n >= 0n ? quotient.n / quotient.d : -((-quotient.n + quotient.d - 1n) / quotient.d)
        const whole = constantDim(floor)
        return numberValue(op === 'div' ? whole : subDim(a, mulDim(b, whole)))
      }
      report(context, shapes.seqDivisor, right.span, { got: formatDim(b) })
      return poison
    }
    case '==':
    case '!=': {
      const compared = compareDims(a, b, facts)
      // Whether two lengths happen to be equal is a question for when it runs.
      if (compared === 'unknown' || (compared === 'different' && !(x && y) && !neverEqual(context, a, b)))
        return undefined
      return boolValue((compared === 'equal') === (op === '=='))
    }
    case '<':
    case '<=':
    case '>':
    case '>=': {
      if (x && y) {
        const order = compareRational(x, y)
        return boolValue(op === '<' ? order < 0 : op === '<=' ? order <= 0 : op === '>' ? order > 0 : order >= 0)
      }
      const [low, high] = op === '<' || op === '<=' ? [a, b] : [b, a]
      const strict = op === '<' || op === '>'
      const told = strict ? atMost(addDim(low, oneDim), high, facts) : atMost(low, high, facts)
      return told === 'unknown' ? undefined : boolValue(told === 'yes')
    }
    case 'and':
      return x && y ? boolValue(x.n !== 0n && y.n !== 0n) : undefined
    case 'or':
      return x && y ? boolValue(x.n !== 0n || y.n !== 0n) : undefined
    case '.':
      return bounded(context, mulDim(a, b), span)
  }
}

const neverEqual = (context: Context, a: Dim, b: Dim): boolean =>
  atMost(addDim(a, oneDim), b, context.run.facts) === 'yes' || atMost(addDim(b, oneDim), a, context.run.facts) === 'yes'

/** An exact number may have as many binary digits, and a product as many lengths; more is refused. */
const MAX_DIGITS = 4096
const MAX_FACTORS = 16
const MAX_TERMS = 256
const largest = 1n << BigInt(MAX_DIGITS)

const isHuge = ({ n, d }: Rational): boolean => n >= largest || n <= -largest || d >= largest

/** The number where it is of a sensible size; otherwise it is reported. */
function bounded(context: Context, dim: Dim, span: Span): Value {
  const digits = dim.terms.some((term) => isHuge(term.coefficient))
  const factors = dim.terms.length > MAX_TERMS || dim.terms.some((term) => term.atoms.length > MAX_FACTORS)
  if (!digits && !factors) return numberValue(dim)
  const [what, limit] = digits
    ? ['this number', `${MAX_DIGITS} binary digits`]
    : ['this product', `${MAX_FACTORS} lengths`]
  report(context, shapes.tooLarge, span, { what, limit })
  return poison
}

const binaryDigits = (n: bigint): number => n.toString(2).length

function power(
  context: Context,
  base: Dim,
  x: Rational | undefined,
  y: Rational | undefined,
  span: Span,
): Value | undefined {
  if (!y) return undefined
  if (isInteger(y) && y.n >= 0n && !x) {
    if (y.n > BigInt(MAX_FACTORS)) {
      report(context, shapes.tooLarge, span, { what: 'this power of a length', limit: `the ${MAX_FACTORS}th` })
      return poison
    }
    return bounded(context, productDims(Array.from({ length: Number(y.n) }, () => base)), span)
  }
  if (!x) return undefined
  const size = y.n < 0n ? -y.n : y.n
  const digits = Math.max(binaryDigits(x.n), binaryDigits(x.d))
  // What grows beyond that is no longer kept exact; x is not 0 where y is negative.
  if (isInteger(y) && size <= BigInt(MAX_DIGITS) && digits * Number(size) <= MAX_DIGITS) {
    const [n, d] = y.n < 0n ? [x.d, x.n] : [x.n, x.d]
    return numberValue(constantDim(rational(n ** size, d ** size)))
  }
  return realValue(context, toNumber(x) ** toNumber(y), span)
}

/** The value as a dim: a whole number that is not negative, as far as can be told. Reports and gives undefined else. */
export function toDim(context: Context, value: Value, span: Span, what: string): Dim | undefined {
  if (value.kind === 'poison') return undefined
  if (value.kind !== 'number') {
    if (value.kind === 'real') report(context, shapes.notWhole, span, { what, value: String(value.value), help: [] })
    else report(context, shapes.notStatic, span, { what, got: describe(value) })
    return undefined
  }
  const dim = normaliseDim(value.dim, context.run.facts)
  const constant = constantOf(dim)
  if (!isWhole(dim, context.run.facts)) {
    const help = constant ? [] : ['`div` floors; or state with `require` that it divides']
    report(context, shapes.notWhole, span, { what, value: formatDim(dim), help })
    return undefined
  }
  if (constant && constant.n < 0n) {
    report(context, shapes.negativeDim, span, { what, value: formatDim(dim) })
    return undefined
  }
  if (constant && constant.n > 1_000_000_000n) {
    report(context, shapes.tooLarge, span, { what, limit: '1,000,000,000' })
    return undefined
  }
  return dim
}

/** The value as the dim of an axis, which must have room in a padded batch for every sample; one that may not is reported. */
export function toAxis(context: Context, value: Value, span: Span, what: string): Dim | undefined {
  const dim = toDim(context, value, span, what)
  const { facts } = context.run
  if (dim && !neverShrinks(dim, facts)) {
    const lengths = lengthNames(dim).filter((name) => name !== BATCH)
    const seen = findShrinking(dim, facts)
    report(context, shapes.shrinkingAxis, span, { what, dim: formatDim(dim), lengths, seen })
  }
  return dim
}
