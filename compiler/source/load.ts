/** Loads a spec and all that it uses, each file once. */
import { sources } from '../diagnostics/catalogue/sources.ts'
import { type Diagnostic, diagnose } from '../diagnostics/diagnostic.ts'
import type { File, Span, Use } from '../syntax/ast.ts'
import { parse } from '../syntax/parse.ts'
import { entryKey, libraryPrefix, resolveUse } from './paths.ts'

/** Gives a file's text, or undefined where it cannot be read. `std/…` is the shipped library. */
export type Read = (path: string) => string | undefined

/** What was loaded. Files have keys such as `specs/mcfn.model` and `std/blocks.model`; spans name them. */
export interface Sources {
  /** The file asked for; undefined where it could not be read. */
  readonly entry: File | undefined
  readonly files: ReadonlyMap<string, File>
  /** Each file after those that it uses, the entry last. */
  readonly order: readonly File[]
  readonly texts: ReadonlyMap<string, string>
  /** What each `use` brings in; those that are in error are missing. */
  readonly uses: ReadonlyMap<Use, File>
  /** Of the files and of their syntax, in the order in which they were met. */
  readonly diagnostics: readonly Diagnostic[]
}

/** Bounds on what one spec may bring in; a loop of generated files would have no end. */
export const maxFiles = 1000
export const maxLength = 4_000_000

/** What is wrong with a file's text as a whole, however it is parsed. A byte that is not UTF-8 is read as U+FFFD. */
function unusable(text: string, path: string, span: Span | undefined): Diagnostic | undefined {
  const isBinary = text.includes('\0')
  const bad = text.indexOf('\ufffd')
  if (isBinary || bad >= 0) {
    const line = isBinary ? undefined : text.slice(0, bad).split(/\r\n?|\n/).length
    return diagnose(sources.notText, span, { path, line })
  }
  return text.length > maxLength ? diagnose(sources.tooLarge, span, { path, limit: maxLength }) : undefined
}

interface Step {
  readonly file: File
  readonly pending: Use[]
  /** The `use` that led here. */
  readonly by: Use | undefined
}

const usesOf = (file: File): Use[] => file.items.filter((item) => item.kind === 'use')

/** Loads the file at a path, depth first. Never throws but where `read` does. */
export function loadSources(entryPath: string, read: Read): Sources {
  const files = new Map<string, File>()
  const texts = new Map<string, string>()
  const uses = new Map<Use, File>()
  const order: File[] = []
  const diagnostics: Diagnostic[] = []
  let full = false

  const load = (path: string, text: string): File => {
    const { file, diagnostics: found } = parse(text, path)
    files.set(path, file)
    texts.set(path, text)
    diagnostics.push(...found)
    return file
  }

  /** The file of a `use` that is not loaded yet, or undefined after an error. */
  const fetch = (use: Use, path: string, library: boolean): File | undefined => {
    if (files.size >= maxFiles) {
      if (!full) diagnostics.push(diagnose(sources.tooManyFiles, use.path.span, { limit: maxFiles }))
      full = true
      return undefined
    }
    const text = read(path)
    const wrong = text === undefined ? undefined : unusable(text, path, use.path.span)
    if (text !== undefined && !wrong) return load(path, text)
    if (wrong) diagnostics.push(wrong)
    else {
      const shipped = `${libraryPrefix}${use.path.value}`
      const suggestion = !library && resolvesTo(read, shipped) ? shipped : undefined
      diagnostics.push(diagnose(sources.missingFile, use.path.span, { read: path, suggestion, library }))
    }
    return undefined
  }

  const key = entryKey(entryPath)
  const text = read(key)
  const wrong = text === undefined ? undefined : unusable(text, entryPath, undefined)
  if (text === undefined || wrong) {
    const row = wrong ?? diagnose(sources.missingEntry, undefined, { path: entryPath })
    return { entry: undefined, files, order, texts, uses, diagnostics: [row] }
  }

  const entry = load(key, text)
  const stack: Step[] = [{ file: entry, pending: usesOf(entry).reverse(), by: undefined }]
  for (let step = stack.at(-1); step; step = stack.at(-1)) {
    const use = step.pending.pop()
    if (!use) {
      order.push(step.file)
      stack.pop()
      continue
    }
    const resolved = resolveUse(use.path.value, step.file.path)
    if (resolved.kind === 'bad') {
      diagnostics.push(diagnose(sources.badPath, use.path.span, { path: use.path.value, reason: resolved.reason }))
      continue
    }
    const from = stack.findIndex(({ file }) => file.path === resolved.path)
    if (from >= 0) {
      diagnostics.push(cycleAt(use, stack.slice(from), resolved.path))
      continue
    }
    const known = files.get(resolved.path)
    const file = known ?? fetch(use, resolved.path, resolved.library)
    if (!file) continue
    uses.set(use, file)
    if (!known) stack.push({ file, pending: usesOf(file).reverse(), by: use })
  }
  return { entry, files, order, texts, uses, diagnostics }
}

function resolvesTo(read: Read, written: string): boolean {
  const resolved = resolveUse(written, '')
  return resolved.kind === 'path' && read(resolved.path) !== undefined
}

/** The error of a `use` that closes a circle of files; the steps are those from the file that it leads back to. */
function cycleAt(use: Use, steps: readonly Step[], path: string): Diagnostic {
  const labels = steps.slice(1).flatMap(({ by }) => (by ? [{ span: by.path.span, text: 'which is used here' }] : []))
  return diagnose(sources.importCycle, use.path.span, { cycle: [...steps.map(({ file }) => file.path), path], labels })
}
