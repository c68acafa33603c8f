/** Writes a graph whose masks are explicit as one ONNX model. */
import type { Signature } from '../../artefact.ts'
import { missingWeight, reservedName, weightSize } from '../../diagnostics/catalogue/targets.ts'
import { DiagnosticError, diagnose } from '../../diagnostics/diagnostic.ts'
import type { AnyNode, Graph, Node, ValueId, Variable } from '../../ir/graph.ts'
import { lengthsRead } from '../../ir/lengths.ts'
import type { OpName } from '../../ops/op.ts'
import { batchDim } from '../../shapes/dim.ts'
import type { Span } from '../../syntax/ast.ts'
import { createDraft, findSources, type OnnxInput, type Operand, onnxDim } from './emission.ts'
import { lowerings, type OnnxLowering } from './lowerings.ts'
import {
  checkOpset,
  defaultOpset,
  encodeModel,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
} from './model.ts'

export interface OnnxOptions {
  /** 13 to 21; 17 unless given. */
  readonly opset?: number
  /** Values of params and states by path, which become initialisers; where absent they are inputs. */
  readonly weights?: ReadonlyMap<string, Float32Array> | undefined
  readonly metadata?: Readonly<Record<string, string>>
  /** `specs/mcfn.model:41`, for the nodes' `doc_string`. */
  readonly positionOf?: ((span: Span) => string) | undefined
  /** Inputs that the model has whether the graph reads them or not, in this order; others follow in the graph's. */
  readonly inputs?: readonly OnnxInput[]
  readonly producerVersion?: string
  /** True for a model that ONNX Runtime alone will run: it may use what other engines lack. */
  readonly onnxRuntime?: boolean
}

/** The row of one op, applied to a node of that op. */
const lower = <K extends OpName>(
  node: Node<K>,
  operands: readonly Operand[],
  draft: ReturnType<typeof createDraft>,
): string => {
  const table: { readonly [P in OpName]: OnnxLowering<P> } = lowerings
  return table[node.op](node, operands, draft.emission)
}

/**
 * The bytes of an ONNX model of a padded graph; the same graph and options give the same bytes. Inputs are the graph's
 * input nodes and the lengths of its ragged inputs, used or not; outputs are the graph's, by name. Throws a
 * DiagnosticError where the opset is unknown, a weight is missing or misshapen, or the model passes 2 GiB.
 */
export function emitOnnx(graph: Graph, options: OnnxOptions = {}): Uint8Array {
  const opset = options.opset ?? defaultOpset
  checkOpset(opset)
  if (!graph.padded) throw new Error('internal error in emit/onnx: the padding pass has not run')
  const { inputs, initialisers } = collectInputs(graph, options)
  const names = [...inputs.map((input) => input.name), ...initialisers.map((tensor) => tensor.name)]
  const taken = new Set(names)
  for (const output of graph.outputs) {
    if (taken.has(output.name)) {
      throw new DiagnosticError([diagnose(reservedName, undefined, { name: output.name, use: 'an output' })])
    }
  }
  const values = new Map<ValueId, Operand>()
  const definitions = new Map<ValueId, AnyNode>(graph.nodes.map((node) => [node.id, node]))
  const draft = createDraft(
    opset,
    findSources(graph.seqs, inputs),
    [...names, ...graph.outputs.map((output) => output.name)],
    {
      cutsByPad: options.onnxRuntime === true,
      definition: (value) => definitions.get(value) as AnyNode,
      nameOf: (value) => (values.get(value) as Operand).name,
    },
  )

  const outputOf = new Map<ValueId, string>()
  for (const output of graph.outputs) if (!outputOf.has(output.value)) outputOf.set(output.value, output.name)
  for (const node of graph.nodes) {
    const operands = node.operands.map((id) => values.get(id) as Operand)
    const start = draft.nodes.length
    draft.enter(node.scope, node.span && options.positionOf?.(node.span))
    let name = lower(node, operands, draft)
    const output = outputOf.get(node.id)
    const wanted = output ?? (node.label === undefined ? undefined : draft.unique(pathOf(node)))
    if (wanted !== undefined && draft.rename(name, wanted, start)) {
      name = wanted
      if (output === undefined)
        draft.values.set(name, { name, dtype: node.type.dtype, dims: node.type.dims.map(onnxDim) })
    }
    values.set(node.id, { id: node.id, name, type: node.type })
  }
  draft.enter('', undefined)
  const nodes = [...draft.nodes]
  const outputs: OnnxValue[] = graph.outputs.map((output) => {
    const value = values.get(output.value) as Operand
    if (value.name !== output.name) {
      nodes.push({
        name: `output/${output.name}`,
        type: 'Identity',
        inputs: [value.name],
        outputs: [output.name],
        attributes: {},
      })
    }
    return { name: output.name, dtype: value.type.dtype, dims: value.type.dims.map(onnxDim) }
  })
  const live = liveParts(nodes, [...initialisers, ...draft.initialisers], draft.values, outputs)
  return encodeModel({
    opset,
    producerVersion: options.producerVersion ?? '',
    metadata: options.metadata ?? {},
    graph: {
      name: graph.name,
      inputs: inputs.map((input) => ({ ...input, dims: input.dims.map(onnxDim) })),
      outputs,
      ...live,
    },
  })
}

