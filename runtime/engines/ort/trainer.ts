/** Training in ONNX Runtime: a step is one run of one graph over flat vectors. */
import type { TrainingArtefact } from '../../../compiler/artefact.ts'
import * as messages from '../../../compiler/diagnostics/catalogue/engines.ts'
import { DiagnosticError, diagnose } from '../../../compiler/diagnostics/diagnostic.ts'
import { exportWithInputs } from '../../../compiler/emit/onnx/export.ts'
import { emitTraining } from '../../../compiler/train/training-graph.ts'
import type { BoundInput } from '../../predict/binding.ts'
import { version } from '../../version.ts'
import type { Compiled, Engine, Trainer, Weights } from '../engine.ts'
import { predictAll } from '../predict-all.ts'
import { scalar, type Value } from '../value.ts'
import type { Provider } from './providers.ts'
import { engineVersion, openSession, type Session, type SessionOptions } from './session.ts'

/** The engine on a provider of ONNX Runtime. */
export async function ortEngine({ threads, provider }: { threads: number; provider: Provider }): Promise<Engine> {
  return {
    description: {
      name: 'onnxruntime-node',
      version: await engineVersion(),
      ...(provider === 'cpu' ? {} : { provider }),
      threads,
    },
    compile: (program, optimiser) => {
      const artefact = emitTraining(program, {
        optimiser,
        producerVersion: version,
        on: provider === 'cpu' ? 'cpu' : 'gpu',
      })
      // The two sessions of a run take turns, so neither's threads may spin while the other works.
      return ortCompiled(artefact, exportWithInputs(program), { threads, provider, spinning: false })
    },
  }
}

/** A training step, and the inference graph with its params and states as inputs, both ONNX. */
export const ortCompiled = (artefact: TrainingArtefact, inference: Uint8Array, options: SessionOptions): Compiled => ({
  layout: artefact,
  open: async (start, inputs, predictions) => {
    const step = await openSession(artefact.onnx, options)
    const evaluation = await openSession(inference, options)
    return ortTrainer(artefact, step, evaluation, start, inputs, predictions)
  },
})

/** `evaluation` may be left out where nothing is predicted. */
export function ortTrainer(
  artefact: TrainingArtefact,
  session: Session,
  evaluation: Session | undefined,
  start: Weights,
  inputs: readonly BoundInput[],
  predictions: readonly string[],
): Trainer {
  const hasStates = artefact.states.size > 0
  const losses = session.outputs.filter((name) => name.startsWith('loss.'))
  const vectors = ['params', ...(hasStates ? ['states'] : []), ...artefact.slots]
  const vector = (data: Float32Array): Value => ({ dtype: 'f32', data, dims: [data.length] })
  let current: Record<string, Value> = {
    params: vector(start.params),
    ...(hasStates ? { states: vector(start.states) } : {}),
    ...Object.fromEntries(artefact.slots.map((slot) => [slot, vector(start.slots[slot] ?? new Float32Array(0))])),
  }
  // A step writes into one set of vectors while it reads the other: fresh ones would cost a copy and new pages each time.
  const empty = (): Record<string, Value> =>
    Object.fromEntries(Object.entries(current).map(([name, { data }]) => [name, vector(new Float32Array(data.length))]))
  let [next, spare] = [empty(), empty()]
  const others: Record<string, null> = Object.fromEntries(
    ['loss', 'gradient_norm', ...losses, ...predictions.map((name) => `predict.${name}`)].map((name) => [name, null]),
  )
  const floats = (name: string): Float32Array => Float32Array.from((current[name] as Value).data as Float32Array)

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
        made = await session.run(feeds, {
          ...others,
          ...Object.fromEntries(vectors.map((name) => [`next.${name}`, next[name] as Value])),
        })
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause)
        throw new DiagnosticError([
          diagnose(messages.engineFails, undefined, {
            engine: 'ONNX Runtime',
            doing: `taking step ${control.step}`,
            why,
          }),
        ])
      }
      current = next
      ;[next, spare] = [spare, next]
      const number = (name: string): number => Number(made[name]?.data[0])
      return {
        loss: number('loss'),
        losses: Object.fromEntries(losses.map((name) => [name.slice('loss.'.length), number(name)])),
        gradientNorm: number('gradient_norm'),
        predictions: Object.fromEntries(predictions.map((name) => [name, made[`predict.${name}`] as Value])),
      }
    },
    weights: async () => ({
      params: floats('params'),
      states: hasStates ? floats('states') : new Float32Array(0),
      slots: Object.fromEntries(artefact.slots.map((slot) => [slot, floats(slot)])),
    }),
    predict: (weights, examples, names) => {
      if (!evaluation) throw new Error('internal error in engines/ort: there is no session to predict with')
      return predictAll(evaluation, inputs, examples, names, weightFeeds(artefact, evaluation, weights))
    },
    release: async () => {
      await session.release()
      await evaluation?.release()
    },
  }
}

/** Each variable that the session reads, out of the flat vectors. */
function weightFeeds(
  { params, states }: TrainingArtefact,
  session: Session,
  weights: Pick<Weights, 'params' | 'states'>,
): Record<string, Value> {
  const feeds: Record<string, Value> = {}
  for (const [layout, flat] of [
    [params, weights.params],
    [states, weights.states],
  ] as const) {
    for (const { variable, offset } of layout.entries) {
      if (!session.inputs.includes(variable.path)) continue
      const size = variable.shape.reduce((a, b) => a * b, 1)
      feeds[variable.path] = { dtype: 'f32', data: flat.subarray(offset, offset + size), dims: variable.shape }
    }
  }
  return feeds
}
