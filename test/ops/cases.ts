/** The examples of an op as one graph, with inputs and what the interpreter makes of them: for the tests of targets. */
import { type NdArray, ndArray } from '../../compiler/interpret/array.ts'
import { interpret } from '../../compiler/interpret/interpret.ts'
import { extent, fillInvalid } from '../../compiler/interpret/ragged.ts'
import { createBuilder } from '../../compiler/ir/builder.ts'
import type { Graph, GraphOutput, TensorType } from '../../compiler/ir/graph.ts'
import type { OpName } from '../../compiler/ops/op.ts'
import { batchDim, seqDim } from '../../compiler/shapes/dim.ts'
import { type Example, examples } from './examples.ts'
import { draw, randomSource, WIDE } from './support.ts'

const seqNames = ['frames', 'words']

/** Inputs that tell the padded lengths, whatever an example reads. */
export const rulers = seqNames.map(
  (name) => ({ name: `${name}_ruler`, dtype: 'f32', dims: [batchDim, seqDim(name)] }) as const,
)
const seqs = seqNames.map((name) => ({
  name,
  low: 0,
  high: undefined,
  sources: [{ input: `${name}_ruler`, axis: 1, lengths: `${name}_lengths` }],
}))

export interface Case {
  /** Ragged; outputs are named `y0`, `y1`, …, one an example. */
  readonly graph: Graph
  readonly feeds: Readonly<Record<string, NdArray>>
  readonly types: ReadonlyMap<string, TensorType>
  /** In float64, 0 in the padding. */
  readonly expected: ReadonlyMap<string, NdArray>
}

/** All examples of an op side by side, each on inputs of its own. */
export function caseOf(op: OpName): Case {
  const builder = createBuilder(undefined, { simplify: false })
  const random = randomSource(11)
  const outputs: GraphOutput[] = []
  const types = new Map<string, TensorType>()
  const feeds: Record<string, NdArray> = {}
  const rows: readonly Example<OpName>[] = examples[op]
  for (const [row, example] of rows.entries()) {
    const operands = example.operands.map((type, k) => {
      const name = `x${row}_${example.shared ? 0 : k}`
      feeds[name] ??= draw(type, example.domains?.[k], WIDE, random)
      return builder.input(name, 'data', type)
    })
    const attributes = op === 'input' ? { name: `x${row}`, role: 'data' as const } : example.attributes
    if (op === 'input' && example.own) feeds[`x${row}`] = draw(example.own, 'any', WIDE, random)
    const value = builder.emit(op, operands, attributes, undefined, example.own)
    outputs.push({ name: `y${row}`, value, role: 'output' })
    types.set(`y${row}`, builder.typeOf(value))
  }
  for (const name of seqNames) {
    const lengths = WIDE.lengths[name] as readonly number[]
    feeds[`${name}_lengths`] = ndArray([WIDE.batch], lengths, 'i64')
    const size = extent(seqDim(name), WIDE)
    feeds[`${name}_ruler`] = ndArray([WIDE.batch, size], new Float64Array(WIDE.batch * size))
  }
  const graph = builder.finish({ name: op, outputs, seqs })
  const expected = interpret(graph, feeds, WIDE)
  for (const [name, type] of types) fillInvalid((expected.get(name) as NdArray).data, type, WIDE, 0)
  return { graph, feeds, types, expected }
}
