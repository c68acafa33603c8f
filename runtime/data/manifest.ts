/** Reads manifests: one JSON object a line, each a sample with its recording, its text and its targets. */

import { readFile, stat } from 'node:fs/promises'
import { dirname, isAbsolute, join } from 'node:path'
import type { Signature } from '../../compiler/artefact.ts'
import {
  type DataLine,
  formatDataLine,
  manifestDuplicateId,
  manifestEmpty,
  manifestInvalidField,
  manifestMissingAudio,
  manifestMissingField,
  manifestMore,
  manifestUnreadable,
} from '../../compiler/diagnostics/catalogue/runtime.ts'
import { type Diagnostic, DiagnosticError, diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import { staticSize } from '../../compiler/shapes/dim.ts'
import { explainFileError, fileErrorCode } from '../formats/file-error.ts'
import { describeValue, type Fields, lineValidator, parseLine, splitLines } from './manifest-line.ts'
import { readTarget, type TargetField, type UnknownLabel, unknownLabels } from './targets.ts'

/** One line of a manifest. */
export interface Sample {
  readonly id: string
  readonly session: number
  readonly speaker: string | undefined
  /** The dialogue that the text is from, so that neighbours stay together; undefined where `text_id` names none. */
  readonly dialogue: string | undefined
  /** The recording's path, made relative to where the program runs; undefined where the line has none. */
  readonly audio: string | undefined
  readonly text: string | undefined
  /** The values of each target, row-major: class ids, or numbers. One number for a target of type []. */
  readonly targets: Readonly<Record<string, readonly number[]>>
  readonly at: DataLine
}

export interface ManifestOptions {
  /** The targets that each line must have; none to predict. `targetFields` makes them of a model's signature. */
  readonly targets: readonly TargetField[]
  /** The model input that is computed from the recording, and the one from the text; undefined where the model has none. */
  readonly needs: { readonly audio: string | undefined; readonly text: string | undefined }
}

/** What a manifest must have for a model's targets. */
export function targetFields(signature: Pick<Signature, 'targets' | 'labels'>): TargetField[] {
  return signature.targets.map((target) => {
    const sizes = target.dims.map(staticSize)
    const labels = Object.entries(signature.labels).find(([, names]) => names.join('\0') === target.classes?.join('\0'))
    return {
      name: target.name,
      classes: target.classes,
      labels: labels?.[0],
      below: target.below,
      size: sizes.includes(undefined) ? undefined : sizes.reduce<number>((product, n) => product * (n ?? 1), 1),
      scalar: target.dims.length === 0,
    }
  })
}

/** How messages name a sample's recording: `data/manifest.jsonl:17 (wav/a.wav)`. */
export const describeAudio = (sample: Sample): string => `${formatDataLine(sample.at)} (${sample.audio ?? 'no audio'})`

/** Mistakes beyond these are counted, not shown. */
const SHOWN = 20

/**
 * Reads and checks a whole manifest. Throws a DiagnosticError with every mistake in it, by line, up to 20 and the number of
 * the rest: no JSON, a field that is missing or of the wrong type, an id used twice, an unknown label, a missing recording.
 */
export async function readManifest(path: string, options: ManifestOptions): Promise<Sample[]> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch (failure) {
    throw new DiagnosticError([
      diagnose(manifestUnreadable, undefined, { file: path, reason: explainFileError(failure) }),
    ])
  }
  const found: Mistake[] = []
  const unknown: UnknownLabel[] = []
  const samples: Sample[] = []
  const validate = lineValidator()
  const firstUse = new Map<string, number>()
  for (const { line, text } of splitLines(bytes)) {
    const at = { file: path, line }
    const report = (diagnostic: Diagnostic): void => {
      found.push({ line, diagnostic })
    }
    const fields = parseLine(text, at, validate, report)
    if (fields === undefined) continue
    const id = fields.id
    if (typeof id === 'string') {
      const first = firstUse.get(id)
      if (first === undefined) firstUse.set(id, line)
      else report(diagnose(manifestDuplicateId, undefined, { at, id, first }))
    }
    const targets = readTargets(fields, options.targets, at, report, unknown)
    checkNeeds(fields, options.needs, at, report)
    const sample = makeSample(fields, targets, at)
    if (sample !== undefined) samples.push(sample)
  }
  found.push(...unknownLabels(unknown, options.targets, samples))
  if (options.needs.audio !== undefined) found.push(...(await missingAudio(samples)))
  if (found.length > 0) throw new DiagnosticError(inOrder(found, path))
  if (samples.length === 0) throw new DiagnosticError([diagnose(manifestEmpty, undefined, { file: path })])
  return samples
}

