/** Reads a spec's files: those of the author by their path, those of the shipped library by `std/…`. */
import { readFileSync } from 'node:fs'
import { shippedFile } from '../runtime/formats/shipped.ts'

/** The text at a path, or undefined where there is no such file. */
export function readSource(path: string): string | undefined {
  try {
    return readFileSync(path.startsWith('std/') ? shippedFile(path) : path, 'utf8')
  } catch {
    return undefined
  }
}
