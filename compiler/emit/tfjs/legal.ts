/** What tfjs cannot run, found when a module is written and told with the line of the spec. */
import type { Signature } from '../../artefact.ts'
import { idsTooLarge, rankTooHigh } from '../../diagnostics/catalogue/targets.ts'
import { type Diagnostic, diagnose } from '../../diagnostics/diagnostic.ts'
import { formatDim } from '../../shapes/dim.ts'
import type { Statement } from './emission.ts'

/** The most axes that every backend takes; beyond, some compute something else and say nothing. */
export const highestRank = 6

/** Whole numbers have 32 bits in tfjs. */
const mostIds = 2 ** 31 - 1

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

/** A diagnostic for each input or target whose ids need more than 32 bits. */
export const findLargeIds = ({ inputs, targets }: Pick<Signature, 'inputs' | 'targets'>): Diagnostic[] =>
  [...inputs, ...targets].flatMap(({ name, below }) =>
    below !== undefined && below > mostIds ? [diagnose(idsTooLarge, undefined, { name, below })] : [],
  )
