/** What each file's text can name: its own blocks, constants and labels, and those of the files that it uses. */

import type { FileScope } from '../check/context.ts'
import { names } from '../diagnostics/catalogue/names.ts'
import { type Diagnostic, diagnose } from '../diagnostics/diagnostic.ts'
import type { Block, Const, File, Labels, Use } from '../syntax/ast.ts'
import { reservedWords } from './reserved.ts'

/** The scopes of all files, by path, and what was wrong with their top levels. */
export function fileScopes(
  files: ReadonlyMap<string, File>,
  uses: ReadonlyMap<Use, File>,
): { scopes: Map<string, FileScope>; diagnostics: Diagnostic[] } {
  const diagnostics: Diagnostic[] = []
  const own = new Map<string, Map<string, { item: Block | Const | Labels; file: string }>>()
  for (const [path, file] of files) {
    const items = new Map<string, { item: Block | Const | Labels; file: string }>()
    for (const item of file.items) {
      if (item.kind !== 'block' && item.kind !== 'const' && item.kind !== 'labels') continue
      const taken = items.get(item.name.name)
      if (taken)
        diagnostics.push(
          diagnose(names.duplicateName, item.name.span, { name: item.name.name, first: taken.item.name.span }),
        )
      else if (reservedWords.has(item.name.name))
        diagnostics.push(diagnose(names.reservedName, item.name.span, { name: item.name.name }))
      else items.set(item.name.name, { item, file: path })
    }
    own.set(path, items)
  }
  const scopes = new Map<string, FileScope>()
  for (const [path, file] of files) {
    const items = new Map(own.get(path))
    for (const item of file.items) {
      const used = item.kind === 'use' ? uses.get(item) : undefined
      if (!used || used.path === path) continue
      for (const [name, entry] of own.get(used.path) ?? []) {
        const taken = items.get(name)
        if (taken && taken.item !== entry.item)
          diagnostics.push(diagnose(names.duplicateName, item.span, { name, first: taken.item.name.span }))
        else items.set(name, entry)
      }
    }
    const complete = file.items.every((item) => item.kind !== 'use' || uses.has(item))
    scopes.set(path, { file: path, complete, items })
  }
  return { scopes, diagnostics }
}
