/** How a line of source is shown on a terminal: tabs, wide characters, and what a terminal must not be sent. */

const tab = 4
const invisible = /^(?:\p{Mn}|\p{Me}|\p{Cf})$/u
const wide =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]$/u
const pictograph = /^\p{Emoji_Presentation}$/u
// Control characters and directional marks could hide or reorder what is shown.
const unsafe = /^[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069\p{Cs}]$/u

/** Text with what a terminal must not be sent written as `\u001b`; tabs and line ends stay. */
export const printable = (text: string): string =>
  // Nearly every message is of these alone, and the line ends that notes hold.
  /^[ -~\t\n]*$/.test(text)
    ? text
    : Array.from(text, (c) => (c !== '\t' && c !== '\n' && unsafe.test(c) ? escapeOf(c) : c)).join('')

const escapeOf = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** One character as it is shown, with the columns it takes. */
export interface Cell {
  readonly text: string
  readonly width: number
  /** Its offset in the line, in UTF-16 units. */
  readonly offset: number
}

/** The characters of a line as a terminal shows them. */
export function cellsOf(line: string): Cell[] {
  const cells: Cell[] = []
  let column = 0
  let offset = 0
  for (const character of line) {
    let text = character
    let width = 1
    if (character >= ' ' && character <= '~') {
      // What nearly every character of a spec is.
    } else if (character === '\t') {
      width = tab - (column % tab)
      text = ' '.repeat(width)
    } else if (unsafe.test(character)) text = '\ufffd'
    else if (invisible.test(character)) width = 0
    else if (wide.test(character) || pictograph.test(character)) width = 2
    cells.push({ text, width, offset })
    column += width
    offset += character.length
  }
  return cells
}
