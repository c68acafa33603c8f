/** The contraction kernel: operands packed as batches of matrices, a blocked product, and the result's axes put back. */
import type { Attributes } from '../ops/op.ts'
import { gatherStrided, type NdArray, sizeOf, stridesOf } from './array.ts'

/** C[b] = A[b] · B[b] for A [count, m, k] and B [count, k, n], row by row. */
function multiply(a: Float64Array, b: Float64Array, count: number, m: number, k: number, n: number): Float64Array {
  const c = new Float64Array(count * m * n)
  for (let batch = 0; batch < count; batch++)
    for (let i = 0; i < m; i++) {
      const row = (batch * m + i) * n
      let from = (batch * m + i) * k
      let right = batch * k * n
      let p = 0
      // Four rows of B a pass: each element of C is read and written a quarter as often.
      for (; p + 4 <= k; p += 4, from += 4, right += 4 * n) {
        const a0 = a[from] as number
        const a1 = a[from + 1] as number
        const a2 = a[from + 2] as number
        const a3 = a[from + 3] as number
        for (
          let j = 0, r0 = right, r1 = right + n, r2 = right + 2 * n, r3 = right + 3 * n;
          j < n;
          j++, r0++, r1++, r2++, r3++
        )
          c[row + j] =
            (c[row + j] as number) +
            a0 * (b[r0] as number) +
            a1 * (b[r1] as number) +
            a2 * (b[r2] as number) +
            a3 * (b[r3] as number)
      }
      for (; p < k; p++, from++, right += n) {
        const a0 = a[from] as number
        for (let j = 0; j < n; j++) c[row + j] = (c[row + j] as number) + a0 * (b[right + j] as number)
      }
    }
  return c
}

/** C[b] = A[b] · B[b]ᵀ for A [count, m, k] and B [count, n, k]: better where n is small. */
function multiplyRows(a: Float64Array, b: Float64Array, count: number, m: number, k: number, n: number): Float64Array {
  const c = new Float64Array(count * m * n)
  for (let batch = 0; batch < count; batch++)
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) {
        const left = (batch * m + i) * k
        const right = (batch * n + j) * k
        let total = 0
        for (let p = 0; p < k; p++) total += (a[left + p] as number) * (b[right + p] as number)
        c[(batch * m + i) * n + j] = total
      }
  return c
}

/** The operand's elements with its axes in the order of `order`. */
function pack(x: NdArray, labels: readonly number[], order: readonly number[]): Float64Array {
  if (order.every((label, at) => labels[at] === label)) return x.data
  const strides = stridesOf(x.shape)
  const axes = order.map((label) => labels.indexOf(label))
  return gatherStrided(
    x.data,
    axes.map((axis) => strides[axis] as number),
    axes.map((axis) => x.shape[axis] as number),
  )
}

/** The elements of the contraction of two dense arrays. */
export function contractArrays(x: NdArray, y: NdArray, { left, right, out }: Attributes['contract']): Float64Array {
  const size = new Map<number, number>()
  for (const [axis, label] of left.entries()) size.set(label, x.shape[axis] as number)
  for (const [axis, label] of right.entries()) size.set(label, y.shape[axis] as number)
  const both = out.filter((label) => left.includes(label) && right.includes(label))
  const rows = out.filter((label) => !right.includes(label))
  const columns = out.filter((label) => !left.includes(label))
  const summed = left.filter((label) => !out.includes(label))
  const total = (labels: readonly number[]): number => sizeOf(labels.map((label) => size.get(label) as number))
  const [count, m, k, n] = [total(both), total(rows), total(summed), total(columns)] as const
  const a = pack(x, left, [...both, ...rows, ...summed])
  const c =
    n < 8
      ? multiplyRows(a, pack(y, right, [...both, ...columns, ...summed]), count, m, k, n)
      : multiply(a, pack(y, right, [...both, ...summed, ...columns]), count, m, k, n)
  const order = [...both, ...rows, ...columns]
  return pack({ dtype: 'f32', shape: order.map((label) => size.get(label) as number), data: c }, order, out)
}
