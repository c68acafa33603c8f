/** Writes a graph whose masks are explicit as one ONNX model. */
import type { Signature } from '../../artefact.ts'
import { missingWeight, reservedName, weightSize } from '../../diagnostics/catalogue/targets.ts'
import { DiagnosticError, diagnose } from '../../diagnostics/diagnostic.ts'
import type { AnyNode, Graph, ValueId, Variable } from '../../ir/graph.ts'
import { lengthsRead } from '../../ir/lengths.ts'
import { batchDim } from '../../shapes/dim.ts'
import type { Span } from '../../syntax/ast.ts'
import { createDraft, type Emission, findSources, type OnnxInput, type Operand, onnxDim } from './emission.ts'
import {
  checkOpset,
  defaultOpset,
  encodeModel,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
} from './model.ts'
import { createPartNames, type Parted } from './parts.ts'
import { createWriter } from './writer.ts'

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
  /** Where ONNX Runtime runs a model that is for it alone, and may then use what other engines lack. */
  readonly onnxRuntime?: 'cpu' | 'gpu'
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
  const partNames = createPartNames()
  const definitions = new Map<ValueId, AnyNode>(graph.nodes.map((node) => [node.id, node]))
  const draft = createDraft(
    opset,
    findSources(graph.seqs, inputs),
    [...names, ...graph.outputs.map((output) => output.name)],
    {
      forOnnxRuntime: options.onnxRuntime !== undefined,
      forCaches: options.onnxRuntime === 'cpu',
      definition: (value) => definitions.get(value) as AnyNode,
      nameOf: (value) => partNames.nameOf(value) ?? (values.get(value) as Operand).name,
    },
  )
  const write = createWriter(graph, partNames, draft.emission)
  const outputOf = new Map<ValueId, string>()
  for (const output of graph.outputs) if (!outputOf.has(output.value)) outputOf.set(output.value, output.name)
  for (const node of graph.nodes) {
    if (!write.needed.has(node.id)) continue
    const operands = node.operands.map((id) => values.get(id) as Operand)
    const start = draft.nodes.length
    draft.enter(node.scope, node.span && options.positionOf?.(node.span))
    const written = write.node(node, operands)
    if (typeof written !== 'string') {
      values.set(node.id, wholeOf(node, written, draft.emission))
      continue
    }
    let name = written
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
  const outputs: OnnxValue[] = graph.outputs.map((output) => {
    const { name, type } = values.get(output.value) as Operand
    if (name !== output.name) {
      draft.nodes.push({
        name: `output/${output.name}`,
        type: 'Identity',
        inputs: [name],
        outputs: [output.name],
        attributes: {},
      })
    }
    return { name: output.name, dtype: type.dtype, dims: type.dims.map(onnxDim) }
  })
  const live = liveParts(draft.nodes, [...initialisers, ...draft.initialisers], draft.values, outputs)
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

/** A value that is held in parts, as an operand: put together at the first one that reads it whole. */
const wholeOf = ({ id, type }: AnyNode, { whole }: Parted, e: Emission): Operand => ({
  id,
  type,
  get name() {
    return e.shared(`whole:${id}`, whole)
  },
})

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
