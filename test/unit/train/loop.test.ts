import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ortCompiled } from '../../../runtime/engines/ort/trainer.ts'
import { type Surroundings, type TrainingTask, train } from '../../../runtime/train/loop.ts'
import { defaultRecipe, type Recipe } from '../../../runtime/train/recipe.ts'
import { inspectFolder, runFolder, startFolder } from '../../../runtime/train/run-folder.ts'
import {
  tinyArtefact,
  tinyExamples,
  tinyInference,
  tinyInput,
  tinyPrediction,
  tinyTarget,
} from '../../support/tiny-training.ts'

let root = ''
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'mcfnc-loop-'))
})
afterEach(() => rm(root, { recursive: true }))

const recipe: Recipe = {
  ...defaultRecipe,
  epochs: 6,
  batch_size: 8,
  learning_rate: 0.3,
  optimiser: 'sgd',
  weight_decay: 0.001,
  schedule: 'cosine',
  warmup_epochs: 1,
  average: 0.9,
  patience: null,
}
const task = (changes: Partial<Recipe> = {}): TrainingTask => ({
  compiled: ortCompiled(tinyArtefact, tinyInference, { threads: 1, spinning: false }),
  inputs: [tinyInput],
  targets: [tinyTarget],
  predictions: [tinyPrediction],
  start: { params: new Float32Array(12), states: new Float32Array(0) },
  recipe: { ...recipe, ...changes },
  train: tinyExamples(60, 1),
  validation: tinyExamples(30, 2),
})

const config = { paths: {}, seed: 1 }
const silent = { note: () => {}, beginEpoch: () => {}, endStep: () => {}, endEpoch: () => {}, close: () => {} }
async function start(name: string, changes: Partial<Surroundings> = {}): Promise<Surroundings> {
  const folder = runFolder(join(root, name))
  if ((await inspectFolder(folder, config, true)) === 'fresh')
    await startFolder(folder, config, new Map([['a.model', 'x']]))
  return { folder, reporter: silent, interrupted: () => false, now: () => 0, ...changes }
}

test('training learns, logs each epoch, and keeps two checkpoints', async () => {
  const where = await start('a')
  const outcome = await train(task(), where)
  expect(outcome.finished).toBe(true)
  const lines = (await readFile(where.folder.log, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines.map((line) => line.epoch)).toEqual([1, 2, 3, 4, 5, 6])
  expect(lines.at(-1).train['loss.ce']).toBeLessThan(lines[0].train['loss.ce'])
  expect(lines.at(-1).validation['emotion.ua']).toBeGreaterThan(0.5)
  expect(lines.at(-1).validation).toHaveProperty(['emotion.weighted_f1'])
  expect((await readdir(where.folder.checkpoints)).length).toBe(2)
})

test('a run interrupted after any step ends in the same bits as one that was not', async () => {
  const whole = await start('whole')
  const expected = await train(task(), whole)
  // Stops after every third step, also at the ends of epochs, and each time resumes from the disk.
  let outcome = expected
  for (let round = 0; round < 100; round++) {
    let steps = 0
    outcome = await train(task(), await start('parts', { interrupted: () => ++steps % 3 === 0 }))
    if (outcome.finished) break
  }
  expect(outcome.finished).toBe(true)
  expect(outcome.best).toEqual(expected.best)
  const parts = runFolder(join(root, 'parts'))
  expect(await readFile(parts.log, 'utf8')).toBe(await readFile(whole.folder.log, 'utf8'))
  const last = (await readdir(whole.folder.checkpoints)).sort().at(-1) ?? ''
  expect(await readFile(join(parts.checkpoints, last))).toEqual(await readFile(join(whole.folder.checkpoints, last)))
})

test('what a killed run wrote after its checkpoint is undone', async () => {
  const where = await start('a')
  let steps = 0
  await train(task(), { ...where, interrupted: () => ++steps === 20 })
  const log = await readFile(where.folder.log, 'utf8')
  await writeFile(where.folder.log, `${log}{"epoch":99}\n{"epo`)
  await train(task(), where)
  const whole = await start('whole')
  await train(task(), whole)
  expect(await readFile(where.folder.log, 'utf8')).toBe(await readFile(whole.folder.log, 'utf8'))
})

test('a finished run is left as it is', async () => {
  const where = await start('a')
  const first = await train(task(), where)
  const second = await train(task(), where)
  expect(second).toEqual(first)
})

test('checkpoints within an epoch follow the clock, and change no result', async () => {
  let clock = 0
  const often = await start('often', { now: () => (clock += 100_000) })
  const outcome = await train(task(), often)
  const plain = await train(task(), await start('plain'))
  expect(outcome.best).toEqual(plain.best)
})

test('early stopping waits for `patience` epochs without a better monitor', async () => {
  // A rate of nearly nothing: nothing gets better after the first epoch.
  const outcome = await train(task({ learning_rate: 1e-12, patience: 2, epochs: 50, average: 0 }), await start('a'))
  expect(outcome.progress).toMatchObject({ epoch: 3, best: { epoch: 1 }, finished: true })
})

test('a loss that is no number stops the run with a diagnostic', async () => {
  const failing = train(task({ learning_rate: 1e30, schedule: 'constant', warmup_epochs: 0 }), await start('a'))
  await expect(failing).rejects.toMatchObject({ diagnostics: [{ code: 'MCF6530' }] })
})

test('frozen parameters do not move', async () => {
  const outcome = await train(task({ freeze: ['W'] }), await start('a'))
  expect(outcome.best.params).toEqual(new Float32Array(12))
})

test('a glob that matches nothing is refused', async () => {
  const failing = train(task({ freeze: ['V.**'] }), await start('a'))
  await expect(failing).rejects.toMatchObject({ diagnostics: [{ code: 'MCF6513' }] })
})