interface Mistake {
  readonly line: number
  readonly diagnostic: Diagnostic
}

function inOrder(found: readonly Mistake[], file: string): Diagnostic[] {
  const sorted = [...found].sort((a, b) => a.line - b.line).map(({ diagnostic }) => diagnostic)
  if (sorted.length <= SHOWN) return sorted
  const more = sorted.length - SHOWN
  return [...sorted.slice(0, SHOWN), diagnose(manifestMore, undefined, { file, more, shown: SHOWN })]
}

function readTargets(
  fields: Fields,
  targets: readonly TargetField[],
  at: DataLine,
  report: (diagnostic: Diagnostic) => void,
  unknown: UnknownLabel[],
): Record<string, readonly number[]> {
  const out: Record<string, readonly number[]> = {}
  for (const target of targets) {
    const alone = targets.length === 1
    const field = Object.hasOwn(fields, target.name) || !alone ? target.name : 'label'
    if (!Object.hasOwn(fields, field)) {
      const either = alone ? ` (or \`${target.name}\`)` : ''
      const why = `the model's target \`${target.name}\` is read from it${either}`
      report(diagnose(manifestMissingField, undefined, { at, field, why, present: Object.keys(fields) }))
      continue
    }
    const read = readTarget(fields[field], target)
    if (read.kind === 'values') out[target.name] = read.values
    else if (read.kind === 'unknown') unknown.push({ at, field, label: read.label, target })
    else {
      const found = describeValue(fields[field])
      report(diagnose(manifestInvalidField, undefined, { at, field, expected: read.expected, found }))
    }
  }
  return out
}

function checkNeeds(
  fields: Fields,
  needs: ManifestOptions['needs'],
  at: DataLine,
  report: (diagnostic: Diagnostic) => void,
): void {
  for (const field of ['audio', 'text'] as const) {
    const input = needs[field]
    if (input === undefined || Object.hasOwn(fields, field)) continue
    const why = `the model's input \`${input}\` is computed from it`
    report(diagnose(manifestMissingField, undefined, { at, field, why, present: Object.keys(fields) }))
  }
}

function makeSample(fields: Fields, targets: Sample['targets'], at: DataLine): Sample | undefined {
  const { id, session, speaker, audio, text, text_id: textId } = fields
  if (typeof id !== 'string' || typeof session !== 'number') return undefined
  const path = typeof audio !== 'string' ? undefined : isAbsolute(audio) ? audio : join(dirname(at.file), audio)
  return {
    id,
    session,
    speaker: typeof speaker === 'string' || typeof speaker === 'number' ? `${speaker}` : undefined,
    dialogue: typeof textId === 'string' ? dialogueOf(textId) : undefined,
    audio: path,
    text: typeof text === 'string' ? text : undefined,
    targets,
    at,
  }
}

/** `train_dia263` of `train_dia263_utt5`, and `Ses01F_impro01` of `Ses01F_impro01_F000`. */
function dialogueOf(textId: string): string | undefined {
  const cut = textId.lastIndexOf('_')
  return cut > 0 ? textId.slice(0, cut) : undefined
}

/** Asks for each recording whether it is there, some at a time. */
async function missingAudio(samples: readonly Sample[]): Promise<Mistake[]> {
  const out: Mistake[] = []
  const waiting = samples.entries()
  const worker = async (): Promise<void> => {
    for (const [, { at, audio }] of waiting) {
      if (audio === undefined) continue
      const reason = await whyNotReadable(audio)
      if (reason === undefined) continue
      out.push({ line: at.line, diagnostic: diagnose(manifestMissingAudio, undefined, { at, path: audio, reason }) })
    }
  }
  await Promise.all(Array.from({ length: 16 }, worker))
  return out
}

async function whyNotReadable(path: string): Promise<string | undefined> {
  try {
    const found = await stat(path)
    return found.isFile() ? undefined : explainFileError(Object.assign(new Error(), { code: 'EISDIR' }))
  } catch (failure) {
    return fileErrorCode(failure) === undefined ? String(failure) : explainFileError(failure)
  }
}
