/** Reads recordings: WAV files of one channel at one rate, as samples on the 16-bit scale. */
import { readFile } from 'node:fs/promises'
import wavefile from 'wavefile'
import {
  audioEmpty,
  audioEncoding,
  audioMalformed,
  audioNotFinite,
  audioNotMono,
  audioNotWav,
  audioTooShort,
  audioTruncated,
  audioUnreadable,
  audioWrongRate,
} from '../../compiler/diagnostics/catalogue/runtime.ts'
import { type Diagnostic, DiagnosticError, diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import { explainFileError } from '../formats/file-error.ts'

/** A decoded recording. */
export interface Recording {
  /**
   * Samples on the scale of 16-bit integers, -32768 to 32768, whatever the file's depth: Kaldi takes them so. An 8-bit
   * sample counts 256, a 24-bit one 1/256; a float of 1 counts 32768.
   */
  readonly samples: Float32Array
  /** Samples a second. */
  readonly rate: number
}

export interface WavOptions {
  /** The rate that is wanted, in Hz; 16000 by default. */
  readonly rate?: number
  /** The least number of samples; 400 by default, one frame of 25 ms at 16 kHz. */
  readonly minimum?: number
  /** How messages name the recording: `data/manifest.jsonl:17 (a.wav)`; the path by default. */
  readonly where?: string
}

const RATE = 16_000
const FRAME = 400

/** Reads a file. Throws a DiagnosticError that names it and says what to do. */
export async function readWav(path: string, options: WavOptions = {}): Promise<Recording> {
  const where = options.where ?? path
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch (failure) {
    throw new DiagnosticError([diagnose(audioUnreadable, undefined, { where, reason: explainFileError(failure) })])
  }
  return decodeWav(bytes, path, options)
}

/** Decodes a file's bytes; `path` is for messages. Throws a DiagnosticError as `readWav` does. */
export function decodeWav(bytes: Uint8Array, path: string, options: WavOptions = {}): Recording {
  const { rate: wanted = RATE, minimum = FRAME, where = path } = options
  const fail = (diagnostic: Diagnostic): DiagnosticError => new DiagnosticError([diagnostic])
  const found = findChunks(bytes, path, where)
  if ('code' in found) throw fail(found)
  const { format, data } = found
  const { channels, rate, depth } = format
  if (depth === undefined) throw fail(diagnose(audioEncoding, undefined, { where, path, encoding: format.encoding }))
  if (channels !== 1) throw fail(diagnose(audioNotMono, undefined, { where, path, channels }))
  if (rate !== wanted) throw fail(diagnose(audioWrongRate, undefined, { where, path, rate, wanted }))
  if (data.length === 0) throw fail(diagnose(audioEmpty, undefined, { where, bytes: bytes.length }))
  const samples = decodeSamples(data, depth, rate)
  if (samples.length < minimum) {
    throw fail(diagnose(audioTooShort, undefined, { where, samples: samples.length, wanted: minimum, rate }))
  }
  const bad = samples.findIndex((value) => !Number.isFinite(value))
  if (bad >= 0)
    throw fail(diagnose(audioNotFinite, undefined, { where, path, sample: bad, value: String(samples[bad]) }))
  return { samples, rate }
}

/** The depths that are read, as `wavefile` names them, with what turns a decoded sample into the 16-bit scale. */
const DEPTHS = {
  '8': { bytes: 1, float: false, scale: 256, zero: 128 },
  '16': { bytes: 2, float: false, scale: 1, zero: 0 },
  '24': { bytes: 3, float: false, scale: 1 / 256, zero: 0 },
  '32': { bytes: 4, float: false, scale: 1 / 65536, zero: 0 },
  '32f': { bytes: 4, float: true, scale: 32768, zero: 0 },
  '64': { bytes: 8, float: true, scale: 32768, zero: 0 },
} as const
type Depth = keyof typeof DEPTHS
const isDepth = (text: string): text is Depth => Object.hasOwn(DEPTHS, text)

interface Format {
  readonly channels: number
  readonly rate: number
  /** Undefined for what is not read. */
  readonly depth: Depth | undefined
  readonly encoding: string
}

/**
 * Finds the `fmt ` and `data` chunks and checks that both are whole. The library does not: it takes a data chunk that is cut
 * short as it is, reads past the end, and needs time exponential in the number of `LIST` chunks.
 */
function findChunks(bytes: Uint8Array, path: string, where: string): { format: Format; data: Uint8Array } | Diagnostic {
  if (bytes.length === 0) return diagnose(audioEmpty, undefined, { where, bytes: 0 })
  if (bytes.length < 12 || fourLetters(bytes, 0) !== 'RIFF' || fourLetters(bytes, 8) !== 'WAVE') {
    return diagnose(audioNotWav, undefined, { where, path, looksLike: guessFormat(bytes) })
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let format: Format | undefined
  for (let at = 12; at + 8 <= bytes.length; ) {
    const name = fourLetters(bytes, at)
    const size = view.getUint32(at + 4, true)
    const found = bytes.length - at - 8
    if ((name === 'fmt ' || name === 'data') && size > found) {
      return diagnose(audioTruncated, undefined, { where, part: `${name.trim()} chunk`, wanted: size, found })
    }
    if (name === 'fmt ') {
      if (size < 16) {
        return diagnose(audioMalformed, undefined, {
          where,
          path,
          reason: `its fmt chunk has ${size} bytes and needs 16`,
        })
      }
      format = readFormat(view, at + 8, size)
    }
    if (name === 'data') {
      if (format === undefined) {
        return diagnose(audioMalformed, undefined, {
          where,
          path,
          reason: 'its data chunk stands before its fmt chunk',
        })
      }
      const width = (format.depth === undefined ? 1 : DEPTHS[format.depth].bytes) * Math.max(format.channels, 1)
      if (size % width !== 0) {
        return diagnose(audioTruncated, undefined, {
          where,
          part: 'data chunk',
          wanted: Math.ceil(size / width) * width,
          found: size,
        })
      }
      return { format, data: bytes.subarray(at + 8, at + 8 + size) }
    }
    at += 8 + size + (size % 2)
  }
  const missing = format === undefined ? 'fmt' : 'data'
  return diagnose(audioMalformed, undefined, { where, path, reason: `it has no ${missing} chunk` })
}

/** The `fmt ` chunk (Microsoft's WAVEFORMATEX; 0xFFFE keeps the encoding in the first two bytes of its subformat). */
function readFormat(view: DataView, at: number, size: number): Format {
  const tag = view.getUint16(at, true)
  const code = tag === 0xfffe && size >= 40 ? view.getUint16(at + 24, true) : tag
  const bits = view.getUint16(at + 14, true)
  const depth = code === 1 && bits <= 32 ? `${bits}` : code === 3 && bits === 32 ? '32f' : code === 3 ? `${bits}` : ''
  return {
    channels: view.getUint16(at + 2, true),
    rate: view.getUint32(at + 4, true),
    depth: isDepth(depth) && (code === 3) === DEPTHS[depth].float ? depth : undefined,
    encoding: `${ENCODINGS[code] ?? `encoding ${code}`}, ${bits} bits`,
  }
}

const ENCODINGS: Readonly<Record<number, string>> = {
  1: 'PCM',
  2: 'Microsoft ADPCM',
  3: 'floats',
  6: 'A-law',
  7: 'µ-law',
  17: 'IMA ADPCM',
  49: 'GSM 6.10',
  80: 'MPEG',
  85: 'MP3',
}

/** Gives the library a file with the two chunks that matter, checked, and rescales what it decodes. */
function decodeSamples(data: Uint8Array, depth: Depth, rate: number): Float32Array {
  const { bytes: width, float, scale, zero } = DEPTHS[depth]
  const plain = new Uint8Array(44 + data.length)
  const view = new DataView(plain.buffer)
  new TextEncoder().encodeInto('RIFF', plain)
  view.setUint32(4, 36 + data.length, true)
  new TextEncoder().encodeInto('WAVEfmt ', plain.subarray(8))
  view.setUint32(16, 16, true)
  view.setUint16(20, float ? 3 : 1, true)
  view.setUint16(22, 1, true)
  view.setUint32(24, rate, true)
  view.setUint32(28, rate * width, true)
  view.setUint16(32, width, true)
  view.setUint16(34, width * 8, true)
  new TextEncoder().encodeInto('data', plain.subarray(36))
  view.setUint32(40, data.length, true)
  plain.set(data, 44)
  const decoded = new wavefile.WaveFile(plain).getSamples(false, Float64Array)
  const samples = new Float32Array(decoded.length)
  for (let i = 0; i < samples.length; i++) samples[i] = ((decoded[i] ?? 0) - zero) * scale
  return samples
}

const fourLetters = (bytes: Uint8Array, at: number): string => String.fromCharCode(...bytes.subarray(at, at + 4))

/** What a file that is not WAV looks like, by its first bytes. */
function guessFormat(bytes: Uint8Array): string | undefined {
  const start = fourLetters(bytes, 0)
  if (start === 'fLaC') return 'FLAC'
  if (start === 'OggS') return 'Ogg'
  if (start === 'RF64' || start === 'RIFX') return `a WAV file of the kind ${start}, which is not read`
  if (start === 'FORM') return 'AIFF'
  if (start.startsWith('ID3') || (bytes[0] === 0xff && ((bytes[1] ?? 0) & 0xe0) === 0xe0)) return 'MP3'
  if (fourLetters(bytes, 4) === 'ftyp') return 'MP4 or M4A'
  if (start.startsWith('NIST')) return 'NIST Sphere'
  if (start === 'RIFF') return 'RIFF without WAVE'
  return undefined
}
