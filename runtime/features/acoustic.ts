/**
 * Computes acoustic features with a compiled feature model (`specs/std/audio.model`); nothing is computed a second time in
 * TypeScript.
 */
import { createHash } from 'node:crypto'
import { acousticModel, acousticNotFinite } from '../../compiler/diagnostics/catalogue/runtime.ts'
import { DiagnosticError, diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import { openSession } from '../engines/ort/session.ts'
import type { Value } from '../engines/value.ts'
import type { Recording } from './wav.ts'

/** A row of `width` numbers for each frame. */
export interface Features {
  readonly length: number
  readonly width: number
  /** [length, width], row-major. */
  readonly values: Float32Array
}

/** What made the features, for a model's metadata: sample rate, window, bands and the like. */
export type AcousticSettings = Readonly<Record<string, string | number>>

export interface Acoustic {
  readonly settings: AcousticSettings
  /** SHA-256 of the feature model and the settings, as hex: features of equal hashes are equal. */
  readonly hash: string
  /** The features of one recording; `where` names it in errors. Throws a DiagnosticError where one is not finite. */
  extract(recording: Recording, where: string): Promise<Features>
  release(): Promise<void>
}

export interface AcousticOptions {
  /** Threads of the engine; the features do not depend on them. */
  readonly threads: number
  /** How errors name the model. */
  readonly name: string
}

/** What a feature model's input and output are called. */
const WAVE = 'wave'
const FEATURES = 'features'

/**
 * Loads a feature model: ONNX with the input `wave` f32 [batch, samples] on the 16-bit scale, `wave_lengths` i64 [batch] where
 * it has one, and an output `features` f32 [batch, frames, width] (of another name where it is the only one). Throws a
 * DiagnosticError where it is another model.
 */
export async function openAcoustic(
  onnx: Uint8Array,
  settings: AcousticSettings,
  { threads, name }: AcousticOptions,
): Promise<Acoustic> {
  const refuse = (reason: string): DiagnosticError =>
    new DiagnosticError([diagnose(acousticModel, undefined, { model: name, reason })])
  const session = await openSession(onnx, { threads, spinning: false })
  const lengths = `${WAVE}_lengths`
  const unknown = session.inputs.filter((input) => input !== WAVE && input !== lengths)
  if (!session.inputs.includes(WAVE)) throw refuse(`it has no input \`${WAVE}\``)
  if (unknown.length > 0) throw refuse(`it has the input \`${unknown[0]}\``)
  const output = session.outputs.length === 1 ? session.outputs[0] : session.outputs.find((one) => one === FEATURES)
  if (output === undefined) throw refuse(`it has no output \`${FEATURES}\``)
  const hash = createHash('sha256').update(onnx).update(JSON.stringify(settings)).digest('hex')
  return {
    settings,
    hash,
    async extract({ samples }, where) {
      const feeds: Record<string, Value> = { [WAVE]: { dtype: 'f32', data: samples, dims: [1, samples.length] } }
      if (session.inputs.includes(lengths)) {
        feeds[lengths] = { dtype: 'i64', data: BigInt64Array.of(BigInt(samples.length)), dims: [1] }
      }
      const { [output]: made } = await session.run(feeds, { [output]: null })
      const [batch, length, width] = made?.dims ?? []
      if (
        made?.dtype !== 'f32' ||
        batch !== 1 ||
        length === undefined ||
        width === undefined ||
        made.dims.length !== 3
      ) {
        throw refuse(`its output is ${made?.dtype} [${made?.dims.join(', ')}]`)
      }
      if (!made.data.every(Number.isFinite))
        throw new DiagnosticError([diagnose(acousticNotFinite, undefined, { where })])
      return { length, width, values: made.data }
    },
    release: () => session.release(),
  }
}
