/** The catalogue as a whole: codes and slugs that are unique and well formed. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { catalogue } from '../../../compiler/diagnostics/catalogue/index.ts'

const repeated = (values: readonly string[]): string[] => values.filter((value, i) => values.indexOf(value) !== i)

it('knows the rows of every area', () => {
  for (const area of ['1', '2', '3', '5', '6'])
    expect(
      catalogue.some((row) => row.code.startsWith(`MCF${area}`)),
      `area ${area}`,
    ).toBe(true)
})
it('gives no code and no slug twice', () => {
  expect(repeated(catalogue.map((row) => row.code))).toEqual([])
  expect(repeated(catalogue.map((row) => row.slug))).toEqual([])
})
it('forms codes and slugs alike', () => {
  for (const row of catalogue) {
    expect(row.code).toMatch(/^MCF[1-6]\d{3}$/)
    expect(row.slug).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/)
    expect(['error', 'warning']).toContain(row.severity)
  }
})
it('lists every file that holds rows', () => {
  const folder = fileURLToPath(new URL('../../../compiler/diagnostics/catalogue/', import.meta.url))
  const listed = readFileSync(`${folder}areas.ts`, 'utf8')
  const holders = readdirSync(folder).filter((file) => /'MCF\d{4}'/.test(readFileSync(`${folder}${file}`, 'utf8')))
  expect(holders.filter((file) => !listed.includes(`'./${file}'`))).toEqual([])
})
