/** The functions of the language: their names, how many arguments they take, and what they make. */
import { shapes } from '../diagnostics/catalogue/shapes.ts'
import { constantDim, constantOf, isRagged, productDims, sumDims } from '../shapes/dim.ts'
import { atMost } from '../shapes/facts.ts'
import { compareRational } from '../shapes/rational.ts'
import type { Span } from '../syntax/ast.ts'
import { type Context, newDef, newVars, report, slotVars, textAt } from './context.ts'
import {
  applyUnary,
  asNumber,
  binary,
  type Core,
  type IndexVar,
  readIndex,
  substitute,
  type UnaryFunction,
  unary,
} from './core.ts'
import { joined } from './joins.ts'
import { realValue, staticNumber } from './numbers.ts'
import { axisOrder, elementwise, materialise, type Placed, sameShapes, scalar, toTensor } from './tensors.ts'
import { axisOf, describe, flatDims, numberValue, poison, type TensorValue, type Value } from './value.ts'

export interface Given {
  readonly value: Value
  readonly span: Span
}

/** Element by element on one argument. */
const unaryFunctions: { readonly [name: string]: UnaryFunction } = {
  exp: 'exp',
  log: 'log',
  sqrt: 'sqrt',
  abs: 'abs',
  sin: 'sin',
  cos: 'cos',
  tanh: 'tanh',
  sigmoid: 'sigmoid',
  relu: 'relu',
  erf: 'erf',
  floor: 'floor',
  stop_gradient: 'stopGradient',
}

const arity: { readonly [name: string]: readonly [number, number] } = {
  ...Object.fromEntries(Object.keys(unaryFunctions).map((name) => [name, [1, 1] as const])),
  max: [2, 64],
  min: [2, 64],
  uniform: [0, 0],
  softmax: [1, 1],
  log_softmax: [1, 1],
  concat: [1, 64],
  flatten: [1, 1],
}

/** The names of all functions, for the reserved words and for suggestions. */
export const builtinNames: readonly string[] = Object.keys(arity)
export const isBuiltin = (name: string): boolean => Object.hasOwn(arity, name)

/** The result of a function on evaluated arguments. */
export function callBuiltin(context: Context, name: string, args: readonly Given[], span: Span): Value {
  const [low, high] = arity[name] as readonly [number, number]
  if (args.length < low || args.length > high) {
    const wants = low === high ? `${low} argument${low === 1 ? '' : 's'}` : `${low} or more arguments`
    const help =
      name === 'sum' || name === 'max' || name === 'min' ? [`to reduce an axis write \`${name}[i](x[i])\``] : []
    report(context, shapes.argumentCount, span, { callee: name, wants, got: args.length, help })
    return poison
  }
  if (args.some(({ value }) => value.kind === 'poison')) return poison
  const [first] = args
  const fn = unaryFunctions[name]
  if (fn && first) {
    const known = staticNumber(first.value)
    if (known !== undefined) {
      const exact = first.value.kind === 'number' ? constantOf(first.value.dim) : undefined
      if (exact && exact.d === 1n && (name === 'floor' || name === 'stop_gradient')) return first.value
      if (exact && name === 'abs') return numberValue(constantDim(exact.n < 0n ? { n: -exact.n, d: exact.d } : exact))
      const value = applyUnary(fn, known)
      return name === 'floor' && Number.isSafeInteger(value)
        ? numberValue(constantDim(value))
        : realValue(context, value, span)
    }
    return elementwise(context, name, args, ([a]) => unary(fn, asNumber(a as Core)))
  }
  switch (name) {
    case 'max':
    case 'min':
      return extreme(context, name, args)
    case 'uniform':
      return drawUniform(context, span)
    case 'concat':
      return concat(context, args, span)
    case 'flatten':
      return flatten(context, first as Given)
    default:
      return overLastAxis(context, name, first as Given, span)
  }
}

/** The greater or smaller of numbers or of elements. */
function extreme(context: Context, name: 'max' | 'min', args: readonly Given[]): Value {
  const better = (a: Value, b: Value): Value | undefined => {
    if (a.kind === 'number' && b.kind === 'number') {
      const x = constantOf(a.dim)
      const y = constantOf(b.dim)
      if (x && y) return compareRational(x, y) >= 0 === (name === 'max') ? a : b
      const below = atMost(a.dim, b.dim, context.run.facts)
      if (below === 'yes') return name === 'max' ? b : a
      if (atMost(b.dim, a.dim, context.run.facts) === 'yes') return name === 'max' ? a : b
      return undefined
    }
    const x = staticNumber(a)
    const y = staticNumber(b)
    return x === undefined || y === undefined ? undefined : x >= y === (name === 'max') ? a : b
  }
  return args.slice(1).reduce((left: Given, right: Given): Given => {
    const known = better(left.value, right.value)
    if (known) return { value: known, span: left.span }
    return {
      value: elementwise(context, name, [left, right], ([a, b]) => binary(name, a as Core, b as Core)),
      span: left.span,
    }
  }, args[0] as Given).value
}

