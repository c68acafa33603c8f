/** Tests that recordings are read on one scale at every depth, and that each bad file has an error of its own. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import wavefile from 'wavefile'
import { DiagnosticError } from '../../../compiler/diagnostics/diagnostic.ts'
import { decodeWav, readWav } from '../../../runtime/features/wav.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcfnc-wav-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

/** A file that the library writes, of samples on that depth's own scale. */
function wav(depth: string, samples: readonly number[] | readonly number[][], rate = 16000): Uint8Array {
  const file = new wavefile.WaveFile()
  const channels = Array.isArray(samples[0]) ? samples.length : 1
  file.fromScratch(channels, rate, depth, samples as number[])
  return file.toBuffer()
}

const ramp = (n: number, of: (i: number) => number): number[] => Array.from({ length: n }, (_, i) => of(i))

function codeOf(bytes: Uint8Array, options = {}): { code: string; text: string } {
  try {
    decodeWav(bytes, 'takes/one two.wav', options)
  } catch (failure) {
    if (failure instanceof DiagnosticError) {
      const [d] = failure.diagnostics
      return { code: d?.slug ?? '', text: [d?.message, ...(d?.notes ?? []), ...(d?.help ?? [])].join('\n') }
    }
    throw failure
  }
  return { code: 'none', text: '' }
}

describe('depths', () => {
  const wave = ramp(800, (i) => Math.round(20000 * Math.sin(i / 7)))
  it('takes 16-bit samples as they are', () => {
    const { samples, rate } = decodeWav(wav('16', wave), 'a.wav')
    expect([...samples]).toEqual(wave)
    expect(rate).toBe(16000)
  })
  it('reaches both ends of the 16-bit range', () => {
    const ends = ramp(400, (i) => (i % 2 === 0 ? -32768 : 32767))
    expect([...decodeWav(wav('16', ends), 'a.wav').samples]).toEqual(ends)
  })
  it('scales 24 bits, 32 bits and floats to the same numbers', () => {
    expect([
      ...decodeWav(
        wav(
          '24',
          wave.map((v) => v * 256),
        ),
        'a.wav',
      ).samples,
    ]).toEqual(wave)
    expect([
      ...decodeWav(
        wav(
          '32',
          wave.map((v) => v * 65536),
        ),
        'a.wav',
      ).samples,
    ]).toEqual(wave)
    expect([
      ...decodeWav(
        wav(
          '32f',
          wave.map((v) => v / 32768),
        ),
        'a.wav',
      ).samples,
    ]).toEqual(wave)
    expect([
      ...decodeWav(
        wav(
          '64',
          wave.map((v) => v / 32768),
        ),
        'a.wav',
      ).samples,
    ]).toEqual(wave)
  })
  it('keeps the low bits of 24-bit samples', () => {
    const { samples } = decodeWav(
      wav(
        '24',
        ramp(400, (i) => i - 200),
      ),
      'a.wav',
    )
    expect(samples[0]).toBe(-200 / 256)
    expect(samples[399]).toBe(199 / 256)
  })
  it('centres 8-bit samples', () => {
    const { samples } = decodeWav(
      wav(
        '8',
        ramp(512, (i) => i % 256),
      ),
      'a.wav',
    )
    expect([samples[0], samples[128], samples[255]]).toEqual([-32768, 0, 127 * 256])
  })
})

describe('the container', () => {
  const good = wav(
    '16',
    ramp(800, (i) => i),
  )
  const chunk = (name: string, size: number): number[] => [
    ...new TextEncoder().encode(name),
    ...new Uint8Array(Uint32Array.of(size).buffer),
  ]
  const withChunk = (extra: readonly number[]): Uint8Array =>
    Uint8Array.of(...good.subarray(0, 12), ...extra, ...good.subarray(12))

  it('passes over other chunks, also odd ones', () => {
    expect(decodeWav(withChunk([...chunk('note', 3), 1, 2, 3, 0]), 'a.wav').samples.length).toBe(800)
  })
  it('reads the extensible format', () => {
    const body = new Uint8Array(40)
    body.set(good.subarray(20, 36))
    new DataView(body.buffer).setUint16(0, 0xfffe, true)
    new DataView(body.buffer).setUint16(24, 1, true)
    const bytes = Uint8Array.of(...good.subarray(0, 12), ...chunk('fmt ', 40), ...body, ...good.subarray(36))
    expect(decodeWav(bytes, 'a.wav').samples[799]).toBe(799)
  })
  it('is not held up by a file full of lists', () => {
    const lists = Array.from({ length: 60 }, () => [...chunk('LIST', 4), 73, 78, 70, 79]).flat()
    expect(decodeWav(withChunk(lists), 'a.wav').samples.length).toBe(800)
  })
  it('accepts bytes that begin inside a larger buffer', () => {
    const larger = new Uint8Array(good.length + 3)
    larger.set(good, 3)
    expect(decodeWav(larger.subarray(3), 'a.wav').samples[5]).toBe(5)
  })
})

