/** The primitive operations' names and attributes. Their facts are the rows of `table.ts`. */

import type { DType } from '../ir/graph.ts'
import type { Dim } from '../shapes/dim.ts'

/** What an `input` node stands for. */
export type InputRole = 'data' | 'target' | 'param' | 'state' | 'noise' | 'lengths' | 'optimiser'

/**
 * The attributes of each op. Axes count from 0, `batch` included. Element-wise ops broadcast as ONNX and numpy do
 * (right-aligned; 1 with anything). Semantics are those of unpadded samples: reductions and contractions see valid
 * positions only.
 */
export interface Attributes {
  // Leaves
  /** A value given from outside; its type is the node's. */
  input: { readonly name: string; readonly role: InputRole }
  /** One number in every element, or the elements row by row (static shapes only). f32, i64 or bool by the node's type. */
  constant: { readonly value: number | readonly number[] }
  /** 0, 1, …, dim - 1 as f32 [dim]. For a ragged dim: [batch, dim], the same row for each sample. */
  iota: { readonly dim: Dim }
  /** The value of a dim as f32: [batch] where it is ragged, else []. */
  length: { readonly dim: Dim }
  /** bool [batch, dim]: which positions of a ragged dim are valid. True everywhere in an unpadded reading. */
  valid: { readonly dim: Dim }

  // Element by element: f32 -> f32
  neg: None
  exp: None
  log: None
  sqrt: None
  abs: None
  sin: None
  cos: None
  tanh: None
  sigmoid: None
  relu: None
  erf: None
  floor: None
  /** The value, with a derivative of 0. */
  stopGradient: None
  // (f32, f32) -> f32
  add: None
  sub: None
  mul: None
  div: None
  pow: None
  max: None
  min: None
  // (f32, f32) -> bool, also (i64, i64) -> bool
  equal: None
  less: None
  lessEqual: None
  // bool
  and: None
  or: None
  not: None
  /** (bool, f32, f32) -> f32 */
  select: None
  /** f32 <-> i64 (towards zero), bool -> f32 (0 or 1), bool -> i64 */
  cast: { readonly to: DType }

  // Arrangement
  /** Result axis k is operand axis permutation[k]. */
  transpose: { readonly permutation: readonly number[] }
  /**
   * The same elements in row order under other dims: axes of size 1 come and go, static axes split and merge. A
   * ragged or batch axis stays an axis of its own, but that a ragged axis may merge with static axes after it.
   */
  reshape: { readonly dims: readonly Dim[] }
  /** Repeats along axes where the operand has size 1 (or that it lacks on the left). */
  broadcast: { readonly dims: readonly Dim[] }
  /** Joins along a static axis. */
  concat: { readonly axis: number }
  /**
   * y[…, j, …] = x[…, (stride * j + offset) / dilation, …] for j below `dim`, where that is a whole number inside
   * the sample; else 0. The offset may depend on lengths (then per sample). One of stride and dilation is 1.
   */
  window: {
    readonly axis: number
    readonly offset: Dim
    readonly stride: number
    readonly dilation: number
    readonly dim: Dim
  }
  /**
   * (x: [P…, A, R…], ids i64: [P…, N…]) -> [P…, N…, R…]: y[p, n, r] = x[p, ids[p, n], r], with `batchAxes` = |P|.
   * ids are inside 0..A-1 on valid positions.
   */
  gather: { readonly batchAxes: number }
  /** gather's adjoint: (y: [P…, N…, R…], ids: [P…, N…]) -> [P…, dim, R…], adding where ids coincide. */
  scatterAdd: { readonly batchAxes: number; readonly dim: Dim }

  // Reductions: the reduced axes are kept with size 1 where `keep`, else dropped. Over nothing: 0.
  sum: { readonly axes: readonly number[]; readonly keep: boolean }
  maximum: { readonly axes: readonly number[]; readonly keep: boolean }
  /** Normalised exponentials along one axis. */
  softmax: { readonly axis: number }
  /**
   * A product of two tensors summed over shared axes, as einsum: each axis is a label, `left` and `right` name the
   * operands' axes, `out` the result's. A label in both operands and not in `out` is summed; every label of `out`
   * is in one operand or both; a label in one operand only is in `out`. Dims of one label are equal.
   */
  contract: { readonly left: readonly number[]; readonly right: readonly number[]; readonly out: readonly number[] }
}

/** No attributes. */
export type None = { readonly [key: string]: never }

export type OpName = keyof Attributes
