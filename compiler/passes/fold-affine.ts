/**
 * Takes scales and shifts by known rows into the products before them, as batch normalisation at prediction asks for:
 * (x W + b - m) / s * g + h is x W' + b'.
 */
import type { Builder } from '../ir/builder.ts'
import type { AnyNode, Graph, Node, ValueId } from '../ir/graph.ts'
import { isOne, oneDim } from '../shapes/dim.ts'
import { knownValues } from './known.ts'
import type { Pass } from './pass.ts'
import { mapWithReaders } from './readers.ts'

/** The pass, for ragged inference graphs whose weights are given. */
export const foldAffine: Pass = {
  name: 'fold-affine',
  description: 'Takes scales and shifts by known rows into the weights of the products before them.',
  run(graph: Graph) {
    let known: ((value: ValueId) => boolean) | undefined
    return mapWithReaders(graph, (node, operands, b, alone) => {
      known ??= knownValues(true, b.node)
      return rewrite({ b, known, alone }, node, operands)
    })
  },
}

interface Folder {
  readonly b: Builder
  readonly known: (value: ValueId) => boolean
  readonly alone: (value: ValueId) => boolean
}

function rewrite(folder: Folder, node: AnyNode, operands: readonly ValueId[]): ValueId | undefined {
  const { b } = folder
  const [x, y] = operands as [ValueId, ValueId]
  switch (node.op) {
    case 'add':
      return shifted(folder, x, y) ?? shifted(folder, y, x)
    case 'sub':
      return isRow(folder, y, x) ? shifted(folder, x, b.neg(y)) : undefined
    case 'mul':
      return scaled(folder, x, y) ?? scaled(folder, y, x)
    case 'div':
      return isRow(folder, y, x) ? scaled(folder, x, b.div(b.constant(1), y)) : undefined
    default:
      return undefined
  }
}

/** True for a known value that has at most the last axis of `x`. */
function isRow({ b, known }: Folder, row: ValueId, x: ValueId): boolean {
  const dims = b.dimsOf(row)
  return known(row) && !known(x) && dims.length <= b.dimsOf(x).length && dims.slice(0, -1).every(isOne)
}

/** x + row, where x is already a sum with a known row: one row is enough. */
function shifted(folder: Folder, x: ValueId, row: ValueId): ValueId | undefined {
  if (!isRow(folder, row, x)) return undefined
  const { b, alone } = folder
  const inner = b.node(x)
  if (inner.op !== 'add' || !alone(x)) return undefined
  const [p, q] = inner.operands as [ValueId, ValueId]
  const [rest, old] = isRow(folder, q, p) ? [p, q] : isRow(folder, p, q) ? [q, p] : []
  return rest === undefined || old === undefined ? undefined : b.add(rest, b.add(old, row))
}

/** x * row, where x is a sum of products with weights and of known rows. */
function scaled(folder: Folder, x: ValueId, row: ValueId): ValueId | undefined {
  return isRow(folder, row, x) && absorbs(folder, x) ? absorb(folder, x, row) : undefined
}

function absorbs(folder: Folder, x: ValueId): boolean {
  if (!folder.alone(x)) return false
  const node = folder.b.node(x)
  if (node.op === 'contract') return weightSide(folder, node) !== undefined
  if (node.op !== 'add') return false
  const [p, q] = node.operands as [ValueId, ValueId]
  return (
    (absorbs(folder, p) && (isRow(folder, q, p) || absorbs(folder, q))) || (isRow(folder, p, q) && absorbs(folder, q))
  )
}

function absorb(folder: Folder, x: ValueId, row: ValueId): ValueId {
  const { b, known } = folder
  if (known(x)) return b.mul(x, row)
  const node = b.node(x)
  const [p, q] = node.operands as [ValueId, ValueId]
  if (node.op !== 'contract') return b.add(absorb(folder, p, row), absorb(folder, q, row))
  const { left, right, out } = node.attributes
  const fresh = (weight: ValueId, labels: readonly number[]): ValueId => {
    // The row runs along the label of the result's last axis.
    const place = labels.indexOf(out.at(-1) ?? -1)
    const size = b.dimsOf(row).at(-1) ?? oneDim
    return b.mul(weight, b.reshape(row, isOne(size) ? [] : labels.map((_, axis) => (axis === place ? size : oneDim))))
  }
  return weightSide(folder, node) === 0
    ? b.contract(fresh(p, left), q, left, right, out)
    : b.contract(p, fresh(q, right), left, right, out)
}

/** Which operand of a product is known and has the result's last axis to itself. */
function weightSide({ known }: Folder, node: Node<'contract'>): 0 | 1 | undefined {
  const { left, right, out } = node.attributes
  const last = out.at(-1)
  if (last === undefined) return undefined
  const [l, r] = node.operands as [ValueId, ValueId]
  if (known(r) && right.includes(last) && !left.includes(last)) return 1
  return known(l) && left.includes(last) && !right.includes(last) ? 0 : undefined
}
