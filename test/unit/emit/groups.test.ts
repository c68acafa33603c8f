/** Attention in a training step, which ONNX Runtime gets in groups of samples on a CPU. */
import proto from 'onnx-proto'
import { expect, test } from 'vitest'
import type { Env } from '../../../compiler/interpret/ragged.ts'
import { stepOf, worstDistances } from '../../support/step.ts'

const model = (body: string) => `model M {
  seq frames in 1..3000
  input x: [frames, 64]
  target goal: [frames, 64]
  param w: [64, 64] = normal(0.1)
  param v: [64, 64] = normal(0.1)
  param a: [64] = normal(0.5)
  param u: [4, 16, 16] = normal(0.1)
  q[i: frames, r: 64] = sum[p](x[i, p] * w[p, r]) + a[r]
  ${body}
  loss squares = sum[i, r](y[i, r] * y[i, r]) / 100
  loss others = (sum[p, r](w[p, r] * w[p, r]) + sum[p, r](v[p, r] * v[p, r]) + sum[r](a[r] * a[r]) + sum[h, p, r](u[h, p, r]^2)) / 1000
  loss distances = sum[i, r]((y[i, r] - goal[i, r])^2) / 100
  predict goal = y
}`

const bodies = {
  'along time': `s[i: frames, j: frames] = softmax[j](sum[r](q[i, r] * x[j, r]) / 8)
  y[i, p] = sum[j, r](s[i, j] * x[j, r] * v[r, p])`,
  'of several heads': `s[h: 4, i: frames, j: frames] = softmax[j](sum[r: 16](q[i, 16 * h + r] * x[j, 16 * h + r]) / 4)
  z[i: frames, h: 4, r: 16] = sum[j](s[h, i, j] * q[j, 16 * h + r])
  y[i, p: 64] = sum[h, r](z[i, h, r] * v[16 * h + r, p])`,
  'along channels, with residuals': `e[r: 64, c: 64] = sum[i](q[i, r] * q[i, c])
  s[r, c] = softmax[c](e[r, c] / max(frames, 1))
  z[i: frames, r: 64] = q[i, r] + x[i, r] + sum[c](s[r, c] * x[i, c])
  y[i, p] = sum[r](z[i, r] * v[r, p])`,
  'with what is element by element': `s[i: frames, j: frames] = tanh(sum[r](q[i, r] * x[j, r]) / 8) + exp(-abs(i - j) / 10)
  t[i, j] = if s[i, j] > 0.5 then s[i, j] * s[i, j] else max(s[i, j], 0.1 * s[i, j])
  top[i] = max[j](t[i, j])
  z[i: frames, r] = sum[j](sigmoid(t[i, j] - top[i]) * q[j, r]) + relu(q[i, r])
  y[i, p] = sum[r](z[i, r] * v[r, p])`,
  'of several heads, each with a matrix of its own': `s[h: 4, i: frames, j: frames] = softmax[j](sum[r: 16](q[i, 16 * h + r] * x[j, 16 * h + r]) / 4)
  z[i: frames, h: 4, r: 16] = sum[j](s[h, i, j] * q[j, 16 * h + r])
  c[i, h, p: 16] = sum[r](z[i, h, r] * u[h, r, p])
  d[i: frames, h: 4, p: 16] = sum[j](s[h, i, j] * c[j, h, p])
  y[i, p: 64] = sum[h, r](d[i, h, r] * v[16 * h + r, p])`,
  pooled: `s[i: frames, j: frames] = softmax[j](sum[r](q[i, r] * x[j, r]) / 8)
  z[i: frames, r: 64] = sum[j](s[i, j] * x[j, r])
  m[r] = mean[i](z[i, r]) + logsumexp[i](z[i, r])
  y[i, p] = sum[r](m[r] * z[i, r] * v[r, p])`,
}

// Of fewer samples than groups some groups are empty.
const envs: readonly Env[] = [
  { batch: 9, lengths: { frames: [7, 1, 12, 3, 5, 8, 2, 2, 11] }, padded: { frames: 13 } },
  { batch: 4, lengths: { frames: [6, 5, 4, 3] } },
  { batch: 3, lengths: { frames: [9, 5, 1] } },
  { batch: 2, lengths: { frames: [4, 7] }, padded: { frames: 10 } },
  { batch: 1, lengths: { frames: [5] } },
]

test.each(Object.entries(bodies))('agrees with the interpreter %s', async (_, body) => {
  for (const [name, distance] of Object.entries(await worstDistances(model(body), envs)))
    expect(distance, name).toBeLessThan(1e-5)
})

test.each(Object.entries(bodies))('is in groups %s', (_, body) => {
  expect(count(model(body), 'MatMul', 'cpu')).toBeGreaterThan(count(model(body), 'MatMul', 'gpu') + 8)
})

const count = (text: string, op: string, on: 'cpu' | 'gpu'): number =>
  proto.onnx.ModelProto.decode(stepOf(text, on).onnx).graph?.node?.filter(({ opType }) => opType === op).length ?? 0

test('has four groups where it is large, and on a CPU', () => {
  const text = model(bodies['along time'])
  expect([count(text, 'Softmax', 'cpu'), count(text, 'Softmax', 'gpu')]).toEqual([4, 1])
  const short = text.replace('1..3000', '1..200')
  expect(count(short, 'Softmax', 'cpu')).toBe(1)
})
