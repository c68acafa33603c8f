/**
 * Convolutions of three taps with a third fewer multiplications: two neighbouring results share four products in place of
 * six (Winograd's F(2, 3), Lavin and Gray 2016). With taps d apart, the tile of a position t reads x at t + o, t + o + d,
 * t + o + 2d and t + o + 3d, and gives the results at t and t + d; tiles follow each other every 2d positions, d at a time.
 */
import type { TensorType } from '../../ir/graph.ts'
import type { Attributes } from '../../ops/op.ts'
import {
  addDim,
  constantDim,
  type Dim,
  floorDivDim,
  oneDim,
  productDims,
  scaleDim,
  staticSize,
  sumDims,
} from '../../shapes/dim.ts'
import { rational } from '../../shapes/rational.ts'
import { emitContract } from './contract.ts'
import type { Emission, Operand } from './emission.ts'
import { padRows, rangeOf, type Shifts, splitEvenly, withAxis } from './window.ts'

type Contract = Attributes['contract']

/** With two, what a band of a large batch needs stays in a cache between the products. */
const bandCount = 2

/** Where the harmonic mean of both widths is below twice this, the sums around the products cost more than is saved. */
const leastWidth = 64

/** Emits `contract` of shifts side by side with another operand, or gives undefined where they are not three taps or too narrow. */
export function emitThreeTaps(
  operands: readonly [Operand, Operand],
  side: 0 | 1,
  shifts: Shifts,
  labels: Contract,
  type: TensorType,
  e: Emission,
): string | undefined {
  const [own, other] = [operands[side], operands[1 - side] as Operand]
  const [ownLabels, otherLabels] = side === 0 ? [labels.left, labels.right] : [labels.right, labels.left]
  const [time, beside] = [ownLabels[shifts.axis] as number, ownLabels[shifts.axis + 1] as number]
  const [first, second, third] = shifts.offsets as [number, number, number]
  const apart = second - first
  const width = staticSize(own.type.dims[shifts.axis + 1] as Dim)
  if (shifts.offsets.length !== 3 || apart === 0 || third - second !== apart || width === undefined) return undefined
  const tiles = (): Tiles => tilesOf(own.type.dims[shifts.axis] as Dim, Math.abs(apart), e)
  const sides = { shifts, own, other, otherLabels, side, width: width / 3, flip: apart < 0 }
  const [rows, columns] = [otherLabels.indexOf(time), otherLabels.indexOf(beside)]
  if (rows < 0 && columns >= 0 && labels.out.includes(time)) {
    const others = productDims(other.type.dims.filter((_, axis) => axis !== columns))
    return wide(width / 3, others) ? convolve(sides, tiles(), columns, time, labels, type, e) : undefined
  }
  if (rows >= 0 && columns < 0 && labels.out.includes(beside) && !labels.out.includes(time)) {
    const others = productDims(type.dims.filter((_, axis) => labels.out[axis] !== beside))
    return wide(width / 3, others) ? correlate(sides, tiles(), rows, beside, labels, type, e) : undefined
  }
  return undefined
}

const wide = (width: number, others: Dim): boolean => {
  const columns = staticSize(others)
  return columns !== undefined && width * columns >= leastWidth * (width + columns)
}

interface Sides {
  readonly shifts: Shifts
  readonly own: Operand
  readonly other: Operand
  readonly otherLabels: readonly number[]
  readonly side: 0 | 1
  /** Of one tap. */
  readonly width: number
  /** True where the taps stand last first. */
  readonly flip: boolean
}

/** Some tiles of a time axis, which are worked on together. */
interface Band {
  /** How many rows each of four parts has: one for each pair of results. */
  readonly rows: Dim
  /** i64 [rows / apart, apart]: where the tiles begin. */
  readonly begins: string
}

/** The tiles of a time axis. */
interface Tiles {
  readonly apart: number
  readonly bands: readonly Band[]
  /** i64 [time]: where each position's result stands in all first results and, behind them, all second ones. */
  readonly order: string
}

