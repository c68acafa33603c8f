/** The memory that tfjs's backend `webgpu` keeps does not grow with the number of different lengths. */
import { describe, expect, test } from 'vitest'
import { type BufferPool, poolLimit } from '../../../runtime/engines/tfjs/buffer-pool.ts'
import { openTested, testedBackends, titleOf } from '../../support/backends.ts'

/** A pool with idle buffers of these sizes, and what was destroyed. */
function poolOf(...sizes: readonly number[]) {
  const destroyed: number[] = []
  const free = sizes.map((size) => ({ size, destroy: () => void destroyed.push(size) }))
  const idle = sizes.reduce((sum, size) => sum + size, 0)
  const freeBuffers = new Map([
    ['some', free.slice(1)],
    ['none', []],
    ['one', free.slice(0, 1)],
  ])
  const pool: BufferPool = {
    freeBuffers,
    numBytesUsed: 100,
    numBytesAllocated: 100 + idle,
    numFreeBuffers: free.length,
  }
  return { pool, destroyed }
}

test('a pool is emptied when it is twice what a step needs', () => {
  const { pool, destroyed } = poolOf(10, 20)
  const trim = poolLimit(pool, 0)
  trim()
  pool.numBytesAllocated += 30
  trim()
  expect(destroyed).toEqual([])
  pool.freeBuffers.get('some')?.push({ size: 31, destroy: () => void destroyed.push(31) })
  pool.numBytesAllocated += 1
  pool.numFreeBuffers++
  trim()
  expect(destroyed.sort()).toEqual([10, 20, 31])
  expect(pool).toMatchObject({ numBytesAllocated: 100, numFreeBuffers: 0 })
  expect([...pool.freeBuffers]).toEqual([
    ['some', []],
    ['none', []],
    ['one', []],
  ])
})

test('a pool below the least is left alone', () => {
  const { pool, destroyed } = poolOf(10)
  const trim = poolLimit(pool, 1000)
  trim()
  pool.numBytesAllocated += 980
  trim()
  expect(destroyed).toEqual([])
})

const webgpu = testedBackends.find(({ name }) => name === 'webgpu')

describe.skipIf(webgpu?.absent !== undefined)(titleOf(webgpu ?? { name: 'webgpu' }), () => {
  test('tfjs goes on with an emptied pool, and its memory stays', async () => {
    const { tf } = await openTested('webgpu')
    const { bufferManager } = tf.backend() as object as { readonly bufferManager: BufferPool }
    const trim = poolLimit(bufferManager, 0)
    const allocated: number[] = []
    for (let n = 1000; n < 1020; n++) {
      const [x, y] = [tf.ones([n]), tf.range(0, n)]
      const sum = tf.add(x, y)
      const last = tf.slice(sum, [n - 1], [1])
      expect([...(await last.data())]).toEqual([n])
      tf.dispose([x, y, sum, last])
      trim()
      allocated.push(bufferManager.numBytesAllocated)
    }
    expect(Math.max(...allocated)).toBeLessThanOrEqual(3 * (allocated[0] as number))
  })
})
