/** The same seed and the same batches in every engine: their losses go together, step by step. */
import { describe, expect, test } from 'vitest'
import { openEngine } from '../../runtime/engines/choose.ts'
import { type Engine, emptySlots } from '../../runtime/engines/engine.ts'
import { tfjsEngine } from '../../runtime/engines/tfjs/trainer.ts'
import type { Example } from '../../runtime/predict/batch.ts'
import { bindInputs, bindPredictions, bindTargets } from '../../runtime/predict/binding.ts'
import { scorePredictions } from '../../runtime/predict/scores.ts'
import { planEpoch } from '../../runtime/train/batches.ts'
import { assembleStep } from '../../runtime/train/loop.ts'
import { parameterGroups } from '../../runtime/train/parameter-groups.ts'
import { defaultRecipe, type Recipe } from '../../runtime/train/recipe.ts'
import { startVectors } from '../../runtime/train/weights.ts'
import { openTested, testedBackends, titleOf } from '../support/backends.ts'
import { programOf, small } from '../support/mcfn.ts'
import { hash } from '../support/poison.ts'

const steps = 20
const recipe: Recipe = { ...defaultRecipe, batch_size: 4, learning_rate: 1e-3, weight_decay: 0.01, optimiser: 'adamw' }
const program = programOf(['scaled'], small)
const inputs = bindInputs(program.signature)

/** Samples of different lengths whose class is in their numbers. */
const examples: readonly Example[] = Array.from({ length: 4 * steps }, (_, n) => {
  const [label, rows] = [n % 4, [20 + ((n * 7) % 30), 1 + (n % 6)] as const]
  const fill = (name: string, count: number, width: number): Float32Array =>
    Float32Array.from({ length: count * width }, (_, i) => hash(`${name}${n}`, i) + (i % width === label ? 1 : 0))
  return {
    id: `s${n}`,
    rows: { speech: fill('speech', rows[0], 120), text: fill('text', rows[1], 12) },
    targets: { emotion: [label] },
  }
})

/** The losses of each step, the mean of all probabilities' scores after them, and the parameters. */
async function run(engine: Engine): Promise<{ losses: number[]; after: number; params: Float32Array }> {
  const compiled = engine.compile(program, recipe.optimiser)
  const { layout } = compiled
  const start = { ...startVectors(layout, 1), slots: emptySlots(layout) }
  const trainer = await compiled.open(start, inputs, ['emotion'])
  const groups = parameterGroups(layout.params, recipe)
  const targets = bindTargets(program.signature)
  const batches = planEpoch(
    examples.map((_, i) => i),
    { seed: 1, epoch: 1, batchSize: recipe.batch_size, bucket: 1 },
  )
  const memory = (_: string, size: number): Float32Array => new Float32Array(size)
  const losses: number[] = []
  for (const [at, batch] of batches.entries()) {
    const chosen = batch.map((i) => examples[i] as Example)
    const feeds = assembleStep({ inputs, targets, recipe, layout }, chosen, 1, memory)
    const result = await trainer.take(feeds, { step: at + 1, learningRate: 1e-3, clipNorm: 5, ...groups })
    losses.push(result.loss)
  }
  const weights = await trainer.weights()
  const predictions = bindPredictions(program.signature)
  const scored = scorePredictions(
    predictions,
    await trainer.predict(weights, examples.slice(0, 16), ['emotion']),
    examples.slice(0, 16),
  )
  await trainer.release()
  return { losses, after: scored.emotion?.loss ?? Number.NaN, params: weights.params }
}

const reference = openEngine({ name: 'onnxruntime', threads: 2 }).then(({ engine }) => run(engine))

describe.each(testedBackends)('tfjs on $name', (tested) => {
  test.skipIf(tested.absent !== undefined)(titleOf(tested), { timeout: 120_000 }, async () => {
    const expected = await reference
    expect(expected.losses.length).toBe(steps)
    const backend = await openTested(tested.name)
    const before = backend.tf.memory().numTensors
    const { losses, after } = await run(tfjsEngine(backend))
    for (const [at, loss] of losses.entries()) {
      const want = expected.losses[at] as number
      expect(Math.abs(loss - want) / want, `step ${at + 1}`).toBeLessThan(1e-3)
    }
    expect(Math.abs(after - expected.after) / expected.after).toBeLessThan(1e-3)
    expect(backend.tf.memory().numTensors).toBe(before)
  })
})

test('training lowers the loss', async () => {
  const { losses } = await reference
  const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length
  expect(mean(losses.slice(-5))).toBeLessThan(mean(losses.slice(0, 5)))
})