/** What the outputs need: a lowering may have found a shorter way around a value. */
function liveParts(
  nodes: readonly OnnxNode[],
  initialisers: readonly OnnxTensor[],
  values: ReadonlyMap<string, OnnxValue>,
  outputs: readonly OnnxValue[],
): Pick<OnnxGraph, 'nodes' | 'initialisers' | 'values'> {
  const used = new Set(outputs.map((output) => output.name))
  for (const node of [...nodes].reverse()) {
    if (node.outputs.some((name) => used.has(name))) for (const input of node.inputs) used.add(input)
  }
  return {
    nodes: nodes.filter((node) => node.outputs.some((name) => used.has(name))),
    initialisers: initialisers.filter((tensor) => used.has(tensor.name)),
    values: [...values.values()].filter((value) => used.has(value.name)),
  }
}

/** The inputs that a model's users feed: each of the signature, then the lengths of those that are ragged. */
export const signatureInputs = ({ inputs }: Signature): OnnxInput[] => [
  ...inputs.map(({ name, dtype, dims }) => ({ name, dtype, dims: [batchDim, ...dims] })),
  ...inputs.flatMap(({ lengths }) =>
    lengths === undefined ? [] : [{ name: lengths, dtype: 'i64', dims: [batchDim] } as const],
  ),
]

const pathOf = (node: AnyNode): string =>
  node.scope === '' ? (node.label ?? node.op) : `${node.scope.replaceAll('.', '/')}/${node.label ?? node.op}`

/** The model's inputs in order, and the variables whose values are known. */
function collectInputs(graph: Graph, options: OnnxOptions): { inputs: OnnxInput[]; initialisers: OnnxTensor[] } {
  const variables = new Map(graph.variables.map((variable) => [variable.path, variable]))
  const inputs = new Map((options.inputs ?? []).map((input) => [input.name, input]))
  const initialisers = new Map<string, OnnxTensor>()
  for (const node of graph.nodes) {
    if (node.op !== 'input') continue
    const { name, role } = node.attributes
    const variable = role === 'param' || role === 'state' ? variables.get(name) : undefined
    if (variable && options.weights) {
      if (!initialisers.has(name)) initialisers.set(name, weightOf(variable, options.weights))
    } else if (!inputs.has(name)) inputs.set(name, { name, dtype: node.type.dtype, dims: node.type.dims })
  }
  let needed: ReadonlySet<string> | undefined
  for (const { name, sources } of graph.seqs) {
    const live = sources.filter((source) => inputs.has(source.input))
    // A length that outlives its inputs is still told.
    if (live.length === 0) needed ??= lengthsRead(graph)
    const told = live.length > 0 || !needed?.has(name) ? live : sources.slice(0, 1)
    for (const { lengths } of told) {
      if (!inputs.has(lengths)) inputs.set(lengths, { name: lengths, dtype: 'i64', dims: [batchDim] })
    }
  }
  return { inputs: [...inputs.values()], initialisers: [...initialisers.values()] }
}

/** The values of a variable. Throws a DiagnosticError where they are missing or of another size. */
export function weightOf(variable: Variable, weights: ReadonlyMap<string, Float32Array>): OnnxTensor {
  const { path, shape } = variable
  const data = weights.get(path)
  const text = `[${shape.join(', ')}]`
  if (!data) throw new DiagnosticError([diagnose(missingWeight, variable.span, { path, shape: text })])
  const expected = shape.reduce((a, b) => a * b, 1)
  if (data.length !== expected) {
    throw new DiagnosticError([
      diagnose(weightSize, variable.span, { path, shape: text, expected, found: data.length }),
    ])
  }
  return { name: path, dtype: 'f32', dims: shape, data }
}
