/**
 * The core language that a checked model is turned into: definitions whose elements are scalar expressions over
 * index variables. Mapping, blocks, pipes and broadcasting are gone; `lower` sees nothing else.
 */
import type { Initialiser } from '../ir/graph.ts'
import { type UnaryOp, unaryArithmetic } from '../ops/arithmetic.ts'
import type { Dim } from '../shapes/dim.ts'
import { constantOf, isRagged } from '../shapes/dim.ts'
import { type Rational, toNumber } from '../shapes/rational.ts'
import type { Span } from '../syntax/ast.ts'

/** An index of an equation or a binder, or the sample of a batch. Compared by identity. */
export interface IndexVar {
  readonly id: number
  readonly name: string
  /** Its range is 0 up to this; undefined until a use or a statement says. */
  dim: Dim | undefined
  /** The sample that a ragged range belongs to. */
  sample: IndexVar | undefined
  /** Where the range came from. */
  ranged: { readonly span: Span; readonly stated: boolean } | undefined
}

export type UnaryFunction = Exclude<UnaryOp, 'not'>
export type BinaryFunction = 'add' | 'sub' | 'mul' | 'div' | 'pow' | 'max' | 'min' | 'intDiv' | 'mod'
export type Comparison = 'equal' | 'less' | 'lessEqual'
export type ReduceOp = 'sum' | 'mean' | 'max' | 'min' | 'logsumexp'

/** One element of a tensor as an expression; a comparison is a bool, everything else a number. */
export type Core =
  | { readonly kind: 'number'; readonly value: number }
  /** A number that depends on a sample's lengths. */
  | { readonly kind: 'dim'; readonly dim: Dim; readonly sample: IndexVar | undefined }
  | { readonly kind: 'index'; readonly of: IndexVar }
  | { readonly kind: 'read'; readonly def: Def; readonly at: readonly Core[] }
  | { readonly kind: 'unary'; readonly op: UnaryFunction; readonly a: Core }
  | { readonly kind: 'binary'; readonly op: BinaryFunction; readonly a: Core; readonly b: Core }
  | { readonly kind: 'compare'; readonly op: Comparison; readonly a: Core; readonly b: Core }
  | { readonly kind: 'logic'; readonly op: 'and' | 'or'; readonly a: Core; readonly b: Core }
  | { readonly kind: 'not'; readonly a: Core }
  | { readonly kind: 'select'; readonly condition: Core; readonly a: Core; readonly b: Core }
  | {
      readonly kind: 'reduce'
      readonly op: ReduceOp
      readonly over: readonly IndexVar[]
      readonly condition: Core | undefined
      readonly body: Core
    }
  /** The share of the body at `over`'s present values among all of theirs. */
  | {
      readonly kind: 'softmax'
      readonly over: readonly IndexVar[]
      readonly condition: Core | undefined
      readonly body: Core
    }
  /** Parts end to end along `along`; each part's own variable ranges over its share. */
  | {
      readonly kind: 'concat'
      readonly along: IndexVar
      readonly parts: readonly { readonly of: IndexVar; readonly body: Core }[]
    }
  /** `over` in row order as one axis, `along`. */
  | { readonly kind: 'flatten'; readonly along: IndexVar; readonly over: readonly IndexVar[]; readonly body: Core }

/** What a definition without a body is. */
export type Leaf =
  | { readonly kind: 'input'; readonly name: string }
  | { readonly kind: 'target'; readonly name: string }
  | { readonly kind: 'param' | 'state'; readonly path: string; readonly init: Initialiser }
  | { readonly kind: 'noise'; readonly name: string }

/** A named (or materialised) value: its axes, in order, and one element as an expression of them. */
export interface Def {
  readonly id: number
  /** The spec's name for it, where it has one. */
  readonly label: string | undefined
  /** The path of the instance that it belongs to. */
  readonly scope: string
  readonly span: Span | undefined
  /** All of them, a sample's index first where it depends on one. */
  readonly axes: readonly IndexVar[]
  /** Whole numbers below this, for ids. */
  readonly below: Dim | undefined
  readonly body: Core | Leaf
}

