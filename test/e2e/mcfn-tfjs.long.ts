/** Each network at small sizes on WebGPU; MCFN as the paper has it on `wasm`; a thousand steps of it that leave nothing behind. */
import { expect, test } from 'vitest'
import { emitTfjs } from '../../compiler/emit/tfjs/module.ts'
import { evaluateModule } from '../../runtime/engines/tfjs/module.ts'
import { startVectors } from '../../runtime/train/weights.ts'
import { openTested, testedBackends, titleOf } from '../support/backends.ts'
import { networks, programOf, small, stepCase } from '../support/mcfn.ts'
import { batchOf, weightsOf } from '../support/tfjs.ts'
import { compareModule } from '../support/tfjs-mcfn.ts'

const webgpu = testedBackends.find(({ name }) => name === 'webgpu')

test.skipIf(webgpu?.absent !== undefined).each(networks)(
  `$name on ${titleOf(webgpu ?? { name: 'webgpu' })}`,
  async ({ chosen }) => {
    const backend = await openTested('webgpu')
    const { inUse, step, leaked } = await compareModule(backend.tf, programOf(chosen, small), 'sgd')
    backend.check()
    expect(inUse).toBeLessThan(1e-5)
    for (const [name, off] of Object.entries(step)) expect(off, name).toBeLessThan(1e-4)
    expect(leaked).toBe(0)
  },
)

test('MCFN at full size on wasm', async () => {
  const { tf } = await openTested('wasm')
  const { inUse, step, leaked } = await compareModule(tf, programOf([]), 'sgd')
  expect(inUse).toBeLessThan(1e-4)
  for (const [name, off] of Object.entries(step)) expect(off, name).toBeLessThan(1e-3)
  expect(leaked).toBe(0)
})

test('a thousand steps of MCFN leave no tensor behind', async () => {
  const { tf } = await openTested('wasm')
  const program = programOf([], small)
  const emitted = emitTfjs(program, { optimiser: 'adam' })
  const module = evaluateModule(emitted.text, 'mcfn.mjs')
  const state = module.load(tf, weightsOf(emitted, startVectors(emitted, 0)))
  const batch = batchOf(tf, stepCase(program, 'adam').feeds)
  const before = tf.memory().numTensors
  for (let step = 0; step < 1000; step++) tf.dispose(module.trainStep(state, batch, { learningRate: 1e-4 }) as never)
  expect(tf.memory().numTensors).toBe(before)
})
