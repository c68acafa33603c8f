/** What the commands that take data share: vectors, the acoustic front end, the cache, and how they are told of. */
import { createHash } from 'node:crypto'
import { featuresDiffer, inputNotGiven, vectorsDiffer } from '../compiler/diagnostics/catalogue/commands.ts'
import { fewWordsKnown } from '../compiler/diagnostics/catalogue/training.ts'
import { type Diagnostic, diagnose } from '../compiler/diagnostics/diagnostic.ts'
import { exportInference } from '../compiler/emit/onnx/export.ts'
import { cacheFolder, openCache } from '../runtime/features/cache.ts'
import { type Coverage, readVectors, type WordVectors } from '../runtime/features/words.ts'
import { shippedFile } from '../runtime/formats/shipped.ts'
import type { BoundInput } from '../runtime/predict/binding.ts'
import type { FeatureSources, FrontEnd } from '../runtime/predict/examples.ts'
import type { FeatureSettings } from '../runtime/predict/metadata.ts'
import { formatCount } from '../runtime/report/summary.ts'
import { startWeights } from '../runtime/train/weights.ts'
import { CallError, printDiagnostics } from './failure.ts'
import { loadProgram } from './spec.ts'

const frontEndName = 'std/audio.model'

/** Compiles the shipped feature model; `settings` are those of a trained model, where it is used. */
export async function compileFrontEnd(settings: FeatureSettings['audio']): Promise<FrontEnd> {
  const overrides = Object.fromEntries(Object.entries(settings ?? {}).map(([name, value]) => [name, String(value)]))
  const { program } = loadProgram(shippedFile(frontEndName), { D: overrides })
  return {
    onnx: exportInference(program, startWeights(program, 0)),
    settings: program.signature.hypers,
    name: frontEndName,
  }
}

export interface LoadedSources {
  readonly sources: FeatureSources
  readonly features: FeatureSettings
}

/**
 * Loads what the model's inputs are computed from. Throws a CallError where `--vectors` is missing, a DiagnosticError where a
 * file is wrong.
 */
export async function loadSources(
  inputs: readonly BoundInput[],
  given: { readonly vectors?: string; readonly threads: number },
  settings: FeatureSettings = {},
): Promise<LoadedSources> {
  const text = inputs.find(({ field }) => field === 'text')
  const hasAudio = inputs.some(({ field }) => field === 'audio')
  if (text && given.vectors === undefined) {
    const params = { input: text.name, option: '--vectors', unit: 'GLOVE.txt' }
    throw new CallError([diagnose(inputNotGiven, undefined, params)])
  }
  const vectors = text && given.vectors !== undefined ? await readVectors(given.vectors) : undefined
  const frontEnd = hasAudio ? await compileFrontEnd(settings.audio) : undefined
  const audioHash = frontEnd && createHash('sha256').update(frontEnd.onnx).digest('hex')
  warnOfOthers(settings, { audioHash, vectors })
  const cache = await openCache(cacheFolder(process.env))
  if (frontEnd) printDiagnostics(cache.warnings, new Map())
  return {
    sources: { frontEnd, vectors, cache, threads: given.threads, progress: showProgress() },
    features: {
      ...(frontEnd ? { audio: frontEnd.settings, audio_sha256: audioHash ?? '' } : {}),
      ...(vectors && given.vectors !== undefined
        ? { text: { width: vectors.width, vectors: baseName(given.vectors), sha256: vectors.sha256 } }
        : {}),
    },
  }
}

/** Warns where features are made otherwise than those that a model was trained on. */
function warnOfOthers(
  trained: FeatureSettings,
  { audioHash, vectors }: { readonly audioHash: string | undefined; readonly vectors: WordVectors | undefined },
): void {
  const warnings: Diagnostic[] = []
  if (vectors && trained.text && trained.text.sha256 !== vectors.sha256)
    warnings.push(diagnose(vectorsDiffer, undefined, { given: vectors.file, trained: trained.text.vectors }))
  if (audioHash && trained.audio_sha256 && trained.audio_sha256 !== audioHash)
    warnings.push(diagnose(featuresDiffer, undefined, {}))
  printDiagnostics(warnings, new Map())
}

/** Says how many words of a corpus have vectors, and warns where they are few. */
export function sayCoverage(coverage: Coverage): void {
  const { file, words, known } = coverage
  process.stderr.write(`${formatCount(known)} of ${formatCount(words)} words are in ${file}\n`)
  if (2 * known < words) printDiagnostics([diagnose(fewWordsKnown, undefined, coverage)], new Map())
}

/** Warns where no word of a text has a vector. */
export function warnOfUnknownWords(coverage: Coverage): void {
  if (coverage.words > 0 && coverage.known === 0)
    printDiagnostics([diagnose(fewWordsKnown, undefined, coverage)], new Map())
}

const baseName = (path: string): string => path.split(/[/\\]/).at(-1) ?? path

/** Says on a terminal how far the features are; short work and pipes hear nothing. */
function showProgress(): (done: number, of: number) => void {
  if (!process.stderr.isTTY) return () => {}
  let drawn = 0
  return (done, of) => {
    const now = Date.now()
    if (of > 20 && done < of && now - drawn > 100) {
      drawn = now
      process.stderr.write(`\rfeatures ${done}/${of} `)
    }
    if (done === of && drawn > 0) process.stderr.write('\r\x1b[K')
  }
}
