/** Checks that a graph is well formed; tests and `--verify-ir` run it after every pass. */
import { describeCall, inferType } from '../ops/table.ts'
import { formatType, sameType } from '../ops/types.ts'
import type { Graph, Node, TensorType, ValueId } from './graph.ts'
import { keyOf } from './key.ts'

/**
 * What is wrong with a graph, one sentence each; none where it is sound. Operands come before their uses, each type is
 * the one that the op table infers, inputs and outputs have names of their own, and outputs and variables exist.
 */
export function verifyGraph(graph: Graph): string[] {
  const problems: string[] = []
  const types = new Map<ValueId, TensorType>()
  const inputs = new Set<string>()
  for (const node of graph.nodes) {
    if (types.has(node.id)) problems.push(`%${node.id} is defined twice`)
    const operands = node.operands.map((operand) => types.get(operand))
    const missing = operands.indexOf(undefined)
    if (missing >= 0) problems.push(`%${node.id} = ${node.op} uses %${node.operands[missing]} before it is defined`)
    else
      problems.push(
        ...checkType(
          node,
          operands.filter((type) => type !== undefined),
        ),
      )
    if (node.op === 'input') {
      if (inputs.has(node.attributes.name)) problems.push(`the input ${node.attributes.name} stands twice`)
      inputs.add(node.attributes.name)
    }
    types.set(node.id, node.type)
  }
  const names = new Set<string>()
  for (const { name, value } of graph.outputs) {
    if (names.has(name)) problems.push(`the output ${name} stands twice`)
    names.add(name)
    if (!types.has(value)) problems.push(`the output ${name} is %${value}, which is not defined`)
  }
  for (const { path } of graph.variables)
    if (!inputs.has(path) && !names.has(path)) problems.push(`the variable ${path} is neither read nor put out`)
  return problems
}

function checkType(node: Node, operands: readonly TensorType[]): string[] {
  const inferred = inferType(node.op, operands, node.attributes, node.type)
  const call = `%${node.id} = ${describeCall(node.op, operands)} ${keyOf(node.attributes)}`
  if (typeof inferred === 'string') return [`${call} is ill typed: ${inferred}`]
  return sameType(inferred, node.type) ? [] : [`${call} says ${formatType(node.type)} and is ${formatType(inferred)}`]
}
