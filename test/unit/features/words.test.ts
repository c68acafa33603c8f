/** Tests how text is split and read, and that vectors are read exactly, with mistakes named by line. */
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DiagnosticError } from '../../../compiler/diagnostics/diagnostic.ts'
import { normaliseText } from '../../../runtime/features/normalise-text.ts'
import { readableWords, tokenise } from '../../../runtime/features/tokenise.ts'
import { embedText, readVectors, vectorOf } from '../../../runtime/features/words.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcfnc-words-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

describe('tokenise', () => {
  it.each([
    ["I don't know.", "i do n't know ."],
    ["It's John's, isn't it?", "it 's john 's , is n't it ?"],
    ["I'm sure they'll say we've won; you'd lose.", "i 'm sure they 'll say we 've won ; you 'd lose ."],
    ["Can't, won't, shan't, ain't!", "ca n't , wo n't , sha n't , ai n't !"],
    ["wouldn't've, he'd've", "would n't 've , he 'd 've"],
    ['I cannot, gonna, gotta, wanna, gimme, lemme.', 'i can not , gon na , got ta , wan na , gim me , lem me .'],
    ["Y'all d'you 'tis", "y' all d' you 't is"],
    ['Wait... what -- no!!', 'wait ... what -- no !!'],
    ['so..what. . . really?!', 'so ... what ... really ?!'],
    ['“Hi,” she said—‘fine’…', '" hi , " she said -- \' fine \' ...'],
    ["He said 'go'.", "he said ' go ' ."],
    ["Get 'em o'clock ma'am rock-n-roll", "get 'em o'clock ma'am rock-n-roll"],
    ['Mr. Smith met Dr. Jones at 7:30 p.m. in the U.S.', 'mr. smith met dr. jones at 7:30 p.m. in the u.s.'],
    ['$1,000.50 is 5% (or 1/2).', '$ 1,000.50 is 5 % ( or 1/2 ) .'],
    ["the 1990s, the '80s, 3rd, h1n1", "the 1990s , the '80s , 3rd , h1n1"],
    ['Fine.But why?Because', 'fine . but why ? because'],
    ['See https://a.b/c?d=1 or me@x.org', 'see https://a.b/c?d=1 or me@x.org'],
    ['C&A {x} [y] #tag @me *wow*', 'c&a { x } [ y ] # tag @ me * wow *'],
    ['I-I know wh- what', 'i-i know wh - what'],
    ['Ça va café naïve 你好', 'ça va café naïve 你好'],
    ['   \t\n', ''],
  ])('%s', (text, words) => {
    expect(tokenise(text).join(' ')).toBe(words)
  })
  it('keeps every letter and digit, and only splits', () => {
    const letters = (text: string): string => text.replace(/[^\p{L}\p{N}]/gu, '')
    const text = fc.string({ unit: fc.constantFrom(...'abn \'t-.,!?"0s'), maxLength: 40 })
    fc.assert(
      fc.property(text, (s) => {
        expect(letters(tokenise(s).join(' '))).toBe(letters(s))
      }),
    )
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (s) => tokenise(s).every((word) => /^\S+$/.test(word))))
  })
})

describe('normaliseText', () => {
  it.each([
    ['it\x92s \x93cool\x94 \x96 wow\x85', 'it\'s "cool" -- wow...'],
    ['itâ€™s â€œcoolâ€\x9d â€” wowâ€¦', 'it\'s "cool" -- wow...'],
    ['itâ\x80\x99s', "it's"],
    ['cafÃ© naÃ¯ve', 'café naïve'],
    ['café… “â” Ã', 'café... "â" Ã'],
    ['1990–95 a\u00a0b\u200bc \u00adx', '1990-95 a bc x'],
  ])('%s', (text, expected) => {
    expect(normaliseText(text)).toBe(expected)
  })
})

describe('readableWords', () => {
  const having =
    (...words: string[]) =>
    (word: string): boolean =>
      words.includes(word)
  it('keeps the parts where the vectors have them', () => {
    expect(readableWords("don't", having('do', "n't", 'not'))).toEqual(['do', "n't"])
    expect(readableWords('gonna', having('gon', 'na', 'gonna'))).toEqual(['gon', 'na'])
  })
  it('reads the whole word, or full forms, where they do not', () => {
    expect(readableWords('gonna', having('na', 'gonna'))).toEqual(['gonna'])
    expect(readableWords("don't", having('do', 'not'))).toEqual(['do', 'not'])
    expect(readableWords("can't", having('ca', 'can', 'not'))).toEqual(['can', 'not'])
    expect(readableWords("I'm", having('i', 'am'))).toEqual(['i', 'am'])
    expect(readableWords("it's John's", having('it', 'is', 'john'))).toEqual(['it', 'is', 'john', "'s"])
    expect(readableWords("let's", having('let', 'us'))).toEqual(['let', 'us'])
  })
  it('tries simpler spellings and parts', () => {
    expect(readableWords('Mr. Nooo Café goin walkin', having('mr', 'no', 'cafe', 'going'))).toEqual([
      'mr',
      'no',
      'cafe',
      'going',
      'walkin',
    ])
    expect(readableWords('half-brother', having('half', 'brother'))).toEqual(['half', 'brother'])
    expect(readableWords('half-brother', having('half-brother'))).toEqual(['half-brother'])
    expect(readableWords('half-blorb', having('half'))).toEqual(['half', 'blorb'])
    expect(readableWords('blorb-blurb', having('half'))).toEqual(['blorb-blurb'])
    expect(readableWords("!!! o'clock...", having('!', 'clock', 'o', '.'))).toEqual(['!', '!', '!', 'o', 'clock', '.'])
  })
  it('is not misled by names of object members', () => {
    expect(readableWords('constructor valueOf toString', () => false)).toEqual(['constructor', 'valueof', 'tostring'])
  })
})

