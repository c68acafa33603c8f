/** What is known about the sign of a value, so that derivatives need no guard at zero where there is none. */
import type { Builder } from '../ir/builder.ts'
import type { ValueId } from '../ir/graph.ts'
import { type Dim, staticSize } from '../shapes/dim.ts'

type Sign = 'positive' | 'nonnegative' | 'nonzero' | 'unknown'

/** Deeper expressions than this count as unknown. */
const DEPTH = 12

function signOf(b: Builder, value: ValueId, depth: number): Sign {
  const node = b.node(value)
  if (depth === 0) return 'unknown'
  const sign = (at: number): Sign => signOf(b, node.operands[at] as ValueId, depth - 1)
  const atLeastZero = (s: Sign): boolean => s === 'positive' || s === 'nonnegative'
  switch (node.op) {
    case 'constant': {
      const { value: given } = node.attributes
      const numbers = typeof given === 'number' ? [given] : given
      if (numbers.every((n) => n > 0)) return 'positive'
      if (numbers.every((n) => n >= 0)) return 'nonnegative'
      return numbers.every((n) => n !== 0) ? 'nonzero' : 'unknown'
    }
    case 'exp':
    case 'sigmoid':
      return 'positive'
    case 'iota':
    case 'length':
    case 'abs':
    case 'relu':
    case 'softmax':
      return 'nonnegative'
    case 'cast':
      return b.typeOf(node.operands[0] as ValueId).dtype === 'bool' ? 'nonnegative' : 'unknown'
    case 'sqrt':
    case 'broadcast':
    case 'reshape':
    case 'transpose':
    case 'stopGradient':
      return node.op === 'sqrt' && sign(0) !== 'positive' ? 'nonnegative' : sign(0)
    case 'neg':
      return sign(0) === 'positive' || sign(0) === 'nonzero' ? 'nonzero' : 'unknown'
    case 'add': {
      const [x, y] = [sign(0), sign(1)]
      if (!atLeastZero(x) || !atLeastZero(y)) return 'unknown'
      return x === 'positive' || y === 'positive' ? 'positive' : 'nonnegative'
    }
    case 'mul':
    case 'div': {
      const [x, y] = [sign(0), sign(1)]
      if (x === 'positive' && y === 'positive') return 'positive'
      if (atLeastZero(x) && atLeastZero(y)) return 'nonnegative'
      if (x !== 'unknown' && y !== 'unknown' && x !== 'nonnegative' && y !== 'nonnegative') return 'nonzero'
      return node.op === 'mul' && node.operands[0] === node.operands[1] ? 'nonnegative' : 'unknown'
    }
    case 'pow':
      return sign(0) === 'positive' ? 'positive' : 'unknown'
    case 'max': {
      const signs = [sign(0), sign(1)]
      return signs.includes('positive') ? 'positive' : signs.some(atLeastZero) ? 'nonnegative' : 'unknown'
    }
    case 'select': {
      const [x, y] = [sign(1), sign(2)]
      return x === y ? x : atLeastZero(x) && atLeastZero(y) ? 'nonnegative' : 'unknown'
    }
    case 'sum': {
      const dims = b.dimsOf(node.operands[0] as ValueId)
      const nonEmpty = node.attributes.axes.every((axis) => (staticSize(dims[axis] as Dim) ?? 0) > 0)
      const inner = sign(0)
      return inner === 'positive' && nonEmpty ? 'positive' : atLeastZero(inner) ? 'nonnegative' : 'unknown'
    }
    default:
      return 'unknown'
  }
}

/** True where no element can be 0. Underflow of exp and sigmoid does not count. */
export const isNonZero = (b: Builder, value: ValueId): boolean => {
  const sign = signOf(b, value, DEPTH)
  return sign === 'positive' || sign === 'nonzero'
}
