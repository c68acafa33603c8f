/** Names that every JavaScript object has a member of, and those that no file can hold. */
import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import type { Program } from '../../../compiler/artefact.ts'
import { exportInference } from '../../../compiler/emit/onnx/export.ts'
import { emitTfjs } from '../../../compiler/emit/tfjs/module.ts'
import { emitTraining } from '../../../compiler/train/training-graph.ts'
import { openSession } from '../../../runtime/engines/ort/session.ts'
import { ortTrainer } from '../../../runtime/engines/ort/trainer.ts'
import { verifyExport } from '../../../runtime/engines/ort/verify.ts'
import { evaluateModule } from '../../../runtime/engines/tfjs/module.ts'
import { batchFeeds } from '../../../runtime/report/step-feeds.ts'
import { countFlops } from '../../../runtime/report/summary.ts'
import { startVectors, startWeights } from '../../../runtime/train/weights.ts'
import { checkAllText, compileText } from '../../support/check.ts'
import { arraysOf, weightsOf } from '../../support/tfjs.ts'

/** Those of the model's space first, then those that stand apart from them. */
const roles = [
  ...(['input', 'target', 'param', 'state', 'binding', 'index', 'hyper', 'seq', 'classes'] as const),
  ...(['constant', 'block', 'static', 'tensor', 'weight', 'loss', 'output'] as const),
]
type Names = Readonly<Record<(typeof roles)[number], string>>

const spec = (n: Names): string => `
const ${n.constant} = 2
block ${n.block}(${n.static}: int)(${n.tensor}: [c]) -> [${n.static}] {
  param ${n.weight}: [c, ${n.static}] = glorot_uniform()
  y[o] = sum[p](${n.tensor}[p] * ${n.weight}[p, o])
  return y
}
model M {
  hyper ${n.hyper}: int = 3
  seq ${n.seq} in 1..9
  labels ${n.classes} = ["constructor", "__proto__", "toString"]
  input ${n.input}: [${n.seq}, 3]
  target ${n.target}: [] of ${n.classes}
  param ${n.param}: [${n.hyper}] = ones()
  state ${n.state}: [] = zeros()
  update ${n.state} = ${n.state} + 1
  ${n.binding}[p] = sum[${n.index}](${n.input}[${n.index}, p]) * ${n.param}[p] + ${n.constant}
  z = (${n.binding} |> ${n.block}(${n.classes})) * (1 + ${n.state})
  predict ${n.target} = softmax(z)
  loss ${n.loss} = sum[i](z[i] ^ 2) - z[${n.target}]
  output ${n.output} = z
}`

const plain = Object.fromEntries(roles.map((role) => [role, `the_${role}`])) as Names
const members = Object.getOwnPropertyNames(Object.prototype).filter((name) => name !== '__proto__')
const names = Object.fromEntries(roles.map((role, k) => [role, members[k % members.length]])) as Names

const programOf = (names: Names): Program => {
  const { program, diagnostics } = compileText(spec(names))
  if (!program) throw new Error(diagnostics.map(({ message }) => message).join('\n'))
  return program
}

describe('members of every object', () => {
  const program = programOf(names)
  const options = { threads: 1, spinning: false }

  it('are names of an exported model', async () => {
    const weights = startWeights(program, 1)
    const emit = (inference: Program['inference']): Uint8Array => exportInference({ ...program, inference }, weights)
    const { worst } = await verifyExport(emit(program.inference), program.inference, program.signature, weights, {
      ...options,
      emit,
    })
    expect(worst).toBeLessThan(1e-5)
  })

  it('are names in a training step of either engine', async () => {
    const artefact = emitTraining(program, { optimiser: 'sgd' })
    const start = startVectors(artefact, 1)
    const n = artefact.params.size
    const feeds = batchFeeds(program, artefact, { batch: 2, lengths: {} })
    const slots = Object.fromEntries(artefact.slots.map((slot) => [slot, new Float32Array(n)]))
    const session = await openSession(artefact.onnx, options)
    const trainer = ortTrainer(artefact, session, undefined, { ...start, slots }, [], [names.target])
    const { loss, losses, predictions } = await trainer.take(feeds, {
      step: 1,
      learningRate: 0.1,
      learningRateScale: new Float32Array(n).fill(1),
      weightDecay: new Float32Array(n),
      clipNorm: Number.MAX_VALUE,
    })
    expect([Object.keys(losses), Object.keys(predictions)]).toEqual([[names.loss], [names.target]])
    const { params } = await trainer.weights()
    await trainer.release()

    await tf.setBackend('cpu')
    const written = emitTfjs(program, { optimiser: 'sgd' })
    const module = evaluateModule(written.text, 'names.mjs')
    const state = module.load(tf, weightsOf(written, start))
    const batch = Object.fromEntries(
      Object.entries(feeds).map(([name, { dtype, data, dims }]) => {
        const values = Array.from(data, Number)
        if (name.endsWith('_lengths')) return [name, values]
        return [name, tf.tensor(values, [...dims], dtype === 'i64' ? 'int32' : 'float32')]
      }),
    )
    const made = await arraysOf(module.trainStep(state, batch, { learningRate: 0.1 }))
    expect(Object.keys(made).sort()).toEqual(
      ['gradientNorm', 'loss', `losses.${names.loss}`, `predictions.${names.target}`].sort(),
    )
    expect(made.loss?.data[0]).toBeCloseTo(loss, 4)
    expect(Object.keys(module.forward(state, batch)).sort()).toEqual([names.target, names.output].sort())
    const again = module.load(tf, await module.save(state))
    const kept = again.params.dataSync()
    params.forEach((value, k) => {
      expect(kept[k]).toBeCloseTo(value, 4)
    })
  })

  it('are names of lengths that no one gives', () => {
    const flops = (from: Program): number => countFlops(from.inference, { batch: 1, lengths: {} })
    expect(flops(program)).toBe(flops(programOf(plain)))
  })
})

describe.each(['__proto__', '__metadata__'])('%s', (name) => {
  it.each(roles)('is refused as the name of a %s', (role) => {
    const { diagnostics } = checkAllText(spec({ ...plain, [role]: name }))
    expect(diagnostics[0]?.code).toBe('MCF2003')
  })
})
