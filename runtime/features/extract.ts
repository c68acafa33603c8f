/** Extracts the acoustic features of a whole corpus, from the cache where it has them. */
import { readFile } from 'node:fs/promises'
import { audioMore, audioUnreadable } from '../../compiler/diagnostics/catalogue/runtime.ts'
import { type Diagnostic, DiagnosticError, diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import { explainFileError } from '../formats/file-error.ts'
import type { Acoustic, Features } from './acoustic.ts'
import { cachedFeatures, type FeatureCache } from './cache.ts'
import { decodeWav } from './wav.ts'

/** A recording, and how errors name it: `data/manifest.jsonl:17 (wav/a.wav)`. */
export interface AudioSource {
  readonly path: string
  readonly where: string
}

/** Bad recordings beyond these are counted, not shown. */
const SHOWN = 20

/**
 * The features of each recording, in order. `progress` is told how many are done. Throws a DiagnosticError with every bad
 * recording, up to 20 and the number of the rest.
 */
export async function extractAll(
  sources: readonly AudioSource[],
  acoustic: Acoustic,
  cache: FeatureCache,
  progress: (done: number) => void = () => {},
): Promise<Features[]> {
  const bad: Diagnostic[] = []
  const features: Features[] = []
  for (const [index, source] of sources.entries()) {
    try {
      features.push(await extractFile(source, acoustic, cache))
    } catch (failure) {
      if (!(failure instanceof DiagnosticError)) throw failure
      bad.push(...failure.diagnostics)
    }
    progress(index + 1)
  }
  if (bad.length > SHOWN) {
    bad.splice(SHOWN, bad.length, diagnose(audioMore, undefined, { more: bad.length - SHOWN, shown: SHOWN }))
  }
  if (bad.length > 0) throw new DiagnosticError(bad)
  return features
}

/** The features of one recording. Throws a DiagnosticError that names it. */
export async function extractFile(
  { path, where }: AudioSource,
  acoustic: Acoustic,
  cache: FeatureCache,
): Promise<Features> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch (failure) {
    throw new DiagnosticError([diagnose(audioUnreadable, undefined, { where, reason: explainFileError(failure) })])
  }
  return await cachedFeatures(cache, bytes, acoustic.hash, () =>
    acoustic.extract(decodeWav(bytes, path, { where }), where),
  )
}
