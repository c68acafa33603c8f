/**
 * Convolutions of three taps with a third fewer multiplications: two neighbouring results share four products in place of
 * six (Winograd's F(2, 3), Lavin and Gray 2016). With taps d apart, the tile of a position t reads x at t + o, t + o + d,
 * t + o + 2d and t + o + 3d, and gives the results at t and t + d; tiles follow each other every 2d positions, d at a time.
 * The results at t are one phase of the result, those at t + d the other (`phases.ts`).
 */
import type { AnyNode, Node, TensorType, ValueId } from '../../ir/graph.ts'
import type { Attributes } from '../../ops/op.ts'
import { constantDim, type Dim, oneDim, productDims, scaleDim, staticSize } from '../../shapes/dim.ts'
import { rational } from '../../shapes/rational.ts'
import { emitContract } from './contract.ts'
import type { Emission, Operand } from './emission.ts'
import { cutInHalves } from './halves.ts'
import { type Cut, type Ends, type Phased, type Phases, phaseRows } from './phases.ts'
import { findShifts, type Shifts, withAxis } from './window.ts'

type Contract = Attributes['contract']

const typeOf = (...dims: Dim[]): TensorType => ({ dtype: 'f32', dims })

/** Where the harmonic mean of both widths is below twice this, the sums around the products cost more than is saved. */
const leastWidth = 64

/** A contraction with three taps of a tensor side by side: a convolution, or a sum over time for each tap. */
export interface ThreeTaps {
  readonly kind: 'convolution' | 'correlation'
  readonly node: Node<'contract'>
  /** Which operand has the taps side by side. */
  readonly side: 0 | 1
  readonly shifts: Shifts
  /** The tiles of the tensor that is shifted. */
  readonly cut: Cut
  /** Of one tap. */
  readonly width: number
  /** True where the taps stand last first. */
  readonly flip: boolean
  /** Where the other operand has the taps below each other, or time. */
  readonly otherAxis: number
  /** Where the result has time, or the taps side by side. */
  readonly place: number
}

/** What a node is as that, where its taps are at equal distances and wide enough. */
export function threeTapsOf(node: AnyNode, e: Pick<Emission, 'definition' | 'forOnnxRuntime'>): ThreeTaps | undefined {
  if (node.op !== 'contract') return undefined
  const contract = node as Node<'contract'>
  const { left, right, out } = contract.attributes
  for (const side of [0, 1] as const) {
    const own = e.definition(contract.operands[side] as ValueId)
    const other = e.definition(contract.operands[1 - side] as ValueId)
    const shifts = findShifts(own.id, e)
    if (shifts?.offsets.length !== 3) continue
    const [ownLabels, otherLabels] = side === 0 ? [left, right] : [right, left]
    const [time, beside] = [ownLabels[shifts.axis] as number, ownLabels[shifts.axis + 1] as number]
    const [first, second, third] = shifts.offsets as [number, number, number]
    const apart = Math.abs(second - first)
    const all = staticSize(own.type.dims[shifts.axis + 1] as Dim)
    if (apart === 0 || third - second !== second - first || all === undefined) continue
    const width = all / 3
    const shared = { node: contract, side, shifts, cut: { axis: shifts.axis, apart }, width, flip: second < first }
    const [rows, columns] = [otherLabels.indexOf(time), otherLabels.indexOf(beside)]
    if (rows < 0 && columns >= 0 && out.includes(time)) {
      const others = other.type.dims.filter((_, axis) => axis !== columns)
      if (isWide(width, others)) return { ...shared, kind: 'convolution', otherAxis: columns, place: out.indexOf(time) }
    }
    if (rows >= 0 && columns < 0 && out.includes(beside) && !out.includes(time)) {
      const others = node.type.dims.filter((_, axis) => out[axis] !== beside)
      if (isWide(width, others)) return { ...shared, kind: 'correlation', otherAxis: rows, place: out.indexOf(beside) }
    }
  }
  return undefined
}

const isWide = (width: number, others: readonly Dim[]): boolean => {
  const columns = staticSize(productDims(others))
  return columns !== undefined && width * columns >= leastWidth * (width + columns)
}

/** What it reads and makes in phases. */
export function endsOf({ kind, node, side, shifts, cut, otherAxis, place }: ThreeTaps): Ends {
  const own = [shifts.source, cut] as const
  const other = [node.operands[1 - side] as ValueId, { axis: otherAxis, apart: cut.apart }] as const
  return kind === 'convolution'
    ? { reads: [own], makes: { axis: place, apart: cut.apart } }
    : { reads: [own, other], makes: undefined }
}

/** Two phases of a value, added or the second taken from the first. */
const pair = (op: 'Add' | 'Sub', first: string, second: string, type: TensorType, e: Emission): string =>
  e.shared(`${op}:${first}:${second}`, () => e.op(op, [first, second], {}, type))

/** What the four products read of the shifted tensor: x0 - x2, x1 + x2, x2 - x1, x1 - x3. */
function transformed({ shifts, cut, width, node, side }: ThreeTaps, phases: Phases, e: Emission): Operand[] {
  const { axis, apart } = cut
  const ahead = Math.min(...shifts.offsets)
  const rows = (k: number): string => phases.rowsAt(shifts.source, cut, ahead + k * apart)
  const [x0, x1, x2, x3] = [rows(0), rows(1), rows(2), rows(3)]
  const { id, type } = e.definition(node.operands[side] as ValueId)
  const phase = phaseRows(type.dims[axis] as Dim, apart)
  const part = withAxis(withAxis(type, axis, phase), axis + 1, constantDim(width))
  return [
    pair('Sub', x0, x2, part, e),
    pair('Add', x1, x2, part, e),
    pair('Sub', x2, x1, part, e),
    pair('Sub', x1, x3, part, e),
  ].map((name) => ({ id, name, type: part }))
}

