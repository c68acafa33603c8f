/** `mcfnc check`: every mistake of a spec and of its variants, or what the compiler makes of it. */
import { checkAll } from '../../compiler/compile.ts'
import { names } from '../../compiler/diagnostics/catalogue/names.ts'
import { toJson } from '../../compiler/diagnostics/json.ts'
import { makeNodeReader } from '../../compiler/source/node-reader.ts'
import { exitCodes, printDiagnostics } from '../failure.ts'
import { compileOptions, type SpecOptions } from '../spec.ts'
import type { StageOptions } from '../stages.ts'

interface CheckOptions extends SpecOptions, StageOptions {
  readonly json?: boolean
}

export async function check(file: string, options: CheckOptions): Promise<number> {
  const checked = checkAll(file, makeNodeReader(), compileOptions(options))
  const { texts } = checked
  // A library of blocks needs no model, unless one was asked for.
  const isLibrary = options.model === undefined && checked.sources.entry?.items.every(({ kind }) => kind !== 'model')
  const found = checked.diagnostics.filter(({ code }) => !(isLibrary && code === names.noModel.code))
  const isWrong = found.some(({ severity }) => severity === 'error')
  if (options.json)
    process.stdout.write(
      `${JSON.stringify(
        toJson(found, (path) => texts.get(path)),
        undefined,
        2,
      )}\n`,
    )
  else printDiagnostics(found, texts)
  const asksForStage = options.emit !== undefined || options.verifyIr || options.printAfter.length > 0
  if (asksForStage && (!isWrong || options.emit === 'ast')) {
    const { emitStage } = await import('../stages.ts')
    emitStage(file, options)
  }
  return isWrong ? exitCodes.wrong : exitCodes.fine
}