function tilesOf(dim: Dim, apart: number, e: Emission): Tiles {
  const count = floorDivDim(addDim(dim, constantDim(2 * apart - 1)), BigInt(2 * apart))
  const begins = e.once(`tiles:${dim.key}:${apart}`, () => {
    const starts = e.op('Mul', [rangeOf(count, e), e.ints([2 * apart])])
    return e.op('Add', [e.op('Unsqueeze', [starts, e.ints([1])]), e.ints([...Array(apart).keys()])])
  })
  const bands = splitEvenly(count, bandCount).map(({ from, size }): Band => {
    const to = addDim(from, size)
    const own = e.once(`${begins}:${from.key}:${to.key}`, () =>
      e.op('Slice', [begins, e.extent(from), e.extent(to), e.ints([0])]),
    )
    return { rows: scaleDim(size, rational(apart)), begins: own }
  })
  const order = e.once(`tiles-order:${dim.key}:${apart}`, () => {
    const all = scaleDim(count, rational(2 * apart))
    const grid = e.reshape(rangeOf(all, e), 'i64', [all], [constantDim(2), count, constantDim(apart)])
    const turned = e.op('Transpose', [grid], { perm: { ints: [1, 0, 2] } })
    const flat = e.op('Reshape', [turned, e.ints([-1])])
    return e.op('Slice', [flat, e.ints([0]), e.extent(dim), e.ints([0])])
  })
  return { apart, bands, order }
}

/** A tensor with rows of zeros around its time axis. */
interface Padded {
  readonly name: string
  readonly type: TensorType
  readonly axis: number
}

/** The rows of all tiles at a distance from where they begin: [.., rows, ..]. */
function rowsAt(
  { name, type, axis }: Padded,
  place: number,
  apart: number,
  { begins, rows }: Band,
  e: Emission,
): string {
  const { dtype, dims } = type
  return e.shared(`rows:${name}:${axis}:${place}:${begins}`, () => {
    const places = e.once(`places:${begins}:${place}`, () => e.op('Add', [begins, e.int(place)]))
    const count = scaleDim(rows, rational(1, apart))
    const split = [...dims.slice(0, axis), count, constantDim(apart), ...dims.slice(axis + 1)]
    const read = e.op('Gather', [name, places], { axis: { int: axis } }, { dtype, dims: split })
    return e.reshape(read, dtype, split, dims.with(axis, rows))
  })
}

/** Two of those, added or the second taken from the first. */
function pairAt(
  op: 'Add' | 'Sub',
  x: Padded,
  [first, second]: readonly [number, number],
  apart: number,
  band: Band,
  e: Emission,
): string {
  const type = withAxis(x.type, x.axis, band.rows)
  return e.shared(`${op}:${x.name}:${x.axis}:${first}:${second}:${band.begins}`, () =>
    e.op(op, [rowsAt(x, first, apart, band, e), rowsAt(x, second, apart, band, e)], {}, type),
  )
}

/** What the four products read of the shifted tensor: x0 - x2, x1 + x2, x2 - x1, x1 - x3. */
function transformed({ shifts, own, width }: Sides, apart: number, band: Band, e: Emission): Operand[] {
  const { axis, source } = shifts
  const ahead = Math.min(...shifts.offsets)
  const front = Math.max(0, -ahead)
  // The last tile begins 2 * apart - 1 behind the end at most.
  const x: Padded = { ...padRows(source, axis, front, Math.max(0, 4 * apart - 1 + ahead), e), axis }
  const [x0, x1, x2, x3] = [0, 1, 2, 3].map((k) => front + ahead + k * apart) as [number, number, number, number]
  const type = withAxis(withAxis(own.type, axis, band.rows), axis + 1, constantDim(width))
  return [
    pairAt('Sub', x, [x0, x2], apart, band, e),
    pairAt('Add', x, [x1, x2], apart, band, e),
    pairAt('Sub', x, [x2, x1], apart, band, e),
    pairAt('Sub', x, [x1, x3], apart, band, e),
  ].map((name) => ({ id: own.id, name, type }))
}

