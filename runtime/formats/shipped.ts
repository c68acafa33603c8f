/** Finds the files that are shipped beside the code: schemas and the block library under `specs/`. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The path of a file under `specs/`, such as `schemas/manifest.schema.json`. The code runs from the source tree and from
 * `dist/`, so the nearest folder above it that has the file is taken. Throws where none has: the package is damaged.
 */
export function shippedFile(path: string): string {
  const start = dirname(fileURLToPath(import.meta.url))
  for (let folder = start; ; folder = dirname(folder)) {
    const candidate = join(folder, 'specs', path)
    if (existsSync(candidate)) return candidate
    if (dirname(folder) === folder)
      throw new Error(`specs/${path} is missing beside ${start}: install the package again`)
  }
}