describe('bad files', () => {
  const good = wav(
    '16',
    ramp(800, (i) => i),
  )
  const edited = (at: number, ...values: number[]): Uint8Array => {
    const copy = Uint8Array.from(good)
    copy.set(values, at)
    return copy
  }
  it.each([
    ['empty', new Uint8Array(0), 'audio-empty', '0 bytes'],
    ['no samples', wav('16', []), 'audio-empty', 'no samples'],
    ['a text', new TextEncoder().encode('<!doctype html>'), 'audio-not-wav', 'not a WAV file'],
    ['FLAC', new TextEncoder().encode('fLaC0123456789'), 'audio-not-wav', 'FLAC'],
    ['cut in its data', good.subarray(0, 1000), 'audio-truncated', 'should have 1600 bytes and has 956'],
    ['cut in its header', good.subarray(0, 30), 'audio-truncated', 'fmt chunk'],
    ['half a sample', edited(40, 0x3f, 0x06), 'audio-truncated', '1600 bytes and has 1599'],
    ['no fmt chunk', edited(12, 120), 'audio-malformed', 'before its fmt chunk'],
    ['no data chunk', good.subarray(0, 36), 'audio-malformed', 'no data chunk'],
    ['stereo', wav('16', [ramp(800, () => 1), ramp(800, () => 2)]), 'audio-not-mono', 'stereo'],
    [
      'another rate',
      wav(
        '16',
        ramp(800, () => 0),
        44100,
      ),
      'audio-wrong-rate',
      '44100 samples a second; 16000',
    ],
    ['A-law', edited(20, 6), 'audio-encoding', 'A-law'],
    ['12 bits', edited(34, 12), 'audio-encoding', 'PCM, 12 bits'],
    [
      'too short',
      wav(
        '16',
        ramp(120, () => 0),
      ),
      'audio-too-short',
      '120 samples (7.5 ms)',
    ],
    [
      'NaN',
      wav(
        '32f',
        ramp(500, (i) => (i === 7 ? Number.NaN : 0)),
      ),
      'audio-not-finite',
      'sample 7',
    ],
  ])('%s', (_, bytes, slug, text) => {
    const found = codeOf(bytes)
    expect(found.code).toBe(slug)
    expect(found.text).toContain(text)
    expect(found.text).toContain('takes/one two.wav')
  })
  it('says how to convert, quoted for a shell', () => {
    const { text } = codeOf(
      wav(
        '16',
        ramp(800, () => 0),
        8000,
      ),
    )
    expect(text).toContain("ffmpeg -i 'takes/one two.wav' -ac 1 -ar 16000 -c:a pcm_s16le 'takes/one two.16k.wav'")
    expect(text).toContain('sox ')
  })
  it('never fails in another way, wherever the file is cut or changed', () => {
    for (let length = 0; length < 60; length++) expect(codeOf(good.subarray(0, length)).code).not.toBe('none')
    for (let at = 0; at < 44; at++) for (const value of [0, 1, 127, 255]) codeOf(edited(at, value))
  })
})

describe('readWav', () => {
  it('reads a file, and names a missing one as it was told to', async () => {
    const path = join(folder, 'a.wav')
    await writeFile(
      path,
      wav(
        '16',
        ramp(500, (i) => i),
      ),
    )
    expect((await readWav(path)).samples.length).toBe(500)
    await expect(readWav(join(folder, 'b.wav'), { where: 'm.jsonl:3 (b.wav)' })).rejects.toThrow(
      'm.jsonl:3 (b.wav): cannot read the audio file: there is no such file',
    )
  })
})
