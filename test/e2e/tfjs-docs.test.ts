/** The script of docs/tfjs.md, run as it stands on what `mcfnc build` writes. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

const run = promisify(execFile)
const root = process.cwd()
let folder = ''

beforeAll(async () => {
  // Inside node_modules, so that the script finds the packages by their names.
  await mkdir('node_modules/.cache', { recursive: true })
  folder = await mkdtemp(join(root, 'node_modules/.cache/mcfnc-docs-'))
  const out = join(folder, 'out')
  await run(process.execPath, ['bin/mcfnc.js', 'build', 'specs/mcfn.model', '--target', 'tfjs', '-o', out])
}, 60_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

test('the script is fifteen lines, and trains', { timeout: 120_000 }, async () => {
  const page = await readFile('docs/tfjs.md', 'utf8')
  const script = /```js\n([\s\S]*?)```/.exec(page)?.[1] ?? ''
  expect(script.split('\n').filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(15)
  await writeFile(join(folder, 'train.mjs'), script)
  const { stdout } = await run(process.execPath, ['train.mjs'], { cwd: folder })
  const losses = [...stdout.matchAll(/^(\d+) (\S+)$/gm)].map(([, , loss]) => Number(loss))
  expect(losses.length).toBe(8)
  expect(losses.every(Number.isFinite)).toBe(true)
  expect(losses.at(-1)).toBeLessThan(losses[0] as number)
})

test('the declarations fit the module', { timeout: 60_000 }, async () => {
  const use = `
import * as tf from '@tensorflow/tfjs-core'
import { forward, load, loss, save, trainStep, type StepResult } from './out/mcfn.mjs'
const state = load(tf, new Uint8Array())
const inputs = { speech: tf.zeros<tf.Rank.R3>([1, 2, 120]), speech_lengths: [2], text: tf.zeros<tf.Rank.R3>([1, 2, 768]), text_lengths: [2] }
const probabilities: tf.Tensor2D = forward(state, inputs).emotion
const emotion = tf.tensor1d([0], 'int32')
const result: StepResult = trainStep(state, { ...inputs, emotion }, { learningRate: 1e-3, clipNorm: 5 })
const parts: tf.Scalar[] = [result.loss, result.losses.speech_ce, loss(state, { ...inputs, emotion }).total]
const bytes: Promise<Uint8Array> = save(state)
// @ts-expect-error the target is missing
trainStep(state, inputs, { learningRate: 1e-3 })
// @ts-expect-error the rate is missing
trainStep(state, { ...inputs, emotion }, {})
export { bytes, parts, probabilities }
`
  await writeFile(join(folder, 'use.ts'), use)
  const options = {
    target: 'es2022',
    module: 'nodenext',
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: ['node'],
  }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['use.ts'] }))
  await expect(run('npx', ['--no-install', 'tsc', '-p', folder], { cwd: root })).resolves.toBeDefined()
})
