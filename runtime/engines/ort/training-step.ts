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
  /** The vectors as they are now; the next step but one overwrites them. */
  weights(): Weights
  release(): Promise<void>
}

/** Zeros for each of the artefact's slots. */
export const emptySlots = (artefact: TrainingArtefact): Record<string, Float32Array> =>
  Object.fromEntries(artefact.slots.map((slot) => [slot, new Float32Array(artefact.params.size)]))

/** Loads the artefact; `start` is copied. `predictions` are the names of those to hand out with each step. */
export async function openTrainingStep(
  artefact: TrainingArtefact,
  start: Weights,
  predictions: readonly string[],
  options: SessionOptions,
): Promise<TrainingStep> {
  const session = await openSession(artefact.onnx, options)
  const hasStates = artefact.states.size > 0
  const losses = session.outputs.filter((name) => name.startsWith('loss.'))
  const results: Record<string, null> = Object.fromEntries(
    ['loss', 'gradient_norm', ...losses, ...predictions.map((name) => `predict.${name}`)].map((name) => [name, null]),
  )

  // Two sets of buffers that take turns: a run must not write where it reads.
  const allocate = (): Record<string, Value> => {
    const vector = (size: number): Value => ({ dtype: 'f32', data: new Float32Array(size), dims: [size] })
    const set: Record<string, Value> = { params: vector(artefact.params.size) }
    if (hasStates) set.states = vector(artefact.states.size)
    for (const slot of artefact.slots) set[slot] = vector(artefact.params.size)
    return set
  }
  let current = allocate()
  let other = allocate()
  const floats = (set: Record<string, Value>, name: string): Float32Array => set[name]?.data as Float32Array
  floats(current, 'params').set(start.params)
  if (hasStates) floats(current, 'states').set(start.states)
  for (const slot of artefact.slots) floats(current, slot).set(start.slots[slot] ?? new Float32Array(0))

  return {
    async take(batch, control) {
      const vector = (data: Float32Array): Value => ({ dtype: 'f32', data, dims: [data.length] })
      const feeds = {
        ...batch,
        ...current,
        step: scalar(control.step),
        learning_rate: scalar(control.learningRate),
        learning_rate_scale: vector(control.learningRateScale),
        weight_decay: vector(control.weightDecay),
        clip_norm: scalar(control.clipNorm),
      }
      const next = Object.fromEntries(Object.entries(other).map(([name, value]) => [`next.${name}`, value]))
      let made: Record<string, Value>
      try {
        made = await session.run(feeds, { ...results, ...next })
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause)
        throw new DiagnosticError([
          diagnose(messages.engineFails, undefined, { doing: `taking step ${control.step}`, why }),
        ])
      }
      ;[current, other] = [other, current]
      const number = (name: string): number => Number(made[name]?.data[0])
      return {
        loss: number('loss'),
        losses: Object.fromEntries(losses.map((name) => [name.slice('loss.'.length), number(name)])),
        gradientNorm: number('gradient_norm'),
        predictions: Object.fromEntries(predictions.map((name) => [name, made[`predict.${name}`] as Value])),
      }
    },
    weights: () => ({
      params: floats(current, 'params'),
      states: hasStates ? floats(current, 'states') : new Float32Array(0),
      slots: Object.fromEntries(artefact.slots.map((slot) => [slot, floats(current, slot)])),
    }),
    release: () => session.release(),
  }
}
