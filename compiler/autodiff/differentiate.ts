/** Reverse-mode differentiation of a graph under construction; the derivative is part of the same graph. */
import type { Builder } from '../ir/builder.ts'
import type { AnyNode, Node, ValueId } from '../ir/graph.ts'
import { numberOf } from '../ir/match.ts'
import type { OpName } from '../ops/op.ts'
import { formatType } from '../ops/types.ts'
import { accumulate } from './cotangent.ts'
import { pullbackOf } from './pullbacks.ts'

/**
 * The gradients of `loss` (f32 []) with respect to each value of `wrt`, at its full type; zeros where the loss does
 * not depend on it. What is built is ragged like the rest of the graph and contains no mask: sums run over valid
 * positions, and the padding pass sees to it that they do. Throws an internal Error where the loss is not a scalar.
 */
export function differentiate(builder: Builder, loss: ValueId, wrt: readonly ValueId[]): ValueId[] {
  const type = builder.typeOf(loss)
  if (type.dtype !== 'f32' || type.dims.length > 0)
    throw new Error(`internal: a loss must be f32[], and is ${formatType(type)}`)
  const nodes = [...builder.nodes]
  const active = activeValues(builder, nodes, wrt)
  const cotangents = new Map<ValueId, ValueId[]>([[loss, [builder.constant(1)]]])
  const totals = new Map<ValueId, ValueId>()
  for (const node of nodes.reverse()) {
    const given = cotangents.get(node.id)
    if (!given || !active.has(node.id)) continue
    const here = builder.in({ scope: node.scope, label: undefined, span: node.span })
    const total = accumulate(here, given)
    if (total === undefined) continue
    totals.set(node.id, total)
    if (numberOf(builder, total) === 0) continue
    for (const [operand, cotangent] of pull(here, node, total, active)) {
      const list = cotangents.get(operand)
      if (list) list.push(cotangent)
      else cotangents.set(operand, [cotangent])
    }
  }
  return wrt.map((value) => {
    const total = totals.get(value)
    const { dtype, dims } = builder.typeOf(value)
    return total === undefined ? builder.constant(0, { dtype, dims }) : builder.broadcast(total, dims)
  })
}

/** The values that depend on `wrt` through derivatives that are not zero everywhere. */
function activeValues(builder: Builder, nodes: readonly AnyNode[], wrt: readonly ValueId[]): ReadonlySet<ValueId> {
  const active = new Set(wrt)
  for (const node of nodes) {
    const flows = node.type.dtype === 'f32' && typeof pullbackOf(node.op) === 'function'
    const reads = (operand: ValueId): boolean => active.has(operand) && builder.typeOf(operand).dtype === 'f32'
    if (flows && node.operands.some(reads)) active.add(node.id)
  }
  return active
}

/** The cotangents of a node's operands that are asked for. */
function pull<K extends OpName>(
  b: Builder,
  node: Node<K>,
  d: ValueId,
  active: ReadonlySet<ValueId>,
): [ValueId, ValueId][] {
  const rule = pullbackOf(node.op)
  if (typeof rule !== 'function') return []
  const [x = node.id, y = x] = node.operands
  const wants = (at: number): boolean => active.has(node.operands[at] as ValueId)
  const found = rule({ b, node, x, y, d, wants })
  return found.flatMap((cotangent, at) =>
    cotangent !== undefined && wants(at) ? [[node.operands[at] as ValueId, cotangent]] : [],
  )
}
