/** The synthetic corpus as the demo's page wants it: features as a model takes them, and some recordings to listen to. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Signature } from '../../compiler/artefact.ts'
import * as messages from '../../compiler/diagnostics/catalogue/targets.ts'
import { DiagnosticError, diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import { readManifest, type Sample, targetFields } from '../data/manifest.ts'
import { generateSyntheticCorpus } from '../data/synthetic.ts'
import { EMOTIONS } from '../data/synthetic-speech.ts'
import { vectorsWidth } from '../data/synthetic-text.ts'
import { readVectors } from '../features/words.ts'
import type { StoredTensor } from '../formats/safetensors.ts'
import { type Example, rowsOf } from '../predict/batch.ts'
import { type BoundInput, bindInputs, bindPredictions, bindTargets } from '../predict/binding.ts'
import { type FrontEnd, fromManifest, makeExamples } from '../predict/examples.ts'

/** Twelve sentences of each of the ten voices: enough to learn from, and 8 MiB of features. */
const size = 120
/** Its voices are heard by nobody before they are judged. */
const heldOutSession = 5

export interface DemoSample {
  readonly id: string
  readonly text: string
  /** The place of its class among the model's. */
  readonly label: number
  readonly heldOut: boolean
  /** For each input in order. */
  readonly rows: readonly number[]
  /** A WAV file; held-out samples alone have one. */
  readonly recording: Uint8Array | undefined
}

export interface DemoCorpus {
  readonly inputs: readonly BoundInput[]
  readonly target: string
  readonly classes: readonly string[]
  readonly samples: readonly DemoSample[]
  /** By input, f32 [rows of all samples, width]: one sample after another. */
  readonly features: ReadonlyMap<string, StoredTensor>
}

export interface DemoFeatures {
  readonly frontEnd: () => Promise<FrontEnd>
  readonly threads: number
}

/**
 * Makes the corpus in a temporary folder and computes its features. Throws a DiagnosticError where the model takes what a
 * manifest does not give, vectors of another width, or predicts anything but the corpus's emotions.
 */
export async function makeDemoCorpus(signature: Signature, { frontEnd, threads }: DemoFeatures): Promise<DemoCorpus> {
  const inputs = bindInputs(signature)
  const { target, classes } = checkTarget(signature)
  const text = inputs.find(({ field }) => field === 'text')
  const audio = inputs.find(({ field }) => field === 'audio')
  if (text && text.width !== vectorsWidth) {
    const params = { input: text.name, found: vectorsWidth, wanted: text.width }
    throw new DiagnosticError([diagnose(messages.demoVectors, undefined, params)])
  }
  const folder = await mkdtemp(join(tmpdir(), 'mcfnc-demo-'))
  try {
    const corpus = await generateSyntheticCorpus(folder, { seed: 1, size })
    const samples = await readManifest(corpus.manifest, {
      targets: targetFields(signature),
      needs: { audio: audio?.name, text: text?.name },
    })
    const examples = await makeExamples(samples.map(fromManifest), inputs, signature, {
      frontEnd: audio && (await frontEnd()),
      vectors: text && (await readVectors(corpus.vectors)),
      cache: { folder: undefined, warnings: [] },
      threads,
    })
    const recordings = await Promise.all(samples.map(audio ? readRecording : () => undefined))
    return {
      inputs,
      target,
      classes,
      samples: samples.map((sample, i) => describeSample(sample, examples[i], inputs, target, recordings[i])),
      features: new Map(inputs.map((input) => [input.name, joinRows(input, examples)])),
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The one target, which must be a class, be predicted, and know every emotion of the corpus. */
function checkTarget(signature: Signature): Pick<DemoCorpus, 'target' | 'classes'> {
  bindTargets(signature)
  const predicted = bindPredictions(signature)
  const [only] = signature.targets
  const known = only?.classes ?? []
  const isFit =
    signature.targets.length === 1 &&
    predicted.some(({ name, classes }) => name === only?.name && classes !== undefined) &&
    EMOTIONS.every((emotion) => known.includes(emotion))
  if (only && isFit) return { target: only.name, classes: known }
  const [labels] = Object.keys(signature.labels)
  const found = signature.targets.map(({ name, classes }) => ({ name, classes: classes ?? [] }))
  throw new DiagnosticError([diagnose(messages.demoTarget, undefined, { found, wanted: EMOTIONS, labels })])
}

const readRecording = async ({ session, audio }: Sample): Promise<Uint8Array | undefined> =>
  session === heldOutSession && audio !== undefined ? await readFile(audio) : undefined

function describeSample(
  { id, session, text }: Sample,
  example: Example | undefined,
  inputs: readonly BoundInput[],
  target: string,
  recording: Uint8Array | undefined,
): DemoSample {
  if (!example) throw new Error(`the sample ${id} has no features`)
  return {
    id,
    text: text ?? '',
    label: example.targets[target]?.[0] ?? 0,
    heldOut: session === heldOutSession,
    rows: inputs.map((input) => rowsOf(example, input)),
    recording,
  }
}

function joinRows({ name, width }: BoundInput, examples: readonly Example[]): StoredTensor {
  const parts = examples.map((example) => example.rows[name] ?? new Float32Array(0))
  const values = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    values.set(part, at)
    at += part.length
  }
  return { dtype: 'F32', shape: [values.length / width, width], values }
}
