import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { FlatLayout } from '../../../compiler/artefact.ts'
import { shippedFile } from '../../../runtime/formats/shipped.ts'
import { parameterGroups } from '../../../runtime/train/parameter-groups.ts'
import { defaultRecipe, type Recipe, resolveRecipe } from '../../../runtime/train/recipe.ts'
import { learningRateAt, type Schedule } from '../../../runtime/train/schedule.ts'

const schema = JSON.parse(readFileSync(shippedFile('schemas/recipe.schema.json'), 'utf8')) as {
  properties: Record<string, unknown>
}
const resolve = (text: string, flags: Partial<Recipe> = {}): Promise<Recipe> =>
  resolveRecipe({ path: 'r.json', text }, flags, schema)
const problemsOf = (text: string): Promise<unknown> =>
  resolve(text).then(
    () => 'fine',
    (error) => error.diagnostics[0],
  )

describe('recipes', () => {
  test('the schema has every entry, and the defaults fit it', async () => {
    expect(Object.keys(schema.properties).sort()).toEqual(['$schema', ...Object.keys(defaultRecipe)].sort())
    expect(await resolve(JSON.stringify(defaultRecipe))).toEqual(defaultRecipe)
  })

  test('flags go before the file, and the file before the defaults', async () => {
    const recipe = await resolve('{ "epochs": 7, "seed": 2, "$schema": "x" }', { seed: 3 })
    expect(recipe).toEqual({ ...defaultRecipe, epochs: 7, seed: 3 })
  })

  test('every wrong entry is named', async () => {
    expect(await problemsOf('{ epochs: 1 }')).toMatchObject({ code: 'MCF6511' })
    const wrong = JSON.stringify(await problemsOf('{ "epochs": 0, "monitor": "luck", "speed": 1 }'))
    for (const text of ['epochs', 'monitor', 'weighted_f1', 'speed']) expect(wrong).toContain(text)
  })
})

describe('learning rates', () => {
  const schedule: Schedule = { kind: 'cosine', peak: 1, warmupEpochs: 2, finalFraction: 0.1, epochs: 12 }
  test('rise to the peak, then fall along a cosine', () => {
    expect(learningRateAt(schedule, 0.5)).toBeCloseTo(0.25)
    expect(learningRateAt(schedule, 2)).toBeCloseTo(1)
    expect(learningRateAt(schedule, 7)).toBeCloseTo(0.55)
    expect(learningRateAt(schedule, 12)).toBeCloseTo(0.1)
  })
  test('stay where they are told to', () => {
    expect(learningRateAt({ ...schedule, kind: 'constant' }, 11)).toBe(1)
  })
})

describe('parameter groups', () => {
  const variable = (path: string, ...shape: number[]): FlatLayout['entries'][number]['variable'] => ({
    path,
    role: 'param',
    shape,
    init: { kind: 'zeros', scale: 0, fanIn: 1, fanOut: 1 },
    span: undefined,
  })
  const layout: FlatLayout = {
    size: 8,
    entries: [
      { variable: variable('Os.uflb.conv1d.w', 2, 2), offset: 0 },
      { variable: variable('Os.uflb.conv1d.b', 2), offset: 4 },
      { variable: variable('z.dense.w', 1, 2), offset: 6 },
    ],
  }
  const groups = (changes: Partial<Recipe>): [number[], number[]] => {
    const { learningRateScale, weightDecay } = parameterGroups(layout, { ...defaultRecipe, ...changes })
    return [[...learningRateScale], [...weightDecay]]
  }

  test('matrices decay unless globs say otherwise', () => {
    expect(groups({ weight_decay: 0.5 })[1]).toEqual([0.5, 0.5, 0.5, 0.5, 0, 0, 0.5, 0.5])
    expect(groups({ weight_decay: 0.5, decay: ['**.b'] })[1]).toEqual([0, 0, 0, 0, 0.5, 0.5, 0, 0])
  })
  test('a dot is a folder, and frozen parameters do not move', () => {
    expect(groups({ freeze: ['Os.**'] })[0]).toEqual([0, 0, 0, 0, 0, 0, 1, 1])
    expect(groups({ freeze: ['*.dense.*'] })[0]).toEqual([1, 1, 1, 1, 1, 1, 0, 0])
    expect(groups({ rates: { '**': 0.5, 'z.**': 2 } })[0]).toEqual([0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 2, 2])
    expect(() => groups({ freeze: ['Os.*'] })).toThrow('MCF6513')
  })
})