const write = async (content: string | Uint8Array): Promise<string> => {
  const path = join(folder, 'v.txt')
  await writeFile(path, content)
  return path
}

describe('readVectors', () => {
  it('reads words and numbers as Number does, rounded to f32', async () => {
    const numbers = [
      '-0.03819',
      '0.2449',
      '12',
      '-3',
      '.5',
      '1e-3',
      '-1.5E+2',
      '0.12345678901234567',
      '123456789012345.6',
    ]
    const vectors = await readVectors(await write(`the ${numbers.join(' ')}\n, ${numbers.toReversed().join(' ')}`))
    expect(vectors.width).toBe(9)
    expect([...(vectorOf('the', vectors) ?? [])]).toEqual(numbers.map((n) => Math.fround(Number(n))))
    expect([...(vectorOf(',', vectors) ?? [])]).toEqual(numbers.toReversed().map((n) => Math.fround(Number(n))))
    expect(vectorOf('none', vectors)).toBeUndefined()
  })
  it('keeps the first of equal words, and passes over blank lines, headers and returns', async () => {
    const vectors = await readVectors(await write('3 2\r\na 1 2\r\n\r\nb 3 4 \r\na 5 6\r\nc 7 8\r\n'))
    expect([...vectors.rows.keys()]).toEqual(['a', 'b', 'c'])
    expect(['a', 'b', 'c'].map((word) => [...(vectorOf(word, vectors) ?? [])])).toEqual([
      [1, 2],
      [3, 4],
      [7, 8],
    ])
  })
  it('takes numbers as words, words with spaces, and other scripts', async () => {
    const vectors = await readVectors(await write('1990 1 2\n. . . 3 4\n你\u00a0好 5 6\nat name@x.y 7 8'))
    expect([...vectors.rows.keys()]).toEqual(['1990', '. . .', '你\u00a0好', 'at name@x.y'])
    expect([...(vectorOf('. . .', vectors) ?? [])]).toEqual([3, 4])
  })
  it('reads more rows than a block and lines across chunks', async () => {
    const lines = Array.from(
      { length: 9000 },
      (_, i) => `w${i} ${Array.from({ length: 40 }, (_, k) => (i * 40 + k) / 8).join(' ')}`,
    )
    const vectors = await readVectors(await write(lines.join('\n')))
    expect(vectors.rows.size).toBe(9000)
    for (const i of [0, 4095, 4096, 8999]) expect(vectorOf(`w${i}`, vectors)?.[39]).toBe((i * 40 + 39) / 8)
  })
  it.each([
    ['a 1 2\nb 1\n', 'v.txt:2: the word `b` has 1 number; 2 are wanted'],
    ['a 1 2\nb 1 2 3\n', 'v.txt:2: the word `b` has 3 numbers; 2 are wanted'],
    ['a 1 2\nb 1 x\n', 'v.txt:2: value 2 of the word `b` is `x`, not a number'],
    ['a 1 2\nb 1  2\n', 'v.txt:2: the word `b` has 3 numbers; 2 are wanted'],
    ['a 1 2\nb nan 2\n', 'v.txt:2: value 1 of the word `b` is `nan`, not a number'],
    ['a 1 2\nb\n', 'v.txt:2: the word `b` has 0 numbers; 2 are wanted'],
    ['just\n', 'v.txt:1: the word `just` has 0 numbers; 1 are wanted'],
    ['', 'v.txt` has no vectors'],
    ['\n\n', 'v.txt` has no vectors'],
  ])('%j: %s', async (content, message) => {
    const path = await write(content)
    await expect(readVectors(path)).rejects.toThrow(message)
    await expect(readVectors(path)).rejects.toThrow(DiagnosticError)
  })
  it('says that there is no file', async () => {
    await expect(readVectors(join(folder, 'none.txt'))).rejects.toThrow('there is no such file')
  })
})

describe('embedText', () => {
  it('gives a row for each word, zeros for unknown ones, and one row at least', async () => {
    const vectors = await readVectors(await write('hi 1 2\n! 3 4\n'))
    const some = embedText('Hi blorb!', vectors)
    expect(some).toMatchObject({ length: 3, words: ['hi', 'blorb', '!'], unknown: 1 })
    expect([...some.values]).toEqual([1, 2, 0, 0, 3, 4])
    expect(embedText(' ', vectors)).toEqual({ length: 1, words: [], unknown: 0, values: new Float32Array(2) })
  })
})

const data = process.env.MCFNC_DATA ?? '../shared/data'
const glove = join(data, 'glove/glove.subset.100d.txt')
if (!existsSync(glove)) console.log(`skipped: ${glove} is not there (set MCFNC_DATA)`)
it.skipIf(!existsSync(glove))('covers the texts of the label-matched corpus', async () => {
  const vectors = await readVectors(glove)
  expect(vectors.width).toBe(100)
  expect(vectors.rows.size).toBeGreaterThan(22000)
  const lines = (await readFile(join(data, 'labelmatched/manifest.jsonl'), 'utf8')).trim().split('\n')
  const texts = lines.map((line) => embedText(JSON.parse(line).text, vectors))
  const unknown = texts.reduce((total, { unknown }) => total + unknown, 0)
  const words = texts.reduce((total, { words }) => total + words.length, 0)
  expect(1 - unknown / words).toBeGreaterThan(0.95)
})
