/** Reads word vectors in the text format of GloVe, and looks up the words of a text in them. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { TextDecoder } from 'node:util'
import {
  vectorsEmpty,
  vectorsNotANumber,
  vectorsUnreadable,
  vectorsWrongCount,
} from '../../compiler/diagnostics/catalogue/runtime.ts'
import { DiagnosticError, diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import { explainFileError } from '../formats/file-error.ts'
import { readableWords } from './tokenise.ts'

/** The vectors of a file; plain data, so that it can be sent to a worker. */
export interface WordVectors {
  readonly file: string
  /** Numbers in a vector. */
  readonly width: number
  /** The row of each word. */
  readonly rows: ReadonlyMap<string, number>
  /** The rows, `ROWS` to a block: row r begins at `(r % ROWS) * width` of block `floor(r / ROWS)`. */
  readonly blocks: readonly Float32Array[]
  /** SHA-256 of the file, as hex. */
  readonly sha256: string
}

/** The vectors of a text's words. */
export interface EmbeddedText {
  /** How many rows `values` has; at least 1. */
  readonly length: number
  /** [length, width], row-major. */
  readonly values: Float32Array
  /** The words that were looked up; empty for a text without any, whose one row is zero. */
  readonly words: readonly string[]
  /** How many of them have no vector. */
  readonly unknown: number
}

/** How many of the words of some texts have vectors. */
export interface Coverage {
  readonly file: string
  readonly words: number
  readonly known: number
}

/** Rows in a block: blocks are never copied when a file turns out long. */
const ROWS = 4096

/**
 * The vectors of a text. A word without a vector keeps its place as a row of zeros, so that the distances between the others
 * stay as they were spoken; a text with no word at all has one such row, since a length of 0 has no mean.
 */
export function embedText(text: string, vectors: WordVectors): EmbeddedText {
  const words = readableWords(text, (word) => vectors.rows.has(word))
  const length = Math.max(words.length, 1)
  const values = new Float32Array(length * vectors.width)
  let unknown = 0
  words.forEach((word, at) => {
    const vector = vectorOf(word, vectors)
    if (vector === undefined) unknown++
    else values.set(vector, at * vectors.width)
  })
  return { length, values, words, unknown }
}

/** The vector of a word as it stands in the file, not copied; undefined where there is none. */
export function vectorOf(word: string, { rows, blocks, width }: WordVectors): Float32Array | undefined {
  const row = rows.get(word)
  if (row === undefined) return undefined
  const start = (row % ROWS) * width
  return blocks[Math.floor(row / ROWS)]?.subarray(start, start + width)
}

/**
 * Reads a file: on each line a word and its numbers, split by single spaces. The first of equal words counts. A first line
 * of two whole numbers (words and width, as word2vec writes) is passed over; words that hold spaces, as GloVe 840B has, are
 * accepted. Throws a DiagnosticError with the line of the first mistake.
 */
export async function readVectors(file: string): Promise<WordVectors> {
  const hash = createHash('sha256')
  const table = startTable(file)
  let rest = new Uint8Array(0)
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
      if (!(chunk instanceof Uint8Array)) continue
      hash.update(chunk)
      const bytes = rest.length === 0 ? chunk : joined(rest, chunk)
      let start = 0
      for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
        addLine(table, bytes, start, end)
        start = end + 1
      }
      rest = bytes.slice(start)
    }
  } catch (failure) {
    if (failure instanceof DiagnosticError) throw failure
    throw new DiagnosticError([diagnose(vectorsUnreadable, undefined, { file, reason: explainFileError(failure) })])
  }
  if (rest.length > 0) addLine(table, rest, 0, rest.length)
  if (table.rows.size === 0) throw new DiagnosticError([diagnose(vectorsEmpty, undefined, { file })])
  const { width, rows, blocks } = table
  return { file, width, rows, blocks, sha256: hash.digest('hex') }
}

const NEWLINE = 10
const SPACE = 32
const RETURN = 13

/** What has been read so far. */
interface Table {
  readonly file: string
  readonly rows: Map<string, number>
  readonly blocks: Float32Array[]
  readonly decoder: TextDecoder
  /** 0 until the first vector. */
  width: number
  line: number
}

const startTable = (file: string): Table => ({
  file,
  rows: new Map(),
  blocks: [],
  decoder: new TextDecoder(),
  width: 0,
  line: 0,
})

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}

