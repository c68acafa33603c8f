/** Runs a probe in a process of its own: a driver that crashes, hangs or prints ends that process and no other. */
import { fork } from 'node:child_process'
import type { Probed } from '../runtime/report/doctor.ts'
import type { Finding } from '../runtime/report/probe.ts'

/** How long it may take to say what it found, and then to take two steps, in milliseconds. */
export interface ProbeLimits {
  readonly find: number
  readonly step: number
}

/** The most of stderr that is kept. */
const most = 64 * 1024

/** Runs `mcfnc doctor --probe <name>` with the same program, and collects what it tells. Never rejects. */
export function runProbe(program: string, name: string, limits: ProbeLimits): Promise<Probed> {
  return new Promise((resolve) => {
    const child = fork(program, ['doctor', '--probe', name], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // What it prints is read here.
      env: { ...process.env, FORCE_COLOR: '0' },
    })
    const findings: Finding[] = []
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
    child.on('message', (finding: Finding) => {
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
