/** What a person is told about each mistake: the specs of `test/fixtures/check` and the text printed for them. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { graph } from '../../../compiler/diagnostics/catalogue/graph.ts'
import { names } from '../../../compiler/diagnostics/catalogue/names.ts'
import { shapes } from '../../../compiler/diagnostics/catalogue/shapes.ts'
import { checkFixture, optionsOf, rendered } from '../../support/check.ts'

const folder = fileURLToPath(new URL('../../fixtures/check/', import.meta.url))
const cases = readdirSync(folder).sort()
const seen = new Set<string>()

describe('diagnostics', () => {
  it.each(cases)('%s', (name) => {
    const text = readFileSync(`${folder}${name}/input.model`, 'utf8')
    const checked = checkFixture(text, optionsOf(text))
    const got = rendered(checked)
    for (const { code } of checked.diagnostics) seen.add(code)
    const file = `${folder}${name}/expected.txt`
    if (process.env.UPDATE === '1') writeFileSync(file, got)
    expect(existsSync(file), `no expected.txt; UPDATE=1 writes it`).toBe(true)
    expect(got).toBe(readFileSync(file, 'utf8'))
  })

  it('stand in the fixtures, each of them', () => {
    const codes = [graph, names, shapes].flatMap((area) => Object.values(area)).map((row) => row.code)
    expect(codes.filter((code) => !seen.has(code))).toEqual([])
  })
})
