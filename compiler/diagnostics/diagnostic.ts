/** Diagnostics as data: every phase reports them, and text, JSON and editors render the same value. */
import type { Span } from '../syntax/ast.ts'

export type Severity = 'error' | 'warning'

/** A second place that explains the first. */
export interface Label {
  readonly span: Span
  readonly text: string
}

/** A replacement that re-checks cleanly. */
export interface Fix {
  readonly title: string
  readonly edits: readonly { readonly span: Span; readonly text: string }[]
}

export interface Diagnostic {
  /** `MCF3001`; never reused. */
  readonly code: string
  readonly slug: string
  readonly severity: Severity
  readonly message: string
  /** Absent for what has no place in a file, such as a wrong `-D`. */
  readonly span: Span | undefined
  /** What stands under the caret of `span`. */
  readonly caption: string | undefined
  readonly labels: readonly Label[]
  readonly notes: readonly string[]
  readonly help: readonly string[]
  readonly fixes: readonly Fix[]
}

/** What a catalogue row's function makes of its parameters. */
export interface Message {
  readonly message: string
  readonly caption?: string | undefined
  readonly labels?: readonly Label[]
  readonly notes?: readonly string[]
  readonly help?: readonly string[]
  readonly fixes?: readonly Fix[]
}

export interface Row<P> {
  readonly code: string
  readonly slug: string
  readonly severity: Severity
  readonly text: (params: P) => Message
}

/** One row of the catalogue: an error. */
export const error = <P = Record<never, never>>(code: string, slug: string, text: (params: P) => Message): Row<P> => ({
  code,
  slug,
  severity: 'error',
  text,
})
/** One row of the catalogue: a warning. */
export const warning = <P = Record<never, never>>(
  code: string,
  slug: string,
  text: (params: P) => Message,
): Row<P> => ({
  ...error(code, slug, text),
  severity: 'warning',
})

/** Makes the diagnostic of a row at a place. */
export function diagnose<P>(row: Row<P>, span: Span | undefined, params: P): Diagnostic {
  const text = row.text(params)
  return {
    code: row.code,
    slug: row.slug,
    severity: row.severity,
    message: text.message,
    span,
    caption: text.caption,
    labels: text.labels ?? [],
    notes: text.notes ?? [],
    help: text.help ?? [],
    fixes: text.fixes ?? [],
  }
}

/** Thrown where work cannot go on; a command turns it into text and an exit code, never a stack trace. */
export class DiagnosticError extends Error {
  readonly diagnostics: readonly Diagnostic[]
  constructor(diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map((d) => `${d.code}: ${d.message}`).join('\n'))
    this.name = 'DiagnosticError'
    this.diagnostics = diagnostics
  }
}
