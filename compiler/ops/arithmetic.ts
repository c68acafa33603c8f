/** What the element-wise ops compute for one element, in float64; bool is 0 or 1. */
import type { OpName } from './op.ts'

/** Element-wise ops that take numbers alone, by how many. `cast` depends on types and stands apart. */
export type UnaryOp =
  | 'neg'
  | 'exp'
  | 'log'
  | 'sqrt'
  | 'abs'
  | 'sin'
  | 'cos'
  | 'tanh'
  | 'sigmoid'
  | 'relu'
  | 'erf'
  | 'floor'
  | 'stopGradient'
  | 'not'
export type BinaryOp =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'pow'
  | 'max'
  | 'min'
  | 'equal'
  | 'less'
  | 'lessEqual'
  | 'and'
  | 'or'

/**
 * The error function to about 1e-16: its Maclaurin series below 2.5 and the continued fraction of erfc above
 * (Abramowitz and Stegun, 7.1.6 and 7.1.14).
 */
export function erf(x: number): number {
  const a = Math.abs(x)
  if (Number.isNaN(x) || a > 6) return Number.isNaN(x) ? x : Math.sign(x)
  if (a < 2.5) {
    let term = x
    let total = x
    for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(total); n++) {
      term *= (2 * x * x) / (2 * n + 1)
      total += term
    }
    return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * total
  }
  let tail = a
  for (let n = 60; n > 0; n--) tail = a + n / 2 / tail
  return Math.sign(x) * (1 - Math.exp(-a * a) / (Math.sqrt(Math.PI) * tail))
}

export const unaryArithmetic: Readonly<Record<UnaryOp, (x: number) => number>> = {
  neg: (x) => -x,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  abs: Math.abs,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  sigmoid: (x) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x))),
  relu: (x) => Math.max(x, 0),
  erf,
  floor: Math.floor,
  stopGradient: (x) => x,
  not: (x) => (x === 0 ? 1 : 0),
}

export const binaryArithmetic: Readonly<Record<BinaryOp, (x: number, y: number) => number>> = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  pow: (x, y) => x ** y,
  max: (x, y) => Math.max(x, y),
  min: (x, y) => Math.min(x, y),
  equal: (x, y) => (x === y ? 1 : 0),
  less: (x, y) => (x < y ? 1 : 0),
  lessEqual: (x, y) => (x <= y ? 1 : 0),
  and: (x, y) => x * y,
  or: (x, y) => x | y,
}

export const isUnary = (op: OpName): op is UnaryOp => Object.hasOwn(unaryArithmetic, op)
export const isBinary = (op: OpName): op is BinaryOp => Object.hasOwn(binaryArithmetic, op)
