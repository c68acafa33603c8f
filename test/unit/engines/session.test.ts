import { expect, test } from 'vitest'
import { encodeModel } from '../../../compiler/emit/onnx/model.ts'
import { openSession } from '../../../runtime/engines/ort/session.ts'
import type { Value } from '../../../runtime/engines/value.ts'

const doubling = encodeModel({
  graph: {
    name: 'doubling',
    nodes: [{ name: 'add', type: 'Add', inputs: ['x', 'x'], outputs: ['y'], attributes: {} }],
    inputs: [{ name: 'x', dtype: 'f32', dims: ['n'] }],
    outputs: [{ name: 'y', dtype: 'f32', dims: ['n'] }],
    initialisers: [],
    values: [],
  },
  opset: 17,
  producerVersion: '0',
  metadata: {},
})

test('a session runs, and writes an output into the memory it is given', async () => {
  const session = await openSession(doubling, { threads: 1, spinning: false })
  expect(session.inputs).toEqual(['x'])
  const x: Value = { dtype: 'f32', data: Float32Array.of(1, 2, 3), dims: [3] }
  const plain = await session.run({ x }, { y: null })
  expect(plain.y).toEqual({ dtype: 'f32', data: Float32Array.of(2, 4, 6), dims: [3] })
  const memory = new Float32Array(3)
  const given = await session.run({ x }, { y: { dtype: 'f32', data: memory, dims: [3] } })
  expect([...memory]).toEqual([2, 4, 6])
  expect(given.y?.data).toBe(memory)
  await session.release()
})

test('a file that is no model is a diagnostic, not a crash', async () => {
  await expect(openSession(Uint8Array.of(1, 2, 3), { threads: 1, spinning: false })).rejects.toMatchObject({
    diagnostics: [{ code: 'MCF6502' }],
  })
})
