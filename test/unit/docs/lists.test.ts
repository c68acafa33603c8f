/** What the language reference lists, against the tables that the compiler works from. */
import { expect, it } from 'vitest'
import { initialisers } from '../../../compiler/check/initialisers.ts'
import { inferencePasses } from '../../../compiler/emit/onnx/export.ts'
import { reservedWords } from '../../../compiler/names/reserved.ts'
import { units } from '../../../compiler/syntax/literals.ts'
import { trainingPasses } from '../../../compiler/train/training-graph.ts'
import { binders, functionNames } from '../../../grammar/words.ts'
import { readPage } from '../../support/doc-blocks.ts'

const reference = readPage('docs/language.md').replace(/^```[\s\S]*?^```$/gm, '')
const words = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word)

/** The text between `<!-- name -->` and `<!-- end -->`. */
function listed(name: string): string {
  const found = new RegExp(`<!-- ${name} -->([\\s\\S]*?)<!-- end -->`).exec(reference)
  return found?.[1] ?? ''
}

it('prints the reserved words', () => expect(words(listed('reserved words'))).toEqual([...reservedWords].sort()))

it('describes each initialiser', () => {
  const rows = listed('initialisers')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim()))
  expect(rows.map(([, name, doc]) => [words(name ?? '')[0], doc?.replaceAll('`', '')])).toEqual(
    Object.entries(initialisers).map(([name, { doc }]) => [name, doc.replaceAll('`', '')]),
  )
  for (const [, name = '', , given = ''] of rows) {
    const row = initialisers[words(name)[0] ?? '']
    expect(words(given), name).toEqual([
      ...(row?.scale ? [row.scale.name] : []),
      ...(row?.fans ? ['fan_in', 'fan_out'] : []),
    ])
    if (row?.scale?.default !== undefined) expect(given).toContain(`= ${row.scale.default}`)
  }
})

it('names every function, binder and unit', () => {
  const known = words(reference).map((word) => word.replace(/[([].*$/, ''))
  for (const name of [...functionNames, ...binders]) expect(known, name).toContain(name)
  for (const unit of units.keys()) expect(reference).toMatch(new RegExp(`\`[^\`]*\\b${unit}\\b[^\`]*\``))
})

it('lists the passes', () => {
  const listedPasses = [
    ...readPage('ARCHITECTURE.md').matchAll(/^\| `([a-z-]+)` \| [^|]+ \| (yes|no|with weights) \| (yes|no) \|$/gm),
  ]
  const named = (column: number, wants: RegExp): string[] =>
    listedPasses.filter((row) => wants.test(row[column] ?? '')).map(([, name = '']) => name)
  const names = (passes: readonly { readonly name: string }[]): string[] => passes.map(({ name }) => name).sort()
  expect(named(2, /yes|with/).sort()).toEqual(names(inferencePasses(new Map())))
  expect(named(2, /yes/).sort()).toEqual(names(inferencePasses()))
  expect(named(3, /yes/).sort()).toEqual(names(trainingPasses))
})
