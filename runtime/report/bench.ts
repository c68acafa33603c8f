/** Measures a training step against the model's own matrix products, its memory, and the compiler. */
import type { Program, TrainingArtefact } from '../../compiler/artefact.ts'
import { encodeModel } from '../../compiler/emit/onnx/model.ts'
import { groupLabels } from '../../compiler/ir/product.ts'
import { BATCH, type Dim, evaluateDim } from '../../compiler/shapes/dim.ts'
import { initialValues } from '../../compiler/train/initialise.ts'
import { buildTrainingGraph } from '../../compiler/train/training-graph.ts'
import { emptySlots, type Trainer } from '../engines/engine.ts'
import { openSession, type SessionOptions } from '../engines/ort/session.ts'
import { ortTrainer } from '../engines/ort/trainer.ts'
import type { Value } from '../engines/value.ts'
import { type Example, reusedMemory } from '../predict/batch.ts'
import { bindInputs, bindTargets } from '../predict/binding.ts'
import { assembleStep } from '../train/loop.ts'
import { bitsAt, keyOf, uniformAt } from '../train/noise.ts'
import { defaultRecipe } from '../train/recipe.ts'

/** A product of two stacks of matrices, [stack, rows, inner] and [stack, inner, columns]; how often the model has it. */
export interface Product {
  readonly stack: number
  readonly rows: number
  readonly inner: number
  readonly columns: number
  readonly count: number
}

export const flopsOf = ({ stack, rows, inner, columns }: Omit<Product, 'count'>): number =>
  2 * stack * rows * inner * columns

/** The matrix products of a program's training step, forward and backward, at given lengths. */
export function productsOf(program: Program, batch: number, lengths: Readonly<Record<string, number>>): Product[] {
  const { graph } = buildTrainingGraph(program, 'adam')
  const types = new Map(graph.nodes.map(({ id, type }) => [id, type]))
  const sizeOf = (dim: Dim): number => evaluateDim(dim, (name) => (name === BATCH ? batch : (lengths[name] ?? 1)))
  const found = new Map<string, Product>()
  for (const node of graph.nodes) {
    if (node.op !== 'contract') continue
    const { left, right } = node.attributes
    const sizes = new Map<number, number>()
    for (const [labels, operand] of [
      [left, node.operands[0]],
      [right, node.operands[1]],
    ] as const)
      labels.forEach((label, axis) => {
        const dim = operand === undefined ? undefined : types.get(operand)?.dims[axis]
        if (dim) sizes.set(label, sizeOf(dim))
      })
    const { kept, rows, summed, columns } = groupLabels(node.attributes)
    // Without a summed axis, or without one on either side, it is no product of matrices.
    if (summed.length === 0 || (rows.length === 0 && columns.length === 0)) continue
    const total = (labels: readonly number[]): number => labels.reduce((n, label) => n * (sizes.get(label) ?? 1), 1)
    const shape = { stack: total(kept), rows: total(rows), inner: total(summed), columns: total(columns) }
    const key = JSON.stringify(shape)
    found.set(key, { ...shape, count: (found.get(key)?.count ?? 0) + 1 })
  }
  return [...found.values()].sort((a, b) => b.count * flopsOf(b) - a.count * flopsOf(a))
}

/** A clock, in milliseconds. */
export type Clock = () => number

/** The middle one of some numbers. */
export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

/** The median time of a product alone in ONNX Runtime, in milliseconds. */
export async function timeProduct(
  { stack, rows, inner, columns }: Omit<Product, 'count'>,
  options: SessionOptions,
  now: Clock,
  rounds = 9,
): Promise<number> {
  const stacked = (...dims: number[]): number[] => (stack > 1 ? [stack, ...dims] : dims)
  const dims = { a: stacked(rows, inner), b: stacked(inner, columns), y: stacked(rows, columns) }
  const onnx = encodeModel({
    graph: {
      name: 'product',
      nodes: [{ name: 'y', type: 'MatMul', inputs: ['a', 'b'], outputs: ['y'], attributes: {} }],
      inputs: (['a', 'b'] as const).map((name) => ({ name, dtype: 'f32', dims: dims[name] })),
      outputs: [{ name: 'y', dtype: 'f32', dims: dims.y }],
      initialisers: [],
      values: [],
    },
    opset: 17,
    producerVersion: '',
    metadata: {},
  })
  const filled = (shape: readonly number[], seed: number): Value => {
    const data = new Float32Array(shape.reduce((x, y) => x * y, 1))
    for (let i = 0; i < data.length; i++) data[i] = uniformAt([seed, 0], i) - 0.5
    return { dtype: 'f32', data, dims: shape }
  }
  const session = await openSession(onnx, options)
  const feeds = { a: filled(dims.a, 1), b: filled(dims.b, 2) }
  const out = { y: { dtype: 'f32', data: new Float32Array(dims.y.reduce((x, y) => x * y, 1)), dims: dims.y } } as const
  const times: number[] = []
  for (let round = -2; round < rounds; round++) {
    const start = now()
    await session.run(feeds, out)
    if (round >= 0) times.push(now() - start)
  }
  await session.release()
  return median(times)
}

/** A step on made-up samples of given lengths. */
export interface StepBench {
  /** Takes a step and gives its time in milliseconds. */
  take(lengths: Readonly<Record<string, number>>): Promise<number>
  release(): Promise<void>
}

export async function openStepBench(
  program: Program,
  artefact: TrainingArtefact,
  batch: number,
  options: SessionOptions,
  now: Clock,
): Promise<StepBench> {
  const inputs = bindInputs(program.signature)
  const targets = bindTargets(program.signature)
  const start = {
    params: initialValues(artefact.params, 0),
    states: initialValues(artefact.states, 0),
    slots: emptySlots(artefact),
  }
  const session = await openSession(artefact.onnx, options)
  const step: Trainer = ortTrainer(artefact, session, undefined, start, [], [])
  const control = {
    clipNorm: 5,
    learningRate: 1e-5,
    learningRateScale: new Float32Array(artefact.params.size).fill(1),
    weightDecay: new Float32Array(artefact.params.size),
  }
  const key = keyOf('bench')
  const memory = reusedMemory()
  const stock = new Map<string, Float32Array>()
  let taken = 0
  return {
    async take(lengths) {
      const examples = Array.from({ length: batch }, (_, i): Example => {
        const rows = inputs.map(({ name, seq, width }): [string, Float32Array] => {
          const size = (lengths[seq] ?? 1) * width
          const had = stock.get(`${i} ${name}`)
          const data =
            had && had.length >= size ? had : new Float32Array(size).map((_, k) => uniformAt(key, k + i) - 0.5)
          stock.set(`${i} ${name}`, data)
          return [name, data.subarray(0, size)]
        })
        const values = targets.map(({ name, dims }): [string, number[]] => {
          const below = program.signature.targets.find((target) => target.name === name)?.below ?? 1
          return [name, Array.from({ length: dims.reduce((x, y) => x * y, 1) }, (_, k) => bitsAt(key, i + k) % below)]
        })
        return { id: `s${i}`, rows: Object.fromEntries(rows), targets: Object.fromEntries(values) }
      })
      const feeds = assembleStep({ inputs, targets, layout: artefact, recipe: defaultRecipe }, examples, 1, memory)
      const begin = now()
      await step.take(feeds, { ...control, step: ++taken })
      return now() - begin
    },
    release: () => step.release(),
  }
}
