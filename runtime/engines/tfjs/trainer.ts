/** Training in tfjs: the emitted module on one of tfjs's backends. */
import type * as Tfjs from '@tensorflow/tfjs-core'
import * as messages from '../../../compiler/diagnostics/catalogue/engines.ts'
import { DiagnosticError, diagnose } from '../../../compiler/diagnostics/diagnostic.ts'
import { emitTfjs, type TfjsModule } from '../../../compiler/emit/tfjs/module.ts'
import { encodeSafetensors } from '../../formats/safetensors.ts'
import type { BoundInput } from '../../predict/binding.ts'
import { nameVectors } from '../../train/checkpoint.ts'
import { version } from '../../version.ts'
import type { Engine, Trainer, Weights } from '../engine.ts'
import { predictAll } from '../predict-all.ts'
import type { Value } from '../value.ts'
import type { Backend } from './backends.ts'
import { evaluateModule, type ModuleBatch, type Tf } from './module.ts'

/** The engine on a backend that is open. */
export const tfjsEngine = (backend: Backend): Engine => ({
  description: { name: 'tfjs', version: backend.tf.version_core, backend: backend.name, ...backend.details },
  compile: (program, optimiser) => {
    const layout = emitTfjs(program, { optimiser, producerVersion: version })
    const lengths = new Set(program.signature.inputs.flatMap((input) => input.lengths ?? []))
    return {
      layout,
      open: (start, inputs, predictions) => tfjsTrainer(layout, lengths, backend, start, inputs, predictions),
    }
  },
})

async function tfjsTrainer(
  layout: TfjsModule,
  /** The names of the batch's lengths. */
  lengths: ReadonlySet<string>,
  backend: Backend,
  start: Weights,
  inputs: readonly BoundInput[],
  predictions: readonly string[],
): Promise<Trainer> {
  const { tf } = backend
  const engine = `tfjs (${backend.name})`
  const module = evaluateModule(layout.text, 'mcfnc:step.mjs')
  // Where a file tells of steps, its optimiser's vectors are read too; which step it is is told with each.
  const file = { tensors: nameVectors(layout, start), metadata: { step: '1' } }
  const state = module.load(tf, encodeSafetensors(file))
  const kept = new Map<Float32Array, Tfjs.Tensor>()
  /** A vector that is the same with each step, kept as a tensor. */
  const vector = (data: Float32Array): Tfjs.Tensor => {
    const seen = kept.get(data) ?? tf.tensor1d(data)
    kept.set(data, seen)
    return seen
  }
  const failed = (doing: string, cause: unknown): DiagnosticError => {
    const why = cause instanceof Error ? cause.message : String(cause)
    return new DiagnosticError([diagnose(messages.engineFails, undefined, { engine, doing, why })])
  }

  return {
    async take(values, control) {
      const batch = batchOf(tf, values, lengths)
      try {
        state.step = control.step - 1
        const result = module.trainStep(state, batch, {
          learningRate: control.learningRate,
          learningRateScale: vector(control.learningRateScale),
          weightDecay: vector(control.weightDecay),
          clipNorm: control.clipNorm,
        })
        const number = async (tensor: Tfjs.Tensor): Promise<number> => (await tensor.data())[0] as number
        const named = async <T>(
          tensors: Readonly<Record<string, Tfjs.Tensor>>,
          read: (tensor: Tfjs.Tensor) => Promise<T>,
        ): Promise<Record<string, T>> =>
          Object.fromEntries(
            await Promise.all(Object.entries(tensors).map(async ([name, tensor]) => [name, await read(tensor)])),
          )
        const wanted = Object.fromEntries(predictions.map((name) => [name, result.predictions[name] as Tfjs.Tensor]))
        // All at once: on `webgpu` each read waits for the device.
        const [loss, losses, gradientNorm, made] = await Promise.all([
          number(result.loss),
          named(result.losses, number),
          number(result.gradientNorm),
          named(wanted, toValue),
        ])
        tf.dispose(result as object as Tfjs.TensorContainer)
        backend.check()
        return { loss, losses, gradientNorm, predictions: made }
      } catch (cause) {
        throw failed(`taking step ${control.step}`, cause)
      } finally {
        tf.dispose(batch)
        backend.trim()
      }
    },
    async weights() {
      const read = async (tensor: unknown): Promise<Float32Array> =>
        tensor === undefined ? new Float32Array(0) : ((await (tensor as Tfjs.Tensor).data()) as Float32Array)
      const slots = await Promise.all(layout.slots.map(async (slot) => [slot, await read(state[slot])] as const))
      return { params: await read(state.params), states: await read(state.states), slots: Object.fromEntries(slots) }
    },
    async predict(weights, examples, names) {
      const params = tf.tensor1d(weights.params)
      const states = weights.states.length > 0 ? { states: tf.tensor1d(weights.states) } : {}
      const run = async (feeds: Readonly<Record<string, Value>>): Promise<Record<string, Value>> => {
        const batch = batchOf(tf, feeds, lengths)
        const result = module.forward({ ...state, params, ...states }, batch)
        const made: Record<string, Value> = {}
        for (const name of names) made[name] = await toValue(result[name] as Tfjs.Tensor)
        tf.dispose([result, batch])
        backend.trim()
        return made
      }
      try {
        return await predictAll({ engine, run }, inputs, examples, names)
      } finally {
        tf.dispose([params, states])
      }
    },
    async release() {
      module.dispose(state)
      tf.dispose([...kept.values()])
      kept.clear()
    },
  }
}

/** A batch as the module takes it; ids and lengths of 64 bits are within 32. */
function batchOf(tf: Tf, values: Readonly<Record<string, Value>>, lengths: ReadonlySet<string>): ModuleBatch {
  return Object.fromEntries(
    Object.entries(values).map(([name, { dtype, data, dims }]) => {
      if (lengths.has(name)) return [name, Array.from(data as BigInt64Array, Number)]
      if (dtype === 'i64') return [name, tf.tensor(Int32Array.from(data, Number), [...dims], 'int32')]
      return [name, tf.tensor(data, [...dims], dtype === 'f32' ? 'float32' : 'bool')]
    }),
  )
}

const toValue = async (tensor: Tfjs.Tensor): Promise<Value> => ({
  dtype: 'f32',
  data: (await tensor.data()) as Float32Array,
  dims: tensor.shape,
})
