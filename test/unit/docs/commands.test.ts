/** The commands in the documentation: each exists and takes the options it is shown with; recipes and lists are the real ones. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { defaultRecipe } from '../../../runtime/train/recipe.ts'
import { docBlocks, docPages, readPage } from '../../support/doc-blocks.ts'

/** A command line as the shell splits it, quotes taken off. */
const split = (line: string): string[] =>
  [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')

interface Shown {
  readonly at: string
  readonly words: readonly string[]
}

const shown: readonly Shown[] = docPages().flatMap((page) =>
  docBlocks(page, 'sh').flatMap(({ at, text }) =>
    text
      .replaceAll('\\\n', ' ')
      .split(/\n|&&/)
      .map((line) => ({ at, words: split(line.trim()) }))
      .filter(({ words }) => words.length > 0),
  ),
)
const inText: readonly Shown[] = docPages().flatMap((page) =>
  [...readPage(page).matchAll(/`(npx mcfnc [^`]+|npm [^`]+)`/g)].map(([, line = '']) => ({
    at: page,
    words: split(line),
  })),
)
const all = [...shown, ...inText]
const ours = all.filter(({ words }) => words[0] === 'npx' && words[1] === 'mcfnc')

/** The options of a command, from its own help. */
function optionsOf(command: string): ReadonlySet<string> {
  const help = execFileSync('node', ['bin/mcfnc.js', 'help', command], { encoding: 'utf8' })
  return new Set(
    [...help.matchAll(/^ +(-\w(?:, --[\w-]+)?|--[\w-]+)/gm)].flatMap(([, names = '']) => names.split(', ')),
  )
}
const commands = [...new Set(ours.map(({ words }) => words[2] ?? ''))].filter((name) => name !== 'help')

describe('commands', () => {
  it.each(commands)('%s', (command) => {
    const known = optionsOf(command)
    for (const { at, words } of ours)
      if (words[2] === command)
        for (const word of words.slice(3).filter((one) => /^--?[a-zA-Z]/.test(one)))
          expect([...known], at).toContain(word)
  })
})

it('shows only what can be run', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }
  for (const { at, words } of all) {
    const [program, first, second] = words
    const fine =
      program === 'npm'
        ? first === 'ci' || first === 'test' || (first === 'run' && second !== undefined && second in scripts)
        : program === 'npx' && ['mcfnc', 'vitest', 'tsc', 'biome'].includes(first ?? '')
    expect(fine, `${at}: ${words.join(' ')}`).toBe(true)
    for (const word of words)
      if (/^(specs|test|docs|compiler|bin)\//.test(word)) expect(existsSync(word), `${at}: ${word}`).toBe(true)
  }
})

it('lists every command in the README', () => {
  const help = execFileSync('node', ['bin/mcfnc.js', 'help'], { encoding: 'utf8' })
  const listed = [...help.matchAll(/^ {2}([a-z]+) \[?/gm)].flatMap(([, name = '']) => (name === 'help' ? [] : [name]))
  expect(listed.length).toBeGreaterThan(5)
  for (const name of listed) expect(readPage('README.md')).toContain(`\`npx mcfnc ${name}`)
})

it('prints the default recipe', () => {
  const text = /<!-- recipe -->\n```json\n([\s\S]*?)```/.exec(readPage('docs/formats.md'))?.[1] ?? ''
  expect(JSON.parse(text)).toEqual(defaultRecipe)
})

it('names source files that exist', () => {
  for (const page of docPages())
    for (const [, path = ''] of readPage(page).matchAll(
      /`((?:grammar|compiler|runtime|bin|specs|test|docs)\/[\w./-]+)`/g,
    ))
      expect(existsSync(path), `${page}: ${path}`).toBe(true)
})
