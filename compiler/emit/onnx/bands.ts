/** Products over shifts side by side, band by band: what is gathered is multiplied while it is still in a cache. */
import type { TensorType } from '../../ir/graph.ts'
import type { Attributes } from '../../ops/op.ts'
import { addDim, type Dim } from '../../shapes/dim.ts'
import { emitContract } from './contract.ts'
import type { Emission, Operand } from './emission.ts'
import { findShifts, rangeOf, splitEvenly, withAxis } from './window.ts'

/** With four, a band of a large batch is about what a core's share of a cache holds. */
const count = 4

/** A band of an axis: its positions, i64 [rows]. */
interface Band {
  readonly positions: string
  readonly rows: Dim
}

/** Emits `contract` where an operand is shifts side by side and the model is for ONNX Runtime; undefined elsewhere. */
export function emitInBands(
  operands: readonly [Operand, Operand],
  labels: Attributes['contract'],
  type: TensorType,
  e: Emission,
): string | undefined {
  for (const side of [0, 1] as const) {
    const shifts = findShifts(operands[side].id, e)
    if (!shifts) continue
    const [own, other] = [operands[side], operands[1 - side] as Operand]
    const [ownLabels, otherLabels] = side === 0 ? [labels.left, labels.right] : [labels.right, labels.left]
    const label = ownLabels[shifts.axis] as number
    const [axis, place] = [otherLabels.indexOf(label), labels.out.indexOf(label)]
    const parts = bandsOf(own.type.dims[shifts.axis] as Dim, e).map(({ positions, rows }) => {
      const first = shifts.read(positions, rows, e)
      const second = axis < 0 ? other : rowsOf(other, axis, { positions, rows }, e)
      const [left, right] = side === 0 ? [first, second] : [second, first]
      return emitContract(left, right, labels, place < 0 ? type : withAxis(type, place, rows), e)
    })
    if (place >= 0) return e.op('Concat', parts, { axis: { int: place } }, type)
    return parts.reduce((sum, part) => e.op('Add', [sum, part], {}, type))
  }
  return undefined
}

function bandsOf(dim: Dim, e: Emission): Band[] {
  return splitEvenly(dim, count).map(({ from, size }, k) => ({
    rows: size,
    positions: e.once(`band:${dim.key}:${k}`, () =>
      e.op('Slice', [rangeOf(dim, e), e.extent(from), e.extent(addDim(from, size)), e.ints([0])]),
    ),
  }))
}

/** A band of an operand's axis. A Gather, as ONNX Runtime slices in a single thread. */
function rowsOf(x: Operand, axis: number, { positions, rows }: Band, e: Emission): Operand {
  const type = withAxis(x.type, axis, rows)
  const name = e.shared(`rows:${x.name}:${axis}:${positions}`, () =>
    e.op('Gather', [x.name, positions], { axis: { int: axis } }, type),
  )
  return { id: x.id, name, type }
}
