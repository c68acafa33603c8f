/** The pages of what can be wrong with runs and commands: one for each code, under its slug. */
import { expect, it } from 'vitest'
import { catalogue } from '../../../compiler/diagnostics/catalogue/index.ts'
import { errorDocs } from '../../support/error-docs.ts'

it.each(['MCF65', 'MCF66'])('%s has a page for each code', (prefix) => {
  const rows = catalogue.filter((row) => row.code.startsWith(prefix)).map((row) => `${row.code} ${row.slug}`)
  expect(errorDocs(prefix).map((doc) => `${doc.code} ${doc.slug}`)).toEqual(rows.sort())
})
