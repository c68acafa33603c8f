/** The words that no spec may bind, as a set: the grammar's list is the only one. */
import { formatNames, reservedWords as words } from '../../grammar/words.ts'

/** Every reserved word. */
export const reservedWords: ReadonlySet<string> = new Set(words)
/** Those that a loss or an output, whose names stand apart, cannot have either. */
export const unwritableNames: ReadonlySet<string> = new Set(formatNames)
