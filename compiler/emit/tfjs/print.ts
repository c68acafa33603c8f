/** Writes a listing as the text of a JavaScript function. */
import { formatDim } from '../../shapes/dim.ts'
import type { Span } from '../../syntax/ast.ts'
import type { Argument, Section, Statement } from './emission.ts'
import type { Listing } from './listing.ts'
import { comment } from './text.ts'

/** A line of a spec: where it is, `specs/mcfn.model:41`, and what it says. */
export interface SourceLine {
  readonly where: string
  readonly text: string
}

export interface PrintOptions {
  readonly lineOf?: ((span: Span) => SourceLine) | undefined
}

const titles: Readonly<Record<Section, string>> = {
  forward: 'Forward',
  losses: 'Losses',
  backward: 'Backward: derivatives, last to first; each stands by the line that it is the derivative of',
  update: 'Update: clipping, the optimiser, the states',
}

const longest = 118
const shortened = (line: string): string => (line.length > longest ? `${line.slice(0, longest - 2)} …` : line)

/** The body, indented by two blanks: what the function begins with, and a statement an operation. */
export function printBody({ head, statements, done }: Listing, { lineOf }: PrintOptions): string[] {
  const lines = head.map((line) => `  ${line}`)
  let section: Section | undefined
  let place = ''
  for (const [at, statement] of statements.entries()) {
    if (statement.section !== section) {
      section = statement.section
      place = ''
      lines.push('', `  // ---- ${titles[section]} ----`)
    }
    const span = statement.node?.span
    const line = span && lineOf?.(span)
    if (line && line.where !== place) {
      place = line.where
      lines.push(shortened(comment(`  // ${line.where}  ${line.text}`)))
    }
    const shape = statement.named ? `  // [${statement.type.dims.map(formatDim).join(', ')}]` : ''
    lines.push(`  const ${statement.name} = ${printCall(statement)}${shape}`)
    const over = done[at] ?? []
    if (over.length > 0) lines.push(`  free(${over.join(', ')})`)
  }
  return lines
}

const printCall = ({ fn, own, args }: Statement): string =>
  `${own ? fn : `tf.${fn}`}(${args.map(printArgument).join(', ')})`

const printArgument = (arg: Argument): string => {
  if (typeof arg === 'string') return arg
  return 'name' in arg ? arg.name : `[${arg.map(({ name }) => name).join(', ')}]`
}
