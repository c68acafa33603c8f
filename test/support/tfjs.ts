/** Runs graphs in tfjs on the interpreter's arrays, so that the two can be compared. */
import type * as Tfjs from '@tensorflow/tfjs-core'
import { createConstants } from '../../compiler/emit/tfjs/constants.ts'
import { objectOf, writeFunction } from '../../compiler/emit/tfjs/function.ts'
import type { GivenInput } from '../../compiler/emit/tfjs/head.ts'
import type { TfjsModule } from '../../compiler/emit/tfjs/module.ts'
import { type SupportName, support } from '../../compiler/emit/tfjs/support.ts'
import { dtypes } from '../../compiler/emit/tfjs/text.ts'
import type { NdArray } from '../../compiler/interpret/array.ts'
import type { Graph } from '../../compiler/ir/graph.ts'
import { evaluateModule, type ModuleBatch, type Tf } from '../../runtime/engines/tfjs/module.ts'
import { encodeSafetensors } from '../../runtime/formats/safetensors.ts'
import { nameWeights } from '../../runtime/train/checkpoint.ts'

interface GraphModule {
  constants(tf: Tf): Record<string, Tfjs.Tensor>
  run(state: unknown, batch: unknown): Record<string, Tfjs.Tensor>
}

/** A padded graph as a function of tfjs. */
export interface TfjsGraph {
  readonly text: string
  run(tf: Tf, feeds: Readonly<Record<string, NdArray>>): Promise<{ made: Record<string, NdArray>; leaked: number }>
}

export async function loadGraph(graph: Graph, inputs: readonly GivenInput[] = []): Promise<TfjsGraph> {
  const constants = createConstants()
  const end = (results: readonly { readonly name: string; readonly ref: { readonly name: string } }[]): string[] => [
    `return ${objectOf(results.map(({ name, ref }) => [name, ref.name]))}`,
  ]
  const { text } = writeFunction(
    { name: 'run', doc: ['Runs it.'], graph, facts: { inputs, requires: [] }, end },
    constants,
    {},
  )
  const own = (Object.keys(support) as SupportName[]).map((name) => support[name])
  const whole = [text, 'export const constants = (tf) => ({', ...constants.print(), '})', ...own].join('\n')
  const module = evaluateModule<GraphModule>(whole, 'graph.mjs')
  return {
    text: whole,
    async run(tf, feeds) {
      const k = module.constants(tf)
      const batch = Object.fromEntries(Object.entries(feeds).map(([name, array]) => [name, feedOf(tf, name, array)]))
      const params = tf.scalar(0)
      const before = tf.memory().numTensors
      const results = module.run({ tf, k, step: 0, params }, batch)
      const made: Record<string, NdArray> = {}
      for (const [name, tensor] of Object.entries(results)) made[name] = await arrayOf(tensor)
      tf.dispose(results)
      const leaked = tf.memory().numTensors - before
      tf.dispose(batch as Record<string, Tfjs.Tensor>)
      tf.dispose([k, params])
      return { made, leaked }
    },
  }
}

/** Lengths are plain numbers, all else tensors. */
const feedOf = (tf: Tf, name: string, { data, shape, dtype }: NdArray): unknown =>
  name.endsWith('_lengths')
    ? [...data]
    : tf.tensor(
        dtype === 'f32' ? Float32Array.from(data) : dtype === 'i64' ? Int32Array.from(data) : Uint8Array.from(data),
        [...shape],
        dtypes[dtype] as 'float32',
      )

const arrayOf = async (tensor: Tfjs.Tensor): Promise<NdArray> => ({
  dtype: tensor.dtype === 'int32' ? 'i64' : tensor.dtype === 'bool' ? 'bool' : 'f32',
  shape: tensor.shape,
  data: Float64Array.from(await tensor.data()),
})

/** The batch that a module takes, of the interpreter's arrays. */
export const batchOf = (tf: Tf, feeds: Readonly<Record<string, NdArray>>): ModuleBatch =>
  Object.fromEntries(Object.entries(feeds).map(([name, array]) => [name, feedOf(tf, name, array)])) as never

/** Parameters and states as a module's weights file. */
export const weightsOf = (
  { params, states }: Pick<TfjsModule, 'params' | 'states'>,
  flat: { readonly params: Float32Array; readonly states: Float32Array },
): Uint8Array => encodeSafetensors({ tensors: nameWeights({ params, states }, flat), metadata: {} })

/** Every tensor of a result, by a name that tells where it was. */
export async function arraysOf(result: object, prefix = ''): Promise<Record<string, NdArray>> {
  const arrays: Record<string, NdArray> = {}
  for (const [name, value] of Object.entries(result)) {
    if (typeof value !== 'object' || value === null) continue
    if ('dataId' in value) arrays[prefix + name] = await arrayOf(value as Tfjs.Tensor)
    else Object.assign(arrays, await arraysOf(value, `${prefix}${name}.`))
  }
  return arrays
}
