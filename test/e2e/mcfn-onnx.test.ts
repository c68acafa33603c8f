/** MCFN and each of its variants in ONNX Runtime against the float64 interpreter: in use, and a training step. */
import { describe, expect, test } from 'vitest'
import { compareInUse, compareStep, networks, programOf, small } from '../support/mcfn.ts'
import { paddingTolerance } from '../support/ort.ts'

describe('probabilities, at three batch sizes and several lengths, however padded', () => {
  test.each([
    ...networks.map((network) => ({ ...network, size: 'small', overrides: small })),
    { name: 'MCFN', chosen: [], size: 'at full size', overrides: {} },
  ])('$name, $size', { timeout: 120_000 }, async ({ chosen, overrides }) => {
    const { probabilities, padding } = await compareInUse(programOf(chosen, overrides))
    expect(probabilities).toBeLessThan(1e-5)
    expect(padding).toBeLessThan(paddingTolerance)
  })
})

describe('a training step', () => {
  // Between them they have every edit of the spec; one at a time, at full size, is among the long tests.
  test.each([
    { chosen: [] },
    { chosen: ['Speech only', 'scaled'] },
    { chosen: ['Text only'] },
    { chosen: ['MELD', 'DANet', 'additive', 'word-aligned', 'w/o CMI'] },
    { chosen: ['from waveform', 'w/o MA', 'w/o DAB', 'plain convolution', 'w/o Intra-modal^s'] },
  ])('$chosen', { timeout: 120_000 }, async ({ chosen }) => {
    const differences = await compareStep(programOf(chosen, small), 'sgd')
    expect(Object.entries(differences).filter(([, off]) => !(off < 1e-4))).toEqual([])
  })

  test('wide enough for convolutions with fewer products', { timeout: 120_000 }, async () => {
    const wide = { d: '128', heads: '4', hidden: '32', text_dim: '12' }
    const differences = await compareStep(programOf(['scaled'], wide), 'sgd')
    expect(Object.entries(differences).filter(([, off]) => !(off < 1e-5))).toEqual([])
  })
})
