/** Weights by path, as exporters take them, of a model's start or of flat vectors. */
import type { FlatLayout, Program, TrainingLayout } from '../../compiler/artefact.ts'
import { initialValues, layoutOf } from '../../compiler/train/initialise.ts'

/** Each variable's part of a flat vector, not copied. */
export const partsOf = ({ entries }: FlatLayout, flat: Float32Array): [path: string, values: Float32Array][] =>
  entries.map(({ variable: { path, shape }, offset }) => [
    path,
    flat.subarray(offset, offset + shape.reduce((a, b) => a * b, 1)),
  ])

/** What training with a seed starts from. */
export function startWeights({ inference }: Pick<Program, 'inference'>, seed: number): Map<string, Float32Array> {
  const layout = layoutOf(inference.variables)
  return new Map(partsOf(layout, initialValues(layout, seed)))
}

/** The same, as flat vectors. */
export const startVectors = (
  { params, states }: Pick<TrainingLayout, 'params' | 'states'>,
  seed: number,
): { readonly params: Float32Array; readonly states: Float32Array } => ({
  params: initialValues(params, seed),
  states: initialValues(states, seed),
})

/** Trained parameters and states. */
export const flatWeights = (
  { params, states }: Pick<TrainingLayout, 'params' | 'states'>,
  weights: { readonly params: Float32Array; readonly states: Float32Array },
): Map<string, Float32Array> => new Map([...partsOf(params, weights.params), ...partsOf(states, weights.states)])
