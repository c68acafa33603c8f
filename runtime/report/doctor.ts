/** What `mcfnc doctor` shows: a row for each engine and backend, and what is taken where nothing is asked for. */
import { type Finding, type Found, nameOf, type State, type Target } from './probe.ts'
import type { Load } from './rates.ts'
import { formatTable } from './table.ts'

/** How the process of a probe went. */
export interface Probed<F = Finding> {
  readonly findings: readonly F[]
  /** Why it ended before its last finding: a signal, an exit code, or that it was given no more time. */
  readonly cut?: string
  /** True where it was given no more time. */
  readonly late: boolean
  readonly stderr: string
}

/** What a target is found to be. */
export interface DoctorRow {
  readonly engine: Target['engine']
  readonly backend: Target['backend']
  readonly state: State
  readonly details: Readonly<Record<string, string>>
  /** The time of a training step. */
  readonly step_ms?: number
  /** What `mcfnc bench` tells besides. */
  readonly load?: Load
  /** Why there is no time, where the backend works. */
  readonly no_step?: string
  readonly why?: string
  readonly install?: string
}

const titles: Readonly<Record<Target['engine'], string>> = { onnxruntime: 'ONNX Runtime', tfjs: 'tfjs' }
const states: Readonly<Record<State, string>> = {
  ready: 'ready',
  software: 'software only',
  absent: 'absent',
  broken: 'broken',
}

/** True where training can run on it. */
export const works = ({ state }: Pick<DoctorRow, 'state'>): boolean => state === 'ready' || state === 'software'

/** `ONNX Runtime cpu`. */
export const titleOf = ({ engine, backend }: Pick<DoctorRow, 'engine' | 'backend'>): string =>
  `${titles[engine]} ${backend}`

/** A target's row, out of how its probe went. */
export function rowOf({ engine, backend }: Target, { findings, cut, late, stderr }: Probed): DoctorRow {
  const found = findings.findLast((finding): finding is Found => finding.kind === 'found')
  const step = findings.find((finding) => finding.kind === 'step')
  const row = { engine, backend, state: found?.state ?? 'broken', details: found?.details ?? {} }
  if (!found) return { ...row, why: cut ?? 'it found nothing' }
  if (!works(found)) {
    const missing = missingLibrary(stderr)
    return {
      ...row,
      ...(missing === undefined ? {} : { details: { ...found.details, missing } }),
      ...(found.why === undefined ? {} : { why: found.why }),
      ...(found.install === undefined ? {} : { install: found.install }),
    }
  }
  if (step) return { ...row, step_ms: step.ms, ...(step.load ? { load: step.load } : {}) }
  if (late) return { ...row, no_step: 'too slow' }
  return { ...row, state: 'broken', why: `${cut ?? 'it ended'} while taking a step` }
}

/** Loaders of native libraries tell only on stderr which one they lack. */
const missingLibrary = (stderr: string): string | undefined =>
  [...stderr.matchAll(/([^\s/]+\.so[.\d]*): cannot open shared object file/g)].at(-1)?.[1]

/**
 * ONNX Runtime says that it has an adapter, and not which: that is what tfjs found on the same machine, if it did.
 */
export function nameAdapters(rows: readonly DoctorRow[]): DoctorRow[] {
  const known = rows.find((row) => nameOf(row as Target) === 'tfjs/webgpu')
  const adapter = known?.details.adapter
  return rows.map((row) => {
    if (nameOf(row as Target) !== 'onnxruntime/webgpu' || row.state !== 'ready') return row
    if (adapter === undefined) return { ...row, details: { ...row.details, adapter: 'not known' } }
    return { ...row, state: known?.state === 'software' ? 'software' : 'ready', details: { ...row.details, adapter } }
  })
}

/** The tables; `size` is in words what was stepped. */
export function formatRows(rows: readonly DoctorRow[], size: string): string[] {
  const table = formatTable(
    ['engine', 'backend', 'state', 'a step', 'what was found'],
    rows.map((row) => [
      titles[row.engine],
      row.backend,
      states[row.state],
      row.step_ms === undefined ? (row.no_step ?? '') : formatTime(row.step_ms),
      [...(row.why === undefined ? [] : [clip(row.why)]), ...Object.entries(row.details).map((pair) => pair.join(' '))]
        .filter(Boolean)
        .join(', '),
    ]),
    'lllrl',
  )
  const missing = rows.flatMap((row) => (row.install === undefined ? [] : [[titleOf(row), row.install]]))
  return [
    ...table,
    '',
    `a step: ${size}`,
    ...(missing.length > 0 ? ['', ...formatTable(['missing', 'how to get it'], missing, 'll')] : []),
  ]
}

/** What is taken by default and by `auto`; `best` is absent where looking for it failed. */
export function formatChoice(
  chosen: DoctorRow,
  best: Extract<Finding, { readonly kind: 'best' }> | undefined,
): string[] {
  const does = works(chosen) ? '' : ', which does not work here'
  return [
    `\`mcfnc train\` takes ${titles[chosen.engine]} on \`${chosen.backend}\` unless told otherwise${does}`,
    best
      ? `\`--engine tfjs\` takes \`${best.backend}\`: ${best.why}`
      : '`--engine tfjs` finds no backend: one of the backends above ends the process that tries it',
  ]
}

/** `4.1 ms`, `312 ms`, `2.3 s`. */
export const formatTime = (ms: number): string =>
  ms < 10 ? `${ms.toFixed(1)} ms` : ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`

/** The first line, cut where it is long: what an engine says of itself may be a page. */
function clip(text: string): string {
  const [line = ''] = text.trim().split('\n')
  return line.length > 120 ? `${line.slice(0, 119)}…` : line
}
