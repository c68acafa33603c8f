/** What simplification rules and lowerings look for in values, and make often. */
import type { OpName } from '../ops/op.ts'
import { staticSize } from '../shapes/dim.ts'
import type { Builder } from './builder.ts'
import type { AnyNode, Node, TensorType, ValueId } from './graph.ts'

/** The number that stands in every element, where one does and it is known. */
export function numberOf(b: Builder, value: ValueId): number | undefined {
  const node = b.node(value)
  if (node.op === 'broadcast' || node.op === 'reshape') return numberOf(b, node.operands[0] as ValueId)
  return node.op === 'constant' && typeof node.attributes.value === 'number' ? node.attributes.value : undefined
}

/** One number in every element of a type. */
export const fill = (b: Builder, value: number, type: TensorType): ValueId => b.constant(value, type)
/** The value at the dims of a type. */
export const spread = (b: Builder, value: ValueId, type: TensorType): ValueId => b.broadcast(value, type.dims)
/** The operands of a node of a certain op, or undefined. */
export function match(b: Builder, value: ValueId, op: OpName): readonly [ValueId, ValueId] | undefined {
  const node = b.node(value)
  return node.op === op ? [node.operands[0] as ValueId, (node.operands[1] ?? node.operands[0]) as ValueId] : undefined
}
/** What is negated, or undefined. */
export const negated = (b: Builder, value: ValueId): ValueId | undefined => match(b, value, 'neg')?.[0]

/** Finds the node that makes a value. */
type Definition = (value: ValueId) => AnyNode

/** The number of a constant without axes. */
const scalarAt = (value: ValueId, definition: Definition): number | undefined => {
  const { op, attributes, type } = definition(value)
  return op === 'constant' && type.dims.length === 0 && typeof attributes.value === 'number'
    ? attributes.value
    : undefined
}

const bothWays = (operands: readonly ValueId[]): [ValueId, ValueId][] => {
  const [x, y] = operands as [ValueId, ValueId]
  return [
    [x, y],
    [y, x],
  ]
}

/** max(x, k * x), for k from 0 to 1: a leaky rectifier. */
export function leakyRectifier(
  node: Node<'max'>,
  definition: Definition,
): { readonly x: ValueId; readonly slope: number } | undefined {
  for (const [x, scaled] of bothWays(node.operands)) {
    const product = definition(scaled)
    if (product.op !== 'mul' || !product.operands.includes(x)) continue
    const slope = scalarAt(product.operands[product.operands[0] === x ? 1 : 0] as ValueId, definition)
    if (slope !== undefined && slope >= 0 && slope <= 1) return { x, slope }
  }
  return undefined
}

/** max(min(x, high), low), for low no more than high. */
export function clipped(
  node: Node<'max'>,
  definition: Definition,
): { readonly x: ValueId; readonly low: number; readonly high: number } | undefined {
  for (const [inner, bound] of bothWays(node.operands)) {
    const low = scalarAt(bound, definition)
    const least = definition(inner)
    if (low === undefined || least.op !== 'min') continue
    for (const [x, limit] of bothWays(least.operands)) {
      const high = scalarAt(limit, definition)
      if (high !== undefined && low <= high) return { x, low, high }
    }
  }
  return undefined
}

/** x * k, for a number k. */
export function scaled(
  value: ValueId,
  definition: Definition,
): { readonly x: ValueId; readonly by: number } | undefined {
  const product = definition(value)
  if (product.op !== 'mul') return undefined
  for (const [x, factor] of bothWays(product.operands)) {
    const by = scalarAt(factor, definition)
    if (by !== undefined) return { x, by }
  }
  return undefined
}

/** A window that reads an axis in its own steps, a known number of positions ahead. */
export function isShift(node: Node): node is Node<'window'> {
  if (node.op !== 'window') return false
  const { stride, dilation, offset } = (node as Node<'window'>).attributes
  return stride === 1 && dilation === 1 && staticSize(offset) !== undefined
}
