/** Dense arrays of float64, and loops over them along strides. */
import type { DType } from '../ir/graph.ts'

/** Elements row by row; bool is 0 or 1, i64 a whole number. */
export interface NdArray {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: Float64Array
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((n, size) => n * size, 1)

/** An array of given elements; f32 unless said. Throws where their number does not fit the shape. */
export function ndArray(shape: readonly number[], values: ArrayLike<number>, dtype: DType = 'f32'): NdArray {
  if (values.length !== sizeOf(shape))
    throw new RangeError(`${values.length} elements do not fill [${shape.join(', ')}]`)
  return { dtype, shape, data: Float64Array.from(values) }
}

/** How far apart neighbours along each axis lie, in elements. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1)
  for (let axis = shape.length - 2; axis >= 0; axis--)
    strides[axis] = (strides[axis + 1] as number) * (shape[axis + 1] as number)
  return strides
}

/** Strides of an operand of `shape` as if broadcast to `out`: 0 along axes where it is repeated. */
export function broadcastStrides(shape: readonly number[], out: readonly number[]): number[] {
  const shift = out.length - shape.length
  const own = stridesOf(shape)
  return out.map((_, axis) => (axis < shift || shape[axis - shift] === 1 ? 0 : (own[axis - shift] as number)))
}

/** Visits runs along the last axis: a start in each array, the run's length, and each array's stride along it. */
type Run = (starts: readonly number[], length: number, strides: readonly number[]) => void

/** Walks several arrays over one shape together, each with its own strides, axes joined where all allow it. */
export function forRuns(shape: readonly number[], strides: readonly (readonly number[])[], run: Run): void {
  if (shape.includes(0)) return
  const sizes: number[] = []
  const steps: number[][] = strides.map(() => [])
  for (const [axis, size] of shape.entries()) {
    if (size === 1) continue
    const last = sizes.length - 1
    const joins = last >= 0 && strides.every((own, k) => steps[k]?.[last] === (own[axis] as number) * size)
    if (joins) sizes[last] = (sizes[last] as number) * size
    else sizes.push(size)
    for (const [k, own] of strides.entries()) (steps[k] as number[])[joins ? last : last + 1] = own[axis] as number
  }
  const inner = sizes.length - 1
  const innerSteps = steps.map((own) => (inner < 0 ? 0 : (own[inner] as number)))
  const starts = strides.map(() => 0)
  const walk = (axis: number): void => {
    if (axis >= inner) {
      run(starts, inner < 0 ? 1 : (sizes[inner] as number), innerSteps)
      return
    }
    const size = sizes[axis] as number
    for (let i = 0; i < size; i++) {
      walk(axis + 1)
      for (let k = 0; k < starts.length; k++) starts[k] = (starts[k] as number) + (steps[k]?.[axis] as number)
    }
    for (let k = 0; k < starts.length; k++) starts[k] = (starts[k] as number) - size * (steps[k]?.[axis] as number)
  }
  walk(0)
}

/** The elements that `strides` reach over `shape`, row by row. */
export function gatherStrided(data: Float64Array, strides: readonly number[], shape: readonly number[]): Float64Array {
  const out = new Float64Array(sizeOf(shape))
  forRuns(shape, [strides, stridesOf(shape)], ([from = 0, to = 0], length, [step = 0]) => {
    if (step === 1) out.set(data.subarray(from, from + length), to)
    else if (step === 0) out.fill(data[from] as number, to, to + length)
    else for (let i = 0; i < length; i++) out[to + i] = data[from + i * step] as number
  })
  return out
}
