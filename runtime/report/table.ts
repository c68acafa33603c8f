/** Tables of text for a terminal. */

/** Lines with columns aligned: `l` left, `r` right, one letter a column. A rule stands under the head. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[], align: string): string[] {
  const widths = head.map((title, k) => Math.max(title.length, ...rows.map((row) => row[k]?.length ?? 0)))
  const format = (cells: readonly string[]): string =>
    widths
      .map((width, k) => (align[k] === 'r' ? (cells[k] ?? '').padStart(width) : (cells[k] ?? '').padEnd(width)))
      .join('  ')
      .trimEnd()
  return [format(head), widths.map((width) => '─'.repeat(width)).join('  '), ...rows.map(format)]
}
