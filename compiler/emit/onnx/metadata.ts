/** Reads the `metadata_props` of an ONNX file, which engines do not hand out. */
import proto from 'onnx-proto'

/** The entries by key. Throws an Error where the bytes are no ONNX model. */
export function readMetadata(onnx: Uint8Array): Record<string, string> {
  const model = proto.onnx.ModelProto.decode(onnx)
  if (!model.graph || model.opsetImport.length === 0) throw new Error('it has no graph')
  return Object.fromEntries(model.metadataProps.map(({ key, value }) => [key ?? '', value ?? '']))
}
