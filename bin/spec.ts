/** Reads and compiles the spec that a command was given. */
import { type Compilation, compile } from '../compiler/compile.ts'
import type { Program } from '../compiler/artefact.ts'
import { CommandError, printDiagnostics, type Texts } from './failure.ts'
import { readSource } from './reader.ts'

/** The options of every command that reads a spec. */
export interface SpecOptions {
  readonly model?: string
  readonly variant?: readonly string[]
  readonly D?: Readonly<Record<string, string>>
}

/** Compiles without judging: the program is absent where there are errors. */
export async function compileFile(file: string, options: SpecOptions): Promise<Compilation> {
  return compile(file, readSource, {
    ...(options.model === undefined ? {} : { model: options.model }),
    variants: options.variant ?? [],
    overrides: options.D ?? {},
  })
}

/** Compiles; warnings go to stderr. Throws a CommandError where the spec is wrong. */
export async function loadProgram(file: string, options: SpecOptions): Promise<{ program: Program; texts: Texts }> {
  const { program, diagnostics, texts } = await compileFile(file, options)
  if (!program) throw new CommandError(diagnostics, texts)
  printDiagnostics(diagnostics, texts)
  return { program, texts }
}
