/** The specs in the documentation: whole ones compile, fragments compile inside the page's example, wrong ones are refused. */
import { describe, expect, it } from 'vitest'
import { compile } from '../../../compiler/compile.ts'
import { makeNodeReader } from '../../../compiler/source/node-reader.ts'
import { parse } from '../../../compiler/syntax/parse.ts'
import { type DocBlock, docBlocks, docPages, readPage } from '../../support/doc-blocks.ts'

const library = makeNodeReader()
const name = 'example.model'

/** The model that fragments stand in is the first block of the language reference. */
function around(statements: string): string {
  const [example] = docBlocks('docs/language.md', 'model')
  if (!example) throw new Error('docs/language.md has no example')
  return example.text.replace(/\}\s*$/, `${statements}}\n`)
}

function codesOf(text: string, variants: readonly string[] = []): string[] {
  const { diagnostics } = compile(name, (path) => (path === name ? text : library(path)), { variants })
  return [...new Set(diagnostics.filter((d) => d.severity === 'error').map((d) => `${d.code} ${d.message}`))]
}

const variantsOf = (text: string): string[] =>
  (parse(text, name).file?.items ?? []).flatMap((item) => (item.kind === 'variant' ? [item.name.value] : []))

function textOf(block: DocBlock): string {
  return block.marks.includes('statements') ? around(block.text) : block.text
}

const blocks = docPages().flatMap((page) => docBlocks(page, 'model'))

it('finds the examples', () => expect(blocks.length).toBeGreaterThan(15))

describe('specs', () => {
  it.each(blocks)('$at', (block) => {
    const expected = block.marks.find((mark) => mark.startsWith('error='))?.slice('error='.length)
    const text = textOf(block)
    const found = codesOf(text)
    if (expected !== undefined) {
      expect(found.map((line) => line.split(' ')[0])).toEqual([expected])
      return
    }
    // A library of blocks has no model, and is right without one.
    expect(found.filter((line) => !(line.startsWith('MCF2007') && !/^model /m.test(text)))).toEqual([])
    for (const variant of variantsOf(text)) expect(codesOf(text, [variant]), variant).toEqual([])
  })
})

it('knows every mark', () => {
  for (const { at, marks } of blocks)
    for (const mark of marks.slice(1))
      expect(mark === 'statements' || /^error=MCF\d{4}$/.test(mark), `${at}: ${mark}`).toBe(true)
})

it('has no link to a page that is not there', () => {
  const pages = docPages()
  for (const page of pages) {
    const folder = page.split('/').slice(0, -1)
    for (const [, target = ''] of readPage(page).matchAll(/\]\((?!https?:)([^)#]+\.md)(?:#[^)]*)?\)/g)) {
      const path: string[] = [...folder]
      for (const part of target.split('/')) {
        if (part === '..') path.pop()
        else if (part !== '.') path.push(part)
      }
      expect([...pages, 'CHANGELOG.md'], `${page} links to ${target}`).toContain(path.join('/'))
    }
  }
})
