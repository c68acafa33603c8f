/** Tests running a feature model, keeping what it makes, and naming each bad recording of a corpus. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import wavefile from 'wavefile'
import { DiagnosticError } from '../../../compiler/diagnostics/diagnostic.ts'
import { encodeModel, type OnnxNode } from '../../../compiler/emit/onnx/model.ts'
import { type Acoustic, openAcoustic } from '../../../runtime/features/acoustic.ts'
import { cachedFeatures, cacheFolder, openCache } from '../../../runtime/features/cache.ts'
import { extractAll } from '../../../runtime/features/extract.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcfnc-acoustic-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

/** A front end whose frames are four samples as they are, divided by `divisor`. */
function frontEnd(divisor = 1, input = 'wave', output = 'features'): Uint8Array {
  const node = (type: string, inputs: string[], name: string): OnnxNode => {
    return { name, type, inputs, outputs: [name], attributes: {} }
  }
  return encodeModel({
    graph: {
      name: 'front end',
      nodes: [node('Reshape', [input, 'shape'], 'frames'), node('Div', ['frames', 'divisor'], output)],
      inputs: [
        { name: input, dtype: 'f32', dims: ['batch', 'samples'] },
        { name: `${input}_lengths`, dtype: 'i64', dims: ['batch'] },
      ],
      outputs: [{ name: output, dtype: 'f32', dims: ['batch', 'frames', 4] }],
      initialisers: [
        { name: 'shape', dtype: 'i64', dims: [3], data: BigInt64Array.of(1n, -1n, 4n) },
        { name: 'divisor', dtype: 'f32', dims: [], data: Float32Array.of(divisor) },
      ],
      values: [],
    },
    opset: 17,
    producerVersion: 'test',
    metadata: {},
  })
}

const open = (onnx: Uint8Array, settings = {}): Promise<Acoustic> =>
  openAcoustic(onnx, settings, { threads: 1, name: 'fe.onnx' })
const ramp = Float32Array.from({ length: 400 }, (_, i) => i)

describe('openAcoustic', () => {
  it('gives rows for frames', async () => {
    const acoustic = await open(frontEnd())
    const features = await acoustic.extract({ samples: ramp, rate: 16000 }, 'a.wav')
    expect([features.length, features.width]).toEqual([100, 4])
    expect(features.values).toEqual(ramp)
    await acoustic.release()
  })
  it('hashes the model and the settings', async () => {
    const hashes = [open(frontEnd()), open(frontEnd()), open(frontEnd(2)), open(frontEnd(), { bands: 40 })]
    const [a, b, c, d] = (await Promise.all(hashes)).map(({ hash }) => hash)
    expect(a).toBe(b)
    expect(new Set([a, c, d]).size).toBe(3)
  })
  it('refuses other models, and values that are not finite', async () => {
    await expect(open(frontEnd(1, 'sound'))).rejects.toThrow('`fe.onnx` cannot be used: it has no input `wave`')
    expect((await open(frontEnd(1, 'wave', 'other'))).hash).toHaveLength(64)
    const broken = await open(frontEnd(0))
    await expect(broken.extract({ samples: ramp, rate: 16000 }, 'm.jsonl:2 (a.wav)')).rejects.toThrow(
      'm.jsonl:2 (a.wav)',
    )
  })
})

describe('the cache', () => {
  const audio = Uint8Array.of(1, 2, 3)
  const features = { length: 2, width: 2, values: Float32Array.of(1, 2, 3, 4) }
  const entries = async (at: string): Promise<string[]> => {
    const all = await readdir(at, { recursive: true, withFileTypes: true })
    return all.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  }

  it('computes once for the same bytes and front end', async () => {
    const cache = await openCache(join(folder, 'once'))
    let computed = 0
    const get = (bytes: Uint8Array, hash: string) =>
      cachedFeatures(cache, bytes, hash, async () => {
        computed++
        return features
      })
    expect(await get(audio, 'h')).toEqual(features)
    expect(await get(audio, 'h')).toEqual(features)
    expect(computed).toBe(1)
    await get(Uint8Array.of(1, 2, 4), 'h')
    await get(audio, 'g')
    expect(computed).toBe(3)
  })
  it('computes again where an entry is cut short or has a flipped bit', async () => {
    const cache = await openCache(join(folder, 'corrupt'))
    const get = () => cachedFeatures(cache, audio, 'h', async () => features)
    await get()
    const [path = ''] = await entries(join(folder, 'corrupt'))
    const sound = await readFile(path)
    const flipped = Uint8Array.from(sound)
    flipped[sound.length - 1] = 0xff
    for (const damaged of [sound.subarray(0, 20), sound.subarray(0, sound.length - 4), new Uint8Array(0), flipped]) {
      await writeFile(path, damaged)
      expect(await get()).toEqual(features)
      expect(await readFile(path)).toEqual(sound)
    }
  })
  it('does without where it cannot write, and says so', async () => {
    await writeFile(join(folder, 'file'), '')
    const cache = await openCache(join(folder, 'file', 'sub'))
    expect(cache.warnings.map((d) => d.slug)).toEqual(['cache-unwritable'])
    expect(await cachedFeatures(cache, audio, 'h', async () => features)).toEqual(features)
  })
  it('lies where the environment says', () => {
    expect(cacheFolder({ MCFNC_CACHE: '/x/y' })).toBe('/x/y')
    expect(cacheFolder({ MCFNC_CACHE: '' })).toBeUndefined()
    expect(cacheFolder({ XDG_CACHE_HOME: '/c' })).toBe(join('/c', 'mcfnc'))
    expect(cacheFolder({})).toBe(join(homedir(), '.cache', 'mcfnc'))
  })
})

describe('extractAll', () => {
  const wav = async (name: string, rate: number): Promise<{ path: string; where: string }> => {
    const file = new wavefile.WaveFile()
    file.fromScratch(1, rate, '16', [...ramp])
    const path = join(folder, name)
    await writeFile(path, file.toBuffer())
    return { path, where: `m.jsonl:${name}` }
  }
  it('keeps the order and tells how far it is', async () => {
    const sources = [await wav('1', 16000), await wav('2', 16000)]
    const seen: number[] = []
    const made = await extractAll(sources, await open(frontEnd(2)), await openCache(undefined), (done) =>
      seen.push(done),
    )
    expect(made.map(({ values }) => values[3])).toEqual([1.5, 1.5])
    expect(seen).toEqual([1, 2])
  })
  it('reports all bad recordings, up to 20', async () => {
    const bad = await Promise.all(Array.from({ length: 22 }, (_, k) => wav(`bad${k}`, 8000)))
    const sources = [await wav('ok', 16000), ...bad, { path: join(folder, 'none'), where: 'm.jsonl:9' }]
    const found = await extractAll(sources, await open(frontEnd()), await openCache(undefined)).catch((e: unknown) => e)
    if (!(found instanceof DiagnosticError)) throw new Error('should fail')
    expect(found.diagnostics.length).toBe(21)
    expect(found.diagnostics[0]?.message).toContain('m.jsonl:bad0: the audio has 8000 samples a second')
    expect(found.diagnostics[20]?.message).toBe('3 further recordings cannot be used; the first 20 are shown')
  })
})
