/** Arrays that go into and come out of an engine. */

/** Row by row; `dims` [] is one number. */
export type Value =
  | { readonly dtype: 'f32'; readonly data: Float32Array; readonly dims: readonly number[] }
  | { readonly dtype: 'i64'; readonly data: BigInt64Array; readonly dims: readonly number[] }
  | { readonly dtype: 'bool'; readonly data: Uint8Array; readonly dims: readonly number[] }

/** One number as an array without axes. */
export const scalar = (value: number): Value => ({ dtype: 'f32', data: Float32Array.of(value), dims: [] })
