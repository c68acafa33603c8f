/** Reads spec files under Node: the working directory's, and the shipped library's. The one file that needs Node here. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Read } from './load.ts'
import { libraryPrefix } from './paths.ts'

const packageName = 'mcfnc'

/** Finds the folder of this package, from the source tree as from `dist/`. Throws where there is none: a broken install. */
export function packageRoot(from: string = import.meta.url): string {
  for (let folder = dirname(fileURLToPath(from)); ; folder = dirname(folder)) {
    const file = join(folder, 'package.json')
    if (existsSync(file)) {
      const content: unknown = JSON.parse(readFileSync(file, 'utf8'))
      if (typeof content === 'object' && content !== null && 'name' in content && content.name === packageName)
        return folder
    }
    if (dirname(folder) === folder) throw new Error(`no package.json of ${packageName} above ${fileURLToPath(from)}`)
  }
}

/** A reader of files below `folder`; paths that begin with `std/` are read from `specs/std` of this package. */
export function makeNodeReader(folder: string = process.cwd(), root: string = packageRoot()): Read {
  return (path) => {
    const file = path.startsWith(libraryPrefix) ? join(root, 'specs', path) : resolveIn(folder, path)
    try {
      return readFileSync(file, 'utf8')
    } catch {
      // Missing, a folder, not allowed: the same to the person, who is told the path.
      return undefined
    }
  }
}

const resolveIn = (folder: string, path: string): string => (/^(?:\/|[A-Za-z]:)/.test(path) ? path : join(folder, path))