/** Reads the line in bytes [start, end) into the next row; the row is kept only where the word is new. */
function addLine(table: Table, bytes: Uint8Array, start: number, lineEnd: number): void {
  table.line++
  let end = lineEnd
  while (end > start && (bytes[end - 1] === RETURN || bytes[end - 1] === SPACE)) end--
  if (end === start) return
  if (table.width === 0) {
    if (table.line === 1 && /^\d+ \d+$/.test(table.decoder.decode(bytes.subarray(start, end)))) return
    table.width = count(bytes, start, end, SPACE)
  }
  const { width, rows, blocks } = table
  if (rows.size === blocks.length * ROWS) blocks.push(new Float32Array(ROWS * width))
  const block = blocks[blocks.length - 1]
  const space = bytes.indexOf(SPACE, start)
  if (block === undefined || width === 0 || space < 0 || space >= end)
    throw explainLine(table, bytes.subarray(start, end))
  const offset = (rows.size % ROWS) * width
  let wordEnd = space
  if (!readNumbers(bytes, space, end, block, offset, width)) {
    // A word may itself hold spaces; its numbers are the last ones.
    wordEnd = fieldFromEnd(bytes, start, end, width)
    const spaced =
      wordEnd > space && wordEnd > start && !isNumber(table.decoder.decode(bytes.subarray(space + 1, wordEnd)))
    if (!spaced || !readNumbers(bytes, wordEnd, end, block, offset, width)) {
      throw explainLine(table, bytes.subarray(start, end))
    }
  }
  const word = table.decoder.decode(bytes.subarray(start, wordEnd))
  if (!rows.has(word)) rows.set(word, rows.size)
}

/**
 * Reads exactly `width` numbers, each after one space from `at` on, and says whether there were so many. Decimals of up to 15
 * digits are exact: whole numbers below 2^53 divided by a power of ten that is one too.
 */
function readNumbers(
  bytes: Uint8Array,
  at: number,
  end: number,
  into: Float32Array,
  offset: number,
  width: number,
): boolean {
  let i = at
  for (let k = 0; k < width; k++) {
    if (bytes[i] !== SPACE) return false
    const start = ++i
    const negative = bytes[i] === 45
    if (negative) i++
    let digits = 0
    let value = 0
    let decimals = -1
    for (; i < end; i++) {
      const byte = bytes[i] ?? 0
      if (byte >= 48 && byte <= 57) {
        value = value * 10 + (byte - 48)
        digits++
        if (decimals >= 0) decimals++
      } else if (byte === 46 && decimals < 0) decimals = 0
      else break
    }
    if (digits > 0 && digits <= 15 && (i === end || bytes[i] === SPACE)) {
      const scaled = decimals > 0 ? value / (POWERS[decimals] ?? 1) : value
      into[offset + k] = negative ? -scaled : scaled
      continue
    }
    const next = bytes.indexOf(SPACE, start)
    i = next < 0 || next > end ? end : next
    const text = String.fromCharCode(...bytes.subarray(start, Math.min(i, start + 64)))
    if (!isNumber(text)) return false
    into[offset + k] = Number(text)
  }
  return i === end
}

const POWERS = Array.from({ length: 16 }, (_, k) => 10 ** k)
const isNumber = (text: string): boolean => /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text)

function count(bytes: Uint8Array, start: number, end: number, byte: number): number {
  let found = 0
  for (let i = start; i < end; i++) if (bytes[i] === byte) found++
  return found
}

/** Where the space before the last `fields` fields is; `start` where there are fewer. */
function fieldFromEnd(bytes: Uint8Array, start: number, end: number, fields: number): number {
  let left = fields
  for (let i = end - 1; i > start; i--) if (bytes[i] === SPACE && --left === 0) return i
  return start
}

/** What is wrong with a line that was refused. */
function explainLine(table: Table, bytes: Uint8Array): DiagnosticError {
  const [word = '', ...fields] = table.decoder.decode(bytes).split(' ')
  const at = { file: table.file, line: table.line }
  const position = fields.findIndex((field) => !isNumber(field))
  const text = fields[position]
  const wanted = table.width === 0 ? 1 : table.width
  return new DiagnosticError([
    text !== undefined && fields.length === wanted
      ? diagnose(vectorsNotANumber, undefined, { at, word, text, position: position + 1 })
      : diagnose(vectorsWrongCount, undefined, { at, word, found: fields.length, wanted }),
  ])
}