/** One draw in [0, 1) for every element in scope; the same under any padding and order of the batch. */
function drawUniform(context: Context, span: Span): TensorValue {
  const { run } = context
  run.draws.add(`${span.file} ${span.start}`)
  const path = [context.naming.base, 'uniform'].filter(Boolean).join('.')
  const count = (run.noiseNames.get(path) ?? 0) + 1
  run.noiseNames.set(path, count)
  const name = count === 1 ? path : `${path}${count}`
  const vars = new Set<IndexVar>()
  for (const slot of context.around) for (const v of slotVars(run, slot)) vars.add(v)
  const axes = axisOrder(vars)
  const def = newDef(context, { label: 'uniform', axes, body: { kind: 'noise', name }, span })
  return scalar({ kind: 'read', def, at: axes.map(readIndex) })
}

/** `concat(a, b)`: the last axes end to end; the axes before them are equal. */
function concat(context: Context, args: readonly Given[], span: Span): Value {
  const parts: TensorValue[] = []
  for (const { value, span: where } of args) {
    const tensor = toTensor(context, value, where)
    if (!tensor) return poison
    const last = tensor.axes.at(-1)
    if (!last) {
      report(context, shapes.notAValue, where, { got: describe(value), wants: 'a tensor with an axis to join' })
      return poison
    }
    if (last.batch || last.dims.some(isRagged)) {
      report(context, shapes.raggedJoin, where, { got: describe(value) })
      return poison
    }
    parts.push(tensor)
  }
  const placed = parts.map((tensor, k): Placed => ({ tensor, span: (args[k] as Given).span }))
  const [head, ...rest] = placed
  if (!head || !rest.every((part) => sameShapes(context, 'concat', head, part, 'before the last'))) return poison
  const first = head.tensor
  return joined(
    context,
    span,
    first.axes.length - 1,
    first.axes,
    parts.map((part) => ({ part, size: sumDims(flatDims(part.axes.slice(-1))) })),
  )
}

/** `flatten(x)`: all axes as one, in row order. */
function flatten(context: Context, given: Given): Value {
  const tensor = toTensor(context, given.value, given.span)
  if (!tensor) return poison
  const dims = flatDims(tensor.axes)
  if (tensor.axes.some((axis) => axis.batch) || dims.slice(1).some(isRagged)) {
    report(context, shapes.raggedJoin, given.span, { got: describe(tensor) })
    return poison
  }
  if (tensor.axes.length === 1) return tensor
  const lambda: TensorValue = {
    kind: 'tensor',
    axes: [axisOf(productDims(dims))],
    below: tensor.below,
    at: ([index]) => {
      const along = index as Core
      if (along.kind !== 'index') throw new Error('a flattened value is read where it is defined')
      const over = newVars(context.run, 'i', dims, context.sample)
      return { kind: 'flatten', along: along.of, over, body: asNumber(tensor.at(over.map(readIndex))) }
    },
  }
  return materialise(context, lambda, given.span)
}

/** Help where an element of an equation is given for all of them: the index that was meant is likely the last used. */
function softmaxHelp(context: Context, name: string, body: string): string[] {
  const all = [...context.indices.keys()]
  const index = all.filter((one) => new RegExp(`\\b${one}\\b`).test(body)).at(-1) ?? all.at(-1)
  if (index === undefined) return []
  const short = body.length > 60 ? '…' : body
  return [
    name === 'softmax'
      ? `in an equation write \`softmax[${index}](${short})\``
      : `in an equation take it of a whole axis: bind \`z[${all.join(', ')}] = ${short}\`, then \`${name}(z)\``,
  ]
}

/** `softmax(z)` and `log_softmax(z)` over the last axis. */
function overLastAxis(context: Context, name: string, given: Given, span: Span): Value {
  const tensor = toTensor(context, given.value, given.span)
  if (!tensor) return poison
  const last = tensor.axes.at(-1)
  if (!last) {
    report(context, shapes.notAValue, given.span, {
      got: describe(given.value),
      wants: 'a tensor with an axis to normalise over',
      help: softmaxHelp(context, name, textAt(context.run, given.span)),
    })
    return poison
  }
  const source = materialise(context, tensor, span)
  const vars = newVars(context.run, 'i', flatDims([last]), context.sample)
  const bodyAt = (lead: readonly Core[]): Core => asNumber(source.at([...lead, ...vars.map(readIndex)]))
  const total = (lead: readonly Core[]): Core => ({
    kind: 'reduce',
    op: 'logsumexp',
    over: vars,
    condition: undefined,
    body: bodyAt(lead),
  })
  const width = flatDims(tensor.axes.slice(0, -1)).length
  if (name === 'log_softmax')
    return {
      ...source,
      below: undefined,
      at: (indices) => binary('sub', asNumber(source.at(indices)), total(indices.slice(0, width))),
    }
  // The share is defined over its own variables first, then read at any index.
  const lambda: TensorValue = {
    ...source,
    below: undefined,
    at: (indices) => {
      const own = indices.slice(width)
      const by = new Map(vars.map((v, k) => [v, own[k] as Core]))
      return substitute(
        { kind: 'softmax', over: vars, condition: undefined, body: bodyAt(indices.slice(0, width)) },
        by,
      )
    },
  }
  return materialise(context, lambda, span)
}
