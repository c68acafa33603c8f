/** What compiling makes, and what the runtime needs to know about it. */
import type { Graph, Variable } from './ir/graph.ts'
import type { Dim } from './shapes/dim.ts'

/** A model input that a user feeds; each ragged one has an i64 [batch] input of lengths beside it. */
export interface InputSignature {
  readonly name: string
  readonly dtype: 'f32' | 'i64'
  /** Dims of one sample, without the batch axis. */
  readonly dims: readonly Dim[]
  /** Ids are below this; undefined for f32. */
  readonly below: number | undefined
  /** The name of its lengths input, `speech_lengths`; undefined where no axis is ragged. */
  readonly lengths: string | undefined
}

export interface TargetSignature {
  readonly name: string
  readonly dims: readonly Dim[]
  /** i64 class ids, or f32 values. */
  readonly dtype: 'f32' | 'i64'
  readonly below: number | undefined
  /** The class names where the target is `of` labels. */
  readonly classes: readonly string[] | undefined
}

export interface PredictionSignature {
  /** The target that it predicts, and the name of the graph output. */
  readonly name: string
  readonly kind: 'distribution' | 'probabilities' | 'real'
}

/** Numbers in [0, 1) that the runtime draws for a training step, f32, keyed by (seed, epoch, sample, name, position). */
export interface NoiseSignature {
  readonly name: string
  /** `batch` first. */
  readonly dims: readonly Dim[]
}

export interface Signature {
  readonly model: string
  /** The variants that were applied, in order. */
  readonly variants: readonly string[]
  readonly inputs: readonly InputSignature[]
  readonly targets: readonly TargetSignature[]
  readonly predictions: readonly PredictionSignature[]
  /** Names of further outputs (`output fused = …`). */
  readonly outputs: readonly string[]
  readonly losses: readonly { readonly name: string; readonly weight: number }[]
  /** Every hyper at its final value; a bool is 0 or 1. */
  readonly hypers: Readonly<Record<string, number>>
  readonly labels: Readonly<Record<string, readonly string[]>>
  /** Bounds of each ragged length, from `seq frames in 1..3000`. */
  readonly bounds: Readonly<Record<string, { readonly low: number; readonly high: number | undefined }>>
  /** What the spec requires of lengths: the condition's text, and a dim that it makes 0 in every sample. */
  readonly requires: readonly { readonly condition: string; readonly dims: readonly Dim[] }[]
  /** SHA-256 of the sources that were read, in order, as hex. */
  readonly specHash: string
}

/** A model, elaborated and lowered, with the graphs that targets are made from. */
export interface Program {
  readonly signature: Signature
  /** Predictions and outputs, training = false; ragged (no masks). */
  readonly inference: Graph
  /** Predictions, losses, state updates, and `total`, training = true; ragged, before differentiation. */
  readonly training: Graph
  /** Losses and `total`, training = false; ragged. Few want it, so it is made when it is asked for. */
  readonly evaluation: () => Graph
}

/** Where each variable lies in a flat f32 vector: rows in order, no gaps. */
export interface FlatLayout {
  readonly size: number
  readonly entries: readonly { readonly variable: Variable; readonly offset: number }[]
}

export type OptimiserKind = 'adam' | 'adamw' | 'sgd'

/** Where everything that a training step changes lies, and what it is fed besides a batch. */
export interface TrainingLayout {
  readonly params: FlatLayout
  readonly states: FlatLayout
  readonly slots: readonly string[]
  readonly noise: readonly NoiseSignature[]
  readonly optimiser: OptimiserKind
}

/**
 * A training step as one ONNX graph.
 *
 * Inputs: the signature's inputs, lengths and targets; each noise input; `params` f32 [params.size]; `states` f32
 * [states.size] (absent where size is 0); `slots` names, each f32 [params.size] (`moment1` and `moment2` for adam and
 * adamw, `momentum` for sgd); `step` f32 [] (1 for the first); `learning_rate` f32 []; `learning_rate_scale` f32
 * [params.size] (1, or 0 for a frozen parameter) and `weight_decay` f32 [params.size]; `clip_norm` f32 [] (the
 * gradient's greatest 2-norm; infinity leaves it alone).
 *
 * Outputs: `next.params`, `next.states`, `next.<slot>`; `loss` f32 [] (the weighted total), `loss.<name>` f32 [] for each
 * loss, unweighted batch means; `gradient_norm` f32 [] before clipping; `predict.<name>` for each prediction (a target input
 * has the name itself).
 */
export interface TrainingArtefact extends TrainingLayout {
  readonly onnx: Uint8Array
}
