/** Finds the files that are shipped beside the code: schemas and the block library under `specs/`, the demo's page. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The path of a file under `specs/`, such as `schemas/manifest.schema.json`. Throws where it is missing. */
export const shippedFile = (path: string): string => packageFile(`specs/${path}`)

/**
 * The path of a file or folder of the package. The code runs from the source tree and from `dist/`, so the nearest folder above it
 * that has the file is taken. Throws where none has: the package is damaged.
 */
export function packageFile(path: string): string {
  const start = dirname(fileURLToPath(import.meta.url))
  for (let folder = start; ; folder = dirname(folder)) {
    const candidate = join(folder, path)
    if (existsSync(candidate)) return candidate
    if (dirname(folder) === folder) throw new Error(`${path} is missing beside ${start}: install the package again`)
  }
}
