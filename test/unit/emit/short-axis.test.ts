/** A read at an offset on an axis that is shorter than the offset, as a convolution over a recording of one frame makes. */
import { expect, it } from 'vitest'
import { compile } from '../../../compiler/compile.ts'
import { exportInference } from '../../../compiler/emit/onnx/export.ts'
import { openSession } from '../../../runtime/engines/ort/session.ts'
import type { Value } from '../../../runtime/engines/value.ts'

const source = `model M {
  seq frames in 1..100
  input x: [frames, 2]
  y[j: frames, p] = sum[k: 3]((k + 1) * x[j + 2 * k - 2, p])
  output y = y
}`

it.each([1, 2, 3, 5])('keeps a length of %i', async (length) => {
  const { program, diagnostics } = compile('m.model', (path) => (path === 'm.model' ? source : undefined))
  expect(diagnostics).toEqual([])
  if (!program) return
  const session = await openSession(exportInference(program, new Map(), { metadata: {}, producerVersion: '0' }), {
    threads: 1,
    spinning: false,
  })
  const x = Float32Array.from({ length: length * 2 }, (_, i) => i + 1)
  const feeds: Record<string, Value> = {
    x: { dtype: 'f32', dims: [1, length, 2], data: x },
    x_lengths: { dtype: 'i64', dims: [1], data: BigInt64Array.from([BigInt(length)]) },
  }
  const { y } = await session.run(feeds, { y: null })
  await session.release()
  const at = (j: number, p: number): number => (j >= 0 && j < length ? (x[j * 2 + p] as number) : 0)
  const expected = Array.from({ length: length * 2 }, (_, i) => {
    const [j, p] = [Math.floor(i / 2), i % 2]
    return at(j - 2, p) + 2 * at(j, p) + 3 * at(j + 2, p)
  })
  expect(Array.from(y?.data ?? [], Number)).toEqual(expected)
})
