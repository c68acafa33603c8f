/** A small typed writer of ONNX files: plain records in, deterministic bytes out. The one place that sees protobuf. */
import proto from 'onnx-proto'
import { modelTooLarge, unknownOpset } from '../../diagnostics/catalogue/targets.ts'
import { DiagnosticError, diagnose } from '../../diagnostics/diagnostic.ts'
import type { DType } from '../../ir/graph.ts'

/** An axis: its size, or the text of a symbolic dim. */
export type OnnxDim = number | string

export interface OnnxValue {
  readonly name: string
  readonly dtype: DType
  readonly dims: readonly OnnxDim[]
  readonly doc?: string | undefined
}

/** A tensor with its elements row by row; bools are bytes 0 and 1. */
export interface OnnxTensor {
  readonly name: string
  readonly dtype: DType
  readonly dims: readonly number[]
  readonly data: Float32Array | BigInt64Array | Uint8Array
}

export type OnnxAttribute =
  | { readonly int: number }
  | { readonly ints: readonly number[] }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly tensor: OnnxTensor }

export interface OnnxNode {
  readonly name: string
  readonly type: string
  /** An empty name leaves an optional input out. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Readonly<Record<string, OnnxAttribute>>
  readonly doc?: string | undefined
}

export interface OnnxGraph {
  readonly name: string
  readonly nodes: readonly OnnxNode[]
  readonly inputs: readonly OnnxValue[]
  readonly outputs: readonly OnnxValue[]
  readonly initialisers: readonly OnnxTensor[]
  /** Types of the values between inputs and outputs. */
  readonly values: readonly OnnxValue[]
}

export interface OnnxModel {
  readonly graph: OnnxGraph
  readonly opset: number
  readonly producerVersion: string
  readonly metadata: Readonly<Record<string, string>>
  readonly doc?: string | undefined
}

/** The file format's version that came with each opset (onnx/docs/Versioning.md). */
const irVersions: Readonly<Record<number, number>> = { 13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9, 21: 10 }

export const lowestOpset = 13
export const highestOpset = 21
export const defaultOpset = 17

const largestFile = 2 ** 31 - 1

const elementTypes: Readonly<Record<DType, number>> = { f32: 1, i64: 7, bool: 9 }

const { AttributeProto } = proto.onnx
const attributeTypes = AttributeProto.AttributeType

const encodeTensor = (tensor: OnnxTensor): proto.onnx.ITensorProto => ({
  name: tensor.name,
  dataType: elementTypes[tensor.dtype],
  dims: [...tensor.dims],
  rawData: new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength),
})

const encodeValue = (value: OnnxValue): proto.onnx.IValueInfoProto => ({
  name: value.name,
  ...(value.doc ? { docString: value.doc } : {}),
  type: {
    tensorType: {
      elemType: elementTypes[value.dtype],
      shape: { dim: value.dims.map((dim) => (typeof dim === 'number' ? { dimValue: dim } : { dimParam: dim })) },
    },
  },
})

function encodeAttribute(name: string, attribute: OnnxAttribute): proto.onnx.IAttributeProto {
  if ('int' in attribute) return { name, type: attributeTypes.INT, i: attribute.int }
  if ('ints' in attribute) return { name, type: attributeTypes.INTS, ints: [...attribute.ints] }
  if ('float' in attribute) return { name, type: attributeTypes.FLOAT, f: attribute.float }
  if ('string' in attribute) {
    return { name, type: attributeTypes.STRING, s: new TextEncoder().encode(attribute.string) }
  }
  return { name, type: attributeTypes.TENSOR, t: encodeTensor(attribute.tensor) }
}

const encodeNode = (node: OnnxNode): proto.onnx.INodeProto => ({
  name: node.name,
  opType: node.type,
  input: [...node.inputs],
  output: [...node.outputs],
  ...(node.doc ? { docString: node.doc } : {}),
  attribute: Object.keys(node.attributes)
    .sort()
    .map((name) => encodeAttribute(name, node.attributes[name] as OnnxAttribute)),
})

/** Throws a DiagnosticError where the opset is not one that this compiler writes. */
export function checkOpset(opset: number): void {
  if (irVersions[opset] === undefined) {
    throw new DiagnosticError([diagnose(unknownOpset, undefined, { opset, low: lowestOpset, high: highestOpset })])
  }
}

/**
 * The model as the bytes of an `.onnx` file; the same model gives the same bytes. Throws a DiagnosticError where the
 * opset is unknown or the file would pass the 2 GiB that protobuf can hold.
 */
export function encodeModel(model: OnnxModel): Uint8Array {
  checkOpset(model.opset)
  const { graph } = model
  const weightBytes = graph.initialisers.reduce((sum, tensor) => sum + tensor.data.byteLength, 0)
  // Nodes and names take far less than a thousandth of this; they are counted once the file is written.
  if (weightBytes > largestFile) refuse(weightBytes)
  const bytes = proto.onnx.ModelProto.encode({
    irVersion: irVersions[model.opset] as number,
    opsetImport: [{ domain: '', version: model.opset }],
    producerName: 'mcfnc',
    producerVersion: model.producerVersion,
    ...(model.doc ? { docString: model.doc } : {}),
    graph: {
      name: graph.name,
      node: graph.nodes.map(encodeNode),
      initializer: graph.initialisers.map(encodeTensor),
      input: graph.inputs.map(encodeValue),
      output: graph.outputs.map(encodeValue),
      valueInfo: graph.values.map(encodeValue),
    },
    metadataProps: Object.keys(model.metadata)
      .sort()
      .map((key) => ({ key, value: model.metadata[key] as string })),
  }).finish()
  if (bytes.byteLength > largestFile) refuse(bytes.byteLength)
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function refuse(bytes: number): never {
  throw new DiagnosticError([diagnose(modelTooLarge, undefined, { bytes })])
}
