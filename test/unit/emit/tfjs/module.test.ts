/** What an emitted module promises: its text, its state, its errors, its memory. */
import { execFile } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Program } from '../../../../compiler/artefact.ts'
import { compile } from '../../../../compiler/compile.ts'
import { DiagnosticError } from '../../../../compiler/diagnostics/diagnostic.ts'
import { emitTfjs } from '../../../../compiler/emit/tfjs/module.ts'
import { makeNodeReader } from '../../../../compiler/source/node-reader.ts'
import { type Backend, openBackend } from '../../../../runtime/engines/tfjs/backends.ts'
import {
  type EmittedModule,
  evaluateModule,
  type ModuleBatch,
  type ModuleState,
} from '../../../../runtime/engines/tfjs/module.ts'
import { startVectors } from '../../../../runtime/train/weights.ts'
import { programOf, small, stepCase } from '../../../support/mcfn.ts'
import { root } from '../../../support/program.ts'
import { arraysOf, batchOf, weightsOf } from '../../../support/tfjs.ts'

let backend: Backend
beforeAll(async () => {
  backend = await openBackend('cpu')
})

const programFrom = (text: string): Program => {
  const reader = makeNodeReader()
  const { program, diagnostics } = compile('m.model', (path) => (path === 'm.model' ? text : reader(path)))
  if (!program) throw new Error(diagnostics.map(({ message }) => message).join('; '))
  return program
}

/** A convolution without padding, noise, a state, and a ragged loss. */
const tiny = `
use "std/blocks"
model Tiny {
  seq words in 0..9
  labels mood = ["bad", "good", "plain"]
  input text: [words, 4]
  target emotion: [] of mood
  h = text |> Standardise(streams = 1) |> Conv1d(5, width = 3, pad = 0) |> MeanPool() |> Dropout(0.5)
  z = h |> Dense(mood)
  predict emotion = softmax(z)
  loss ce = CrossEntropy()(z, emotion)
}`

const open = (program: Program, optimiser: 'adam' | 'sgd' = 'adam') => {
  const emitted = emitTfjs(program, { optimiser })
  const module = evaluateModule(emitted.text, 'tiny.mjs')
  const state = module.load(backend.tf, weightsOf(emitted, startVectors(emitted, 3)))
  return { emitted, module, state }
}

const batch = (lengths: number[], padded: number, filler = 7): ModuleBatch => {
  const data = lengths.flatMap((n, b) =>
    Array.from({ length: padded }, (_, j) => [0, 1, 2, 3].map((c) => (j < n ? Math.sin(3 * b + j + c) : filler))),
  )
  return {
    text: backend.tf.tensor(data.flat(), [lengths.length, padded, 4]),
    text_lengths: lengths,
    emotion: backend.tf.tensor1d(
      lengths.map((_, b) => b % 3),
      'int32',
    ),
  }
}

