/** Keeps extracted features on disk, under the hash of what they were made from. */
import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { cacheUnwritable } from '../../compiler/diagnostics/catalogue/runtime.ts'
import { type Diagnostic, diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import { writeFileAtomic } from '../formats/atomic.ts'
import { explainFileError } from '../formats/file-error.ts'
import { decodeSafetensors, encodeSafetensors } from '../formats/safetensors.ts'
import type { Features } from './acoustic.ts'

export interface FeatureCache {
  /** Undefined where nothing can be kept; then all is computed each time. */
  readonly folder: string | undefined
  /** Why nothing can be kept, once. */
  readonly warnings: readonly Diagnostic[]
}

/**
 * The folder for kept features: `MCFNC_CACHE`, or `mcfnc` in the user's cache folder (`XDG_CACHE_HOME`, else `~/.cache`).
 * An empty `MCFNC_CACHE` keeps nothing.
 */
export function cacheFolder(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const { MCFNC_CACHE: own, XDG_CACHE_HOME: shared } = environment
  if (own !== undefined) return own === '' ? undefined : resolve(own)
  return join(shared === undefined || shared === '' ? join(homedir(), '.cache') : shared, 'mcfnc')
}

/** Grows when recordings are decoded otherwise than before, so that nothing that was kept is taken for the new. */
const FORMAT = '1'

/** Makes the folder. One that cannot be made is a warning, not an error: the work can be done without it. */
export async function openCache(folder: string | undefined): Promise<FeatureCache> {
  if (folder === undefined) return { folder, warnings: [] }
  try {
    await mkdir(folder, { recursive: true })
    return { folder, warnings: [] }
  } catch (failure) {
    const warning = diagnose(cacheUnwritable, undefined, { folder, reason: explainFileError(failure) })
    return { folder: undefined, warnings: [warning] }
  }
}

/**
 * The features kept for a recording's bytes and a front end's hash, else those that `compute` makes, which are kept. An entry
 * that cannot be read, is cut short or has a flipped bit is made anew.
 */
export async function cachedFeatures(
  cache: FeatureCache,
  audio: Uint8Array,
  frontEnd: string,
  compute: () => Promise<Features>,
): Promise<Features> {
  if (cache.folder === undefined) return await compute()
  const key = createHash('sha256').update(`${FORMAT}\0${frontEnd}\0`).update(audio).digest('hex')
  const path = join(cache.folder, 'features', key.slice(0, 2), `${key}.safetensors`)
  const kept = await readEntry(path)
  if (kept !== undefined) return kept
  const made = await compute()
  try {
    await writeFileAtomic(path, encodeEntry(made, sha256(audio)), { sync: false })
  } catch {
    // A full disk is no reason to stop: the features are at hand.
  }
  return made
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const bytesOf = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength)

/** A safetensors file that says which recording it is of, and what its values' hash is. */
function encodeEntry({ length, width, values }: Features, audio: string): Uint8Array {
  const tensor = { dtype: 'F32', shape: [length, width], values } as const
  const metadata = { audio, sha256: sha256(bytesOf(values)) }
  return encodeSafetensors({ tensors: new Map([['features', tensor]]), metadata })
}

async function readEntry(path: string): Promise<Features | undefined> {
  try {
    const { tensors, metadata } = decodeSafetensors(await readFile(path), path)
    const tensor = tensors.get('features')
    const [length, width] = tensor?.shape ?? []
    if (tensor?.dtype !== 'F32' || length === undefined || width === undefined) return undefined
    return sha256(bytesOf(tensor.values)) === metadata.sha256 ? { length, width, values: tensor.values } : undefined
  } catch {
    return undefined
  }
}
