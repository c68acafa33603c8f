/** The syntax tree as plain data, for `--emit ast` and for comparing trees. */
import { linesOf } from '../diagnostics/position.ts'
import { formatRational } from '../shapes/rational.ts'
import type { AstNode, Span } from './ast.ts'

/** What JSON can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * A node with all below it. A name or a text is itself; a number its exact value, `1/40`; a place `at` is
 * `line:column-line:column`, left out where no text is given. What is absent or empty is left out too.
 */
export function printAst(node: AstNode, text?: string): Json {
  const lines = text === undefined ? undefined : linesOf(text)
  const place = (span: Span): string | undefined => {
    if (!lines) return undefined
    const [start, end] = [lines.at(span.start), lines.at(span.end)]
    return `${start.line}:${start.column}-${end.line}:${end.column}`
  }
  const isSpan = (value: unknown): value is Span => isRecord(value) && 'start' in value && 'end' in value

  const print = (value: unknown): Json | undefined => {
    if (Array.isArray(value)) return value.map((item) => print(item) ?? null)
    if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number') return value
    if (!isRecord(value)) return undefined
    if (value.kind === 'ident' && typeof value.name === 'string') return value.name
    if (value.kind === 'string' && typeof value.value === 'string') return value.value
    if (typeof value.n === 'bigint' && typeof value.d === 'bigint') return formatRational({ n: value.n, d: value.d })
    const out: Record<string, Json> = {}
    for (const [key, field] of Object.entries(value)) {
      if (key === 'opSpan' || field === '' || field === undefined || (Array.isArray(field) && field.length === 0))
        continue
      const printed = key === 'span' && isSpan(field) ? place(field) : print(field)
      if (printed !== undefined) out[key === 'span' ? 'at' : key] = printed
    }
    return out
  }
  return print(node) ?? null
}
