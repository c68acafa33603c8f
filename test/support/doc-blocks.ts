/** Reads the fenced blocks of the documentation: what each is marked as, its text, and where it stands. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

export interface DocBlock {
  /** `docs/language.md:41` */
  readonly at: string
  /** The words after the fence: `model`, `statements`, `error=MCF3001`. */
  readonly marks: readonly string[]
  readonly text: string
}

/** A page of the documentation, by its path in the repository. */
export const readPage = (page: string): string => readFileSync(join(root, page), 'utf8')

/** The pages that people read, but for those of the error codes, which have tests of their own. */
export function docPages(): string[] {
  const inside = (folder: string): string[] =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .map((name) => join(folder, name).replaceAll('\\', '/'))
      .filter((path) => path.endsWith('.md') && !path.startsWith('docs/errors/'))
  return ['README.md', 'ARCHITECTURE.md', ...inside('docs').sort()]
}

/** The fenced blocks of a page whose first mark is `language`. */
export function docBlocks(page: string, language: string): DocBlock[] {
  const text = readPage(page)
  return [...text.matchAll(/^```(\S+)([^\n]*)\n([\s\S]*?)^```$/gm)].flatMap(
    ([, first = '', more = '', body = ''], k, all) => {
      if (first !== language) return []
      const line = text.slice(0, all[k]?.index ?? 0).split('\n').length
      return [{ at: `${page}:${line}`, marks: [first, ...more.trim().split(/\s+/).filter(Boolean)], text: body }]
    },
  )
}