export const isLeaf = (body: Core | Leaf): body is Leaf =>
  body.kind === 'input' ||
  body.kind === 'target' ||
  body.kind === 'param' ||
  body.kind === 'state' ||
  body.kind === 'noise'

export const number = (value: number): Core => ({ kind: 'number', value })
export const exactNumber = (value: Rational): Core => number(toNumber(value))
export const readIndex = (of: IndexVar): Core => ({ kind: 'index', of })
/** A length-dependent number, or a plain one where it is constant. */
export const dimNumber = (dim: Dim, sample: IndexVar | undefined): Core => {
  const value = constantOf(dim)
  return value ? exactNumber(value) : { kind: 'dim', dim, sample }
}

export const isBool = (core: Core): boolean => core.kind === 'compare' || core.kind === 'logic' || core.kind === 'not'

const isNumber = (core: Core, value: number): boolean => core.kind === 'number' && core.value === value

/** A function of one static number. */
export const applyUnary = (op: UnaryFunction, x: number): number => unaryArithmetic[op](x)

const evaluateBinary: { [K in BinaryFunction]: (x: number, y: number) => number } = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  pow: (x, y) => x ** y,
  max: Math.max,
  min: Math.min,
  intDiv: (x, y) => Math.floor(x / y),
  mod: (x, y) => x - y * Math.floor(x / y),
}
/** A function of two static numbers. */
export const applyBinary = (op: BinaryFunction, x: number, y: number): number => evaluateBinary[op](x, y)

export function unary(op: UnaryFunction, a: Core): Core {
  const x = asNumber(a)
  if (x.kind === 'number') return number(applyUnary(op, x.value))
  if (op === 'neg' && x.kind === 'unary' && x.op === 'neg') return x.a
  return { kind: 'unary', op, a: x }
}

/** Folds what is static: a product with 0 is 0 and needs nothing. */
export function binary(op: BinaryFunction, left: Core, right: Core): Core {
  const a = asNumber(left)
  const b = asNumber(right)
  if (a.kind === 'number' && b.kind === 'number') return number(applyBinary(op, a.value, b.value))
  if (op === 'mul') {
    if (isNumber(a, 0) || isNumber(b, 0)) return number(0)
    if (isNumber(a, 1)) return b
    if (isNumber(b, 1)) return a
  }
  if (op === 'add' && isNumber(a, 0)) return b
  if ((op === 'add' || op === 'sub') && isNumber(b, 0)) return a
  if (op === 'sub' && isNumber(a, 0)) return unary('neg', b)
  if (op === 'div' && isNumber(a, 0)) return number(0)
  if ((op === 'div' || op === 'pow') && isNumber(b, 1)) return a
  return { kind: 'binary', op, a, b }
}

export function compare(op: Comparison, a: Core, b: Core): Core {
  const x = asNumber(a)
  const y = asNumber(b)
  if (x.kind === 'number' && y.kind === 'number') {
    const holds = op === 'equal' ? x.value === y.value : op === 'less' ? x.value < y.value : x.value <= y.value
    return number(holds ? 1 : 0)
  }
  return { kind: 'compare', op, a: x, b: y }
}

export function logic(op: 'and' | 'or', a: Core, b: Core): Core {
  const decides = op === 'and' ? 0 : 1
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const)
    if (one.kind === 'number') return (one.value === 0) === (decides === 0) ? number(decides) : asBool(other)
  return { kind: 'logic', op, a: asBool(a), b: asBool(b) }
}

export const not = (a: Core): Core =>
  a.kind === 'number' ? number(a.value === 0 ? 1 : 0) : a.kind === 'not' ? a.a : { kind: 'not', a: asBool(a) }

export function select(condition: Core, a: Core, b: Core): Core {
  if (condition.kind === 'number') return condition.value !== 0 ? a : b
  return { kind: 'select', condition: asBool(condition), a: asNumber(a), b: asNumber(b) }
}

/** A bool is 0 or 1 where a number is wanted. */
export const asNumber = (core: Core): Core =>
  isBool(core) ? { kind: 'select', condition: core, a: number(1), b: number(0) } : core

/** A number that is not 0 is true. */
export const asBool = (core: Core): Core =>
  isBool(core) ? core : core.kind === 'number' ? core : not({ kind: 'compare', op: 'equal', a: core, b: number(0) })