describe('a module', () => {
  test('is the same text each time, names what the spec names, and has sections', () => {
    const program = programFrom(tiny)
    const [one, two] = [0, 1].map(() => emitTfjs(program, { optimiser: 'adam' }).text)
    expect(one).toBe(two)
    for (const part of [
      'const h',
      'const z',
      '// ---- Forward',
      '// ---- Losses',
      '// ---- Backward',
      '// ---- Update',
    ])
      expect(one).toContain(part)
    expect(one).not.toMatch(/\btf\.(variableGrads|grads?|valueAndGrads?|engine)\(/)
  })

  test('learns, and leaves as many tensors as there were after 1,000 steps', { timeout: 120_000 }, () => {
    const { module, state } = open(programFrom(tiny))
    const { tf } = backend
    const given = batch([4, 2, 5, 3], 5)
    const before = tf.memory().numTensors
    const inUse = (): number => {
      const losses = module.loss(state, given)
      const total = losses.total?.dataSync()[0] as number
      tf.dispose(losses)
      return total
    }
    const first = inUse()
    for (let step = 0; step < 1000; step++) tf.dispose(module.trainStep(state, given, { learningRate: 0.01 }) as never)
    expect(tf.memory().numTensors).toBe(before)
    expect(state.step).toBe(1000)
    expect(inUse()).toBeLessThan(0.5 * first)
    tf.dispose(given)
    module.dispose(state)
  })

  test('takes samples that are too short for a convolution, and batches of such alone', async () => {
    const { module, state } = open(programFrom(tiny))
    const { tf } = backend
    const short = batch([1, 0], 1)
    const long = batch([1, 0, 5], 6)
    const [alone, among] = [module.forward(state, short), module.forward(state, long)]
    const [a, b] = [(await arraysOf(alone)).emotion, (await arraysOf(among)).emotion]
    for (const value of a?.data ?? []) expect(value).not.toBeNaN()
    expect([...(b?.data ?? [])].slice(0, 6)).toEqual([...(a?.data ?? [])])
    tf.dispose([alone, among, short, long])
    module.dispose(state)
  })

  test('draws noise that neither padding nor what follows it in the batch changes', async () => {
    const { module, state } = open(programFrom(tiny), 'sgd')
    const { tf } = backend
    const run = async (given: ModuleBatch, seed: number): Promise<number[]> => {
      state.step = 4
      const before = tf.clone(state.params)
      const result = module.trainStep(state, given, { learningRate: 0, seed })
      const probabilities = [...((await arraysOf(result.predictions)).emotion?.data ?? [])]
      tf.dispose([result as never, given, before])
      return probabilities
    }
    // The statistics of the batch are not in these probabilities' way: all samples are the same batch.
    const narrow = await run(batch([4, 2, 5], 5), 1)
    expect(await run(batch([4, 2, 5], 9, -3), 1)).toEqual(narrow)
    expect(await run(batch([4, 2, 5], 5), 2)).not.toEqual(narrow)
    module.dispose(state)
  })

  test('goes on from what it saved in the same bits', async () => {
    const { emitted, module, state } = open(programFrom(tiny))
    const { tf } = backend
    const given = batch([4, 2, 5, 3], 5)
    const step = (of: typeof state): void => tf.dispose(module.trainStep(of, given, { learningRate: 0.01 }) as never)
    for (let k = 0; k < 3; k++) step(state)
    const again = module.load(tf, await module.save(state))
    for (let k = 0; k < 3; k++) {
      step(state)
      step(again)
    }
    expect(again.step).toBe(6)
    for (const name of ['params', 'states', ...emitted.slots])
      expect(await (again[name] as typeof state.params).data()).toEqual(
        await (state[name] as typeof state.params).data(),
      )
    tf.dispose(given)
    module.dispose(state)
    module.dispose(again)
  })

  test('says what a step lacks, and that a state has ended', () => {
    const { module, state } = open(programFrom(tiny))
    const given = batch([4, 2], 5)
    const step = (options: unknown) => () => module.trainStep(state, given, options as never)
    expect(step(undefined)).toThrow('options.learningRate is missing: a number')
    expect(step({ learning_rate: 1 })).toThrow('options.learningRate is missing: a number')
    module.dispose(state)
    expect(step({ learningRate: 1 })).toThrow('the state was disposed of')
    expect(() => module.forward({} as never, given)).toThrow('no state')
    backend.tf.dispose(given)
  })

  test('keeps its state in a tidy of the caller', async () => {
    const { module, state } = open(programFrom(tiny))
    const { tf } = backend
    tf.tidy(() => {
      module.trainStep(state, batch([4, 2], 5), { learningRate: 0.01 })
    })
    expect((await state.params.data()).length).toBeGreaterThan(0)
    module.dispose(state)
  })

  test.each([
    ['a tensor that is missing', { text: undefined }, /batch\.text is missing/],
    ['lengths that are missing', { text_lengths: undefined }, /batch\.text_lengths is missing/],
    [
      'a length beyond the tensor',
      { text_lengths: [4, 6] },
      /batch\.text_lengths\[1\] is 6, and whole numbers from 0 to 5/,
    ],
    ['too few lengths', { text_lengths: [4] }, /has 1 lengths, and the batch 2 samples/],
    ['an array for a tensor', { text: [1, 2] }, /batch\.text is no tensor/],
    ['a tensor for lengths', { text_lengths: {} }, /batch\.text_lengths is no array of numbers/],
    ['a target of another type', { emotion: [0, 1] }, /batch\.emotion is float32 \[2\], and int32 \[2\] is wanted/],
  ])('says what is wrong with a batch: %s', (_, change, message) => {
    const { module, state } = open(programFrom(tiny))
    const { tf } = backend
    const given = batch([4, 2], 5)
    const changed = 'emotion' in change ? { emotion: tf.tensor1d([0, 1]) } : change
    expect(() => module.trainStep(state, { ...given, ...changed } as ModuleBatch, { learningRate: 1 })).toThrow(message)
    tf.dispose(given)
    module.dispose(state)
  })

  test('refuses lengths that differ where the spec has one', () => {
    const { module, state } = open(
      programFrom(`
use "std/blocks"
model Pair {
  seq a, b
  require a == b, "one is the other's translation"
  input x: [a, 4]
  input y: [b, 4]
  target t: []
  z = MeanPool()(x + y) |> Dense(1)
  predict t = z[0]
  loss square = (z[0] - t)^2
}`),
    )
    const { tf } = backend
    const given = (lengths: number[]): ModuleBatch => ({
      x: tf.ones([2, 3, 4]),
      x_lengths: [3, 2],
      y: tf.ones([2, 3, 4]),
      y_lengths: lengths,
    })
    expect(() => module.forward(state, given([3, 2]))).not.toThrow()
    expect(() => module.forward(state, given([3, 1]))).toThrow(
      /batch.y_lengths\[1\] is 1, and batch.x_lengths\[1\] is 2/,
    )
  })

  test('refuses lengths that break what the spec requires', () => {
    const { module, state } = open(
      programFrom(`
use "std/blocks"
block Half()(x: [t, c]) -> [t div 2, c] {
  require t mod 2 == 0, "halves"
  y[j: t / 2, p] = x[2 * j, p] + x[2 * j + 1, p]
  return y
}
model Even {
  seq words in 1..100
  input text: [words, 2]
  target t: []
  z = text |> Half() |> MeanPool() |> Dense(1)
  predict t = z[0]
  loss square = (z[0] - t)^2
}`),
    )
    const given = (lengths: number[]): ModuleBatch => ({
      text: backend.tf.ones([2, 4, 2]),
      text_lengths: lengths,
    })
    expect(() => module.forward(state, given([4, 2]))).not.toThrow()
    expect(() => module.forward(state, given([4, 3]))).toThrow(/sample 1 break the spec's `require t mod 2 == 0/)
  })

  test('leaves nothing behind where it refuses a batch, an option or weights', () => {
    const { emitted, module, state } = open(programFrom(tiny))
    const { tf } = backend
    const given = batch([4, 2], 5)
    const [noise] = emitted.noise
    const vector = tf.ones([3])
    const wrong = tf.ones([2, 6])
    const empty = { text: tf.zeros([0, 5, 4]), text_lengths: [], emotion: tf.tensor1d([], 'int32') }
    const before = tf.memory().numTensors
    const step =
      (change: object, options: object = {}): (() => unknown) =>
      () =>
        module.trainStep(state, { ...given, ...change } as ModuleBatch, { learningRate: 1, ...options })
    expect(step({ [noise?.name ?? '']: wrong })).toThrow(/uniform is float32 \[2, 6\], and float32 \[2, 5\] is wanted/)
    expect(step({}, { learningRate: '1' })).toThrow('options.learningRate is 1, and a number is wanted')
    expect(step({}, { clipNorm: null })).toThrow('options.clipNorm is null, and a number is wanted')
    expect(step({}, { weightDecay: vector })).toThrow(/options\.weightDecay is float32 \[3\], and a number or float32/)
    expect(step(empty)).toThrow('batch.text has no samples')
    const other = emitTfjs(programFrom(tiny.replace('Conv1d(5', 'Conv1d(6')), { optimiser: 'adam' })
    expect(() => module.load(tf, weightsOf(other, startVectors(other, 0)))).toThrow(/the weights have no/)
    expect(tf.memory().numTensors).toBe(before)
    tf.dispose([given, vector, wrong, empty])
    module.dispose(state)
  })

  test('says what a weights file lacks', () => {
    const { emitted, module } = open(programFrom(tiny))
    const other = emitTfjs(programFrom(tiny.replace('Conv1d(5', 'Conv1d(6')), { optimiser: 'adam' })
    const bytes = weightsOf(other, startVectors(other, 0))
    expect(() => module.load(backend.tf, bytes)).toThrow(/the weights have no `.*` of shape \[/)
    expect(() => module.load(backend.tf, new Uint8Array(4))).toThrow('the weights are not a safetensors file')
    expect(() => module.load(backend.tf, 'out/mcfn.safetensors' as never)).toThrow('the weights are no bytes')
    expect(emitted.params.size).not.toBe(other.params.size)
  })
})

/** The most bytes that a step on a batch has at once, beside the batch and the state. */
function measuredPeak(module: EmittedModule, state: ModuleState, given: ModuleBatch): number {
  const { tf } = backend
  const engine = tf.engine()
  const run = engine.runKernel.bind(engine)
  const start = tf.memory().numBytes
  let peak = 0
  engine.runKernel = ((...args: Parameters<typeof run>) => {
    const result = run(...args)
    peak = Math.max(peak, tf.memory().numBytes - start)
    return result
  }) as typeof engine.runKernel
  try {
    tf.dispose(module.trainStep(state, given, { learningRate: 0.01 }) as never)
  } finally {
    engine.runKernel = run as typeof engine.runKernel
  }
  return peak
}

test('the peak that is told is that of tf.memory()', () => {
  const program = programOf([], small)
  const { emitted, module, state } = open(program)
  const { feeds, env } = stepCase(program, 'adam')
  const given = batchOf(backend.tf, feeds)
  const peak = measuredPeak(module, state, given)
  const sizes: Record<string, number> = { batch: env.batch }
  for (const [name, lengths] of Object.entries(env.lengths)) sizes[name] = Math.max(...lengths)
  const told = emitted.peakBytes('trainStep', (seq) => sizes[seq] ?? 1)
  expect(told).toBeGreaterThanOrEqual(peak)
  expect(told).toBeLessThan(1.02 * peak)
  backend.tf.dispose(given)
  module.dispose(state)
})

test('the peak that is told counts what samples are padded to', () => {
  const { emitted, module, state } = open(programFrom(tiny.replace('width = 3', 'width = 40')))
  const given = batch([3, 2], 3)
  const told = emitted.peakBytes('trainStep', (name) => (name === 'batch' ? 2 : 3))
  expect(told).toBeGreaterThanOrEqual(measuredPeak(module, state, given))
  backend.tf.dispose(given)
  module.dispose(state)
})

describe('what tfjs cannot run', () => {
  test('is refused with its line', () => {
    const program = programFrom(`
use "std/blocks"
model Deep {
  input x: [2, 2, 2, 2, 2]
  input y: [2, 2]
  target t: []
  param bias: [2] = zeros()
  w[a, b, c, d, e, f, g] = tanh(x[a, b, c, d, e] + y[f, g] + bias[g])
  s = sum[a, b, c, d, e, f, g](w[a, b, c, d, e, f, g])
  predict t = s
  loss square = (s - t)^2
}`)
    const attempt = (): unknown => emitTfjs(program, { optimiser: 'adam' })
    expect(attempt).toThrow(DiagnosticError)
    try {
      attempt()
    } catch (failure) {
      const { diagnostics } = failure as DiagnosticError
      expect(diagnostics.map(({ code }) => code)).toContain('MCF5010')
      expect(diagnostics[0]?.span?.file).toBe('m.model')
    }
  })
})

describe('its declarations', () => {
  // Below the repository, so that tfjs is found.
  const folder = join(root, 'node_modules', '.cache', `mcfnc-types-${process.pid}`)
  beforeAll(() => mkdir(folder, { recursive: true }))
  afterAll(() => rm(folder, { recursive: true }))

  test('name every input, result and option', () => {
    const { declarations } = emitTfjs(programFrom(tiny), { optimiser: 'adam' })
    for (const part of [
      'text_lengths: Lengths',
      'emotion: Tensor1D',
      'moment1: Tensor1D',
      'learningRate: number',
      'ce: Scalar',
    ])
      expect(declarations).toContain(part)
  })

  test('are types that tfjs has, up to the highest rank', async () => {
    const { declarations } = emitTfjs(
      programFrom(`
model Six {
  input x: [2, 2, 2, 2, 2]
  param w: [2] = ones()
  y[a, b, c, d, e] = x[a, b, c, d, e] * w[a]
  output y = y
  loss total_of_y = sum[a, b, c, d, e](y[a, b, c, d, e])
}`),
      { optimiser: 'adam' },
    )
    // A .ts file is checked in full, where a .d.ts may be skipped.
    await writeFile(join(folder, 'six.ts'), declarations)
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--ignoreConfig']
    const { stdout } = await promisify(execFile)('npx', ['--no-install', 'tsc', ...options, join(folder, 'six.ts')], {
      cwd: root,
    }).catch((failure: { stdout: string }) => failure)
    expect(stdout).toBe('')
  })
})
