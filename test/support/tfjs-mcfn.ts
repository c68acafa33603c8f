/** MCFN and its variants as emitted modules, against the float64 interpreter. */
import type { OptimiserKind, Program } from '../../compiler/artefact.ts'
import { emitTfjs } from '../../compiler/emit/tfjs/module.ts'
import type { NdArray } from '../../compiler/interpret/array.ts'
import { evaluateModule, type Tf } from '../../runtime/engines/tfjs/module.ts'
import { startOf, stepCase, stepDistances, useCases } from './mcfn.ts'
import { distance } from './ort.ts'
import { arraysOf, batchOf, weightsOf } from './tfjs.ts'

/** The greatest distances that were found, and the tensors that were left behind. */
export interface Compared {
  /** Of predictions, outputs and losses in use: relative to the greatest element where that is above 1. */
  readonly inUse: number
  /** Of each output of a step, relative to its greatest element. */
  readonly step: Readonly<Record<string, number>>
  readonly leaked: number
}

/** Runs forward, loss and a training step of a program on the backend of the moment. */
export async function compareModule(tf: Tf, program: Program, optimiser: OptimiserKind): Promise<Compared> {
  const before = tf.memory().numTensors
  const emitted = emitTfjs(program, { optimiser })
  const { params, states } = emitted
  const module = evaluateModule(emitted.text, 'mcfn.mjs')
  const state = module.load(tf, weightsOf(emitted, { params: startOf(params), states: startOf(states) }))

  let inUse = 0
  for (const [run, graph] of [
    [module.forward, program.inference],
    [module.loss, program.evaluation()],
  ] as const) {
    for (const { feeds, expected } of useCases(graph, params, states)) {
      const batch = batchOf(tf, feeds)
      const result = run(state, batch)
      for (const [name, array] of Object.entries(await arraysOf(result)))
        inUse = Math.max(inUse, distance(array, expected.get(name) as NdArray))
      tf.dispose(result)
      tf.dispose(batch)
    }
  }

  const given = stepCase(program, optimiser)
  const batch = batchOf(tf, given.feeds)
  const result = module.trainStep(state, batch, { learningRate: 0.01, weightDecay: 0.01 })
  const { loss, losses, predictions, gradientNorm } = result
  const next = { params: state.params, ...(state.states ? { states: state.states } : {}) }
  const slots = Object.fromEntries(emitted.slots.map((slot) => [slot, state[slot]]))
  const found = {
    ...(await arraysOf({ ...next, ...slots }, 'next.')),
    ...(await arraysOf({ loss, gradient_norm: gradientNorm })),
    ...(await arraysOf(losses, 'loss.')),
    ...(await arraysOf(predictions, 'predict.')),
  }
  tf.dispose(result as never)
  tf.dispose(batch)
  module.dispose(state)
  return { inUse, step: stepDistances(given, found), leaked: tf.memory().numTensors - before }
}
