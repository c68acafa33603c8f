/** Tests that the synthetic corpus is what the tool reads, the same for a seed, and says that it is synthetic. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readManifest, type Sample } from '../../../runtime/data/manifest.ts'
import { split } from '../../../runtime/data/split.ts'
import { generateSyntheticCorpus, type SyntheticCorpus } from '../../../runtime/data/synthetic.ts'
import { EMOTIONS } from '../../../runtime/data/synthetic-speech.ts'
import { readWav } from '../../../runtime/features/wav.ts'
import { embedText, readVectors, vectorOf } from '../../../runtime/features/words.ts'

let folder = ''
let corpus: SyntheticCorpus
let samples: Sample[] = []
const target = { name: 'emotion', classes: EMOTIONS, labels: 'emotions', below: 4, size: 1, scalar: true } as const
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcfnc-synthetic-'))
  corpus = await generateSyntheticCorpus(join(folder, 'a'), { seed: 1, size: 80 })
  samples = await readManifest(corpus.manifest, { targets: [target], needs: { audio: 'speech', text: 'text' } })
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

describe('the synthetic corpus', () => {
  it('has equal classes and sessions, and splits without a shared voice', () => {
    expect(samples.length).toBe(80)
    for (const k of [0, 1, 2, 3]) expect(samples.filter((s) => s.targets.emotion?.[0] === k).length).toBe(20)
    for (const k of [1, 2, 3, 4, 5]) expect(samples.filter((s) => s.session === k).length).toBe(16)
    const { train, validation, test, warnings } = split(samples, { testSession: 5, validation: 0.15, seed: 1 })
    expect(warnings).toEqual([])
    expect(train.length + validation.length + test.length).toBe(80)
  })
  it('has recordings that can be read, of 1 to 2 s, neither silent nor clipped', async () => {
    for (const sample of samples) {
      const { samples: wave } = await readWav(sample.audio ?? '')
      expect(wave.length / 16000).toBeGreaterThan(1)
      expect(wave.length / 16000).toBeLessThan(2.2)
      const level = Math.sqrt(wave.reduce((sum, v) => sum + v * v, 0) / wave.length)
      expect(level).toBeGreaterThan(200)
      expect(wave.filter((v) => Math.abs(v) > 32700).length / wave.length).toBeLessThan(0.02)
    }
  })
  it('has a vector for every word, near those of its kind', async () => {
    const vectors = await readVectors(corpus.vectors)
    expect(vectors.width).toBe(100)
    for (const { text } of samples) expect(embedText(text ?? '', vectors)).toMatchObject({ unknown: 0 })
    const cosine = (a: string, b: string): number => {
      const [x, y] = [vectorOf(a, vectors), vectorOf(b, vectors)]
      if (x === undefined || y === undefined) throw new Error(`no vector of ${a} or ${b}`)
      const dot = (u: Float32Array, v: Float32Array): number => u.reduce((sum, n, i) => sum + n * (v[i] ?? 0), 0)
      return dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y))
    }
    expect(cosine('furious', 'angry')).toBeGreaterThan(cosine('furious', 'happy') + 0.2)
    expect(cosine('meeting', 'party')).toBeGreaterThan(cosine('meeting', 'sad') + 0.2)
  })
  it('has sentences that fit several emotions', () => {
    const labels = new Map<string, Set<number>>()
    for (const { text = '', targets } of samples) {
      const start = text.split(' ').slice(0, 2).join(' ')
      labels.set(start, (labels.get(start) ?? new Set()).add(targets.emotion?.[0] ?? -1))
    }
    expect([...labels.values()].some((set) => set.size > 1)).toBe(true)
  })
  it('is the same for a seed, and another for another', async () => {
    const read = async (name: string, seed: number): Promise<Map<string, string>> => {
      await generateSyntheticCorpus(join(folder, name), { seed, size: 12 })
      const files = (await readdir(join(folder, name), { recursive: true, withFileTypes: true })).filter((f) =>
        f.isFile(),
      )
      const bytes = files.map(
        async (f): Promise<[string, string]> => [f.name, await readFile(join(f.parentPath, f.name), 'hex')],
      )
      return new Map(await Promise.all(bytes))
    }
    const [one, again, other] = [await read('one', 7), await read('again', 7), await read('other', 8)]
    expect(one.size).toBe(15)
    expect(again).toEqual(one)
    expect(other.get('syn_0001.wav')).not.toBe(one.get('syn_0001.wav'))
  })
  it('says what it is', async () => {
    expect(await readFile(corpus.readme, 'utf8')).toMatch(/^A SYNTHETIC corpus/)
  })
})
