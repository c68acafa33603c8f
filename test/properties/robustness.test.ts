/** Nothing that a person can write in a file crashes the compiler or hangs it. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { checkAll, compile } from '../../compiler/compile.ts'
import type { Diagnostic } from '../../compiler/diagnostics/diagnostic.ts'
import { path, readerOf, rendered } from '../support/check.ts'
import { extremes } from '../support/extremes.ts'

/** Milliseconds that one file may take, checked and compiled; a quarter of it on a machine with nothing else to do. */
const LIMIT = 20_000
const rounds = Number(process.env.MCFNC_ROUNDS ?? 20)

/** Whole numbers below n, from a seed. */
function randomOf(seed: number): (n: number) => number {
  let state = seed >>> 0
  return (n) => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 3266489917) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
}

const sources = ['specs/mcfn.model', 'specs/std/blocks.model', 'specs/std/audio.model'].map((file) =>
  readFileSync(file, 'utf8'),
)
const tokensOf = (text: string): string[] => text.match(/\/\/[^\n]*|"[^"\n]*"|\w+|\s+|[^\w\s]/g) ?? []

/** Checks and compiles; throws where that throws, takes too long, or a place is outside its file. */
function survives(text: string, others: Readonly<Record<string, string>> = {}): Diagnostic[] {
  const read = readerOf(text, others)
  const start = performance.now()
  const checked = checkAll(path, read)
  const { program, diagnostics } = compile(path, read)
  const took = performance.now() - start
  if (took > LIMIT) throw new Error(`${Math.round(took)} ms`)
  const wrong = diagnostics.some(({ severity }) => severity === 'error')
  if (!wrong && !program) throw new Error('no error and no program')
  for (const { span, labels } of checked.diagnostics)
    for (const place of [span, ...labels.map((label) => label.span)]) {
      if (!place) continue
      const length = checked.texts.get(place.file)?.length ?? -1
      if (place.start < 0 || place.end < place.start || place.end > length)
        throw new Error(`a place outside ${place.file}`)
    }
  rendered(checked)
  return [...checked.diagnostics]
}

/** Fails with the seed and the text's difference in sight. */
function all(count: number, make: (random: (n: number) => number) => string): void {
  for (let seed = 1; seed <= count; seed++) {
    const text = make(randomOf(seed * 7919))
    try {
      survives(text)
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.stack : String(error)}\n${text.slice(0, 4000)}`)
    }
  }
}

const vocabulary = [...new Set(sources.flatMap(tokensOf))]

describe('files of tokens', () => {
  it(
    'at random',
    () =>
      all(rounds, (random) =>
        Array.from({ length: 10 + random(300) }, () => vocabulary[random(vocabulary.length)]).join(' '),
      ),
    300_000,
  )

  it(
    'that are specs with some changed',
    () =>
      all(rounds * 3, (random) => {
        const tokens = tokensOf(sources[random(3)] as string)
        for (let k = 1 + random(3); k > 0; k--) {
          const at = random(tokens.length)
          const other = random(tokens.length)
          const kind = random(5)
          if (kind === 0) tokens.splice(at, 1)
          else if (kind === 1) tokens.splice(at, 0, tokens[at] as string)
          else if (kind === 2) [tokens[at], tokens[other]] = [tokens[other] as string, tokens[at] as string]
          else if (kind === 3) tokens[at] = tokens[other] as string
          else tokens[at] = vocabulary[random(vocabulary.length)] as string
        }
        return tokens.join('')
      }),
    300_000,
  )

  it(
    'that are specs with one name or number for another',
    () =>
      all(rounds * 3, (random) => {
        const tokens = tokensOf(sources[random(3)] as string)
        const places = tokens.flatMap((token, at) => (/^\w+$/.test(token) ? [at] : []))
        const [at, from] = [places[random(places.length)] as number, places[random(places.length)] as number]
        tokens[at] = random(3) === 0 ? String(random(5)) : (tokens[from] as string)
        return tokens.join('')
      }),
    300_000,
  )
})

describe('extremes', () => {
  it.each(Object.entries(extremes))(
    '%s',
    (_, text) => {
      survives(text)
    },
    60_000,
  )
})

describe('files', () => {
  it('that use each other in a circle', () => {
    const found = survives('use "a"\nmodel M { output o = A()(1) }', {
      'a.model': 'use "b"\nblock A()(x: []) -> [] { return B()(x) }',
      'b.model': 'use "a"\nblock B()(x: []) -> [] { return A()(x) }',
    })
    expect(found.length).toBeGreaterThan(0)
  })
  it('of which some are missing', () => {
    const found = survives('use "nowhere"\nuse "std/nothing"\nmodel M { output o = A()(1) }')
    // What they would have brought in is no error of its own.
    expect(found.map(({ code }) => code)).toEqual(['MCF2901', 'MCF2901'])
  })
  it('say the same each time', () => {
    const text = (sources[0] as string).replaceAll('Dense', 'Dens').replaceAll('frames', 'frame')
    expect(survives(text)).toEqual(survives(text))
  })
})
