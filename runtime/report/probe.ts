/** Tries one engine on one backend: what it finds, and how its training steps go. Belongs in a process of its own. */
import type { Program } from '../../compiler/artefact.ts'
import {
  backendAbsent,
  engineMissing,
  noAdapter,
  providerAbsent,
} from '../../compiler/diagnostics/catalogue/engines.ts'
import { DiagnosticError } from '../../compiler/diagnostics/diagnostic.ts'
import { encodeModel } from '../../compiler/emit/onnx/model.ts'
import type { Engine } from '../engines/engine.ts'
import { type Provider, providers } from '../engines/ort/providers.ts'
import { engineVersion, openSession } from '../engines/ort/session.ts'
import { defaultThreads } from '../engines/ort/threads.ts'
import { ortEngine } from '../engines/ort/trainer.ts'
import {
  type Backend,
  type BackendName,
  backendNames,
  isSoftware,
  openBackend,
  openBestBackend,
} from '../engines/tfjs/backends.ts'
import type { Tf } from '../engines/tfjs/module.ts'
import { tfjsEngine } from '../engines/tfjs/trainer.ts'
import type { Load } from './rates.ts'
import { openStepper, type Stepper } from './step-time.ts'

/** An engine on a backend; ONNX Runtime calls them providers. */
export type Target =
  | { readonly engine: 'onnxruntime'; readonly backend: Provider }
  | { readonly engine: 'tfjs'; readonly backend: BackendName }

/** The first is what `mcfnc train` takes unless told otherwise. */
export const targets: readonly [Target, ...Target[]] = [
  { engine: 'onnxruntime', backend: 'cpu' },
  ...providers.slice(1).map((backend): Target => ({ engine: 'onnxruntime', backend })),
  ...backendNames.map((backend): Target => ({ engine: 'tfjs', backend })),
]

/** `onnxruntime/cpu`. */
export const nameOf = ({ engine, backend }: Target): string => `${engine}/${backend}`

/** What was found: `software` has an adapter that computes on the processor. */
export type State = 'ready' | 'software' | 'absent' | 'broken'

export interface Found {
  readonly kind: 'found'
  readonly state: State
  /** Versions, packages, adapters, by what they are. */
  readonly details: Readonly<Record<string, string>>
  /** Why it is absent or broken. */
  readonly why?: string
  /** What to do for an absent one: a command, mostly. */
  readonly install?: string
}

/** The time of a training step in milliseconds, and what more was measured. */
export interface Stepped {
  readonly kind: 'step'
  readonly ms: number
  readonly load?: Load
}

/** What a probe tells: what it found, which a step that fails corrects; its steps, where they worked; the end. */
export type Finding =
  | Found
  | Stepped
  | { readonly kind: 'best'; readonly backend: BackendName; readonly why: string }
  | { readonly kind: 'end' }

/** A model in training, and what its engine can tell of memory. */
export interface Subject {
  readonly target: Target
  readonly found: Found
  readonly stepper: Stepper
  /** The most bytes of tensors that are there at once while something runs; tfjs alone can tell. */
  readonly watch?: (run: () => Promise<unknown>) => Promise<number>
}

/** What a probe steps, and how. */
export interface Trial {
  readonly program: () => Program
  readonly measure: (subject: Subject) => Promise<Stepped>
  readonly now: () => number
}

/** Tries a target; never throws where the fault is the engine's. */
export async function probe(target: Target, trial: Trial, tell: (finding: Finding) => Promise<void>): Promise<void> {
  let found: Found | undefined
  try {
    const opened = target.engine === 'tfjs' ? await openTfjs(target.backend) : await openOrt(target.backend)
    found = opened.found
    await tell(found)
    const program = trial.program()
    const stepper = await openStepper(opened.engine.compile(program, 'adam'), program, trial.now)
    await tell(await trial.measure({ ...opened, target, stepper }))
    await stepper.release()
  } catch (failure) {
    if (!(failure instanceof DiagnosticError)) throw failure
    await tell(explain(failure, found?.details ?? {}))
  }
  await tell({ kind: 'end' })
}

/** Tells which backend `auto` takes. */
export async function probeBest(tell: (finding: Finding) => Promise<void>): Promise<void> {
  const { backend, why } = await openBestBackend()
  await tell({ kind: 'best', backend: backend.name, why })
  await tell({ kind: 'end' })
}

interface Opened extends Pick<Subject, 'watch'> {
  readonly engine: Engine
  readonly found: Found
}

async function openOrt(provider: Provider): Promise<Opened> {
  const threads = defaultThreads()
  // That a provider is in the package says nothing of the machine: only a session does.
  const session = await openSession(doubling(), { threads, provider, spinning: false })
  await session.release()
  const details = { version: await engineVersion(), threads: `${threads}` }
  return { engine: await ortEngine({ threads, provider }), found: { kind: 'found', state: 'ready', details } }
}

/** y = x + x. */
const doubling = (): Uint8Array =>
  encodeModel({
    graph: {
      name: 'doubling',
      nodes: [{ name: 'add', type: 'Add', inputs: ['x', 'x'], outputs: ['y'], attributes: {} }],
      inputs: [{ name: 'x', dtype: 'f32', dims: ['n'] }],
      outputs: [{ name: 'y', dtype: 'f32', dims: ['n'] }],
      initialisers: [],
      values: [],
    },
    opset: 17,
    producerVersion: '',
    metadata: {},
  })

async function openTfjs(name: BackendName): Promise<Opened> {
  const backend = await openBackend(name)
  const state = isSoftware(backend) ? 'software' : 'ready'
  const details = { version: backend.tf.version_core, ...backend.details, ...furtherDetails(backend) }
  return { engine: tfjsEngine(backend), found: { kind: 'found', state, details }, watch: watchTensors(backend.tf) }
}

/** Also for programs beside this one. */
export const watchTensors =
  (tf: Tf): NonNullable<Subject['watch']> =>
  async (run) =>
    (await tf.profile(run as Parameters<Tf['profile']>[0])).peakBytes

/** What only a person wants to know, so that a run does not record it. */
function furtherDetails({ name, tf }: Backend): Record<string, string> {
  // tfjs starts threads where a browser isolates its page, and in no other place.
  if (name === 'wasm') return { threads: '1 (tfjs has no more in Node)' }
  if (name !== 'tensorflow') return {}
  const { binding, isUsingGpuDevice } = tf.backend() as object as TensorflowBackend
  return { TensorFlow: binding.TF_Version, device: isUsingGpuDevice ? 'GPU' : 'CPU' }
}

/** What tfjs-node keeps in its backend. */
interface TensorflowBackend {
  readonly binding: { readonly TF_Version: string }
  readonly isUsingGpuDevice: boolean
}

const absences: readonly string[] = [backendAbsent, engineMissing, noAdapter, providerAbsent].map(({ code }) => code)

/** A diagnostic as a finding. */
function explain({ diagnostics: [first] }: DiagnosticError, details: Found['details']): Found {
  const why = first?.message ?? ''
  if (!absences.includes(first?.code ?? '')) return { kind: 'found', state: 'broken', details, why }
  const install = first?.help.find((line) => !line.includes('mcfnc doctor'))
  return { kind: 'found', state: 'absent', details, why, ...(install === undefined ? {} : { install }) }
}
