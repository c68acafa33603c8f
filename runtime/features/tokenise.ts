/**
 * Splits text into words as the vocabulary of GloVe's vectors was split: lower case, by the rules of the Stanford tokenizer
 * and the Penn Treebank (Pennington, Socher and Manning 2014, §4.2).
 */
import { normaliseText } from './normalise-text.ts'

/** Something written together, and the words that it is made of: `don't` is `do` and `n't`. */
export interface Token {
  readonly whole: string
  readonly words: readonly string[]
}

const LETTER = '[\\p{L}\\p{M}\\p{N}]'
/** The first alternative that fits at a place is taken. The text is in lower case. */
const token = new RegExp(
  [
    'https?://\\S+|www\\.\\S+|[\\w.+-]+@[\\w-]+(?:\\.[\\w-]+)+',
    '\\.{2,}|-{2,}|[?!]{2,}',
    // Titles and acronyms keep their full stops: mr., p.m., u.s.
    `(?<!${LETTER})(?:(?:mr|mrs|ms|dr|jr|sr|st|prof|gen|sen|rep|lt|col|sgt|capt|vs|etc|inc|corp|ltd|co|no)\\.(?!\\.)|(?:\\p{L}\\.){2,})`,
    // 1,000  3.50  7:30  1/2  5th  1990s  '80s
    `'?\\d+(?:[.,:/]\\d+)*(?:st|nd|rd|th|s)?(?!${LETTER})|\\.\\d+`,
    "'(?:em|til|cause|bout|round|cuz|kay)(?![\\p{L}'])|'(?:s|m|re|ll|ve|d)(?!\\p{L})|'tis(?!\\p{L})|'twas(?!\\p{L})",
    `${LETTER}+(?:[-'.&_]${LETTER}+)*`,
    '\\S',
  ].join('|'),
  'gu',
)

/** Words that are two in the Penn Treebank though nothing stands between. */
const TWO_WORDS: Readonly<Record<string, readonly string[]>> = {
  cannot: ['can', 'not'],
  gonna: ['gon', 'na'],
  gotta: ['got', 'ta'],
  wanna: ['wan', 'na'],
  gimme: ['gim', 'me'],
  lemme: ['lem', 'me'],
  "d'you": ["d'", 'you'],
  "y'all": ["y'", 'all'],
  "y'know": ["y'", 'know'],
  "'tis": ["'t", 'is'],
  "'twas": ["'t", 'was'],
}

/** The tokens of a text, in lower case, each with its words. */
export function splitTokens(text: string): Token[] {
  return (normaliseText(text).toLowerCase().match(token) ?? []).flatMap(splitToken)
}

/** The words of a text: `I can't, it's 7:30...` gives i ca n't , it 's 7:30 ... */
export const tokenise = (text: string): string[] => splitTokens(text).flatMap(({ words }) => words)

function splitToken(whole: string): Token[] {
  if (/^\.{2,}$/.test(whole)) return [{ whole: '...', words: ['...'] }]
  if (/^-{2,}$/.test(whole)) return [{ whole: '--', words: ['--'] }]
  // A full stop without a space after it (`fine.but`) ends a sentence; an acronym or address was matched before.
  const parts = /^\p{L}{2,}(?:[.]\p{L}{2,})+$/u.test(whole) ? whole.split(/(\.)/) : [whole]
  return parts.map((part) => ({ whole: part, words: splitContraction(part) }))
}

/** `would`, `n't`, `'ve` of `wouldn't've`. */
function splitContraction(word: string): readonly string[] {
  const two = Object.hasOwn(TWO_WORDS, word) ? TWO_WORDS[word] : undefined
  if (two !== undefined) return two
  const ending = /(?<=.)(?:n't|'(?:s|m|re|ll|ve|d))$/.exec(word)
  if (ending === null) return [word]
  return [...splitContraction(word.slice(0, ending.index)), ending[0]]
}

/**
 * What a word that the vectors lack is read as: full forms of what is spoken short, near relations of the one-letter words
 * (some published files leave all of those out), and signs for one another.
 */
const STAND_INS: Readonly<Record<string, string>> = {
  i: 'me',
  a: 'an',
  "n't": 'not',
  "'m": 'am',
  "'re": 'are',
  "'ll": 'will',
  "'ve": 'have',
  "'d": 'would',
  "'em": 'them',
  "'til": 'until',
  "'cause": 'because',
  "'bout": 'about',
  "'round": 'around',
  "'cuz": 'because',
  "'kay": 'okay',
  "'t": 'it',
  "y'": 'you',
  "d'": 'do',
  gon: 'going',
  lem: 'let',
  gim: 'give',
  '...': '…',
  '…': '.',
  '--': '–',
  '–': '-',
  '"': "''",
}
/** The stem of a negation whose `n't` is read as `not`. */
const STEMS: Readonly<Record<string, string>> = { ca: 'can', wo: 'will', sha: 'shall' }
/** After these `'s` is the verb; elsewhere it is mostly the genitive, which nothing stands in for. */
const SUBJECTS = new Set('it that this he she what who where when why how here there everything nothing one'.split(' '))

/**
 * The words of a text, each one that the vectors have, if there is such a reading; unknown words stay as they are.
 *
 * A contraction is read in its parts, else whole (`gonna`), else by its parts' full forms. A word that is unknown is tried as
 * its stand-in, without a final full stop (`mr.`), without accents, with letters drawn out shortened (`nooo`), with the `g` that
 * speech drops (`walkin'`), and in its parts (`half-brother`, `o'clock`, `!!`).
 */
export function readableWords(text: string, known: (word: string) => boolean): string[] {
  return splitTokens(text).flatMap(({ whole, words }) => {
    if (words.every(known)) return words
    if (known(whole)) return [whole]
    return words.flatMap((word, k) => {
      if (known(word)) return words[k + 1] === "n't" && !known("n't") ? [stem(word)] : [word]
      return read(word, words[k - 1], known) ?? [word]
    })
  })
}

const stem = (word: string): string => (Object.hasOwn(STEMS, word) ? STEMS[word] : undefined) ?? word
const standIn = (word: string): string | undefined => (Object.hasOwn(STAND_INS, word) ? STAND_INS[word] : undefined)

function read(word: string, before: string | undefined, known: (word: string) => boolean): string[] | undefined {
  if (word === "'s") {
    const meant = before === 'let' ? 'us' : SUBJECTS.has(before ?? '') ? 'is' : undefined
    return meant !== undefined && known(meant) ? [meant] : undefined
  }
  for (let stand = standIn(word); stand !== undefined; stand = standIn(stand)) if (known(stand)) return [stand]
  const plain = word.normalize('NFD').replace(/\p{M}+/gu, '')
  const candidates = [
    word.replace(/\.$/, ''),
    plain,
    plain.replace(/(\p{L})\1{2,}/gu, '$1$1'),
    plain.replace(/(\p{L})\1+/gu, '$1'),
    plain.replaceAll(',', ''),
    plain.replace(/in$/, 'ing'),
  ]
  const found = candidates.find((candidate) => candidate !== '' && known(candidate))
  if (found !== undefined) return [found]
  const parts = /^[?!]+$/.test(word) ? [...word] : word.split(/[-'.&_/:]+/).filter((part) => part !== '')
  if (parts.length < 2) return undefined
  const readParts = parts.map((part) => (known(part) ? [part] : read(part, undefined, known)))
  return readParts.some((part) => part !== undefined)
    ? readParts.flatMap((part, k) => part ?? [parts[k] ?? ''])
    : undefined
}
