/**
 * The catalogue's 6xxx rows: run time and data.
 *
 * 60xx manifests and splits, 61xx audio, 62xx words and vectors, 63xx weight files, 64xx acoustic features and cache,
 * 65xx training (training.ts), 66xx commands and models that are used (commands.ts).
 */
import { error, warning } from '../diagnostic.ts'

/** A place in a file of data, from line 1, as messages print it: `data/manifest.jsonl:17`. */
export interface DataLine {
  readonly file: string
  readonly line: number
}

/** `file:line`, or the file alone. */
export const formatDataLine = (at: DataLine): string => `${at.file}:${at.line}`

const quote = (text: string): string => `\`${text}\``
const list = (names: readonly string[]): string => names.map(quote).join(', ')
const plural = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`
/** Quoted for a shell, so that a printed command can be pasted. */
const shell = (path: string): string => (/^[\w./+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`)

export const manifestUnreadable = error<{ file: string; reason: string }>('MCF6001', 'manifest-unreadable', (p) => ({
  message: `cannot read the manifest ${quote(p.file)}: ${p.reason}`,
  help: ['a manifest is a text file with one JSON object a line: {"id": "a1", "session": 1, "audio": "a1.wav", …}'],
}))

export const manifestEmpty = error<{ file: string }>('MCF6002', 'manifest-empty', (p) => ({
  message: `the manifest ${quote(p.file)} has no samples`,
  help: ['write one JSON object a line: {"id": "a1", "session": 1, "audio": "a1.wav", "text": "…", "label": "anger"}'],
}))

export const manifestNotJson = error<{ at: DataLine; reason: string }>('MCF6003', 'manifest-not-json', (p) => ({
  message: `${formatDataLine(p.at)}: this line is not JSON: ${p.reason}`,
  help: ['each line is one JSON object, with its keys and texts in double quotes and no comma after the last one'],
}))

export const manifestInvalidField = error<{ at: DataLine; field: string; expected: string; found: string }>(
  'MCF6004',
  'manifest-invalid-field',
  (p) => ({
    message:
      p.field === ''
        ? `${formatDataLine(p.at)}: the line ${p.expected}, but it is ${p.found}`
        : `${formatDataLine(p.at)}: ${quote(p.field)} ${p.expected}, but it is ${p.found}`,
  }),
)

export const manifestMissingField = error<{ at: DataLine; field: string; why: string; present: readonly string[] }>(
  'MCF6005',
  'manifest-missing-field',
  (p) => ({
    message: `${formatDataLine(p.at)}: the field ${quote(p.field)} is missing; ${p.why}`,
    notes: p.present.length > 0 ? [`the line has ${list(p.present)}`] : [],
  }),
)

export const manifestDuplicateId = error<{ at: DataLine; id: string; first: number }>(
  'MCF6006',
  'manifest-duplicate-id',
  (p) => ({
    message: `${formatDataLine(p.at)}: the id ${quote(p.id)} was used before, in line ${p.first}`,
    help: ['give each sample an id of its own: splits, caches and reports name samples by it'],
  }),
)

export const manifestUnknownLabel = error<{
  at: DataLine
  field: string
  label: string
  known: readonly string[]
  nearest: string | undefined
  /** Further lines with the same label. */
  others: number
  /** The name of the model's labels, where `-D` can set them, and every label that the manifest has. */
  override: { readonly name: string; readonly labels: readonly string[] } | undefined
}>('MCF6007', 'manifest-unknown-label', (p) => ({
  message: `${formatDataLine(p.at)}: ${quote(p.field)} is ${quote(p.label)}, which is not a class of the model`,
  notes: [
    `the classes are ${list(p.known)}`,
    ...(p.others > 0 ? [`${plural(p.others, 'further line has', 'further lines have')} this label`] : []),
  ],
  help: [
    ...(p.nearest === undefined ? [] : [`did you mean ${quote(p.nearest)}?`]),
    ...(p.override === undefined
      ? []
      : [`to take the manifest's labels as the classes: -D ${p.override.name}=${p.override.labels.join(',')}`]),
  ],
}))

export const manifestMissingAudio = error<{ at: DataLine; path: string; reason: string }>(
  'MCF6008',
  'manifest-missing-audio',
  (p) => ({
    message: `${formatDataLine(p.at)}: cannot read the audio file ${quote(p.path)}: ${p.reason}`,
    notes: [`audio paths are relative to the manifest's folder`],
  }),
)

