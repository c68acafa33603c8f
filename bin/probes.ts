/** Runs probes in processes of their own: a driver that crashes, hangs or prints ends its process and no other. */
import { fork } from 'node:child_process'
import { type DoctorRow, nameAdapters, type Probed, rowOf } from '../runtime/report/doctor.ts'
import { nameOf, targets } from '../runtime/report/probe.ts'

/** How long it may take to say what it found, and then each thing more, in milliseconds. */
export interface ProbeLimits {
  readonly find: number
  readonly step: number
}

/** The most of stderr that is kept. */
const most = 64 * 1024

/** Runs a program with arguments that make it a probe, and collects what it tells by `openTelling`. Never rejects. */
export function runProbe<F extends { readonly kind: string }>(
  program: string,
  args: readonly string[],
  limits: ProbeLimits,
): Promise<Probed<F>> {
  return new Promise((resolve) => {
    const child = fork(program, args, {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // What it prints is read here.
      env: { ...process.env, FORCE_COLOR: '0' },
    })
    const findings: F[] = []
    let stderr = ''
    let ended: Pick<Probed, 'cut' | 'late'> | undefined
    /** Ends it, once it has said all that it will: some drivers crash or wait when a process ends by itself. */
    const end = (how: Pick<Probed, 'cut' | 'late'>): void => {
      clearTimeout(timer)
      ended ??= how
      child.kill('SIGKILL')
    }
    const limit = (ms: number): NodeJS.Timeout =>
      setTimeout(() => end({ cut: `no answer within ${ms / 1000} s`, late: true }), ms)
    let timer = limit(limits.find)
    child.stderr?.on('data', (data: Buffer) => {
      stderr = (stderr + data.toString()).slice(-most)
    })
    child.on('message', (finding: F) => {
      if (ended) return
      findings.push(finding)
      clearTimeout(timer)
      if (finding.kind === 'end') end({ late: false })
      else timer = limit(limits.step)
    })
    child.on('error', (failure) => {
      end({ cut: failure.message, late: false })
      // One that never started does not close.
      if (child.pid === undefined) resolve({ findings, stderr, cut: failure.message, late: false })
    })
    // Only now is the last of stderr here.
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      const how = signal === null ? `its process ended with code ${code}` : `its process was ended by ${signal}`
      const said = stderr.split('\n').find((line) => line.startsWith('error'))
      const cut = said === undefined ? how : `${how}: ${said}`
      resolve({ findings, stderr, ...(ended ?? { cut, late: false }) })
    })
  })
}

/** Runs this program as a probe of each engine and backend; one after another, since two would slow each other down. */
export async function probeAll(argsOf: (name: string) => readonly string[], limits: ProbeLimits): Promise<DoctorRow[]> {
  const rows: DoctorRow[] = []
  for (const target of targets) {
    sayBriefly(`trying ${nameOf(target)}`)
    rows.push(rowOf(target, await runProbe(process.argv[1] ?? '', argsOf(nameOf(target)), limits)))
  }
  sayBriefly('')
  return nameAdapters(rows)
}

/** A line on a terminal that the next one takes the place of: some backends take their time. */
export function sayBriefly(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}

/** What a probe tells with: to the process that runs it, or on stdout where none does. */
export function openTelling(): (finding: object) => Promise<void> {
  // Where the one that asks is gone, nobody waits for the answer; being able to hear of it must not keep this process.
  process.on('disconnect', () => process.exit())
  process.channel?.unref()
  return (finding) =>
    new Promise((resolve, reject) => {
      const told = (failure: Error | null | undefined): void => (failure ? reject(failure) : resolve())
      if (process.send) process.send(finding, undefined, {}, told)
      else process.stdout.write(`${JSON.stringify(finding)}\n`, told)
    })
}
