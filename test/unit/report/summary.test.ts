import { expect, test } from 'vitest'
import { compile } from '../../../compiler/compile.ts'
import { flopsOf, productsOf } from '../../../runtime/report/products.ts'
import { countFlops, countParameters, formatFlops, summarise } from '../../../runtime/report/summary.ts'

const spec = `
block Dense(out: int)(x: [c]) -> [out] {
  param w: [c, out] = glorot_uniform()
  y[o] = sum[i](x[i] * w[i, o])
  return y
}
model M {
  seq frames in 1..100
  input speech: [frames, 3]
  target level: []
  a = relu(speech |> Dense(4))
  h = a |> Dense(5)
  s = sum[i, j](relu(h[i, j]))
  predict level = s
  loss fit = (s - level) ^ 2
}`
const { program, diagnostics } = compile('m.model', (path) => (path === 'm.model' ? spec : undefined))
if (!program) throw new Error(diagnostics.map(({ message }) => message).join('\n'))

test('blocks have their own parameters and arithmetic, inside those that hold them', () => {
  const blocks = summarise(program.inference, { batch: 2, lengths: { frames: 10 } })
  const of = (path: string): (typeof blocks)[number] | undefined => blocks.find((block) => block.path === path)
  expect(blocks[0]).toMatchObject({ path: '', parameters: 12 + 20 })
  expect(of('a.dense')).toMatchObject({ parameters: 12, shapes: ['[frames, 4]'], flops: 2 * 2 * 10 * 12 })
  expect(of('h.dense')).toMatchObject({ parameters: 20, flops: 2 * 2 * 10 * 20 })
  expect(countParameters(program.inference)).toBe(32)
  expect(countFlops(program.inference, { batch: 2, lengths: { frames: 10 } })).toBe(blocks[0]?.flops)
})

test('the products of a step are those of both directions', () => {
  const products = productsOf(program, (name) => (name === 'batch' ? 2 : 10))
  const total = products.reduce((sum, product) => sum + product.count * flopsOf(product), 0)
  // Forward, the weights' gradient, and the inputs' gradient but for the first layer, whose input needs none.
  const [first, second] = [2 * 20 * 12, 2 * 20 * 20]
  expect(total).toBe(2 * first + 3 * second)
})

test('large numbers are readable', () => {
  expect(formatFlops(59.3e9)).toBe('59.3 GFLOP')
  expect(formatFlops(12)).toBe('12 FLOP')
})
