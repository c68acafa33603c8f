/** Small dense arrays for tests: plain lists of numbers, loops and nothing clever. */

export interface Grid {
  readonly shape: readonly number[]
  /** Row by row. */
  readonly data: readonly number[]
}

export const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

export function grid(shape: readonly number[], data: readonly number[]): Grid {
  if (data.length !== size(shape)) throw new Error(`${data.length} numbers for [${shape.join()}]`)
  return { shape, data }
}

export const isGrid = (value: unknown): value is Grid =>
  typeof value === 'object' && value !== null && 'shape' in value && 'data' in value

/** All zero. */
export const nothing = (shape: readonly number[]): Grid => grid(shape, new Array(size(shape)).fill(0))

/** What `f` makes of every position of a shape, row by row. */
export function gridOf<T>(shape: readonly number[], f: (position: readonly number[], k: number) => T): T[] {
  const out: T[] = []
  const walk = (position: readonly number[]): void => {
    const extent = shape[position.length]
    if (extent === undefined) out.push(f(position, out.length))
    else for (let i = 0; i < extent; i++) walk([...position, i])
  }
  walk([])
  return out
}

/** The part at a position of the leading axes. */
export function sliceAt({ shape, data }: Grid, position: readonly number[]): Grid {
  const inner = shape.slice(position.length)
  const each = size(inner)
  let at = 0
  position.forEach((i, k) => {
    at = at * (shape[k] as number) + i
  })
  return grid(inner, data.slice(at * each, (at + 1) * each))
}

/** Element by element; a scalar goes with anything. */
export function pointwise(values: readonly (Grid | number)[], f: (xs: readonly number[]) => number): Grid | number {
  const shaped = values.find((v): v is Grid => typeof v !== 'number' && v.shape.length > 0)
  const element = (v: Grid | number, i: number): number =>
    typeof v === 'number' ? v : (v.data[v.shape.length === 0 ? 0 : i] as number)
  if (!shaped) return f(values.map((v) => element(v, 0)))
  return grid(
    shaped.shape,
    shaped.data.map((_, i) => f(values.map((v) => element(v, i)))),
  )
}

export const zip = (a: Grid, b: Grid, f: (x: number, y: number) => number): number[] =>
  a.data.map((x, i) => f(x, b.data[i] as number))

/** The error function by its series; good to 1e-12 for the small arguments of tests. */
export function erf(x: number): number {
  let term = x
  let sum = x
  for (let n = 1; n < 120; n++) {
    term *= (-x * x) / n
    sum += term / (2 * n + 1)
  }
  return (2 / Math.sqrt(Math.PI)) * sum
}
