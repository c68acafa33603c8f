/**
 * Leaky rectifiers without branches. An engine's element-wise choice reads its condition one by one and stumbles where
 * it is hard to foresee; a maximum and a product do not, and give the same numbers.
 */
import { type Builder, mapGraph } from '../ir/builder.ts'
import type { Graph, ValueId } from '../ir/graph.ts'
import { numberOf } from '../ir/simplify.ts'
import type { Pass } from './pass.ts'

/** The pass, for graphs that are differentiated already. */
export const branchless: Pass = {
  name: 'branchless',
  description: 'Writes leaky rectifiers and their derivatives as maxima and products.',
  run: (graph: Graph) =>
    mapGraph(graph, (node, operands, b) => {
      const [x, y, z] = operands as [ValueId, ValueId, ValueId]
      if (node.op === 'select') return rectifier(b, x, y, z)
      return node.op === 'add' ? (slopes(b, x, y) ?? slopes(b, y, x)) : undefined
    }),
}

/** `if x > 0 then x else k * x`, for k from 0 to 1: max(x, k * x). */
function rectifier(b: Builder, condition: ValueId, yes: ValueId, no: ValueId): ValueId | undefined {
  const test = b.node(condition)
  if ((test.op !== 'less' && test.op !== 'lessEqual') || b.typeOf(yes).dtype !== 'f32') return undefined
  const [p, q] = test.operands as [ValueId, ValueId]
  const x = numberOf(b, p) === 0 ? q : numberOf(b, q) === 0 ? p : undefined
  if (x === undefined || b.dimsOf(x).length !== b.dimsOf(condition).length) return undefined
  const [above, below] = x === q ? [yes, no] : [no, yes]
  if (above !== x) return undefined
  if (numberOf(b, below) === 0) return b.relu(x)
  const slope = multipleOf(b, below, x)
  return slope !== undefined && slope > 0 && slope <= 1 ? b.max(x, below) : undefined
}

/** (if c then d else 0) + k * (if c then 0 else d), for k from 0 to 1: d * max(c, k). */
function slopes(b: Builder, p: ValueId, q: ValueId): ValueId | undefined {
  const first = selected(b, p)
  if (!first || numberOf(b, first.no) !== 0) return undefined
  const scaled = b.node(q)
  const [f, g] = scaled.operands as [ValueId, ValueId]
  const candidates = scaled.op === 'mul' ? [[f, numberOf(b, g)] as const, [g, numberOf(b, f)] as const] : []
  for (const [value, slope] of candidates) {
    const second = selected(b, value)
    if (slope === undefined || slope < 0 || slope > 1 || !second || numberOf(b, second.yes) !== 0) continue
    if (second.condition !== first.condition || second.no !== first.yes) continue
    return b.mul(first.yes, b.max(b.cast(first.condition, 'f32'), b.constant(slope)))
  }
  return undefined
}

function selected(b: Builder, value: ValueId): { condition: ValueId; yes: ValueId; no: ValueId } | undefined {
  const node = b.node(value)
  if (node.op !== 'select' || node.type.dtype !== 'f32') return undefined
  const [condition, yes, no] = node.operands as [ValueId, ValueId, ValueId]
  return { condition, yes, no }
}

/** k where the value is k * x. */
function multipleOf(b: Builder, value: ValueId, x: ValueId): number | undefined {
  const node = b.node(value)
  if (node.op !== 'mul') return undefined
  const [p, q] = node.operands as [ValueId, ValueId]
  return p === x ? numberOf(b, q) : q === x ? numberOf(b, p) : undefined
}
