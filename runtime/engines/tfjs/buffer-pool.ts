/** The buffers that tfjs's backend `webgpu` keeps on the device. */

/** tfjs's own, as far as it is used here: a buffer that nothing uses is kept for a tensor of the very same size. */
export interface BufferPool {
  readonly freeBuffers: ReadonlyMap<string, { readonly size: number; destroy(): void }[]>
  readonly numBytesUsed: number
  numBytesAllocated: number
  numFreeBuffers: number
}

/**
 * A function that empties the pool where it has outgrown what a step needs. Lengths vary from batch to batch, and with them
 * all sizes, so that without it each step would leave about all its memory behind. Once a step is over, what it used lies in
 * the pool: as much as after the first step, with an empty pool, is needed; twice as much may stay, or `least` bytes.
 * To be called when all work has been handed to the device, as it is after a read.
 */
export function poolLimit(pool: BufferPool, least: number): () => void {
  let needed: number | undefined
  return () => {
    const idle = pool.numBytesAllocated - pool.numBytesUsed
    needed ??= idle
    if (idle <= Math.max(least, 2 * needed)) return
    for (const buffers of pool.freeBuffers.values()) {
      for (const buffer of buffers) {
        pool.numBytesAllocated -= buffer.size
        buffer.destroy()
      }
      pool.numFreeBuffers -= buffers.length
      // The lists stay: tfjs puts a buffer into the one it came from.
      buffers.length = 0
    }
    needed = undefined
  }
}
