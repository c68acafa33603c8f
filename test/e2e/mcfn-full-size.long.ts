/** Every variant of MCFN at the paper's size in ONNX Runtime against the float64 interpreter: in use, and a training step. */
import { expect, test } from 'vitest'
import { compareInUse, compareStep, networks, programOf } from '../support/mcfn.ts'

test.each(networks)('$name', async ({ chosen }) => {
  const program = programOf(chosen)
  const { probabilities, padding } = await compareInUse(program)
  expect(probabilities).toBeLessThan(1e-5)
  expect(padding).toBeLessThan(1e-6)
  const differences = await compareStep(program, 'sgd')
  expect(Object.entries(differences).filter(([, off]) => !(off < 1e-4))).toEqual([])
})
