/** Text to syntax tree, with every syntax error of the text in one run. */
import type { FileCstNode } from '../../grammar/cst.generated.ts'
import { layOut } from '../../grammar/layout.ts'
import { ModelParser } from '../../grammar/parser.ts'
import { makeTokenise, type Tokenise } from '../../grammar/tokens.ts'
import { syntax } from '../diagnostics/catalogue/syntax.ts'
import { type Diagnostic, diagnose } from '../diagnostics/diagnostic.ts'
import type { File } from './ast.ts'
import { buildFile } from './build.ts'
import { toDiagnostics } from './problems.ts'

/** What is shown of one file; a text that is no spec at all would give thousands. */
export const maxDiagnostics = 100

interface Machine {
  readonly tokenise: Tokenise
  readonly parser: ModelParser
}

// Built at the first use and kept: building takes longer than parsing does.
const machine = ((): (() => Machine) => {
  let made: Machine | undefined
  return () => {
    made ??= { tokenise: makeTokenise(), parser: new ModelParser() }
    return made
  }
})()

/** Parses a file. Never throws; what could not be read is left out or an error node, and reported. */
export function parse(text: string, path: string): { file: File; diagnostics: Diagnostic[] } {
  const { tokenise, parser } = machine()
  const layout = layOut(tokenise(text), text.length)
  const { tree, problems } = parser.run(layout.tokens)
  const diagnostics = toDiagnostics(path, text, layout, problems)
  const context = { path, text, tokens: layout.tokens, docs: layout.docs, diagnostics }
  const file = buildFile(context, tree as FileCstNode)
  diagnostics.sort((a, b) => (a.span?.start ?? 0) - (b.span?.start ?? 0))
  return { file, diagnostics: limited(diagnostics) }
}

function limited(diagnostics: Diagnostic[]): Diagnostic[] {
  const last = diagnostics[maxDiagnostics]
  if (!last) return diagnostics
  const more = diagnostics.length - maxDiagnostics
  const notice = diagnose(syntax.tooMany, last.span, { limit: maxDiagnostics, more })
  return [...diagnostics.slice(0, maxDiagnostics), notice]
}
