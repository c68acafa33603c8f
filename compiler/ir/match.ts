/** What simplification rules look for in values, and make often. */
import type { OpName } from '../ops/op.ts'
import type { Builder } from './builder.ts'
import type { TensorType, ValueId } from './graph.ts'

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
