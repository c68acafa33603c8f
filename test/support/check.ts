/** Short forms for tests of the checker: a spec given as text, checked beside the shipped library. */
import {
  type Checked,
  type CheckedAll,
  type Compilation,
  type CompileOptions,
  check,
  checkAll,
  compile,
} from '../../compiler/compile.ts'
import { renderText } from '../../compiler/diagnostics/render.ts'
import { makeNodeReader } from '../../compiler/source/node-reader.ts'

const fromDisk = makeNodeReader()

/** The path under which a text given here is checked. */
export const path = 'input.model'

/** Reads the text as `input.model`, other given texts by name, and the library from the disk. */
export const readerOf =
  (text: string, others: Readonly<Record<string, string>> = {}) =>
  (asked: string): string | undefined =>
    asked === path ? text : (others[asked] ?? (asked.startsWith('std/') ? fromDisk(asked) : undefined))

/** Reads the text beside the small library of the fixtures, which does not move with the shipped one. */
const fixtureLibrary = makeNodeReader('test/fixtures/library')
const fixtureReader =
  (text: string) =>
  (asked: string): string | undefined =>
    asked === path ? text : asked.startsWith('std/') ? fixtureLibrary(asked.slice('std/'.length)) : undefined

export const checkFixture = (text: string, options: CompileOptions = {}): CheckedAll =>
  checkAll(path, fixtureReader(text), options)
export const checkText = (text: string, options: CompileOptions = {}): Checked => check(path, readerOf(text), options)
export const checkAllText = (text: string, options: CompileOptions = {}): CheckedAll =>
  checkAll(path, readerOf(text), options)
export const compileText = (text: string, options: CompileOptions = {}): Compilation =>
  compile(path, readerOf(text), options)

/** The diagnostics as a person sees them, without colour. */
export const rendered = ({ diagnostics, texts }: Pick<Checked, 'diagnostics' | 'texts'>): string =>
  renderText(diagnostics, (file) => texts.get(file), { color: false })

/** The codes of all diagnostics, in order. */
export const codesOf = ({ diagnostics }: Pick<Checked, 'diagnostics'>): string[] => diagnostics.map((d) => d.code)

/**
 * The options on a spec's first line, `// --variant "w/o CMI" -D alpha=2 --model M`; none where it has no such line.
 * Throws where the line holds something else.
 */
export function optionsOf(text: string): CompileOptions {
  const line = /^\/\/ (--?\w.*)/.exec(text)?.[1]
  if (line === undefined) return {}
  const variants: string[] = []
  const overrides: Record<string, string> = {}
  let model: string | undefined
  const known = /--variant "([^"]*)"|--model (\w+)|-D (\w+)=(\S*)/g
  if (line.replace(known, '').trim() !== '') throw new Error(`not options: ${line}`)
  for (const [, variant, name, key, value] of line.matchAll(known)) {
    if (variant !== undefined) variants.push(variant)
    if (name !== undefined) model = name
    if (key !== undefined) overrides[key] = value ?? ''
  }
  return { variants, overrides, model }
}
