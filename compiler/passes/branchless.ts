/**
 * Leaky rectifiers without branches. An engine's element-wise choice reads its condition one by one and stumbles where
 * it is hard to foresee; a maximum and a product do not, and give the same numbers.
 */
import { type Builder, mapGraph } from '../ir/builder.ts'
import type { Graph, ValueId } from '../ir/graph.ts'
import { numberOf } from '../ir/simplify.ts'
import type { Pass } from './pass.ts'

/** This times any normal f32 above 0 is above 1. */
const huge = 3e38

/** The pass, for graphs that are differentiated already. */
export const branchless: Pass = {
  name: 'branchless',
  description: 'Writes leaky rectifiers, steps, and choices between two numbers, as maxima and products.',
  run: (graph: Graph) =>
    mapGraph(graph, (node, operands, b) => {
      const [condition, yes, no] = operands as [ValueId, ValueId, ValueId]
      if (node.op === 'add') return slopes(b, condition, yes) ?? slopes(b, yes, condition)
      if (node.op === 'cast' && node.type.dtype === 'f32') return stepAboveZero(b, condition, 0)
      if (node.op !== 'select' || node.type.dtype !== 'f32') return undefined
      const value = rectifier(b, condition, yes, no) ?? step(b, condition, yes, no)
      return value === undefined ? undefined : b.broadcast(value, node.type.dims)
    }),
}

/** `if x > 0 then x else k * x`, for k from 0 to 1: max(x, k * x). */
function rectifier(b: Builder, condition: ValueId, yes: ValueId, no: ValueId): ValueId | undefined {
  const test = b.node(condition)
  if (test.op !== 'less' && test.op !== 'lessEqual') return undefined
  const [p, q] = test.operands as [ValueId, ValueId]
  const x = numberOf(b, p) === 0 ? q : numberOf(b, q) === 0 ? p : undefined
  if (x === undefined || b.dimsOf(x).length !== b.dimsOf(condition).length) return undefined
  const [above, below] = x === q ? [yes, no] : [no, yes]
  if (above !== x) return undefined
  if (numberOf(b, below) === 0) return b.relu(x)
  const slope = multipleOf(b, below, x)
  return slope !== undefined && slope > 0 && slope <= 1 ? b.max(x, below) : undefined
}

/** `if c then p else q` for numbers: a rectifier's slope, or a mask. */
function step(b: Builder, condition: ValueId, yes: ValueId, no: ValueId): ValueId | undefined {
  const [p, q] = [numberOf(b, yes), numberOf(b, no)]
  if (p === undefined || q === undefined) return undefined
  if (p === 1 && q >= 0 && q < 1) return stepTo(b, condition, q)
  const one = b.cast(condition, 'f32')
  // 0 and 1 times the difference must give the two numbers to the last bit.
  const exact = Math.fround(Math.fround(p - q) + Math.fround(q)) === Math.fround(p)
  return exact ? b.add(b.mul(one, b.constant(p - q)), b.constant(q)) : undefined
}

/** 1 where the condition holds, else low, from 0 to 1. */
function stepTo(b: Builder, condition: ValueId, low: number): ValueId {
  const one = b.cast(condition, 'f32')
  return stepAboveZero(b, condition, low) ?? (low === 0 ? one : b.max(one, b.constant(low)))
}

/** 1 where x > 0, else low, without a truth value in between, which takes engines longer. */
function stepAboveZero(b: Builder, condition: ValueId, low: number): ValueId | undefined {
  const test = b.node(condition)
  const [zero, x] = test.operands as [ValueId, ValueId]
  if (test.op !== 'less' || numberOf(b, zero) !== 0 || b.typeOf(x).dtype !== 'f32') return undefined
  return b.max(b.min(b.mul(rectified(b, x, low) ?? x, b.constant(huge)), b.constant(1)), b.constant(low))
}

/** The rectifier of x that its derivative belongs to: above zero where x is, and then x need not be kept. */
const rectified = (b: Builder, x: ValueId, slope: number): ValueId | undefined => {
  if (slope === 0) return b.find('relu', [x], {})
  const scaled = b.find('mul', [x, b.constant(slope)], {})
  return scaled === undefined ? undefined : b.find('max', [x, scaled], {})
}

/** (if c then d else 0) + k * (if c then 0 else d), for k from 0 to 1: d * max(c, k). */
function slopes(b: Builder, p: ValueId, q: ValueId): ValueId | undefined {
  const [first, scaled] = [b.node(p), b.node(q)]
  if (first.op !== 'select' || scaled.op !== 'mul' || first.type.dtype !== 'f32') return undefined
  const [condition, d, zero] = first.operands as [ValueId, ValueId, ValueId]
  const [f, g] = scaled.operands as [ValueId, ValueId]
  for (const [value, k] of [[f, numberOf(b, g)] as const, [g, numberOf(b, f)] as const]) {
    const second = b.node(value)
    if (k === undefined || k < 0 || k > 1 || second.op !== 'select' || numberOf(b, zero) !== 0) continue
    const [other, nothing, same] = second.operands as [ValueId, ValueId, ValueId]
    if (other === condition && same === d && numberOf(b, nothing) === 0) return b.mul(d, stepTo(b, condition, k))
  }
  return undefined
}

/** k where the value is k * x. */
function multipleOf(b: Builder, value: ValueId, x: ValueId): number | undefined {
  const node = b.node(value)
  if (node.op !== 'mul') return undefined
  const [p, q] = node.operands as [ValueId, ValueId]
  return p === x ? numberOf(b, q) : q === x ? numberOf(b, p) : undefined
}
