/** Which values of a graph are known before it runs: those made of constants, and of weights where these are given. */
import type { AnyNode, ValueId } from '../ir/graph.ts'
import { staticSize } from '../shapes/dim.ts'

/** Tells whether a value is known; `weights`: params and states are. */
export function knownValues(weights: boolean, nodeOf: (value: ValueId) => AnyNode): (value: ValueId) => boolean {
  const answers = new Map<ValueId, boolean>()
  const isKnown = (value: ValueId): boolean => {
    const seen = answers.get(value)
    if (seen !== undefined) return seen
    const answer = judge(nodeOf(value))
    answers.set(value, answer)
    return answer
  }
  const judge = (node: AnyNode): boolean => {
    if (node.type.dims.some((dim) => staticSize(dim) === undefined)) return false
    switch (node.op) {
      case 'input':
        return weights && (node.attributes.role === 'param' || node.attributes.role === 'state')
      case 'iota':
      case 'length':
        return staticSize(node.attributes.dim) !== undefined
      case 'valid':
        return false
      default:
        return node.operands.every(isKnown)
    }
  }
  return isKnown
}
