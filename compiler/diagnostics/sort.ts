/** The order in which diagnostics are shown. */
import type { Diagnostic } from './diagnostic.ts'

const key = (d: Diagnostic): string =>
  `${d.code}|${d.span?.file ?? ''}|${d.span?.start ?? ''}|${d.span?.end ?? ''}|${d.message}`

/**
 * Sorts by file, place and code, and drops repetitions. What has no place comes first; files come in the order of
 * `files`, others after them by name.
 */
export function sortDiagnostics(diagnostics: readonly Diagnostic[], files: readonly string[] = []): Diagnostic[] {
  const rank = new Map(files.map((file, i) => [file, i]))
  const rankOf = (d: Diagnostic): number => (d.span ? (rank.get(d.span.file) ?? files.length) : -1)
  const text = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
  const unique = [...new Map(diagnostics.map((d) => [key(d), d])).values()]
  return unique.sort(
    (a, b) =>
      rankOf(a) - rankOf(b) ||
      text(a.span?.file ?? '', b.span?.file ?? '') ||
      (a.span?.start ?? 0) - (b.span?.start ?? 0) ||
      (a.span?.end ?? 0) - (b.span?.end ?? 0) ||
      text(a.code, b.code),
  )
}
