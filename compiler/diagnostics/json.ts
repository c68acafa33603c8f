/** Diagnostics for tools: one flat object each. */
import type { Span } from '../syntax/ast.ts'
import type { Diagnostic, Severity } from './diagnostic.ts'
import { type Lines, makeLineReader } from './position.ts'

/** A range in a file; lines and columns from 1, the end exclusive, null where the place or the file's text is not known. */
export interface JsonRange {
  readonly file: string | null
  readonly line: number | null
  readonly column: number | null
  readonly endLine: number | null
  readonly endColumn: number | null
}

export interface JsonDiagnostic extends JsonRange {
  readonly code: string
  readonly slug: string
  readonly severity: Severity
  readonly message: string
  readonly caption: string | null
  readonly labels: readonly (JsonRange & { readonly text: string })[]
  readonly notes: readonly string[]
  readonly help: readonly string[]
  readonly fixes: readonly {
    readonly title: string
    readonly edits: readonly (JsonRange & { readonly text: string })[]
  }[]
}

function rangeOf(span: Span | undefined, linesOf: (file: string) => Lines | undefined): JsonRange {
  const lines = span && linesOf(span.file)
  if (!span || !lines) return { file: span?.file ?? null, line: null, column: null, endLine: null, endColumn: null }
  const start = lines.at(span.start)
  const end = lines.at(Math.max(span.start, span.end))
  return { file: span.file, line: start.line, column: start.column, endLine: end.line, endColumn: end.column }
}

/** The diagnostics as JSON values, in the order given. `sourceOf` gives a file's text. */
export function toJson(
  diagnostics: readonly Diagnostic[],
  sourceOf: (file: string) => string | undefined,
): JsonDiagnostic[] {
  const lines = makeLineReader(sourceOf)
  return diagnostics.map((d) => ({
    code: d.code,
    severity: d.severity,
    message: d.message,
    ...rangeOf(d.span, lines),
    slug: d.slug,
    caption: d.caption ?? null,
    labels: d.labels.map((label) => ({ text: label.text, ...rangeOf(label.span, lines) })),
    notes: d.notes,
    help: d.help,
    fixes: d.fixes.map((fix) => ({
      title: fix.title,
      edits: fix.edits.map((edit) => ({ text: edit.text, ...rangeOf(edit.span, lines) })),
    })),
  }))
}
