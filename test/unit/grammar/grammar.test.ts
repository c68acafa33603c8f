/** The grammar itself: no ambiguity, and types of its tree that are up to date. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { generateCstDts } from 'chevrotain'
import { expect, it } from 'vitest'
import { ModelParser } from '../../../grammar/parser.ts'
import { makeTokenise } from '../../../grammar/tokens.ts'
import { binders, formatNames, functionNames, keywords, reservedWords, softKeywords } from '../../../grammar/words.ts'

it('passes the checks that are skipped when the compiler starts', () => {
  expect(() => makeTokenise(false)).not.toThrow()
  expect(() => new ModelParser(false)).not.toThrow()
})

it('has the tree types that the grammar generates', () => {
  const path = fileURLToPath(new URL('../../../grammar/cst.generated.ts', import.meta.url))
  const types = generateCstDts(new ModelParser().getGAstProductions(), { includeVisitorInterface: false })
  const text = `/** Types of the concrete syntax tree, generated from the grammar; \`UPDATE=1 npm run unit grammar\` writes it anew. */
${types.replace('CstNode, ICstVisitor, IToken', 'CstNode, IToken')}`
  if (process.env.UPDATE === '1') writeFileSync(path, text)
  expect(readFileSync(path, 'utf8')).toBe(text)
})

it('reserves each word once', () => {
  const all = [...keywords, ...binders, ...functionNames, ...formatNames, ...softKeywords]
  expect(new Set(all).size).toBe(all.length)
  expect(reservedWords).toEqual([...keywords, ...binders, ...functionNames, ...formatNames].sort())
})
