/** The intermediate representation: one SSA graph of typed, ragged tensor operations. */
import type { Attributes, OpName } from '../ops/op.ts'
import type { Dim } from '../shapes/dim.ts'
import type { Span } from '../syntax/ast.ts'

export type DType = 'f32' | 'i64' | 'bool'

/**
 * A tensor's element type and dims, outermost first. `batch` is an axis like any other (`batchDim`), first where
 * present. An axis with a ragged dim belongs to the nearest `batch` axis on its left: sample b's valid positions
 * on it are those below the dim's value at b's own lengths; the padded extent is the dim's value at the padded
 * lengths. A ragged axis without a batch axis on its left does not occur.
 */
export interface TensorType {
  readonly dtype: DType
  readonly dims: readonly Dim[]
}

export type ValueId = number

/** One operation and the one value it makes. */
export interface Node<K extends OpName = OpName> {
  readonly id: ValueId
  readonly op: K
  readonly operands: readonly ValueId[]
  readonly attributes: Attributes[K]
  readonly type: TensorType
  /** The path of the instance it came from, `Os.uflb2.h.conv1d`, or '' at the top. */
  readonly scope: string
  /** The name that the spec gives the value, where it does. */
  readonly label: string | undefined
  readonly span: Span | undefined
}

/** A node whose attributes narrow with its op. */
export type AnyNode = { [K in OpName]: Node<K> }[OpName]

export interface GraphOutput {
  readonly name: string
  readonly value: ValueId
  readonly role: 'prediction' | 'output' | 'loss' | 'total' | 'gradient' | 'update' | 'optimiser'
}

/** A ragged length: its name in dims, its bounds, and where it is read from. */
export interface SeqInfo {
  readonly name: string
  readonly low: number
  readonly high: number | undefined
  /** The inputs with this dim alone on an axis, and the i64 [batch] input of lengths that goes with each. */
  readonly sources: readonly { readonly input: string; readonly axis: number; readonly lengths: string }[]
}

/** How a parameter or state starts. Sizes are those of the variable's own shape unless given. */
export interface Initialiser {
  readonly kind:
    | 'zeros'
    | 'ones'
    | 'constant'
    | 'uniform'
    | 'normal'
    | 'glorot_uniform'
    | 'glorot_normal'
    | 'he_uniform'
    | 'he_normal'
  /** The constant, the half-width of the uniform, the deviation of the normal; 0 where the kind has none. */
  readonly scale: number
  readonly fanIn: number
  readonly fanOut: number
}

/** A trained parameter, or a state that training updates without a gradient. */
export interface Variable {
  /** Its path, `Os.uflb2.h.conv1d.w`; also the name of its `input` node. */
  readonly path: string
  readonly role: 'param' | 'state'
  readonly shape: readonly number[]
  readonly init: Initialiser
  readonly span: Span | undefined
}

export interface Graph {
  readonly name: string
  /** In an order in which operands come before their uses. */
  readonly nodes: readonly AnyNode[]
  readonly outputs: readonly GraphOutput[]
  readonly seqs: readonly SeqInfo[]
  readonly variables: readonly Variable[]
  /** False while masks are implied by the types; true once the padding pass has made them explicit. */
  readonly padded: boolean
}
