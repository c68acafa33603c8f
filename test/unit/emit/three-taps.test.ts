/** Convolutions of three taps in a training step, which ONNX Runtime gets with fewer products, and in phases. */
import proto from 'onnx-proto'
import { expect, test } from 'vitest'
import type { Env } from '../../../compiler/interpret/ragged.ts'
import { stepOf, worstDistances } from '../../support/step.ts'

const source = (width: number, dilation: number, reversed: boolean) => `model M {
  seq frames in 1..100
  input x: [frames, ${width}]
  param v: [3, ${width}, ${width}] = normal(0.05)
  param w: [3, ${width}, ${width}] = normal(0.05)
  h[j: frames, q: ${width}] = sum[k: 3, p](v[k, p, q] * x[j + ${dilation} * k - ${dilation}, p])
  g[j, p] = tanh(h[j, p])
  y[j: frames, q: ${width}] = sum[k: 3, p](w[k, p, q] * g[j ${reversed ? '-' : '+'} ${dilation} * k ${reversed ? '+' : '-'} ${dilation}, p])
  loss squares = mean[j, q](y[j, q] * y[j, q])
  output y = y
}`

const envs: readonly Env[] = [
  { batch: 3, lengths: { frames: [9, 5, 1] }, padded: { frames: 11 } },
  { batch: 2, lengths: { frames: [12, 12] } },
  { batch: 2, lengths: { frames: [1, 2] } },
  { batch: 1, lengths: { frames: [33] } },
]

const expectAgreement = async (text: string): Promise<void> => {
  for (const [name, distance] of Object.entries(await worstDistances(text, envs)))
    expect(distance, name).toBeLessThan(1e-5)
}

test.each([1, 2, 3].flatMap((dilation) => [false, true].map((reversed) => ({ dilation, reversed }))))(
  'agree with the interpreter, taps $dilation apart, reversed: $reversed',
  ({ dilation, reversed }) => expectAgreement(source(128, dilation, reversed)),
)

/** A body between a convolution `h` of `x` and one of `g`, both with taps at `j + step * k + from`. */
const between = (body: string, first: readonly [number, number], second: readonly [number, number] = first) => {
  const tap = ([step, from]: readonly [number, number]): string => `j + ${step} * k - ${-from}`
  return `model M {
  seq frames in 1..100
  input x: [frames, 128]
  param v: [3, 128, 128] = normal(0.05)
  param w: [3, 128, 128] = normal(0.05)
  param d: [128, 128] = normal(0.05)
  param a: [128] = normal(0.5)
  h[j: frames, q: 128] = sum[k: 3, p](v[k, p, q] * x[${tap(first)}, p])
  ${body}
  y[j: frames, q: 128] = sum[k: 3, p](w[k, p, q] * g[${tap(second)}, p])
  loss squares = mean[j, q](y[j, q] * y[j, q]) + mean[j, q](g[j, q] * g[j, q])
  loss others = (sum[p, q](d[p, q] * d[p, q]) + sum[p](a[p] * a[p])) / 1000
  output y = y
}`
}

const bodies = {
  'a residual': 'g[j, p] = max(h[j, p], 0.1 * h[j, p]) + x[j, p]',
  'a projected skip': 'g[j, q] = relu(h[j, q]) + sum[p](x[j, p] * d[p, q])',
  'what is infinite for zeros': 'g[j, p] = h[j, p] / (0.5 + x[j, p] * x[j, p]) + log(1 + exp(h[j, p]))',
  'a gate, a scale and a shift': 'g[j, p] = sigmoid(h[j, p]) * (h[j, p] * a[p] + a[p])',
  'a mean over time': 'm[p] = mean[j](h[j, p])\n  g[j, p] = h[j, p] - m[p]',
  'a variance over time': 'm[p] = mean[j](h[j, p] * h[j, p])\n  g[j, p] = h[j, p] / sqrt(m[p] + 0.1)',
  'attention over time':
    's[i: frames, j: frames] = softmax[j](sum[p](h[i, p] * x[j, p]) / 100)\n  g[i, p] = h[i, p] + sum[j](s[i, j] * h[j, p])',
  positions: 'g[j, p] = h[j, p] * (1 + j / 100)',
}

test.each(Object.entries(bodies))('agree with the interpreter, with %s between', (_, body) =>
  expectAgreement(between(body, [2, -2])),
)

test.each([
  { name: 'behind', first: [2, -4], second: [2, -4] },
  { name: 'ahead', first: [1, 0], second: [1, 0] },
  { name: 'between the tiles', first: [2, -1], second: [2, -3] },
  { name: 'at two distances', first: [1, -1], second: [2, -2] },
  { name: 'far off', first: [1, -6], second: [1, 5] },
] as const)('agree with the interpreter, reading $name', ({ first, second }) =>
  expectAgreement(between(bodies['a residual'], first, second)),
)

test('agree with the interpreter where other layers read the same shifts', () =>
  expectAgreement(`model M {
  seq frames in 1..3000
  input x: [frames, 64]
  param d: [320, 128] = normal(0.05)
  param v: [3, 320, 128] = normal(0.05)
  param w: [3, 128, 128] = normal(0.05)
  a[j: frames, p: 64] = x[j + 1, p]
  b[j: frames, p: 64] = x[j + 2, p]
  e[j: frames, p: 64] = x[j + 3, p]
  f[j: frames, p: 64] = x[j + 4, p]
  c = concat(x, a, b, e, f)
  n[j: frames, q: 128] = sum[p](c[j, p] * d[p, q])
  y[j: frames, q: 128] = sum[k: 3, p](v[k, p, q] * c[j + k + 1, p])
  z[j: frames, q: 128] = sum[k: 3, p](w[k, p, q] * n[j + k - 1, p])
  loss squares = mean[i, r](y[i, r] * y[i, r]) + mean[i, r](z[i, r] * z[i, r])
  output z = z
}`))

const graphOf = (text: string) => proto.onnx.ModelProto.decode(stepOf(text).onnx).graph
const count = (text: string, op: string): number =>
  graphOf(text)?.node?.filter(({ opType }) => opType === op).length ?? 0

test('are four products each and one that mixes the taps, where they are wide', () => {
  // Two forwards, one back to the first layer's result, and two for the weights.
  expect(count(source(128, 2, false), 'MatMul')).toBe(5 * (4 + 1))
  const mixing = (width: number) =>
    graphOf(source(width, 2, false))?.initializer?.some(({ dims }) => String(dims) === '4,3')
  expect([mixing(128), mixing(8)]).toEqual([true, false])
})

test('are not put in order between two of them', () => {
  // Four for the first tensor's tiles; two neighbours for each of the second and both cotangents; none else.
  const text = between(bodies['a gate, a scale and a shift'], [2, -2])
  expect(count(text, 'Gather')).toBeLessThanOrEqual(14)
})
