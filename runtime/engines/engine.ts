/** What training needs of an engine: ONNX Runtime and tfjs are two of them. */
import type { OptimiserKind, Program, TrainingLayout } from '../../compiler/artefact.ts'
import type { Example } from '../predict/batch.ts'
import type { BoundInput } from '../predict/binding.ts'
import type { Value } from './value.ts'

/** Everything that a step changes, as flat vectors; `slots` by their names in the layout. */
export interface Weights {
  readonly params: Float32Array
  readonly states: Float32Array
  readonly slots: Readonly<Record<string, Float32Array>>
}

/** What a step is told besides its batch. */
export interface Control {
  /** 1 for the first step. */
  readonly step: number
  readonly learningRate: number
  /** Infinity leaves gradients alone. */
  readonly clipNorm: number
  /** A factor a parameter element: 0 for a frozen one. */
  readonly learningRateScale: Float32Array
  readonly weightDecay: Float32Array
}

export interface StepResult {
  /** The weighted total that the step minimised. */
  readonly loss: number
  /** Unweighted batch means. */
  readonly losses: Readonly<Record<string, number>>
  /** Before clipping. */
  readonly gradientNorm: number
  /** Of the model as it was before the step, with training = true. */
  readonly predictions: Readonly<Record<string, Value>>
}

/** A model at work in an engine: keeps the weights and the optimiser's vectors, and takes one step at a time. */
export interface Trainer {
  /** Inputs, lengths, targets and noise by name. Throws a DiagnosticError where the engine fails. */
  take(batch: Readonly<Record<string, Value>>, control: Control): Promise<StepResult>
  /** The vectors as they are now; later steps leave these arrays as they are. */
  weights(): Promise<Weights>
  /** The named predictions of each example by the model in use, with given weights in place of its own. */
  predict(
    weights: Pick<Weights, 'params' | 'states'>,
    examples: readonly Example[],
    names: readonly string[],
  ): Promise<Record<string, Float32Array>[]>
  release(): Promise<void>
}

/** A program that an engine has compiled. */
export interface Compiled {
  readonly layout: TrainingLayout
  /** `start` is not written to; `predictions` are the names of those to hand out with each step. */
  open(start: Weights, inputs: readonly BoundInput[], predictions: readonly string[]): Promise<Trainer>
}

export interface Engine {
  /** What a run records: its numbers depend on it to the last bit. */
  readonly description: Readonly<Record<string, string | number>>
  /** Throws a DiagnosticError where the model has no loss, or the engine cannot run it. */
  compile(program: Program, optimiser: OptimiserKind): Compiled
}

/** Zeros for each of the optimiser's vectors. */
export const emptySlots = ({ params, slots }: Pick<TrainingLayout, 'params' | 'slots'>): Record<string, Float32Array> =>
  Object.fromEntries(slots.map((slot) => [slot, new Float32Array(params.size)]))
