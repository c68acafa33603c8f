/** What tfjs cannot run, found when a module is written and told with the line of the spec. */
import { rankTooHigh } from '../../diagnostics/catalogue/targets.ts'
import { type Diagnostic, diagnose } from '../../diagnostics/diagnostic.ts'
import { formatDim } from '../../shapes/dim.ts'
import type { Statement } from './emission.ts'

/** The most axes that every backend takes; beyond, some compute something else and say nothing. */
export const highestRank = 6

/** A diagnostic for each line that makes a tensor of too many axes. */
export function findHighRanks(statements: readonly Statement[]): Diagnostic[] {
  const found = new Map<string, Diagnostic>()
  for (const { type, node } of statements) {
    if (type.dims.length <= highestRank) continue
    const span = node?.span
    const key = `${span?.file}:${span?.start}`
    if (found.has(key)) continue
    const shape = `[${type.dims.map(formatDim).join(', ')}]`
    found.set(key, diagnose(rankTooHigh, span, { rank: type.dims.length, highest: highestRank, shape }))
  }
  return [...found.values()]
}
