/** Template sentences of four emotions, and word vectors in which words of one kind lie near each other. */
import { tokenise } from '../features/tokenise.ts'
import { seededRandom } from './random.ts'
import { EMOTIONS, type Emotion } from './synthetic-speech.ts'

const words = (text: string): string[] => text.split(' ')

/** Words that show an emotion. */
const FEELINGS: Readonly<Record<Emotion, readonly string[]>> = {
  anger: words('furious angry mad outraged livid fuming annoyed sick'),
  happiness: words('happy thrilled delighted glad excited overjoyed cheerful proud'),
  sadness: words('sad lonely heartbroken miserable gloomy sorry hopeless upset'),
  neutral: words('fine okay ready calm busy sure free here'),
}
const JUDGEMENTS: Readonly<Record<Emotion, readonly string[]>> = {
  anger: words('outrageous unfair stupid disgusting insulting ridiculous'),
  happiness: words('wonderful fantastic lovely brilliant amazing beautiful'),
  sadness: words('terrible painful tragic hard bleak unbearable'),
  neutral: words('usual normal possible common simple ordinary'),
}
const THINGS = words('meeting letter party house car dinner train news game film job trip')
const PEOPLE = words('mother brother boss friend neighbour teacher sister doctor')

/** `F` is a feeling, `J` a judgement, `T` a thing, `P` a person. */
const TEMPLATES: Readonly<Record<Emotion, readonly string[]>> = {
  anger: [
    "I'm so F with you!",
    'How dare your P say that!',
    'That T was J, stop it!',
    'I hate this J T!',
    'Get out, I am F!',
  ],
  happiness: [
    "I'm so F for you!",
    'What a J T we had!',
    'I love this J T!',
    'My P is F about it!',
    "It's a J day, hurray!",
  ],
  sadness: [
    "I'm so F without him.",
    'I miss my P so much.',
    'That T was J for us.',
    'I cried after the T.',
    'We lost her, I am F.',
  ],
  neutral: [
    'I am F for the T.',
    "It's a J T, I think.",
    'My P is at the T.',
    'The T begins at noon.',
    'We take the J train.',
  ],
}
/** What may be said with any emotion. */
const OPEN = [
  "I can't believe the T is over.",
  'You told my P about the T.',
  'So this is the T, then.',
  'Did you see what they did?',
  'My P said that about me.',
  "I don't know what to say.",
  "They're all waiting for us.",
]

/** How often a sentence could mean any emotion, so that words alone do not give the emotion away. */
const OPEN_SHARE = 0.3

/** A sentence of five to nine syllables or so that fits an emotion, or any. */
export function composeSentence(emotion: Emotion, random: () => number): string {
  const pick = (options: readonly string[]): string => options[Math.floor(random() * options.length)] ?? ''
  const template = pick(random() < OPEN_SHARE ? OPEN : TEMPLATES[emotion])
  return template.replace(/\b[FJTP]\b/g, (slot) => {
    if (slot === 'F') return pick(FEELINGS[emotion])
    if (slot === 'J') return pick(JUDGEMENTS[emotion])
    return pick(slot === 'T' ? THINGS : PEOPLE)
  })
}

/** Numbers in a word's vector. */
export const vectorsWidth = 100

/**
 * A file of vectors in the format of GloVe for all words of the sentences, 100 numbers each. A word is the middle of its kind
 * (an emotion's words, things, people, the rest) and something of its own.
 */
export function composeVectors(seed: number): string {
  const kinds = new Map<string, string>()
  const add = (kind: string, text: string): void => {
    for (const word of tokenise(text)) if (!kinds.has(word)) kinds.set(word, kind)
  }
  for (const emotion of EMOTIONS) add(emotion, [...FEELINGS[emotion], ...JUDGEMENTS[emotion]].join(' '))
  add('thing', THINGS.join(' '))
  add('person', PEOPLE.join(' '))
  add('anger', 'hate dare stop out')
  add('happiness', 'love hurray')
  add('sadness', 'miss cried lost without')
  for (const sentence of [...Object.values(TEMPLATES).flat(), ...OPEN])
    add('other', sentence.replace(/\b[FJTP]\b/g, ' '))
  add(
    'other',
    "the a an and or not is was be he she it they we i you me him her n't 's 'm 're 'll 've 'd . , ! ? ... --",
  )
  const lines = [...kinds].map(([word, kind]) => {
    const shared = seededRandom(seed, `kind ${kind}`)
    const own = seededRandom(seed, `word ${word}`)
    const values = Array.from({ length: vectorsWidth }, () => (shared() - 0.5 + 1.2 * (own() - 0.5)).toFixed(5))
    return `${word} ${values.join(' ')}\n`
  })
  return lines.join('')
}
