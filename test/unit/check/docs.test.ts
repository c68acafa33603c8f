/** The examples of the pages on names and shapes: the failing one reports its code and nothing else, the mended one nothing. */
import { describe, expect, it } from 'vitest'
import { names } from '../../../compiler/diagnostics/catalogue/names.ts'
import { shapes } from '../../../compiler/diagnostics/catalogue/shapes.ts'
import { checkAllText, codesOf, compileText, optionsOf } from '../../support/check.ts'
import { errorDocs } from '../../support/error-docs.ts'

const rows = [names, shapes]
  .flatMap((area) => Object.values(area))
  .map(({ code, slug }) => ({ code, slug }))
  .sort((a, b) => (a.code < b.code ? -1 : 1))
const docs = [...errorDocs('MCF2'), ...errorDocs('MCF3')].filter(({ code }) => rows.some((row) => row.code === code))

describe('pages', () => {
  it('stand for each code, under its slug', () => {
    expect(docs.map(({ code, slug }) => ({ code, slug }))).toEqual(rows)
  })
  it.each(docs)('$code $slug', ({ code, fails = '', mended = '' }) => {
    // Only what is built asks which of several models is meant.
    const look = code === names.severalModels.code ? compileText : checkAllText
    const codes = (text: string): string[] => [...new Set(codesOf(look(text, optionsOf(text))))]
    expect(fails).not.toBe('')
    expect(codes(fails)).toEqual([code])
    expect(mended).not.toBe('')
    expect(codes(mended)).toEqual([])
  })
})