/** Calls visit for each direct sub-expression. */
export function eachChild(core: Core, visit: (child: Core) => void): void {
  switch (core.kind) {
    case 'number':
    case 'dim':
    case 'index':
      return
    case 'read':
      core.at.forEach(visit)
      return
    case 'unary':
    case 'not':
      visit(core.a)
      return
    case 'binary':
    case 'compare':
    case 'logic':
      visit(core.a)
      visit(core.b)
      return
    case 'select':
      visit(core.condition)
      visit(core.a)
      visit(core.b)
      return
    case 'reduce':
    case 'softmax':
      if (core.condition) visit(core.condition)
      visit(core.body)
      return
    case 'concat':
      for (const part of core.parts) visit(part.body)
      return
    case 'flatten':
      visit(core.body)
  }
}

/** The sample that the range of a variable belongs to; none where the range is static. */
export const ownerOf = (v: IndexVar): IndexVar | undefined => (!v.dim || isRagged(v.dim) ? v.sample : undefined)

/** The variables that an expression depends on, the samples of its lengths and ragged indices among them. */
export function freeVars(core: Core): Set<IndexVar> {
  const free = new Set<IndexVar>()
  const visit = (node: Core, bound: ReadonlySet<IndexVar>): void => {
    const add = (v: IndexVar | undefined): void => {
      if (v && !bound.has(v)) free.add(v)
    }
    switch (node.kind) {
      case 'index':
        add(node.of)
        add(ownerOf(node.of))
        return
      case 'dim':
        add(node.sample)
        return
      case 'reduce': {
        const inner = new Set([...bound, ...node.over])
        for (const v of node.over) if (!inner.has(ownerOf(v) as IndexVar)) add(ownerOf(v))
        eachChild(node, (child) => visit(child, inner))
        return
      }
      case 'softmax':
        for (const v of node.over) {
          add(v)
          add(ownerOf(v))
        }
        eachChild(node, (child) => visit(child, bound))
        return
      case 'concat': {
        add(node.along)
        const inner = new Set([...bound, ...node.parts.map((part) => part.of)])
        eachChild(node, (child) => visit(child, inner))
        return
      }
      case 'flatten': {
        add(node.along)
        const inner = new Set([...bound, ...node.over])
        eachChild(node, (child) => visit(child, inner))
        return
      }
      default:
        eachChild(node, (child) => visit(child, bound))
    }
  }
  visit(core, new Set())
  return free
}

/** Replaces free variables by expressions; where one is replaced by another variable, binders follow it too. */
export function substitute(core: Core, by: ReadonlyMap<IndexVar, Core>): Core {
  if (by.size === 0) return core
  const variable = (v: IndexVar | undefined): IndexVar | undefined => {
    const to = v && by.get(v)
    return to?.kind === 'index' ? to.of : v
  }
  const go = (node: Core): Core => {
    switch (node.kind) {
      case 'number':
        return node
      case 'dim':
        return { ...node, sample: variable(node.sample) }
      case 'index':
        return by.get(node.of) ?? node
      case 'read':
        return { ...node, at: node.at.map(go) }
      case 'unary':
        return unary(node.op, go(node.a))
      case 'not':
        return not(go(node.a))
      case 'binary':
        return binary(node.op, go(node.a), go(node.b))
      case 'compare':
        return compare(node.op, go(node.a), go(node.b))
      case 'logic':
        return logic(node.op, go(node.a), go(node.b))
      case 'select':
        return select(go(node.condition), go(node.a), go(node.b))
      case 'reduce':
        return { ...node, condition: node.condition && go(node.condition), body: go(node.body) }
      case 'softmax':
        return {
          ...node,
          over: node.over.map((v) => variable(v) as IndexVar),
          condition: node.condition && go(node.condition),
          body: go(node.body),
        }
      case 'concat':
        return {
          ...node,
          along: variable(node.along) as IndexVar,
          parts: node.parts.map((part) => ({ ...part, body: go(part.body) })),
        }
      case 'flatten':
        return { ...node, along: variable(node.along) as IndexVar, body: go(node.body) }
    }
  }
  return go(core)
}