/** Results along time: a product over the taps for each position. */
function convolve(
  sides: Sides,
  tiles: Tiles,
  columns: number,
  time: number,
  labels: Contract,
  type: TensorType,
  e: Emission,
): string {
  const { other, side, width, flip } = sides
  const { dims } = other.type
  const [before, after] = [productDims(dims.slice(0, columns)), productDims(dims.slice(columns + 1))]
  const inner = scaleDim(after, rational(width))
  const taps = e.reshape(other.name, 'f32', dims, [before, constantDim(3), inner])
  // w0, (w0 + w1 + w2) / 2, (w0 - w1 + w2) / 2, w2
  const mixing = flip
    ? [0, 0, 1, 0.5, 0.5, 0.5, 0.5, -0.5, 0.5, 1, 0, 0]
    : [1, 0, 0, 0.5, 0.5, 0.5, 0.5, -0.5, 0.5, 0, 0, 1]
  const mixed = e.op(
    'MatMul',
    [e.tensor('f32', [4, 3], mixing), taps],
    {},
    { dtype: 'f32', dims: [before, constantDim(4), inner] },
  )
  const kernel = withAxis(other.type, columns, constantDim(width))
  const place = labels.out.indexOf(time)
  const weights = [0, 1, 2, 3].map((k): Operand => {
    const one = [before, oneDim, inner]
    const bounds = [e.ints([k]), e.ints([k + 1]), e.ints([1])]
    const cut = e.op('Slice', [mixed, ...bounds], {}, { dtype: 'f32', dims: one })
    return { id: other.id, name: e.reshape(cut, 'f32', one, kernel.dims), type: kernel }
  })
  const halves = tiles.bands.map((band) => {
    const half = withAxis(type, place, band.rows)
    const [p0, p1, p2, p3] = transformed(sides, tiles.apart, band, e).map((part, k) => {
      const [left, right] = side === 0 ? [part, weights[k] as Operand] : [weights[k] as Operand, part]
      return emitContract(left, right, labels, half, e)
    }) as [string, string, string, string]
    return [
      e.op('Add', [e.op('Add', [p1, p2], {}, half), p0], {}, half),
      e.op('Sub', [e.op('Sub', [p1, p2], {}, half), p3], {}, half),
    ] as const
  })
  const both = [...halves.map(([first]) => first), ...halves.map(([, second]) => second)]
  const rows = scaleDim(sumDims(tiles.bands.map((band) => band.rows)), rational(2))
  const all = e.op('Concat', both, { axis: { int: place } }, withAxis(type, place, rows))
  return e.op('Gather', [all, tiles.order], { axis: { int: place } }, type)
}

/** A result for each tap: the sum over time of the shifted tensor times another. */
function correlate(
  sides: Sides,
  tiles: Tiles,
  rows: number,
  beside: number,
  labels: Contract,
  type: TensorType,
  e: Emission,
): string {
  const { other, side, width, flip } = sides
  const { apart } = tiles
  // Padded as a convolution pads that reads the tensor itself, which then has made these sums already.
  const y: Padded = { ...padRows(other.id, rows, apart, 3 * apart - 1, e), axis: rows }
  const [y0, y1] = [apart, 2 * apart]
  const place = labels.out.indexOf(beside)
  const tap = withAxis(type, place, constantDim(width))
  const [p0, p1, p2, p3] = tiles.bands
    .map((band) => {
      const pairs = [
        rowsAt(y, y0, apart, band, e),
        pairAt('Add', y, [y0, y1], apart, band, e),
        pairAt('Sub', y, [y1, y0], apart, band, e),
        rowsAt(y, y1, apart, band, e),
      ]
      return transformed(sides, apart, band, e).map((part, k) => {
        const pair = { id: other.id, name: pairs[k] as string, type: withAxis(other.type, rows, band.rows) }
        const [left, right] = side === 0 ? [part, pair] : [pair, part]
        return emitContract(left, right, labels, tap, e)
      })
    })
    .reduce((sums, parts) => sums.map((sum, k) => e.op('Add', [sum, parts[k] as string], {}, tap))) as [
    string,
    string,
    string,
    string,
  ]
  const halved = (op: 'Add' | 'Sub'): string => e.op('Mul', [e.op(op, [p1, p2], {}, tap), e.float(0.5)], {}, tap)
  const outer = halved('Sub')
  const taps = [e.op('Add', [p0, outer], {}, tap), halved('Add'), e.op('Sub', [outer, p3], {}, tap)]
  return e.op('Concat', flip ? taps.reverse() : taps, { axis: { int: place } }, type)
}
