/** Training steps of random stacks of layers, which ONNX Runtime gets in phases, groups, bands and halves. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Env } from '../../../compiler/interpret/ragged.ts'
import { worstDistances } from '../../support/step.ts'

/**
 * Layers of 128 channels, as a statement that makes `h${k}` of `x`; `y` is an earlier result. All are smooth: a rectifier of
 * what is 0 but for rounding has one slope in f32 and another in float64.
 */
const layers: readonly ((k: number, x: string, y: string) => string)[] = [
  (k, x) => `h${k} = ${x} |> Stage(2)`,
  (k, x) => `h${k} = ${x} |> Stage(1)`,
  (k, x) => `h${k} = ${x} |> Conv1d(128, dilation = 2)`,
  (k, x) => `h${k} = ${x} |> Conv1d(128, width = 5)`,
  (k, x) => `h${k} = ${x} |> BatchNorm() |> Gelu()`,
  (k, x) => `h${k} = ${x} |> Gelu() |> Dropout(0.2)`,
  (k, x) => `h${k} = ${x} |> TAB(scaled = true)`,
  (k, x) => `h${k} = ${x} |> CAB(scaled = true)`,
  (k, x) => `h${k} = ${x} |> Dense(128) |> LayerNorm()`,
  (k, x, y) => `h${k} = ${x} + ${y}`,
  (k, x, y) => `h${k}[j, p] = sigmoid(${y}[j, p]) * ${x}[j, p]`,
  (k, x) => `m${k} = ${x} |> MeanPool()\n  h${k}[j, p] = ${x}[j, p] - m${k}[p] / 2`,
]

const modelOf = (choices: readonly (readonly [number, number])[]): string => {
  const names = ['x']
  const statements = choices.map(([layer, back], k) => {
    const before = names[back % names.length] as string
    const text = layers[layer % layers.length]?.(k, names.at(-1) as string, before)
    names.push(`h${k}`)
    return text
  })
  return `use "std/blocks"
block Stage(dilation: int)(x: [t, c]) -> [t, c] {
  h = x |> Conv1d(c, dilation = dilation) |> BatchNorm()
  return tanh(h) + x
}
model M {
  seq frames in 1..3000
  input x: [frames, 128]
  target t: [frames, 128]
  ${statements.join('\n  ')}
  y = ${names.at(-1)} |> Dense(128)
  loss squares = mean[j, p](y[j, p] * y[j, p])
  loss distances = mean[j, p]((${names.at(-1)}[j, p] - t[j, p])^2)
  predict t = tanh(${names.at(-1)})
}`
}

const envs: readonly Env[] = [
  { batch: 5, lengths: { frames: [19, 7, 12, 24, 16] }, padded: { frames: 26 } },
  { batch: 2, lengths: { frames: [21, 15] } },
]

test('agree with the interpreter', async () => {
  const layer = fc.tuple(fc.nat({ max: layers.length - 1 }), fc.nat({ max: 7 }))
  await fc.assert(
    fc.asyncProperty(fc.array(layer, { minLength: 2, maxLength: 7 }), async (choices) => {
      for (const [name, distance] of Object.entries(await worstDistances(modelOf(choices), envs)))
        expect(distance, `${name}\n${modelOf(choices)}`).toBeLessThan(1e-3)
    }),
    { numRuns: 25 },
  )
}, 300_000)
