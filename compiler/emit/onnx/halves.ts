/**
 * Long sums of products in two halves. Of one product ONNX Runtime gives each of two threads some rows of the result, and
 * each arranges the whole right operand for itself; of two, each thread takes one. That saves a fifth of a weight gradient.
 */
import type { TensorType } from '../../ir/graph.ts'
import { guessSize, type Label, sameOrder } from '../../ir/product.ts'
import type { Attributes } from '../../ops/op.ts'
import { constantDim, type Dim, formatDim, oneDim, productDims, scaleDim, seqDim } from '../../shapes/dim.ts'
import { rational } from '../../shapes/rational.ts'
import type { Emission, Operand } from './emission.ts'

/** Shorter sums take as long either way. */
const shortest = 1024

/** A contraction whose summed axes are one, cut into parts that lead in both operands and the result. */
export interface Halves {
  readonly operands: readonly [Operand, Operand]
  readonly labels: Attributes['contract']
  readonly type: TensorType
  /** How many parts there are, i64 [1]. */
  readonly count: string
}

/**
 * Cuts a contraction whose long summed axes lead in both operands; undefined for others. There are two parts, or one where
 * the sum is over an odd number of positions or none: of two empty products ONNX Runtime 1.30 only writes the first.
 * `even` states that the number is even and not 0.
 */
export function cutInHalves(
  [left, right]: readonly [Operand, Operand],
  labels: Attributes['contract'],
  type: TensorType,
  e: Emission,
  even: boolean,
): Halves | undefined {
  const isSummed = (label: Label): boolean => labels.right.includes(label) && !labels.out.includes(label)
  const own = labels.left.findIndex((label) => !isSummed(label))
  if (own <= 0 || labels.right.length === own) return undefined
  if (!sameOrder(labels.left.slice(0, own), labels.right.slice(0, own))) return undefined
  if (labels.left.slice(own).some((label) => labels.right.includes(label))) return undefined
  const depth = productDims(left.type.dims.slice(0, own))
  if (depth.terms.every(({ atoms }) => atoms.length === 0) || guessSize([depth]) < shortest) return undefined

  // Not written as polynomials, which would be long.
  const parts = even ? constantDim(2) : seqDim(`halves of ${formatDim(depth)}`)
  const positions = even ? scaleDim(depth, rational(1, 2)) : seqDim(`half of ${formatDim(depth)}`)
  const count = even
    ? e.ints([2])
    : e.once(`halves:${depth.key}`, () => {
        const size = e.extent(depth)
        const isEven = e.op('Sub', [e.ints([1]), e.op('Mod', [size, e.ints([2])])])
        return e.op('Add', [e.ints([1]), e.op('Min', [isEven, size])])
      })
  if (!even) {
    e.setExtent(`halves of ${formatDim(depth)}`, count)
    const each = e.once(`half:${depth.key}`, () => e.op('Div', [e.extent(depth), count]))
    e.setExtent(`half of ${formatDim(depth)}`, each)
  }
  const cut = ({ id, name, type: { dims } }: Operand): Operand => {
    const rest = dims.slice(own)
    const shape = e.once(`halves:${depth.key}:${even}:${rest.map(({ key }) => key)}`, () =>
      e.op('Concat', [count, e.ints([-1]), e.shape(rest)], { axis: { int: 0 } }),
    )
    const type = typeOf([parts, positions, ...rest])
    return { id, name: e.op('Reshape', [name, shape], {}, type), type }
  }
  const [part, position] = [freeLabel(labels), freeLabel(labels) + 1]
  return {
    operands: [cut(left), cut(right)],
    labels: {
      left: [part, position, ...labels.left.slice(own)],
      right: [part, position, ...labels.right.slice(own)],
      out: [part, ...labels.out],
    },
    type: typeOf([parts, ...type.dims]),
    count,
  }
}

const typeOf = (dims: readonly Dim[]): TensorType => ({ dtype: 'f32', dims })
const freeLabel = ({ left, right }: Attributes['contract']): Label => Math.max(...left, ...right) + 1

/** The sum of the parts: a product with a row of ones, which takes an eighth of what ReduceSum takes. */
export function sumParts(parts: string, { count, type }: Halves, e: Emission): string {
  const [lead, ...dims] = type.dims as [Dim, ...Dim[]]
  const size = productDims(dims)
  const ones = e.once(`ones:${count}`, () =>
    e.op('Expand', [e.float(1), e.op('Concat', [e.ints([1]), count], { axis: { int: 0 } })]),
  )
  const rows = e.reshape(parts, 'f32', type.dims, [lead, size])
  const sum = e.op('MatMul', [ones, rows], {}, typeOf([oneDim, size]))
  return e.reshape(sum, 'f32', [oneDim, size], dims)
}
