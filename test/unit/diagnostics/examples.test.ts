/** The examples of the error pages: the failing one reports its code, the mended one nothing. */
import { describe, expect, it } from 'vitest'
import { catalogue } from '../../../compiler/diagnostics/catalogue/index.ts'
import { loadSources } from '../../../compiler/source/load.ts'
import { parse } from '../../../compiler/syntax/parse.ts'
import { errorDocs } from '../../support/error-docs.ts'

const codesOf = (text: string): string[] => [...new Set(parse(text, 'example.model').diagnostics.map((d) => d.code))]

/** Pages that say why they have no example. */
const without = ['MCF1011', 'MCF1024', 'MCF2902', 'MCF2905', 'MCF2906']

describe('syntax', () => {
  const docs = errorDocs('MCF1')
  it('has a page for each code, under its slug', () => {
    const rows = catalogue.filter((row) => row.code.startsWith('MCF1')).map((row) => `${row.code} ${row.slug}`)
    expect(docs.map((doc) => `${doc.code} ${doc.slug}`)).toEqual(rows)
  })
  it.each(docs.filter((doc) => !without.includes(doc.code)))('$code $slug', ({ code, fails, mended }) => {
    expect(codesOf(fails ?? '')).toEqual([code])
    expect(mended).toBeDefined()
    expect(codesOf(mended ?? '')).toEqual([])
  })
})

describe('files', () => {
  const docs = errorDocs('MCF29')
  const codes = (text: string): string[] => {
    const texts = new Map([
      ['example.model', text],
      ['std/blocks.model', ''],
    ])
    return [...new Set(loadSources('example.model', (path) => texts.get(path)).diagnostics.map((d) => d.code))]
  }
  it('has a page for each code', () => {
    const rows = catalogue.filter((row) => row.code.startsWith('MCF29')).map((row) => `${row.code} ${row.slug}`)
    expect(docs.map((doc) => `${doc.code} ${doc.slug}`)).toEqual(rows)
  })
  it.each(docs.filter((doc) => !without.includes(doc.code)))('$code $slug', ({ code, fails, mended }) => {
    expect(codes(fails ?? '')).toEqual([code])
    expect(codes(mended ?? '')).toEqual([])
  })
})
