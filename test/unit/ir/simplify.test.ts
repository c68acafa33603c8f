/** Simplified graphs equal those built node by node, in values and in gradients, on random programs. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { differentiate } from '../../../compiler/autodiff/differentiate.ts'
import { interpret } from '../../../compiler/interpret/interpret.ts'
import { type Builder, createBuilder } from '../../../compiler/ir/builder.ts'
import type { TensorType, ValueId } from '../../../compiler/ir/graph.ts'
import { verifyGraph } from '../../../compiler/ir/verify.ts'
import type { Attributes, OpName } from '../../../compiler/ops/op.ts'
import { inferType } from '../../../compiler/ops/table.ts'
import { axesOf } from '../../../compiler/ops/types.ts'
import { batchDim, constantDim, type Dim, seqDim } from '../../../compiler/shapes/dim.ts'
import { draw, ENV, expectClose, randomSource } from '../../ops/support.ts'

const frames = seqDim('frames')
const INPUTS: readonly (readonly Dim[])[] = [
  [batchDim, frames, constantDim(2)],
  [batchDim, constantDim(1), constantDim(2)],
  [batchDim, frames, constantDim(1)],
  [constantDim(2)],
  [],
  [constantDim(2), constantDim(3)],
]
const NUMBERS = [0, 1, -1, 2, 0.5]

type Step = readonly [kind: number, x: number, y: number, z: number]

/** One step of a program, applied where it is well typed. */
function apply(b: Builder, [kind, i, j, k]: Step, values: ValueId[]): void {
  const x = values[i % values.length] as ValueId
  const y = values[j % values.length] as ValueId
  const dims = b.dimsOf(x)
  const axis = k % Math.max(1, dims.length)
  const emit = <K extends OpName>(op: K, operands: ValueId[], attributes: Attributes[K]): void => {
    const types = operands.map(b.typeOf)
    if (typeof inferType(op, types, attributes) !== 'string') values.push(b.emit(op, operands, attributes))
  }
  const unary = ['neg', 'tanh', 'sigmoid', 'abs', 'relu', 'sin'] as const
  const binary = ['add', 'sub', 'mul', 'max'] as const
  const actions: readonly (() => void)[] = [
    () => emit(unary[k % unary.length] as 'neg', [x], {}),
    () => emit(binary[k % binary.length] as 'add', [x, y], {}),
    () => emit('mul', [x, y], {}),
    () => emit('sub', [x, y], {}),
    () => values.push(b.constant(NUMBERS[k % NUMBERS.length] as number, b.typeOf(x))),
    () => emit('div', [x, b.add(b.constant(1), b.mul(y, y))], {}),
    () => emit('pow', [b.add(b.constant(1), b.abs(x)), b.constant([0, 1, 2, 0.5, -1, 3][k % 6] as number)], {}),
    () => emit('sum', [x], { axes: dims.length === 0 ? [] : [axis], keep: k % 2 === 0 }),
    () => emit('sum', [x], { axes: dims.length < 2 ? [] : [0, 1], keep: k % 2 === 0 }),
    () => emit('maximum', [x], { axes: dims.length === 0 ? [] : [axis], keep: true }),
    () => emit('broadcast', [x], { dims: b.dimsOf(y) }),
    () => emit('transpose', [x], { permutation: axesOf(dims.length).map((a) => (a + k) % dims.length) }),
    () =>
      emit('reshape', [x], { dims: k % 2 === 0 ? [...dims, constantDim(1)] : dims.filter((d) => d.key !== '1/1*') }),
    () => emit('select', [b.less(x, b.constant(0)), x, y], {}),
    () => emit('softmax', [x], { axis }),
    () => emit('sub', [x, b.mul(b.sum(x, axesOf(Math.min(2, dims.length)), true), b.constant(0.25))], {}),
    () =>
      emit('window', [x], {
        axis,
        offset: constantDim((k % 3) - 1),
        stride: 1,
        dilation: 1,
        dim: dims[axis] ?? frames,
      }),
    () => {
      if (dims.length === 3 && b.dimsOf(y).length === 3) {
        const out = [[0, 1, 2], [0, 1], [0, 2], [2, 0], []][k % 5] as number[]
        contract(b, x, y, [0, 1, 2], [0, 1, 2], out, values)
      } else if (dims.length === 3)
        contract(
          b,
          x,
          y,
          [0, 1, 2],
          [2, 3].slice(0, b.dimsOf(y).length),
          [0, 1, 3].slice(0, b.dimsOf(y).length + 1),
          values,
        )
    },
  ]
  actions[kind % actions.length]?.()
}

/** `contract` where sizes agree, or are 1 on one side. */
function contract(
  b: Builder,
  x: ValueId,
  y: ValueId,
  left: number[],
  right: number[],
  out: number[],
  values: ValueId[],
): void {
  if (right.length !== b.dimsOf(y).length) return
  const full = new Map<number, Dim>()
  for (const [labels, value] of [
    [left, x],
    [right, y],
  ] as const)
    for (const [axis, label] of labels.entries()) {
      const dim = b.dimsOf(value)[axis] as Dim
      const seen = full.get(label)
      if (seen === undefined || seen.key === '1/1*') full.set(label, dim)
      else if (dim.key !== '1/1*' && dim.key !== seen.key) return
    }
  const type = (labels: number[]): TensorType => ({ dtype: 'f32', dims: labels.map((label) => full.get(label) as Dim) })
  if (typeof inferType('contract', [type(left), type(right)], { left, right, out }) === 'string') return
  values.push(b.contract(x, y, left, right, out))
}

function run(steps: readonly Step[], simplify: boolean) {
  const b = createBuilder(undefined, { simplify })
  const inputs = INPUTS.map((dims, at) => b.input(`x${at}`, 'param', { dtype: 'f32', dims }))
  const values = [...inputs]
  for (const step of steps) apply(b, step, values)
  const result = values.at(-1) as ValueId
  const bounded = b.tanh(b.mul(result, b.constant(0.1)))
  const loss = b.sum(bounded, axesOf(b.dimsOf(bounded).length))
  const gradients = differentiate(b, loss, inputs)
  const graph = b.finish({
    name: 'random',
    outputs: [
      { name: 'result', value: result, role: 'output' },
      { name: 'loss', value: loss, role: 'loss' },
      ...gradients.map((value, at) => ({ name: `d${at}`, value, role: 'gradient' as const })),
    ],
  })
  const random = randomSource(5)
  const feeds = Object.fromEntries(
    INPUTS.map((dims, at) => [`x${at}`, draw({ dtype: 'f32', dims }, 'any', ENV, random)]),
  )
  return { graph, outputs: interpret(graph, feeds, ENV) }
}

test('a simplified graph equals the one built node by node', () => {
  const step = fc.tuple(fc.nat(17), fc.nat(40), fc.nat(40), fc.nat(30))
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 14 }), (steps) => {
      const plain = run(steps, false)
      const simple = run(steps, true)
      expect(verifyGraph(simple.graph)).toEqual([])
      expect(verifyGraph(plain.graph)).toEqual([])
      for (const [name, value] of plain.outputs)
        expectClose(simple.outputs.get(name) as typeof value, value, 1e-8, name)
    }),
    { numRuns: 500, seed: 7 },
  )
}, 60_000)