export const manifestMore = error<{ file: string; more: number; shown: number }>('MCF6009', 'manifest-more', (p) => ({
  message: `${quote(p.file)} has ${plural(p.more, 'further mistake')}; the first ${p.shown} are shown`,
}))

export const splitUnknownSession = error<{ session: number; sessions: readonly number[] }>(
  'MCF6010',
  'split-unknown-session',
  (p) => ({
    message: `no sample belongs to session ${p.session}`,
    notes: [`the manifest has the ${p.sessions.length === 1 ? 'session' : 'sessions'} ${p.sessions.join(', ')}`],
  }),
)

export const splitTooSmall = error<{ part: string; samples: number }>('MCF6011', 'split-too-small', (p) => ({
  message: `nothing is left for ${p.part}: ${plural(p.samples, 'sample')} outside the test session`,
  help: ['hold out another session, ask for a smaller validation part, or add samples'],
}))

export const splitShared = warning<{ shared: 'speaker' | 'dialogue'; count: number; why: string }>(
  'MCF6012',
  'split-shared',
  (p) => ({
    message: `${plural(p.count, `${p.shared} is`, `${p.shared}s are`)} in both training and validation: ${p.why}`,
    notes: ['the validation scores may be a little too good; the test session is not touched by this'],
  }),
)

export const audioUnreadable = error<{ where: string; reason: string }>('MCF6101', 'audio-unreadable', (p) => ({
  message: `${p.where}: cannot read the audio file: ${p.reason}`,
}))

export const audioEmpty = error<{ where: string; bytes: number }>('MCF6102', 'audio-empty', (p) => ({
  message:
    p.bytes === 0
      ? `${p.where}: the audio file is empty (0 bytes)`
      : `${p.where}: the audio file has no samples (its data chunk is empty)`,
  help: ['record or copy it again, or take its line out of the manifest'],
}))

export const audioNotWav = error<{ where: string; path: string; looksLike: string | undefined }>(
  'MCF6103',
  'audio-not-wav',
  (p) => ({
    message: `${p.where}: this is not a WAV file${p.looksLike === undefined ? '' : `; it looks like ${p.looksLike}`}`,
    help: convertHelp(p.path),
  }),
)

export const audioTruncated = error<{ where: string; part: string; wanted: number; found: number }>(
  'MCF6104',
  'audio-truncated',
  (p) => ({
    message: `${p.where}: the WAV file is cut short: its ${p.part} should have ${plural(p.wanted, 'byte')} and has ${p.found}`,
    help: ['copy it again from its source; a file that was being written, or a broken download, ends like this'],
  }),
)

export const audioMalformed = error<{ where: string; path: string; reason: string }>(
  'MCF6105',
  'audio-malformed',
  (p) => ({
    message: `${p.where}: the WAV file is damaged: ${p.reason}`,
    help: convertHelp(p.path),
  }),
)

export const audioWrongRate = error<{ where: string; path: string; rate: number; wanted: number }>(
  'MCF6106',
  'audio-wrong-rate',
  (p) => ({
    message: `${p.where}: the audio has ${p.rate} samples a second; ${p.wanted} are wanted`,
    help: convertHelp(p.path),
  }),
)

export const audioNotMono = error<{ where: string; path: string; channels: number }>(
  'MCF6107',
  'audio-not-mono',
  (p) => ({
    message: `${p.where}: the audio has ${p.channels} channels${p.channels === 2 ? ' (stereo)' : ''}; one is wanted`,
    help: convertHelp(p.path),
  }),
)

export const audioEncoding = error<{ where: string; path: string; encoding: string }>(
  'MCF6108',
  'audio-encoding',
  (p) => ({
    message: `${p.where}: the audio is stored as ${p.encoding}; PCM of 8, 16, 24 or 32 bits and floats are read`,
    help: convertHelp(p.path),
  }),
)

export const audioTooShort = error<{ where: string; samples: number; wanted: number; rate: number }>(
  'MCF6109',
  'audio-too-short',
  (p) => ({
    message:
      `${p.where}: the audio is too short: ${plural(p.samples, 'sample')} (${milliseconds(p.samples, p.rate)} ms), ` +
      `and one frame needs ${p.wanted} (${milliseconds(p.wanted, p.rate)} ms)`,
  }),
)

