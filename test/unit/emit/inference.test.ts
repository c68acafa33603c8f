import { describe, expect, test } from 'vitest'
import { exportInference, exportWithInputs, inferencePasses } from '../../../compiler/emit/onnx/export.ts'
import { type NdArray, ndArray } from '../../../compiler/interpret/array.ts'
import { interpret } from '../../../compiler/interpret/interpret.ts'
import { type Env, fillInvalid } from '../../../compiler/interpret/ragged.ts'
import { verifyGraph } from '../../../compiler/ir/verify.ts'
import { runPasses } from '../../../compiler/passes/pass.ts'
import { formatDim } from '../../../compiler/shapes/dim.ts'
import { initialValues, layoutOf } from '../../../compiler/train/initialise.ts'
import { handMadeMcfn } from '../../support/hand-made.ts'
import { distance, loadOnnx } from '../../support/ort.ts'

const program = handMadeMcfn({ d: 16, audio: 6, text: 5, heads: 2, hidden: 8, classes: 3 })
const layout = layoutOf(program.inference.variables)
const flat = initialValues(layout, 3)
const weights = new Map(
  layout.entries.map(({ variable, offset }) => {
    const size = variable.shape.reduce((a, b) => a * b, 1)
    // Running statistics and biases away from where they start, so that folding them shows.
    const values = flat
      .slice(offset, offset + size)
      .map((v, i) => v + (variable.shape.length === 1 ? 0.1 + (i % 5) / 20 : 0))
    return [variable.path, values]
  }),
)

const envs: readonly Env[] = [
  { batch: 1, lengths: { frames: [9], words: [4] } },
  { batch: 3, lengths: { frames: [12, 5, 7], words: [2, 6, 3] }, padded: { frames: 15, words: 7 } },
]

function feedsOf(env: Env, padding: number): Record<string, NdArray> {
  const feeds: Record<string, NdArray> = {}
  for (const { name, dims } of program.signature.inputs) {
    const node = program.inference.nodes.find((n) => n.op === 'input' && n.attributes.name === name)
    if (!node) throw new Error(`no ${name}`)
    const seq = dims[0] ? formatDim(dims[0]) : ''
    const lengths = env.lengths[seq] as readonly number[]
    const shape = [env.batch, env.padded?.[seq] ?? Math.max(...lengths), Number(dims[1]?.terms[0]?.coefficient.n)]
    const size = shape.reduce((a, b) => a * b, 1)
    const data = Array.from({ length: size }, (_, i) => Math.fround(Math.sin(i * 2.3 + name.length)))
    const array = ndArray(shape, data)
    fillInvalid(array.data, node.type, env, padding)
    feeds[name] = array
    feeds[`${name}_lengths`] = ndArray([env.batch], lengths, 'i64')
  }
  return feeds
}

const asArrays = (): Record<string, NdArray> =>
  Object.fromEntries(
    program.inference.variables.map(({ path, shape }) => [path, ndArray(shape, weights.get(path) as Float32Array)]),
  )

describe('inference', () => {
  test.each(envs)('a folded model agrees with the interpreter, whatever the padding holds', async (env) => {
    const model = await loadOnnx(exportInference(program, weights))
    expect(model.inputs).toEqual(['speech', 'text', 'speech_lengths', 'text_lengths'])
    const expected = interpret(program.inference, { ...feedsOf(env, 0), ...asArrays() }, env).get('emotion') as NdArray
    for (const padding of [0, 1e3, Number.NaN]) {
      const found = await model.run(feedsOf(env, padding))
      expect(distance(found.emotion as NdArray, expected)).toBeLessThan(1e-5)
    }
  })

  test('weights may be inputs', async () => {
    const env = envs[1] as Env
    const model = await loadOnnx(exportWithInputs(program))
    const feeds = { ...feedsOf(env, 0), ...asArrays() }
    const expected = interpret(program.inference, feeds, env).get('emotion') as NdArray
    expect(distance((await model.run(feeds)).emotion as NdArray, expected)).toBeLessThan(1e-5)
  })

  test('batch normalisation is folded into the convolution before it', () => {
    const folded = runPasses(program.inference, inferencePasses(weights), { verify: verifyGraph })
    expect(folded.nodes.filter((node) => node.op === 'sqrt')).toEqual([])
    const inBlock = folded.nodes.filter((node) => node.type.dims.length === 3 && node.op === 'add')
    const before = runPasses(program.inference, inferencePasses(), { verify: verifyGraph })
    const unfolded = before.nodes.filter((node) => node.type.dims.length === 3 && node.op === 'add')
    expect(inBlock.length).toBeLessThan(unfolded.length)
  })

  test('the same model gives the same bytes', () => {
    expect(exportInference(program, weights)).toEqual(exportInference(program, weights))
  })
})
