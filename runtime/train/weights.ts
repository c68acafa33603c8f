/** Weights by path, as exporters take them, of a model's start or of flat vectors. */
import type { FlatLayout, Program, TrainingLayout } from '../../compiler/artefact.ts'
import { weightUnknown } from '../../compiler/diagnostics/catalogue/training.ts'
import { DiagnosticError, diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import { weightOf } from '../../compiler/emit/onnx/emit.ts'
import type { Variable } from '../../compiler/ir/graph.ts'
import { initialValues, layoutOf } from '../../compiler/train/initialise.ts'
import { readSafetensors } from '../formats/safetensors.ts'

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

/** The f32 tensors of a safetensors file that variables are named after. Throws a DiagnosticError where it has none of them. */
export async function readWeights(file: string, variables: readonly Variable[]): Promise<Map<string, Float32Array>> {
  const { tensors } = await readSafetensors(file)
  const weights = new Map<string, Float32Array>()
  for (const { path } of variables) {
    const tensor = tensors.get(path)
    if (tensor?.dtype === 'F32') weights.set(path, tensor.values)
  }
  if (weights.size > 0) return weights
  const params = { file, found: [...tensors.keys()], wanted: variables.map(({ path }) => path) }
  throw new DiagnosticError([diagnose(weightUnknown, undefined, params)])
}

/** Weights by path as flat vectors. Throws a DiagnosticError where one is missing or of another shape. */
export function flatVectors(
  { params, states }: Pick<TrainingLayout, 'params' | 'states'>,
  weights: ReadonlyMap<string, Float32Array>,
): { readonly params: Float32Array; readonly states: Float32Array } {
  const flat = ({ size, entries }: FlatLayout): Float32Array => {
    const out = new Float32Array(size)
    for (const { variable, offset } of entries) out.set(weightOf(variable, weights).data as Float32Array, offset)
    return out
  }
  return { params: flat(params), states: flat(states) }
}

/** What training with a seed starts from, as flat vectors. */
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