export const audioNotFinite = error<{ where: string; path: string; sample: number; value: string }>(
  'MCF6110',
  'audio-not-finite',
  (p) => ({
    message: `${p.where}: sample ${p.sample} of the audio is ${p.value}, not a number`,
    help: convertHelp(p.path),
  }),
)

const milliseconds = (samples: number, rate: number): string => ((samples / rate) * 1000).toFixed(1)

/** The commands that make of any audio file what the tool reads. */
function convertHelp(path: string): string[] {
  const to = shell(path.replace(/(\.[^./\\]*)?$/, '.16k.wav'))
  return [
    `convert it: ffmpeg -i ${shell(path)} -ac 1 -ar 16000 -c:a pcm_s16le ${to}`,
    `or: sox ${shell(path)} -c 1 -r 16000 -b 16 ${to}`,
  ]
}

export const vectorsUnreadable = error<{ file: string; reason: string }>('MCF6201', 'vectors-unreadable', (p) => ({
  message: `cannot read the word vectors ${quote(p.file)}: ${p.reason}`,
  help: ['give a text file in the format of GloVe with --vectors: a word and its numbers on each line, no header'],
}))

export const vectorsEmpty = error<{ file: string }>('MCF6202', 'vectors-empty', (p) => ({
  message: `the file of word vectors ${quote(p.file)} has no vectors`,
}))

export const vectorsWrongCount = error<{ at: DataLine; word: string; found: number; wanted: number }>(
  'MCF6203',
  'vectors-wrong-count',
  (p) => ({
    message: `${formatDataLine(p.at)}: the word ${quote(p.word)} has ${plural(p.found, 'number')}; ${p.wanted} are wanted`,
    notes: ['the first line says how many numbers a vector has'],
  }),
)

export const vectorsNotANumber = error<{ at: DataLine; word: string; text: string; position: number }>(
  'MCF6204',
  'vectors-not-a-number',
  (p) => ({
    message: `${formatDataLine(p.at)}: value ${p.position} of the word ${quote(p.word)} is ${quote(p.text)}, not a number`,
  }),
)

export const weightsUnreadable = error<{ file: string; reason: string }>('MCF6301', 'weights-unreadable', (p) => ({
  message: `cannot read the weights ${quote(p.file)}: ${p.reason}`,
}))

export const weightsMalformed = error<{ file: string; reason: string }>('MCF6302', 'weights-malformed', (p) => ({
  message: `${quote(p.file)} is not a sound safetensors file: ${p.reason}`,
  help: ['write it again; a file that was copied while it was being written, or a broken download, may end like this'],
}))

export const weightsDtype = error<{ file: string; tensor: string; dtype: string; known: readonly string[] }>(
  'MCF6303',
  'weights-dtype',
  (p) => ({
    message: `the tensor ${quote(p.tensor)} of ${quote(p.file)} is ${p.dtype}; ${p.known.join(' and ')} are read`,
    help: [`convert it before it is saved, for instance in PyTorch with tensor.float()`],
  }),
)

export const acousticModel = error<{ model: string; reason: string }>('MCF6401', 'acoustic-model', (p) => ({
  message: `the feature model ${quote(p.model)} cannot be used: ${p.reason}`,
  help: ['it takes `wave` f32 [batch, samples] and `wave_lengths` i64 [batch], and gives f32 [batch, frames, values]'],
}))

export const acousticNotFinite = error<{ where: string }>('MCF6402', 'acoustic-not-finite', (p) => ({
  message: `${p.where}: the acoustic features hold a value that is not a finite number`,
}))

export const audioMore = error<{ more: number; shown: number }>('MCF6404', 'audio-more', (p) => ({
  message: `${plural(p.more, 'further recording')} cannot be used; the first ${p.shown} are shown`,
}))

export const cacheUnwritable = warning<{ folder: string; reason: string }>('MCF6403', 'cache-unwritable', (p) => ({
  message: `extracted features cannot be kept in ${quote(p.folder)}: ${p.reason}`,
  help: ['they are computed again each time; set MCFNC_CACHE to a folder that can be written'],
}))
