/** Checkpoints: everything that a run needs to go on, as one safetensors file in the run's folder. */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { FlatLayout, TrainingLayout } from '../../compiler/artefact.ts'
import * as messages from '../../compiler/diagnostics/catalogue/training.ts'
import { DiagnosticError, diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import type { Weights } from '../engines/engine.ts'
import { readSafetensors, type StoredTensor, writeSafetensors } from '../formats/safetensors.ts'

/** Where a run is. Order and noise are functions of (seed, epoch), so this is the position of its random numbers too. */
export interface Progress {
  /** The epoch that is under way, from 1. */
  readonly epoch: number
  /** Batches of it that are done. */
  readonly batch: number
  /** Steps taken in all. */
  readonly step: number
  /** Sums over the samples of this epoch so far: losses by name, and what else an epoch's line reports. */
  readonly sums: Readonly<Record<string, number>>
  readonly best: { readonly epoch: number; readonly value: number } | null
  /** True once the run needs no more epochs. */
  readonly finished: boolean
  /** How much of log.jsonl belongs to what is done; what comes after was written by a run that was killed. */
  readonly logBytes: number
}

/** What a step changes, the running average where the recipe has one, and the best weights so far. */
export interface Snapshot {
  readonly progress: Progress
  readonly weights: Weights
  readonly average: Float32Array | undefined
  readonly best: Pick<Weights, 'params' | 'states'> | undefined
}

const pattern = /^step-\d{8}\.safetensors$/
const keep = 2

/** Names each variable's part of a flat vector; `prefix` is empty for the weights themselves, so that others read them. */
function* split(prefix: string, layout: FlatLayout, flat: Float32Array): Generator<[string, StoredTensor]> {
  for (const { variable, offset } of layout.entries) {
    const size = variable.shape.reduce((a, b) => a * b, 1)
    const values = flat.subarray(offset, offset + size)
    yield [`${prefix}${variable.path}`, { dtype: 'F32', shape: variable.shape, values }]
  }
}

/** The parameters and states by path, as `build --weights` reads them. */
export const nameWeights = (
  layout: Pick<TrainingLayout, 'params' | 'states'>,
  weights: Pick<Weights, 'params' | 'states'>,
): Map<string, StoredTensor> =>
  new Map([...split('', layout.params, weights.params), ...split('', layout.states, weights.states)])

/** The same, and the optimiser's vectors, each under the vector's name and the parameter's path. */
export function nameVectors(
  layout: Pick<TrainingLayout, 'params' | 'states' | 'slots'>,
  weights: Weights,
): Map<string, StoredTensor> {
  const tensors = nameWeights(layout, weights)
  for (const slot of layout.slots)
    for (const [name, tensor] of split(`${slot}/`, layout.params, weights.slots[slot] as Float32Array))
      tensors.set(name, tensor)
  return tensors
}

/** Writes a checkpoint in one step, then removes all but the last two. */
export async function saveCheckpoint(folder: string, layout: TrainingLayout, snapshot: Snapshot): Promise<void> {
  const { weights, average, best, progress } = snapshot
  const tensors = nameVectors(layout, weights)
  const add = (prefix: string, layout: FlatLayout, flat: Float32Array): void => {
    for (const [name, tensor] of split(prefix, layout, flat)) tensors.set(name, tensor)
  }
  if (average) add('average/', layout.params, average)
  if (best) {
    add('best/', layout.params, best.params)
    add('best/', layout.states, best.states)
  }
  const name = `step-${String(progress.step).padStart(8, '0')}.safetensors`
  await writeSafetensors(join(folder, name), { tensors, metadata: { 'mcfnc.progress': JSON.stringify(progress) } })
  const old = (await checkpointNames(folder)).filter((other) => other < name).slice(keep - 1)
  for (const other of old) await rm(join(folder, other), { force: true })
}

/** The newest checkpoint, or undefined where there is none. Throws a DiagnosticError where it does not fit the layout. */
export async function loadCheckpoint(folder: string, layout: TrainingLayout): Promise<Snapshot | undefined> {
  const [newest] = await checkpointNames(folder)
  if (newest === undefined) return undefined
  const file = join(folder, newest)
  const { tensors, metadata } = await readSafetensors(file)
  const damaged = (reason: string): DiagnosticError =>
    new DiagnosticError([diagnose(messages.runDamaged, undefined, { file, reason })])
  const join_ = (prefix: string, layout: FlatLayout): Float32Array => {
    const flat = new Float32Array(layout.size)
    for (const { variable, offset } of layout.entries) {
      const name = `${prefix}${variable.path}`
      const tensor = tensors.get(name)
      if (tensor?.dtype !== 'F32' || tensor.shape.join() !== variable.shape.join())
        throw damaged(`it has no tensor \`${name}\` of shape [${variable.shape.join(', ')}]`)
      flat.set(tensor.values, offset)
    }
    return flat
  }
  const has = (prefix: string): boolean => [...tensors.keys()].some((name) => name.startsWith(prefix))
  const progress = readProgress(metadata['mcfnc.progress'])
  if (progress === undefined) throw damaged('its metadata do not say where the run was')
  return {
    progress,
    weights: {
      params: join_('', layout.params),
      states: join_('', layout.states),
      slots: Object.fromEntries(layout.slots.map((slot) => [slot, join_(`${slot}/`, layout.params)])),
    },
    average: has('average/') ? join_('average/', layout.params) : undefined,
    best: has('best/') ? { params: join_('best/', layout.params), states: join_('best/', layout.states) } : undefined,
  }
}

/** Newest first. */
async function checkpointNames(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [])
  return names
    .filter((name) => pattern.test(name))
    .sort()
    .reverse()
}

function readProgress(text: string | undefined): Progress | undefined {
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return isProgress(value) ? value : undefined
  } catch {
    return undefined
  }
}

const isProgress = (value: unknown): value is Progress =>
  typeof value === 'object' &&
  value !== null &&
  ['epoch', 'batch', 'step', 'logBytes'].every(
    (key) => key in value && Number.isInteger(value[key as keyof typeof value]),
  ) &&
  ['sums', 'best', 'finished'].every((key) => key in value)
