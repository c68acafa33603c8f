/** Finds the masks of a padded graph and takes them out one at a time, to see that each is needed. */
import { copyNode, createBuilder } from '../../compiler/ir/builder.ts'
import type { AnyNode, Graph, ValueId } from '../../compiler/ir/graph.ts'
import { keyOf } from '../../compiler/ir/key.ts'
import { formatType } from '../../compiler/ops/types.ts'

/** A place where something that is not a mask reads one. */
export interface MaskUse {
  readonly node: ValueId
  readonly operand: number
  /** What to put there for no mask: 0 where the mask is added, else 1. */
  readonly neutral: number
  readonly text: string
}

/** The values that are made from `valid` and constants alone. */
function maskValues(graph: Graph): ReadonlySet<ValueId> {
  const plain = new Set<ValueId>()
  const masks = new Set<ValueId>()
  for (const { id, op, operands } of graph.nodes) {
    if (op === 'valid') masks.add(id)
    else if (op === 'constant') plain.add(id)
    else if (operands.length > 0 && operands.every((operand) => plain.has(operand) || masks.has(operand)))
      (operands.some((operand) => masks.has(operand)) ? masks : plain).add(id)
  }
  return masks
}

const describe = (node: AnyNode, operand: number): string =>
  `operand ${operand} of %${node.id} = ${node.op}(${node.operands.map((id) => `%${id}`).join(', ')}) ${keyOf(node.attributes)}: ${formatType(node.type)}`

export function maskUses(graph: Graph): MaskUse[] {
  const masks = maskValues(graph)
  return graph.nodes
    .filter(({ id }) => !masks.has(id))
    .flatMap((node) =>
      node.operands.flatMap((operand, at) => {
        if (!masks.has(operand)) return []
        const neutral = node.op === 'add' || node.op === 'sub' ? 0 : 1
        return [{ node: node.id, operand: at, neutral, text: describe(node, at) }]
      }),
    )
}

/** The graph where that one use reads no mask. */
export function withoutMask(graph: Graph, use: MaskUse): Graph {
  const builder = createBuilder(undefined, { simplify: false })
  const mapped = new Map<ValueId, ValueId>()
  for (const node of graph.nodes) {
    const operands = node.operands.map((operand, at) => {
      const value = mapped.get(operand) as ValueId
      const drop = node.id === use.node && at === use.operand
      return drop ? builder.constant(use.neutral, builder.typeOf(value)) : value
    })
    mapped.set(node.id, copyNode(builder, node, operands))
  }
  const outputs = graph.outputs.map((output) => ({ ...output, value: mapped.get(output.value) as ValueId }))
  return builder.finish({ name: graph.name, outputs, seqs: graph.seqs, variables: graph.variables, padded: true })
}
