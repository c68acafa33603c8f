/** Sums over batch and time, as weight gradients are, which ONNX Runtime gets as two products; and sums over nothing. */
import { expect, test } from 'vitest'
import type { Env } from '../../../compiler/interpret/ragged.ts'
import { worstDistances } from '../../support/step.ts'

/** A first batch leaves numbers in the memory that the next ones get. */
async function expectAgreement(text: string, envs: readonly Env[]): Promise<void> {
  for (const [name, distance] of Object.entries(await worstDistances(text, envs)))
    expect(distance, name).toBeLessThan(1e-5)
}

const source = `model M {
  seq frames in 0..100
  input x: [frames, 24]
  param w: [24, 32] = normal(0.05)
  param v: [32, 16] = normal(0.05)
  h[j, q] = tanh(sum[p](x[j, p] * w[p, q]))
  y[j, r] = sum[q](h[j, q] * v[q, r])
  loss squares = sum[j, r](y[j, r] * y[j, r]) + sum[p, q](w[p, q] * w[p, q])
  output y = y
}`
const large: Env = { batch: 4, lengths: { frames: [40, 3, 2, 1] } }
const none: Env = { batch: 3, lengths: { frames: [0, 0, 0] }, padded: { frames: 0 } }

test.each([
  { name: 'an even number of positions', env: { batch: 3, lengths: { frames: [4, 2, 0] } } },
  { name: 'an odd one', env: { batch: 3, lengths: { frames: [5, 3, 1] } } },
  { name: 'one', env: { batch: 1, lengths: { frames: [1] } } },
  { name: 'none', env: none },
])('are right over $name', ({ env }) => expectAgreement(source, [large, env]))

test('are right of attention along channels over none', () =>
  expectAgreement(
    `model M {
  seq frames in 0..3000
  input x: [frames, 128]
  param w: [128, 128] = normal(0.1)
  q[i: frames, r: 128] = sum[p](x[i, p] * w[p, r])
  e[r: 128, c: 128] = sum[i](q[i, r] * x[i, c])
  s[r, c] = softmax[c](e[r, c])
  z[i: frames, r: 128] = q[i, r] + sum[c](s[r, c] * x[i, c])
  loss squares = sum[i, r](z[i, r] * z[i, r]) / 100 + sum[r, c]((s[r, c] - w[r, c]) * (e[r, c] - w[r, c]))
  output z = z
}`,
    [large, none, { batch: 6, lengths: { frames: [0, 0, 0, 0, 0, 0] }, padded: { frames: 0 } }],
  ))

test('are right of a convolution beside an axis of none', () =>
  expectAgreement(
    `model M {
  seq frames in 1..3000
  seq turns in 0..20
  input x: [turns, frames, 128]
  input u: [turns, 2]
  input v: [frames, 2]
  param w: [3, 128, 128] = normal(0.05)
  h[t: turns, j: frames, q: 128] = sum[k: 3, p](w[k, p, q] * x[t, j + k - 1, p])
  loss squares = mean[t, i, r](h[t, i, r] * h[t, i, r]) + sum[k, p, q](w[k, p, q] * w[k, p, q]) / 1000
  loss others = sum[t](u[t, 0]) + sum[i](v[i, 0])
  output h = h
}`,
    [
      { batch: 3, lengths: { frames: [9, 5, 7], turns: [3, 1, 2] } },
      { batch: 2, lengths: { frames: [9, 5], turns: [0, 0] }, padded: { turns: 0 } },
      { batch: 2, lengths: { frames: [9, 5], turns: [0, 1] } },
    ],
  ))
