/** Makes a small bimodal corpus out of nothing, so that everything can be tried without any data. */
import { join } from 'node:path'
import wavefile from 'wavefile'
import { writeFileAtomic } from '../formats/atomic.ts'
import { seededRandom } from './random.ts'
import { EMOTIONS, RATE, speak, type Voice } from './synthetic-speech.ts'
import { composeSentence, composeVectors } from './synthetic-text.ts'

export interface SyntheticOptions {
  readonly seed: number
  /** How many samples; classes and sessions are equally large, up to one sample. */
  readonly size: number
  /** Each has two speakers of its own; 5 by default. */
  readonly sessions?: number
}

/** The files of the corpus. */
export interface SyntheticCorpus {
  readonly manifest: string
  readonly vectors: string
  readonly readme: string
}

const SPEAKERS = 2
/** Sentences in one dialogue. */
const TURNS = 6

/**
 * Writes a corpus into a folder: `manifest.jsonl`, `wav/*.wav` (16 kHz, 16 bits, one channel, 1 to 2 s), `vectors.txt`
 * (GloVe's format, 100 numbers a word) and a `README.txt` that says what it is. The same options give the same bytes. The
 * manifest is written last, so a folder with a manifest is whole.
 */
export async function generateSyntheticCorpus(folder: string, options: SyntheticOptions): Promise<SyntheticCorpus> {
  const { seed, size, sessions = 5 } = options
  const files = {
    manifest: join(folder, 'manifest.jsonl'),
    vectors: join(folder, 'vectors.txt'),
    readme: join(folder, 'README.txt'),
  }
  const voices = Array.from({ length: sessions * SPEAKERS }, (_, k) => makeVoice(k, seed))
  const lines: string[] = []
  for (let i = 0; i < size; i++) {
    const id = `syn_${`${i + 1}`.padStart(4, '0')}`
    const emotion = EMOTIONS[i % EMOTIONS.length] ?? 'neutral'
    const turn = Math.floor(i / EMOTIONS.length)
    const speaker = turn % voices.length
    const voice = voices[speaker]
    if (voice === undefined) throw new RangeError('a corpus needs a session at least')
    const random = seededRandom(seed, id)
    const text = composeSentence(emotion, random)
    const file = new wavefile.WaveFile()
    file.fromScratch(1, RATE, '16', speak(text, emotion, voice, random))
    const audio = `wav/${id}.wav`
    await writeFileAtomic(join(folder, audio), file.toBuffer(), { sync: false })
    const said = Math.floor(turn / voices.length) * EMOTIONS.length + (i % EMOTIONS.length)
    const session = 1 + Math.floor(speaker / SPEAKERS)
    const name = `S${`${speaker + 1}`.padStart(2, '0')}`
    const textId = `syn${name}dia${Math.floor(said / TURNS)}_utt${said % TURNS}`
    lines.push(`${JSON.stringify({ id, session, speaker: name, audio, text, text_id: textId, label: emotion })}\n`)
  }
  await writeFileAtomic(files.vectors, composeVectors(seed))
  await writeFileAtomic(files.readme, describeCorpus(size, sessions, seed))
  await writeFileAtomic(files.manifest, lines.join(''))
  return files
}

/** Low and high voices take turns, so that each session has one of each. */
function makeVoice(index: number, seed: number): Voice {
  const random = seededRandom(seed, `voice ${index}`)
  const high = index % 2 === 1
  return {
    pitch: (high ? 205 : 118) * 2 ** (0.3 * (random() - 0.5)),
    scale: (high ? 1.15 : 1) * (1 + 0.1 * (random() - 0.5)),
    breath: 0.02 + 0.08 * random(),
  }
}

const describeCorpus = (size: number, sessions: number, seed: number): string => `A SYNTHETIC corpus

No person spoke or wrote any of this. A program made the ${size} recordings (buzzing pulses through resonators, with
a pitch, level and speed that loosely follow an emotion), the sentences (from templates) and the word
vectors (random numbers, near each other for words of one kind). It exists to try the tool with; scores on
it say nothing about speech or about people.

manifest.jsonl   one sample a line: ${sessions} sessions of ${SPEAKERS} voices, classes ${EMOTIONS.join(', ')}
wav/             16 kHz, 16 bits, one channel
vectors.txt      100 numbers a word, in the format of GloVe

Made with the seed ${seed}; the same seed makes the same files.
`
