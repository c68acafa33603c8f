/** How a command ends: diagnostics as text on stderr and an exit code, never a stack trace. */
import { internalError } from '../compiler/diagnostics/catalogue/commands.ts'
import { type Diagnostic, DiagnosticError, diagnose } from '../compiler/diagnostics/diagnostic.ts'
import { renderText } from '../compiler/diagnostics/render.ts'

/** Exit codes: all is well, the spec or the data is wrong, the call is wrong. */
export const exitCodes = { fine: 0, wrong: 1, usage: 2, interrupted: 130 } as const

/** Text of files that diagnostics point into, by path. */
export type Texts = ReadonlyMap<string, string>

/** Thrown by a command that knows the texts its diagnostics point into. */
export class CommandError extends DiagnosticError {
  readonly texts: Texts
  constructor(diagnostics: readonly Diagnostic[], texts: Texts) {
    super(diagnostics)
    this.texts = texts
  }
}

/** Thrown where the call, not a file, is wrong: an option is missing that the model makes needed. */
export class CallError extends DiagnosticError {}

/** Whether stderr takes colours: a terminal, and NO_COLOR (https://no-color.org) is not set. */
export const colourful = (stream: { readonly isTTY?: boolean }): boolean =>
  process.env.FORCE_COLOR !== undefined
    ? process.env.FORCE_COLOR !== '0'
    : !process.env.NO_COLOR && stream.isTTY === true

/** Writes diagnostics to stderr. */
export function printDiagnostics(diagnostics: readonly Diagnostic[], texts: Texts): void {
  if (diagnostics.length === 0) return
  process.stderr.write(`${renderText(diagnostics, (file) => texts.get(file), { color: colourful(process.stderr) })}\n`)
}

/** Runs a command's action; what it throws is shown, and sets the exit code. */
export async function guard(phase: string, action: () => Promise<number | undefined>): Promise<void> {
  try {
    process.exitCode = (await action()) ?? exitCodes.fine
  } catch (failure) {
    process.exitCode = failure instanceof CallError ? exitCodes.usage : exitCodes.wrong
    if (failure instanceof DiagnosticError) {
      printDiagnostics(failure.diagnostics, failure instanceof CommandError ? failure.texts : new Map())
      return
    }
    const what = failure instanceof Error ? failure.message : String(failure)
    printDiagnostics([diagnose(internalError, undefined, { phase, what })], new Map())
    if (process.env.MCFNC_TRACE && failure instanceof Error) process.stderr.write(`${failure.stack}\n`)
  }
}
