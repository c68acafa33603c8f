/** The emitted modules of MCFN and each variant, at small sizes on the `cpu` backend, against the float64 interpreter. */
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { beforeAll, expect, test } from 'vitest'
import { networks, programOf, small } from '../support/mcfn.ts'
import { compareModule } from '../support/tfjs-mcfn.ts'

beforeAll(() => tf.setBackend('cpu'))

test.each(networks)('$name', async ({ chosen }) => {
  const { inUse, step, leaked } = await compareModule(tf, programOf(chosen, small), 'sgd')
  expect(inUse).toBeLessThan(1e-5)
  // With plain descent the change of the parameters is the gradient.
  for (const [name, off] of Object.entries(step)) expect(off, name).toBeLessThan(1e-4)
  expect(leaked).toBe(0)
})
