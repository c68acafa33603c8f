/** A training step of a short model in ONNX Runtime, beside the interpreter's. */
import { compile } from '../../compiler/compile.ts'
import { ndArray } from '../../compiler/interpret/array.ts'
import type { Env } from '../../compiler/interpret/ragged.ts'
import { makeNodeReader } from '../../compiler/source/node-reader.ts'
import { buildTrainingGraph, emitTraining, type TrainingGraph } from '../../compiler/train/training-graph.ts'
import { feedsOf, startOf, stepDistances } from './mcfn.ts'
import { loadOnnx } from './ort.ts'

const reader = makeNodeReader()

/** Of plain gradient descent. Throws where the text has a diagnostic. */
export function stepOf(text: string, on?: 'cpu' | 'gpu'): TrainingGraph & { readonly onnx: Uint8Array } {
  const { program, diagnostics } = compile('m.model', (path) => (path === 'm.model' ? text : reader(path)))
  if (!program || diagnostics.length > 0) throw new Error(diagnostics.map(({ message }) => message).join('\n'))
  return {
    ...buildTrainingGraph(program, 'sgd'),
    onnx: emitTraining(program, { optimiser: 'sgd', ...(on ? { on } : {}) }).onnx,
  }
}

/** How far each result of the step is from the interpreter's, the worst over some batches. */
export async function worstDistances(text: string, envs: readonly Env[]): Promise<Record<string, number>> {
  const { graph, params, states, slots, onnx } = stepOf(text)
  const model = await loadOnnx(onnx)
  const filled = (value: number) => ndArray([params.size], new Float64Array(params.size).fill(value))
  const worst: Record<string, number> = {}
  for (const env of envs) {
    const start = startOf(params).map((value) => value / 8)
    const feeds = {
      ...feedsOf(graph, env, 0),
      params: ndArray([params.size], start),
      ...(states.size > 0 ? { states: ndArray([states.size], startOf(states)) } : {}),
      momentum: filled(0),
      learning_rate_scale: filled(1),
      weight_decay: filled(0),
      learning_rate: ndArray([], [1]),
      clip_norm: ndArray([], [Number.POSITIVE_INFINITY]),
      step: ndArray([], [1]),
    }
    const distances = stepDistances({ graph, params, states, slots, env, feeds }, await model.run(feeds))
    for (const [name, distance] of Object.entries(distances)) worst[name] = Math.max(worst[name] ?? 0, distance)
  }
  await model.release()
  return worst
}
