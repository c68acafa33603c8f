/** The paper's network, small, against the naive evaluator; and the names of its weights. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { compareWithNaive } from '../../support/against-naive.ts'
import { compileText } from '../../support/check.ts'

const spec = readFileSync('specs/mcfn.model', 'utf8')

/** The spec with other defaults, and nothing drawn at random. */
const small = ((): string => {
  const defaults: Readonly<Record<string, string>> = {
    text_dim: '6',
    d: '8',
    hidden: '8',
    heads: '2',
    dropout: '0',
    augment: 'false',
  }
  return Object.entries(defaults).reduce(
    (text, [name, value]) => {
      const changed = text.replace(new RegExp(`(hyper ${name}: \\w+ = )[\\w.]+( in [^/]*?)?(\\s*//)`), `$1${value}$3`)
      if (changed === text) throw new Error(`no hyper ${name}`)
      return changed
    },
    spec.replace('const mels = 40', 'const mels = 2'),
  )
})()

describe('MCFN', () => {
  it.each([false, true])(
    'agrees with the naive evaluator, training %s',
    (training) => {
      const { got, wanted, paths } = compareWithNaive(small, { frames: [4, 1, 6], words: [2, 5, 1] }, { training })
      expect(Object.keys(wanted)).toEqual(Object.keys(got))
      for (const [name, samples] of Object.entries(wanted))
        samples.forEach((values, b) => {
          values.forEach((value, i) => {
            expect(got[name]?.[b]?.[i], `${name}[${b}][${i}]`).toBeCloseTo(value, 9)
          })
        })
      expect(paths.wanted).toEqual(expect.arrayContaining([...paths.got]))
    },
    60_000,
  )

  it('names its weights after the statements and blocks that hold them', () => {
    const { program } = compileText(spec)
    const paths = program?.training.variables.map(({ path }) => path) ?? []
    expect(paths).toEqual(
      expect.arrayContaining([
        'Os.uflb.h.conv1d.w',
        'Os.uflb2.h.conv1d.w',
        'Os.uflb3.h.batchnorm.scale',
        'Os.uflb.skip.dense.w',
        'Ot.dense.b',
        'Sa.coattention.U',
        'zst.classifier.dense2.w',
      ]),
    )
  })
})
