/** How many threads a session computes with: the machine's physical cores, so that runs repeat bit for bit. */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** More gain little on models of this size, and a run is only repeatable on as many. */
const MOST = 8

/** Physical cores that this process may use, up to 8. */
export function defaultThreads(): number {
  const logical = availableParallelism()
  return Math.max(1, Math.min(MOST, logical, physicalCores() ?? logical))
}

/** Linux says which logical processors share a core; elsewhere each is taken for one. */
function physicalCores(): number | undefined {
  let text: string
  try {
    text = readFileSync('/proc/cpuinfo', 'utf8')
  } catch {
    return undefined
  }
  const cores = new Set<string>()
  for (const block of text.split(/\n\s*\n/)) {
    const core = /^core id\s*:\s*(\d+)/m.exec(block)?.[1]
    if (core !== undefined) cores.add(`${/^physical id\s*:\s*(\d+)/m.exec(block)?.[1] ?? 0}/${core}`)
  }
  return cores.size > 0 ? cores.size : undefined
}
