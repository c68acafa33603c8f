/** Synthesises speech-like sounds: a glottal pulse train through formant resonators, with the prosody of an emotion. */

export const EMOTIONS = ['anger', 'happiness', 'sadness', 'neutral'] as const
export type Emotion = (typeof EMOTIONS)[number]

export const RATE = 16_000

/** What stays the same in all that one speaker says. */
export interface Voice {
  /** Middle pitch in Hz. */
  readonly pitch: number
  /** Factor of all formants: above 1 for short vocal tracts. */
  readonly scale: number
  /** Part of noise in the voice. */
  readonly breath: number
}

/** How something is said. */
interface Prosody {
  /** Factor of the voice's pitch. */
  readonly pitch: number
  /** How far pitch moves, in octaves. */
  readonly range: number
  /** Level in dB below full scale. */
  readonly level: number
  /** Syllables a second. */
  readonly rate: number
  /** 0 is a bright, pressed voice, 1 a dull one. */
  readonly dullness: number
  /** Depth of vibrato, in octaves. */
  readonly vibrato: number
  readonly breath: number
}

const PROSODIES: Readonly<Record<Emotion, Prosody>> = {
  anger: { pitch: 1.2, range: 0.25, level: -22, rate: 5.8, dullness: 0.35, vibrato: 0, breath: 0.02 },
  happiness: { pitch: 1.32, range: 0.45, level: -24, rate: 5.5, dullness: 0.5, vibrato: 0.03, breath: 0.04 },
  sadness: { pitch: 0.9, range: 0.1, level: -31, rate: 4.3, dullness: 0.85, vibrato: 0.02, breath: 0.14 },
  neutral: { pitch: 1, range: 0.15, level: -27, rate: 5, dullness: 0.65, vibrato: 0, breath: 0.05 },
}

/** The first three formants of the vowels in Hz (Peterson and Barney 1952, men). */
const VOWELS: Readonly<Record<string, readonly [number, number, number]>> = {
  a: [730, 1090, 2440],
  e: [530, 1840, 2480],
  i: [270, 2290, 3010],
  o: [570, 840, 2410],
  u: [300, 870, 2240],
  y: [390, 1990, 2550],
}
/** Bandwidths of the four formants, in Hz. */
const BANDWIDTHS = [80, 90, 120, 170] as const
/** Samples between changes of the filters: 5 ms. */
const STEP = 80

/** Roughly normal, mean 0 and deviation 1 (the sum of twelve uniform draws). */
function normal(random: () => number): number {
  let sum = -6
  for (let i = 0; i < 12; i++) sum += random()
  return sum
}

/** How far one utterance strays from its emotion's prosody: enough that sound alone does not give the emotion away. */
function vary(emotion: Emotion, random: () => number): Prosody {
  const base = PROSODIES[emotion]
  return {
    pitch: base.pitch * 2 ** (0.13 * normal(random)),
    range: base.range * 2 ** (0.5 * normal(random)),
    level: base.level + 3.5 * normal(random),
    rate: Math.max(3.5, base.rate + 0.6 * normal(random)),
    dullness: Math.min(0.95, Math.max(0.1, base.dullness + 0.15 * normal(random))),
    vibrato: Math.max(0, base.vibrato + 0.01 * normal(random)),
    breath: Math.max(0, base.breath + 0.03 * normal(random)),
  }
}

/** The bounds of an utterance in seconds, without its margins. */
const [SHORTEST, LONGEST] = [0.9, 2]

/** The first vowel of each syllable, roughly: an e at the end of a longer word is silent. */
const syllables = (sentence: string): string[] => {
  const spoken = sentence.toLowerCase().replace(/(?<=[a-z]{2})e\b/g, '')
  return [...spoken.matchAll(/[aeiouy]+/g)].map(([group]) => group[0] ?? 'a')
}

/**
 * A sentence as samples of 16-bit integers at 16 kHz, one syllable for each group of vowels in it. What it says cannot be
 * understood; pitch, level, rate and timbre follow the emotion, loosely.
 */
