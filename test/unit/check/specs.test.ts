/** The specs that are shipped have no mistakes, alone and with each of their variants. */
import { readdirSync } from 'node:fs'
import { expect, it } from 'vitest'
import { checkAll } from '../../../compiler/compile.ts'
import { names } from '../../../compiler/diagnostics/catalogue/names.ts'
import { makeNodeReader } from '../../../compiler/source/node-reader.ts'
import { rendered } from '../../support/check.ts'

const specs = ['specs', 'specs/std'].flatMap((folder) =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.model'))
    .map((file) => `${folder}/${file}`),
)

it.each(specs)('%s', (path) => {
  const checked = checkAll(path, makeNodeReader())
  const diagnostics = checked.diagnostics.filter(({ code }) => code !== names.noModel.code)
  expect(rendered({ ...checked, diagnostics })).toBe('')
})
