/** A run's folder: what is in it, when it may be written, and how a killed run's leavings are put right. */
import { createHash } from 'node:crypto'
import { mkdir, open, readdir, readFile, rm, rmdir, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import type { ConfigDifference } from '../../compiler/diagnostics/catalogue/run-options.ts'
import * as messages from '../../compiler/diagnostics/catalogue/training.ts'
import { DiagnosticError, diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import { writeFileAtomic } from '../formats/atomic.ts'
import { explainFileError, fileErrorCode } from '../formats/file-error.ts'

/** Files of a run, by what they are. */
export interface RunFolder {
  readonly path: string
  readonly config: string
  readonly log: string
  readonly metrics: string
  readonly weights: string
  readonly model: string
  readonly checkpoints: string
  readonly spec: string
}

export const runFolder = (path: string): RunFolder => ({
  path,
  config: join(path, 'config.json'),
  log: join(path, 'log.jsonl'),
  metrics: join(path, 'metrics.json'),
  weights: join(path, 'weights.safetensors'),
  model: join(path, 'model.onnx'),
  checkpoints: join(path, 'checkpoints'),
  spec: join(path, 'spec'),
})

/** A run's resolved configuration. `paths` may differ between a run and its resumption; nothing else may. */
export interface RunConfig {
  readonly paths: Readonly<Record<string, string>>
  readonly [section: string]: unknown
}

const isPart = (name: string): boolean => name.startsWith('.') && name.endsWith('.part')

/**
 * Looks at a folder before a run, and writes nothing: 'fresh' for a run that starts, 'resumed' for one that goes on.
 * Throws a DiagnosticError where it is not empty, or holds a run of another configuration.
 */
export async function inspectFolder(
  folder: RunFolder,
  config: RunConfig,
  resume: boolean,
): Promise<'fresh' | 'resumed'> {
  let names: string[]
  try {
    names = await readdir(folder.path)
  } catch (failure) {
    if (fileErrorCode(failure) === 'ENOENT') return 'fresh'
    throw unwritable(folder, failure)
  }
  const isRun = names.includes('config.json')
  if (names.every(isPart)) return 'fresh'
  if (!resume) throw new DiagnosticError([diagnose(messages.folderNotEmpty, undefined, { folder: folder.path, isRun })])
  if (!isRun) throw new DiagnosticError([diagnose(messages.nothingToResume, undefined, { folder: folder.path })])
  const differences = compareConfigs(await readConfig(folder), config)
  if (differences.length > 0)
    throw new DiagnosticError([
      diagnose(messages.resumeDiffers, undefined, { folder: folder.path, spec: folder.spec, differences }),
    ])
  return 'resumed'
}

/** Throws a DiagnosticError where a folder is not empty; asked before long work, for a run that is not to be resumed. */
export async function refuseOccupied(path: string): Promise<void> {
  const names = await readdir(path).catch(() => [])
  const isRun = names.some((name) => name === 'config.json' || /^(session|fold)-\d+$/.test(name))
  if (!names.every(isPart))
    throw new DiagnosticError([diagnose(messages.folderNotEmpty, undefined, { folder: path, isRun })])
}

/** Throws a DiagnosticError where a run is to be resumed and its folder is not there; asked before long work. */
export async function refuseMissing(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (!found) throw new DiagnosticError([diagnose(messages.nothingToResume, undefined, { folder: path })])
}

/** Makes the folder of a fresh run; its configuration comes first, as the mark that this is a run. */
export async function startFolder(
  folder: RunFolder,
  config: RunConfig,
  sources: ReadonlyMap<string, string>,
): Promise<void> {
  try {
    await mkdir(folder.path, { recursive: true })
    await removeParts(folder)
    await writeFileAtomic(folder.config, formatJson(config))
    await mkdir(folder.checkpoints, { recursive: true })
    for (const [path, text] of sources) await writeFileAtomic(join(folder.spec, specName(path)), text)
  } catch (failure) {
    throw unwritable(folder, failure)
  }
}

/** Takes back what a fresh run wrote, where it failed before its first checkpoint: it has nothing to go on from. */
export async function abandonFolder(folder: RunFolder): Promise<void> {
  await removeParts(folder)
  if ((await readdir(folder.checkpoints).catch(() => [])).length > 0) return
  for (const made of [folder.checkpoints, folder.spec, folder.log, folder.config])
    await rm(made, { recursive: true, force: true })
  // Only an empty folder goes; one that holds what others put there stays.
  await rmdir(folder.path).catch(() => {})
}

/** Removes what a killed run left half-written. */
export async function removeParts(folder: RunFolder): Promise<void> {
  for (const inside of [folder.path, folder.checkpoints, folder.spec]) {
    const names = await readdir(inside).catch(() => [])
    for (const name of names.filter(isPart)) await rm(join(inside, name), { force: true })
  }
}

/** Appends a line to the log, on the disk when this returns; gives the log's new length. */
export async function appendLog(folder: RunFolder, record: object, after: number): Promise<number> {
  const line = Buffer.from(`${JSON.stringify(record)}\n`)
  const file = await open(folder.log, 'a')
  try {
    await file.writeFile(line)
    await file.sync()
  } finally {
    await file.close()
  }
  return after + line.length
}

/** Cuts off the lines that were written after the checkpoint that a run goes on from. */
export async function rewindLog(folder: RunFolder, bytes: number): Promise<void> {
  const size = await stat(folder.log).then(
    (found) => found.size,
    () => 0,
  )
  if (size < bytes) {
    const reason = `it has ${size} bytes, and the checkpoint counts on ${bytes}`
    throw new DiagnosticError([diagnose(messages.runDamaged, undefined, { file: folder.log, reason })])
  }
  if (size > bytes) await truncate(folder.log, bytes)
}

/** JSON as every file of a run has it: two spaces, a newline at the end. */
export const formatJson = (value: object): string => `${JSON.stringify(value, undefined, 2)}\n`

/** SHA-256 of texts or bytes, in order, as hex. */
export function hashOf(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}

async function readConfig(folder: RunFolder): Promise<RunConfig> {
  try {
    return JSON.parse(await readFile(folder.config, 'utf8')) as RunConfig
  } catch (failure) {
    const reason = failure instanceof SyntaxError ? failure.message : explainFileError(failure)
    throw new DiagnosticError([diagnose(messages.runDamaged, undefined, { file: folder.config, reason })])
  }
}

/** Each entry that differs, by its path, `recipe.seed`; `paths` aside. */
export function compareConfigs(then: RunConfig, now: RunConfig): ConfigDifference[] {
  const flatten = (value: unknown, path: string): [string, unknown][] =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.entries(value).flatMap(([key, inner]) => flatten(inner, path === '' ? key : `${path}.${key}`))
      : [[path, value]]
  const before = new Map(flatten({ ...then, paths: null }, ''))
  // Through JSON, as the file went: what JSON leaves out is no difference.
  const after = new Map(flatten({ ...JSON.parse(JSON.stringify(now)), paths: null }, ''))
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((entry) => ({ entry, was: before.get(entry), now: after.get(entry) }))
    .filter((one) => JSON.stringify(one.was) !== JSON.stringify(one.now))
}

/** The files of a spec keep their folders, but for what would lead out of the run's own. */
const specName = (path: string): string =>
  path
    .split(/[/\\]+/)
    .filter((part) => part !== '' && part !== '.' && part !== '..' && !part.endsWith(':'))
    .join('/')

const unwritable = (folder: RunFolder, failure: unknown): DiagnosticError =>
  new DiagnosticError([
    diagnose(messages.folderUnwritable, undefined, { folder: folder.path, reason: explainFileError(failure) }),
  ])