export function speak(sentence: string, emotion: Emotion, voice: Voice, random: () => number): Int16Array {
  const vowels = syllables(sentence)
  const prosody = vary(emotion, random)
  const length = Math.round(Math.min(LONGEST, Math.max(SHORTEST, vowels.length / prosody.rate)) * RATE)
  const margin = Math.round(0.06 * RATE)
  const sound = new Float64Array(length + 2 * margin)
  const accents = vowels.map(() => normal(random))
  const stretch = vowels.map(() => 1 + 0.15 * normal(random))
  const total = stretch.reduce((sum, n) => sum + n, 0)
  const ends = stretch.map((_, k) => (stretch.slice(0, k + 1).reduce((sum, n) => sum + n, 0) / total) * length)
  const filters = BANDWIDTHS.map(() => ({ a: 1, b: 0, c: 0, y1: 0, y2: 0 }))
  const formants = [500, 1500, 2500].map((f) => f * voice.scale)
  const breath = voice.breath + prosody.breath
  let [phase, pulse, smooth, syllable] = [0, 0, 0, 0]
  for (let i = 0; i < length; i++) {
    while (i >= (ends[syllable] ?? length) && syllable < vowels.length - 1) syllable++
    const start = syllable === 0 ? 0 : (ends[syllable - 1] ?? 0)
    const inside = (i - start) / Math.max((ends[syllable] ?? length) - start, 1)
    if (i % STEP === 0) {
      const wanted = VOWELS[vowels[syllable] ?? 'a'] ?? [500, 1500, 2500]
      wanted.forEach((f, k) => {
        formants[k] = 0.75 * (formants[k] ?? f) + 0.25 * f * voice.scale
      })
      tune(filters, [...formants, 3500 * voice.scale])
    }
    const time = i / RATE
    // Pitch falls over a sentence, rises on accented syllables, and trembles a little from period to period.
    const octaves =
      prosody.range * (0.5 - i / length + (accents[syllable] ?? 0) * Math.sin(Math.PI * inside)) +
      prosody.vibrato * Math.sin(2 * Math.PI * 5.5 * time)
    phase += (voice.pitch * prosody.pitch * 2 ** octaves) / RATE
    if (phase >= 1) phase -= 1 + 0.02 * (random() - 0.5)
    const before = pulse
    pulse = phase < 0.6 ? 0.5 - 0.5 * Math.cos((Math.PI * Math.max(phase, 0)) / 0.4) : 0
    smooth = prosody.dullness * smooth + (1 - prosody.dullness) * (pulse - before)
    const voiced = Math.min(1, inside * 6) * Math.min(1, (1 - inside) * 4)
    const consonant = inside < 0.15 ? 0.06 : 0
    const noise = random() - 0.5
    let out = voiced * (smooth + breath * 0.2 * noise) + consonant * noise
    for (const filter of filters) {
      const next = filter.a * out + filter.b * filter.y1 + filter.c * filter.y2
      filter.y2 = filter.y1
      filter.y1 = next
      out = next
    }
    sound[margin + i] = out
  }
  return record(sound, prosody.level, random)
}

interface Resonator {
  a: number
  b: number
  c: number
  y1: number
  y2: number
}

/** Sets two-pole resonators to frequencies in Hz (Klatt 1980, eq. 1–2). */
function tune(filters: readonly Resonator[], frequencies: readonly number[]): void {
  filters.forEach((filter, k) => {
    const radius = Math.exp((-Math.PI * (BANDWIDTHS[k] ?? 100)) / RATE)
    filter.c = -radius * radius
    filter.b = 2 * radius * Math.cos((2 * Math.PI * (frequencies[k] ?? 3500)) / RATE)
    filter.a = 1 - filter.b - filter.c
  })
}

/** Brings a sound to a level (root mean square, dB below full scale), adds a room's noise, and softens peaks. */
function record(sound: Float64Array, level: number, random: () => number): Int16Array {
  const power = sound.reduce((sum, v) => sum + v * v, 0) / sound.length
  const gain = (32768 * 10 ** (level / 20)) / Math.sqrt(power)
  const room = 32768 * 10 ** (-66 / 20)
  return Int16Array.from(sound, (v) => Math.round(32767 * Math.tanh((v * gain + room * 2 * (random() - 0.5)) / 32767)))
}
