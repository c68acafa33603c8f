/** Opens a model file together with what it says of itself. */
import { readFile } from 'node:fs/promises'
import { fileUnreadable, notOnnx } from '../../compiler/diagnostics/catalogue/commands.ts'
import { DiagnosticError, diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import { readMetadata } from '../../compiler/emit/onnx/metadata.ts'
import { explainFileError } from '../formats/file-error.ts'
import { type ModelCard, readModelCard } from './metadata.ts'

/** Throws a DiagnosticError where a file cannot be read, is no ONNX file, or was not made by this compiler. */
export async function readModel(file: string): Promise<{ onnx: Uint8Array; card: ModelCard }> {
  let onnx: Uint8Array
  try {
    onnx = await readFile(file)
  } catch (failure) {
    throw new DiagnosticError([diagnose(fileUnreadable, undefined, { path: file, reason: explainFileError(failure) })])
  }
  let metadata: Readonly<Record<string, string>>
  try {
    metadata = readMetadata(onnx)
  } catch (failure) {
    const why = failure instanceof Error ? failure.message : String(failure)
    throw new DiagnosticError([diagnose(notOnnx, undefined, { file, why })])
  }
  return { onnx, card: readModelCard(metadata, file) }
}
