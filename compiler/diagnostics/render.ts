/** Diagnostics for people: message, code frames, notes and help. */
import type { Diagnostic } from './diagnostic.ts'
import { framesOf, type Mark, type Paint } from './frame.ts'
import { makeLineReader } from './position.ts'
import { printable } from './width.ts'

export interface RenderOptions {
  /** ANSI colours, for a terminal. */
  readonly color: boolean
}

interface Style extends Paint {
  readonly title: (text: string) => string
  readonly bold: (text: string) => string
}

const ansi = (codes: string) => (text: string) => `\u001b[${codes}m${text}\u001b[0m`
const plain = (text: string): string => text

function styleOf(diagnostic: Diagnostic, { color }: RenderOptions): Style {
  if (!color) return { gutter: plain, primary: plain, secondary: plain, title: plain, bold: plain }
  const loud = ansi(diagnostic.severity === 'error' ? '1;31' : '1;33')
  return { gutter: ansi('1;34'), primary: loud, secondary: ansi('1;34'), title: loud, bold: ansi('1') }
}

/** Renders diagnostics in the order given, a blank line between two; empty for none. `sourceOf` gives a file's text. */
export function renderText(
  diagnostics: readonly Diagnostic[],
  sourceOf: (file: string) => string | undefined,
  options: RenderOptions,
): string {
  const linesOf = makeLineReader(sourceOf)

  const render = (diagnostic: Diagnostic): string => {
    const style = styleOf(diagnostic, options)
    const { span, caption, labels } = diagnostic
    const primary: Mark[] = span ? [{ span, text: caption && printable(caption), primary: true }] : []
    const marks = [
      ...primary,
      ...labels.map(({ span, text }): Mark => ({ span, text: printable(text), primary: false })),
    ]
    const lineNumbers = marks.map((mark) => linesOf(mark.span.file)?.at(mark.span.start).line ?? 0)
    const gutter = Math.max(2, ...lineNumbers.map((line) => String(line).length))
    const out = [
      `${style.title(`${diagnostic.severity}[${diagnostic.code}]`)}${style.bold(`: ${printable(diagnostic.message)}`)}`,
    ]
    for (const file of new Set(marks.map((mark) => mark.span.file))) {
      const own = marks.filter((mark) => mark.span.file === file)
      const lines = linesOf(file)
      if (lines) out.push(...framesOf(file, lines, own, gutter, style))
      else
        out.push(
          `${' '.repeat(gutter)}${style.gutter(own.some((mark) => mark.primary) ? '-->' : ':::')} ${printable(file)}`,
        )
    }
    const aside = (text: string): void => {
      const [first = '', ...rest] = text.split('\n')
      out.push(`${' '.repeat(gutter)} ${style.gutter('=')} ${first}`)
      for (const line of rest) out.push(`${' '.repeat(gutter)}   ${line}`)
    }
    for (const note of diagnostic.notes) aside(printable(note))
    for (const help of diagnostic.help) aside(`${style.bold('help')}: ${printable(help)}`)
    return out.join('\n')
  }

  return diagnostics.map((diagnostic) => `${render(diagnostic)}\n`).join('\n')
}
