/** The emitted modules of MCFN and each variant, at small sizes, against the float64 interpreter. */
import { beforeAll, describe, expect, test } from 'vitest'
import type { Backend } from '../../runtime/engines/tfjs/backends.ts'
import { openTested, testedBackends, titleOf } from '../support/backends.ts'
import { networks, programOf, small } from '../support/mcfn.ts'
import { compareModule } from '../support/tfjs-mcfn.ts'

describe.each(testedBackends)('on $name', (tested) => {
  describe.skipIf(tested.absent !== undefined)(titleOf(tested), () => {
    let backend: Backend
    beforeAll(async () => {
      backend = await openTested(tested.name)
    })

    // Each network's shaders are compiled anew on `webgpu`: `npm run test:long` runs them all.
    const chosen = tested.name === 'webgpu' ? networks.filter(({ name }) => name === 'scaled') : networks
    test.each(chosen)('$name', { timeout: 120_000 }, async ({ chosen: variants }) => {
      const { inUse, step, leaked } = await compareModule(backend.tf, programOf(variants, small), 'sgd')
      backend.check()
      expect(inUse).toBeLessThan(1e-5)
      // With plain descent the momentum of the first step is the gradient.
      for (const [name, off] of Object.entries(step)) expect(off, name).toBeLessThan(1e-4)
      expect(leaked).toBe(0)
    })
  })
})
