/** Offsets to lines and columns. */

/** A place as people and editors count it: both from 1, columns in UTF-16 units as editors have them. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** The lines of a text. A line ends with `\n`, `\r\n` or `\r`, as in the lexer. */
export interface Lines {
  readonly count: number
  /** The place of an offset; offsets outside the text are moved to its ends. */
  readonly at: (offset: number) => Position
  /** A line without its end; lines count from 1. */
  readonly text: (line: number) => string
  /** The offset of a line's first character. */
  readonly start: (line: number) => number
}

/** Finds the lines of a text; linear, once a text. */
export function linesOf(text: string): Lines {
  const starts = [0]
  for (const match of text.matchAll(/\r\n?|\n/g)) starts.push(match.index + match[0].length)
  const startOf = (line: number): number => starts[line - 1] ?? text.length
  return {
    count: starts.length,
    start: startOf,
    text: (line) => text.slice(startOf(line), startOf(line + 1)).replace(/[\r\n]+$/, ''),
    at: (offset) => {
      const within = Math.max(0, Math.min(offset, text.length))
      let low = 0
      let high = starts.length
      while (high - low > 1) {
        const middle = (low + high) >> 1
        if ((starts[middle] ?? 0) <= within) low = middle
        else high = middle
      }
      return { line: low + 1, column: within - (starts[low] ?? 0) + 1 }
    },
  }
}

/** Lines by file, each found once. */
export function makeLineReader(sourceOf: (file: string) => string | undefined): (file: string) => Lines | undefined {
  const known = new Map<string, Lines | undefined>()
  return (file) => {
    if (!known.has(file)) {
      const text = sourceOf(file)
      known.set(file, text === undefined ? undefined : linesOf(text))
    }
    return known.get(file)
  }
}
