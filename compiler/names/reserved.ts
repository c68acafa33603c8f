/** The words that no spec may bind, as a set: the grammar's list is the only one. */
import { reservedWords as words } from '../../grammar/words.ts'

/** Every reserved word. */
export const reservedWords: ReadonlySet<string> = new Set(words)
