/** A training artefact at work: keeps the weights and the optimiser's vectors, and takes one step at a time. */
import type { TrainingArtefact } from '../../../compiler/artefact.ts'
import * as messages from '../../../compiler/diagnostics/catalogue/training.ts'
import { DiagnosticError, diagnose } from '../../../compiler/diagnostics/diagnostic.ts'
import { openSession, type SessionOptions, scalar, type Value } from './session.ts'

/** Everything that a step changes, as flat vectors; `slots` by their names in the artefact. */
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

export interface TrainingStep {
  /** Inputs, lengths, targets and noise by name. Throws a DiagnosticError where the engine fails. */
  take(batch: Readonly<Record<string, Value>>, control: Control): Promise<StepResult>
  /** The vectors as they are now; a step makes new ones and leaves these as they are. */
  weights(): Weights
  release(): Promise<void>
}

/** Zeros for each of the artefact's slots. */
export const emptySlots = (artefact: TrainingArtefact): Record<string, Float32Array> =>
  Object.fromEntries(artefact.slots.map((slot) => [slot, new Float32Array(artefact.params.size)]))

/** Loads the artefact. `start` is not written to. `predictions` are the names of those to hand out with each step. */
export async function openTrainingStep(
  artefact: TrainingArtefact,
  start: Weights,
  predictions: readonly string[],
  options: SessionOptions,
): Promise<TrainingStep> {
  const session = await openSession(artefact.onnx, options)
  const hasStates = artefact.states.size > 0
  const losses = session.outputs.filter((name) => name.startsWith('loss.'))
  const vectors = ['params', ...(hasStates ? ['states'] : []), ...artefact.slots]
  const wanted: Record<string, null> = Object.fromEntries(
    [
      ...vectors.map((name) => `next.${name}`),
      'loss',
      'gradient_norm',
      ...losses,
      ...predictions.map((name) => `predict.${name}`),
    ].map((name) => [name, null]),
  )
  const vector = (data: Float32Array): Value => ({ dtype: 'f32', data, dims: [data.length] })
  // The engine hands out copies of what it made, so no step writes where it reads.
  let current: Record<string, Value> = {
    params: vector(start.params),
    ...(hasStates ? { states: vector(start.states) } : {}),
    ...Object.fromEntries(artefact.slots.map((slot) => [slot, vector(start.slots[slot] ?? new Float32Array(0))])),
  }
  const floats = (name: string): Float32Array => current[name]?.data as Float32Array

  return {
    async take(batch, control) {
      const feeds = {
        ...batch,
        ...current,
        step: scalar(control.step),
        learning_rate: scalar(control.learningRate),
        learning_rate_scale: vector(control.learningRateScale),
        weight_decay: vector(control.weightDecay),
        clip_norm: scalar(control.clipNorm),
      }
      let made: Record<string, Value>
      try {
        made = await session.run(feeds, wanted)
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause)
        throw new DiagnosticError([
          diagnose(messages.engineFails, undefined, { doing: `taking step ${control.step}`, why }),
        ])
      }
      current = Object.fromEntries(vectors.map((name) => [name, made[`next.${name}`] as Value]))
      const number = (name: string): number => Number(made[name]?.data[0])
      return {
        loss: number('loss'),
        losses: Object.fromEntries(losses.map((name) => [name.slice('loss.'.length), number(name)])),
        gradientNorm: number('gradient_norm'),
        predictions: Object.fromEntries(predictions.map((name) => [name, made[`predict.${name}`] as Value])),
      }
    },
    weights: () => ({
      params: floats('params'),
      states: hasStates ? floats('states') : new Float32Array(0),
      slots: Object.fromEntries(artefact.slots.map((slot) => [slot, floats(slot)])),
    }),
    release: () => session.release(),
  }
}
