/** Reads and compiles the spec that a command was given. */
import { createHash } from 'node:crypto'
import type { Program } from '../compiler/artefact.ts'
import { type Compilation, compile } from '../compiler/compile.ts'
import { makeNodeReader } from '../compiler/source/node-reader.ts'
import { CommandError, printDiagnostics, type Texts } from './failure.ts'

/** The options of every command that reads a spec. */
export interface SpecOptions {
  readonly model?: string
  readonly variant?: readonly string[]
  readonly D?: Readonly<Record<string, string>>
}

/** What the compiler is told by them. */
export const compileOptions = ({ model, variant, D }: SpecOptions) =>
  ({ model, variants: variant ?? [], overrides: D ?? {} }) as const

const hash = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Compiles without judging: the program is absent where there are errors. */
export const compileFile = (file: string, options: SpecOptions): Compilation =>
  compile(file, makeNodeReader(), { ...compileOptions(options), hash })

/** Compiles; warnings go to stderr. Throws a CommandError where the spec is wrong. */
export function loadProgram(file: string, options: SpecOptions): { program: Program; texts: Texts } {
  const { program, diagnostics, texts } = compileFile(file, options)
  if (!program) throw new CommandError(diagnostics, texts)
  printDiagnostics(diagnostics, texts)
  return { program, texts }
}
