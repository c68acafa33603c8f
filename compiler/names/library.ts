/** What the shipped library has of the names that a spec does not know: a `use` that was forgotten. */
import { inLibrary, names } from '../diagnostics/catalogue/names.ts'
import type { Diagnostic } from '../diagnostics/diagnostic.ts'
import type { Read } from '../source/load.ts'
import { libraryFiles, libraryPrefix, resolveUse } from '../source/paths.ts'
import { parse } from '../syntax/parse.ts'

/**
 * The diagnostics, the first unknown name that a library file has with that as its help, once for each file of the spec.
 * The library is read only where a name is not known.
 */
export function withLibraryHelp(
  diagnostics: readonly Diagnostic[],
  texts: ReadonlyMap<string, string>,
  read: Read,
): readonly Diagnostic[] {
  if (!diagnostics.some(({ code }) => code === names.unknownName.code)) return diagnostics
  const libraries = libraryFiles.map((written) => ({ written, items: namesOf(written, read) }))
  const said = new Set<string>()
  return diagnostics.map((diagnostic) => {
    const { code, span } = diagnostic
    if (code !== names.unknownName.code || !span || span.file.startsWith(libraryPrefix)) return diagnostic
    const name = texts.get(span.file)?.slice(span.start, span.end) ?? ''
    const library = libraries.find(({ items }) => items.has(name))?.written
    if (library === undefined || said.has(`${span.file} ${library}`)) return diagnostic
    said.add(`${span.file} ${library}`)
    return { ...diagnostic, help: [inLibrary(library)] }
  })
}

/** The names that a `use` of a library file brings in; none where it cannot be read. */
function namesOf(written: string, read: Read): ReadonlySet<string> {
  const resolved = resolveUse(written, '')
  const text = resolved.kind === 'path' ? read(resolved.path) : undefined
  if (text === undefined) return new Set()
  const items = parse(text, written).file.items
  return new Set(
    items.flatMap((item) =>
      item.kind === 'block' || item.kind === 'const' || item.kind === 'labels' ? [item.name.name] : [],
    ),
  )
}