/** Results along time, in phases: a product over the taps for each position. */
export function emitConvolution(taps: ThreeTaps, kernel: Operand, phases: Phases, e: Emission): Phased {
  const { node, side, width, flip, otherAxis, place, cut } = taps
  const { dims } = kernel.type
  const [before, after] = [productDims(dims.slice(0, otherAxis)), productDims(dims.slice(otherAxis + 1))]
  const inner = scaleDim(after, rational(width))
  const matrix = e.reshape(kernel.name, 'f32', dims, [before, constantDim(3), inner])
  // w0, (w0 + w1 + w2) / 2, (w0 - w1 + w2) / 2, w2
  const mixing = flip
    ? [0, 0, 1, 0.5, 0.5, 0.5, 0.5, -0.5, 0.5, 1, 0, 0]
    : [1, 0, 0, 0.5, 0.5, 0.5, 0.5, -0.5, 0.5, 0, 0, 1]
  const mixed = e.op('MatMul', [e.tensor('f32', [4, 3], mixing), matrix], {}, typeOf(before, constantDim(4), inner))
  const one = withAxis(kernel.type, otherAxis, constantDim(width))
  const phase = withAxis(node.type, place, phaseRows(node.type.dims[place] as Dim, cut.apart))
  const [p0, p1, p2, p3] = transformed(taps, phases, e).map((part, k) => {
    const bounds = [e.ints([k]), e.ints([k + 1]), e.ints([1])]
    const slice = e.op('Slice', [mixed, ...bounds], {}, typeOf(before, oneDim, inner))
    const weights = { ...kernel, name: e.reshape(slice, 'f32', [before, oneDim, inner], one.dims), type: one }
    const [left, right] = side === 0 ? [part, weights] : [weights, part]
    return emitContract(left, right, node.attributes, phase, e)
  }) as [string, string, string, string]
  const first = e.op('Add', [e.op('Add', [p1, p2], {}, phase), p0], {}, phase)
  const second = e.op('Sub', [e.op('Sub', [p1, p2], {}, phase), p3], {}, phase)
  return { axis: place, apart: cut.apart, phases: [first, second], clean: false }
}

/** A result for each tap: the sum over time of the shifted tensor times another. */
export function emitCorrelation(taps: ThreeTaps, other: Operand, phases: Phases, e: Emission): string {
  const { node, side, width, flip, otherAxis, place, cut } = taps
  const otherCut = { axis: otherAxis, apart: cut.apart }
  const [y0, y1] = phases.of(other.id, otherCut, true).phases
  const rows = withAxis(other.type, otherAxis, phaseRows(other.type.dims[otherAxis] as Dim, cut.apart))
  const pairs = [y0, pair('Add', y0, y1, rows, e), pair('Sub', y1, y0, rows, e), y1]
  const tap = withAxis(node.type, place, constantDim(width))
  const parts = transformed(taps, phases, e).map((part, k) => {
    const own = { id: other.id, name: pairs[k] as string, type: rows }
    return emitParts(side === 0 ? [part, own] : [own, part], node.attributes, tap, e)
  })
  // (2 * p0 + p1 - p2) / 2, (p1 + p2) / 2, (p1 - p2 - 2 * p3) / 2
  const mixing = [
    [1, 0.5, -0.5, 0],
    [0, 0.5, 0.5, 0],
    [0, 0.5, -0.5, -1],
  ]
  const weights = (flip ? mixing.reverse() : mixing).flatMap((row) =>
    parts.flatMap((part, k) => Array<number>(part.count).fill(row[k] as number)),
  )
  const [count, size, three] = [constantDim(weights.length / 3), productDims(tap.dims), constantDim(3)]
  const names = parts.map(({ name }) => name)
  const apiece = e.op('Concat', names, { axis: { int: 0 } }, typeOf(count, ...tap.dims))
  const matrix = e.reshape(apiece, 'f32', [count, ...tap.dims], [count, size])
  const mixed = e.op('MatMul', [e.tensor('f32', [3, weights.length / 3], weights), matrix], {}, typeOf(three, size))
  const result = e.reshape(mixed, 'f32', [three, size], [three, ...tap.dims])
  const split = tap.dims.toSpliced(place, 0, three)
  const perm = [...tap.dims.keys()].map((axis) => axis + 1).toSpliced(place, 0, 0)
  const turned = place === 0 ? result : e.op('Transpose', [result], { perm: { ints: perm } }, typeOf(...split))
  return e.reshape(turned, 'f32', split, node.type.dims)
}

/** A sum over tiles as `count` parts of it, side by side: [count, ...]. */
function emitParts(
  operands: readonly [Operand, Operand],
  labels: Contract,
  type: TensorType,
  e: Emission,
): { readonly name: string; readonly count: number } {
  const [
    {
      type: { dims },
    },
  ] = operands
  const halves = dims.some(e.mayBeEmpty) ? undefined : cutInHalves(operands, labels, type, e, true)
  if (halves) return { name: emitContract(...halves.operands, halves.labels, halves.type, e), count: 2 }
  const whole = emitContract(...operands, labels, type, e)
  return { name: e.reshape(whole, 'f32', type.dims, [oneDim, ...type.dims]), count: 1 }
}
