/** Code frames: lines of source with what is wrong marked under them. */
import type { Span } from '../syntax/ast.ts'
import type { Lines } from './position.ts'
import { cellsOf, printable } from './width.ts'

/** A place to mark, with the words that stand under it. */
export interface Mark {
  readonly span: Span
  readonly text: string | undefined
  readonly primary: boolean
}

/** Paints a piece of a frame. */
export interface Paint {
  readonly gutter: (text: string) => string
  readonly primary: (text: string) => string
  readonly secondary: (text: string) => string
}

/** Longer lines are cut around the first mark. */
const widest = 140
/** What stands before the first mark of a line that is cut. */
const lead = 50
/** Marked lines this near each other share a frame. */
const near = 3

interface LineMark extends Mark {
  /** Columns as shown, from 0; the end is exclusive and at least one more than the start. */
  readonly start: number
  readonly end: number
}

/** The frames for all marks in one file: `-->` leads to the primary place, `:::` to others. */
export function framesOf(file: string, lines: Lines, marks: readonly Mark[], gutter: number, paint: Paint): string[] {
  const byLine = new Map<number, Mark[]>()
  for (const mark of marks) {
    const { line } = lines.at(mark.span.start)
    const same = byLine.get(line)
    if (same) same.push(mark)
    else byLine.set(line, [mark])
  }
  const groups: number[][] = []
  for (const line of [...byLine.keys()].sort((a, b) => a - b)) {
    const group = groups.at(-1)
    if (group && line - (group.at(-1) ?? 0) <= near) group.push(line)
    else groups.push([line])
  }
  const marksOf = (line: number): readonly Mark[] => byLine.get(line) ?? []
  const isPrimary = (group: readonly number[]): boolean => group.some((line) => marksOf(line).some((m) => m.primary))
  // The frame with the primary place leads, whatever its line.
  groups.sort((a, b) => Number(isPrimary(b)) - Number(isPrimary(a)))
  return groups.flatMap((group) => frame(file, lines, group, marksOf, gutter, paint))
}

function frame(
  file: string,
  lines: Lines,
  group: readonly number[],
  marksOf: (line: number) => readonly Mark[],
  gutter: number,
  paint: Paint,
): string[] {
  const all = group.flatMap((line) => [...marksOf(line)])
  const head = all.find((mark) => mark.primary) ?? all[0]
  if (!head) return []
  const { line, column } = lines.at(head.span.start)
  const bar = paint.gutter(`${' '.repeat(gutter)} |`)
  const out = [
    `${' '.repeat(gutter)}${paint.gutter(head.primary ? '-->' : ':::')} ${printable(file)}:${line}:${column}`,
    bar,
  ]
  const first = group[0] ?? line
  const last = group.at(-1) ?? line
  for (let at = first; at <= last; at++) {
    const { text, under } = markedLine(lines, at, marksOf(at), paint)
    out.push(`${paint.gutter(`${String(at).padStart(gutter)} |`)}${text === '' ? '' : ` ${text}`}`)
    for (const row of under) out.push(`${bar} ${row}`)
  }
  return out
}

function markedLine(
  lines: Lines,
  line: number,
  marks: readonly Mark[],
  paint: Paint,
): { text: string; under: string[] } {
  const source = lines.text(line)
  const start = lines.start(line)
  const from = marks.length === 0 ? 0 : Math.min(...marks.map((mark) => mark.span.start - start))
  const piece = pieceOf(source, Math.max(0, from))
  const cells = cellsOf(piece.text)
  const before = piece.first > 0 ? '…' : ''
  const after = piece.first + piece.text.length < source.length ? '…' : ''
  const columnOf = (offset: number): number => {
    let column = before.length
    for (const cell of cells) {
      if (piece.first + cell.offset >= offset) break
      column += cell.width
    }
    return column
  }
  const placed = marks.map((mark): LineMark => {
    const first = columnOf(mark.span.start - start)
    return { ...mark, start: first, end: Math.max(first + 1, columnOf(Math.min(mark.span.end - start, source.length))) }
  })
  const shown = cells.map((cell) => cell.text).join('')
  return { text: `${before}${shown}${after}`.trimEnd(), under: under(placed, paint) }
}

/** What of a line is shown: all of it, or what stands around an offset, no character cut in two. */
function pieceOf(source: string, from: number): { text: string; first: number } {
  if (source.length <= widest) return { text: source, first: 0 }
  const isLow = (at: number): boolean => /[\udc00-\udfff]/.test(source.charAt(at))
  let first = Math.max(0, Math.min(from, source.length) - lead)
  let last = Math.min(source.length, first + widest)
  if (isLow(first)) first--
  if (isLow(last)) last++
  return { text: source.slice(first, last), first }
}

/** The rows under a line: carets, the last mark's words behind them, and those of the others each on a row of its own. */
function under(marks: readonly LineMark[], paint: Paint): string[] {
  if (marks.length === 0) return []
  const sorted = [...marks].sort((a, b) => a.start - b.start || Number(a.primary) - Number(b.primary))
  const ink = (mark: LineMark) => (mark.primary ? paint.primary : paint.secondary)
  let row = ''
  let column = 0
  // Where marks overlap, the primary one is on top.
  const end = Math.max(...sorted.map((mark) => mark.end))
  while (column < end) {
    const covers = sorted.filter((mark) => mark.start <= column && column < mark.end)
    const top = covers.find((mark) => mark.primary) ?? covers[0]
    const next = Math.min(end, ...sorted.flatMap((mark) => [mark.start, mark.end]).filter((edge) => edge > column))
    row += top ? ink(top)((top.primary ? '^' : '-').repeat(next - column)) : ' '.repeat(next - column)
    column = next
  }
  const last = sorted.at(-1)
  const inline = last && last.end === end ? last : undefined
  if (inline?.text) row += ` ${ink(inline)(inline.text)}`
  const rows = [row]
  for (const mark of sorted.reverse())
    if (mark !== inline && mark.text) rows.push(`${' '.repeat(mark.start)}${ink(mark)(mark.text)}`)
  return rows
}
