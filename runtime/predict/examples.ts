/** Turns samples into what a model takes: acoustic features of their recordings, vectors of their words. */
import type { Signature } from '../../compiler/artefact.ts'
import { formatDataLine } from '../../compiler/diagnostics/catalogue/runtime.ts'
import * as messages from '../../compiler/diagnostics/catalogue/training.ts'
import { type Diagnostic, DiagnosticError, diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import { evaluateDim, lengthNames } from '../../compiler/shapes/dim.ts'
import { describeAudio, type Sample } from '../data/manifest.ts'
import { type AcousticSettings, openAcoustic } from '../features/acoustic.ts'
import type { FeatureCache } from '../features/cache.ts'
import { extractAll } from '../features/extract.ts'
import { type Coverage, embedText, type WordVectors } from '../features/words.ts'
import { type Example, rowsOf } from './batch.ts'
import type { BoundInput } from './binding.ts'

/** The compiled feature model, with the settings that it was compiled for. */
export interface FrontEnd {
  readonly onnx: Uint8Array
  readonly settings: AcousticSettings
  /** How errors name it. */
  readonly name: string
}

/** A sample before its features are made. */
export interface RawSample {
  readonly id: string
  readonly audio: string | undefined
  readonly text: string | undefined
  readonly targets: Example['targets']
  /** How errors name it, and how they name its recording. */
  readonly where: string
  readonly audioWhere: string
}

/** A line of a manifest. */
export const fromManifest = (sample: Sample): RawSample => ({
  id: sample.id,
  audio: sample.audio,
  text: sample.text,
  targets: sample.targets,
  where: formatDataLine(sample.at),
  audioWhere: describeAudio(sample),
})

export interface FeatureSources {
  /** Needed where an input is computed from recordings. */
  readonly frontEnd: FrontEnd | undefined
  /** Needed where an input is computed from texts. */
  readonly vectors: WordVectors | undefined
  readonly cache: FeatureCache
  readonly threads: number
  /** Told how many recordings are done. */
  readonly progress?: (done: number, of: number) => void
  /** Told of the words of all texts, where an input is computed from them. */
  readonly covered?: (coverage: Coverage) => void
}

/** What a spec says of lengths. */
type LengthLimits = Pick<Signature, 'bounds' | 'requires'>

/** Mistakes beyond these are left out: they are all of one kind. */
const shown = 20

/**
 * One example a sample, in order. Throws a DiagnosticError with every bad recording, and where features do not fit the
 * model's inputs or a length lies outside its bounds.
 */
export async function makeExamples(
  samples: readonly RawSample[],
  inputs: readonly BoundInput[],
  limits: LengthLimits,
  sources: FeatureSources,
): Promise<Example[]> {
  const { vectors } = sources
  const rows: Record<string, Float32Array>[] = samples.map(() => ({}))
  // Texts first: their mistakes show at once, and recordings may take minutes.
  for (const input of inputs.filter(({ field }) => field === 'text')) {
    if (!vectors) throw new Error('the word vectors were not loaded')
    checkVectors(input, vectors)
    const texts = samples.map((sample) => embedText(sample.text ?? '', vectors))
    texts.forEach(({ values }, i) => {
      ;(rows[i] as Record<string, Float32Array>)[input.name] = values
    })
    const words = texts.reduce((sum, text) => sum + text.words.length, 0)
    const unknown = texts.reduce((sum, text) => sum + text.unknown, 0)
    sources.covered?.({ file: vectors.file, words, known: words - unknown })
  }
  for (const input of inputs.filter(({ field }) => field === 'audio')) {
    const features = await acousticRows(samples, input, sources)
    features.forEach((values, i) => {
      ;(rows[i] as Record<string, Float32Array>)[input.name] = values
    })
  }
  const examples = samples.map((sample, i) => ({ id: sample.id, rows: rows[i] ?? {}, targets: sample.targets }))
  checkLengths(examples, samples, inputs, limits)
  return examples
}

/** Throws a DiagnosticError where vectors are not as wide as an input. */
export function checkVectors(input: BoundInput, vectors: WordVectors): void {
  if (vectors.width === input.width) return
  const params = { file: vectors.file, found: vectors.width, wanted: input.width, input: input.name }
  throw new DiagnosticError([diagnose(messages.vectorsWidth, undefined, params)])
}

async function acousticRows(
  samples: readonly RawSample[],
  input: BoundInput,
  { frontEnd, cache, threads, progress }: FeatureSources,
): Promise<Float32Array[]> {
  if (!frontEnd) throw new Error('the acoustic front end was not compiled')
  const acoustic = await openAcoustic(frontEnd.onnx, frontEnd.settings, { threads, name: frontEnd.name })
  try {
    const recordings = samples.map((sample) => ({ path: sample.audio ?? '', where: sample.audioWhere }))
    const features = await extractAll(recordings, acoustic, cache, (done) => progress?.(done, samples.length))
    const wrong = features.find(({ width }) => width !== input.width)
    if (wrong) {
      const params = { input: input.name, wanted: input.width, found: wrong.width }
      throw new DiagnosticError([diagnose(messages.featureWidth, undefined, params)])
    }
    return features.map(({ values }) => values)
  } finally {
    await acoustic.release()
  }
}

function checkLengths(
  examples: readonly Example[],
  samples: readonly RawSample[],
  inputs: readonly BoundInput[],
  { bounds, requires }: LengthLimits,
): void {
  const found: Diagnostic[] = []
  for (const input of inputs) {
    const { low, high } = bounds[input.seq] ?? { low: 0, high: undefined }
    for (const [i, example] of examples.entries()) {
      const length = rowsOf(example, input)
      if (length >= low && length <= (high ?? Number.POSITIVE_INFINITY)) continue
      const where = input.field === 'audio' ? samples[i]?.audioWhere : samples[i]?.where
      const params = { sample: where ?? example.id, input: input.name, seq: input.seq, length, low, high }
      found.push(diagnose(messages.lengthOutOfBounds, undefined, params))
    }
  }
  for (const [i, example] of examples.entries()) {
    const lengths = new Map(inputs.map((input) => [input.seq, rowsOf(example, input)]))
    for (const { condition, dims } of requires) {
      if (dims.every((dim) => evaluateDim(dim, (name) => lengths.get(name) ?? 0) === 0)) continue
      const of = [...new Set(dims.flatMap(lengthNames))].map((name) => `${name} ${lengths.get(name) ?? 0}`)
      found.push(
        diagnose(messages.lengthsAgainstRequire, undefined, {
          sample: samples[i]?.where ?? example.id,
          condition,
          lengths: of,
        }),
      )
    }
  }
  if (found.length > 0) throw new DiagnosticError(found.slice(0, shown))
}
