/**
 * Reads and writes safetensors files: the weights, the optimiser's state, and extracted features.
 *
 * The format (https://github.com/huggingface/safetensors): a little-endian u64 length of the header, the header in JSON
 * with `dtype`, `shape` and `data_offsets` of each tensor and texts under `__metadata__`, then the data without gaps.
 */
import { readFile } from 'node:fs/promises'
import { weightsDtype, weightsMalformed, weightsUnreadable } from '../../compiler/diagnostics/catalogue/runtime.ts'
import { DiagnosticError, diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import { writeFileAtomic } from './atomic.ts'
import { explainFileError } from './file-error.ts'

/** A named array: f32 for weights and features, i64 for steps and lengths. Row-major; `shape` [] is one number. */
export type StoredTensor =
  | { readonly dtype: 'F32'; readonly shape: readonly number[]; readonly values: Float32Array }
  | { readonly dtype: 'I64'; readonly shape: readonly number[]; readonly values: BigInt64Array }

/** The content of one safetensors file. */
export interface TensorFile {
  readonly tensors: ReadonlyMap<string, StoredTensor>
  readonly metadata: Readonly<Record<string, string>>
}

const BYTES = { F32: 4, I64: 8 } as const
/** The limit of the reference implementation, so that what is read here is read there. */
const HEADER_LIMIT = 100_000_000

const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1
const elements = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1)
const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
  a < b ? -1 : a > b ? 1 : 0

/**
 * The bytes of a file. The same content gives the same bytes whatever the order of insertion: i64 tensors stand before f32
 * ones so that all are aligned, as the reference implementation orders them, and names are sorted within each.
 * Throws a RangeError where a shape and its values differ in size, a fault of the caller.
 */
export function encodeSafetensors(file: TensorFile): Uint8Array {
  const tensors = [...file.tensors].sort(([a, x], [b, y]) => BYTES[y.dtype] - BYTES[x.dtype] || byName([a, x], [b, y]))
  const header: Record<string, unknown> = Object.create(null)
  const metadata = Object.entries(file.metadata).sort(byName)
  if (metadata.length > 0) header.__metadata__ = Object.fromEntries(metadata)
  let size = 0
  for (const [name, tensor] of tensors) {
    if (name === '__metadata__') throw new RangeError('a tensor cannot be named __metadata__')
    if (elements(tensor.shape) !== tensor.values.length) {
      throw new RangeError(`${name}: shape [${tensor.shape.join(', ')}] does not hold ${tensor.values.length} values`)
    }
    const end = size + tensor.values.byteLength
    header[name] = { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [size, end] }
    size = end
  }
  const json = new TextEncoder().encode(JSON.stringify(header))
  // Spaces after the JSON put the data on a multiple of 8, as the format allows.
  const start = 8 + Math.ceil(json.length / 8) * 8
  const bytes = new Uint8Array(start + size)
  bytes.fill(0x20, 8, start)
  bytes.set(json, 8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - 8), true)
  let offset = start
  for (const [, { values }] of tensors) {
    const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    bytes.set(littleEndian ? raw : swapped(raw, values.BYTES_PER_ELEMENT), offset)
    offset += values.byteLength
  }
  return bytes
}

/**
 * The tensors of a file's bytes, copied out, so that the bytes may be let go. `file` is the name for messages.
 * Throws a DiagnosticError where the file breaks the format (overlapping, missing or foreign data included) or has a
 * tensor that is neither F32 nor I64.
 */
export function decodeSafetensors(bytes: Uint8Array, file: string): TensorFile {
  const broken = (reason: string): DiagnosticError =>
    new DiagnosticError([diagnose(weightsMalformed, undefined, { file, reason })])
  if (bytes.length < 8) throw broken(`it has ${bytes.length} bytes and needs at least 8`)
  const declared = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)
  if (declared > BigInt(Math.min(HEADER_LIMIT, bytes.length - 8))) {
    throw broken(`its header should have ${declared} bytes, and ${bytes.length - 8} follow`)
  }
  const start = 8 + Number(declared)
  const header = parseHeader(bytes.subarray(8, start))
  if (typeof header === 'string') throw broken(header)
  const metadata = header.__metadata__ ?? {}
  if (!isTexts(metadata)) throw broken('`__metadata__` should be an object of texts')

  const tensors = new Map<string, StoredTensor>()
  const spans: { name: string; begin: number; end: number }[] = []
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') continue
    const entry = readEntry(value)
    if (entry === undefined) throw broken(`the entry of \`${name}\` should have dtype, shape and data_offsets`)
    const { dtype, shape, begin, end } = entry
    if (dtype !== 'F32' && dtype !== 'I64') {
      throw new DiagnosticError([
        diagnose(weightsDtype, undefined, { file, tensor: name, dtype, known: ['F32', 'I64'] }),
      ])
    }
    if (end - begin !== elements(shape) * BYTES[dtype]) {
      throw broken(`\`${name}\` ${dtype} [${shape.join(', ')}] does not fill the ${end - begin} bytes that it is given`)
    }
    if (end > bytes.length - start) {
      throw broken(
        `\`${name}\` ends at byte ${end} of the data, which has ${bytes.length - start}: the file is cut short`,
      )
    }
    // Not `slice`: on a Buffer that is a view, and views of f32 need an aligned offset.
    const raw = new Uint8Array(bytes.subarray(start + begin, start + end))
    const own = littleEndian ? raw : swapped(raw, BYTES[dtype])
    tensors.set(
      name,
      dtype === 'F32'
        ? { dtype, shape, values: new Float32Array(own.buffer, own.byteOffset, own.byteLength / 4) }
        : { dtype, shape, values: new BigInt64Array(own.buffer, own.byteOffset, own.byteLength / 8) },
    )
    spans.push({ name, begin, end })
  }
  let reached = 0
  for (const { name, begin, end } of spans.sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== reached)
      throw broken(`the data of \`${name}\` should begin at byte ${reached} and begins at ${begin}`)
    reached = end
  }
  if (reached !== bytes.length - start)
    throw broken(`${bytes.length - start - reached} bytes at its end belong to no tensor`)
  return { tensors, metadata }
}

/** Reads a file. Throws a DiagnosticError where it cannot be read or is not sound. */
export async function readSafetensors(path: string): Promise<TensorFile> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch (failure) {
    const reason = explainFileError(failure)
    throw new DiagnosticError([diagnose(weightsUnreadable, undefined, { file: path, reason })])
  }
  return decodeSafetensors(bytes, path)
}

/** Writes a file in one step: whoever reads `path` finds the old file or the new one. */
export async function writeSafetensors(path: string, file: TensorFile): Promise<void> {
  await writeFileAtomic(path, encodeSafetensors(file))
}

/** The header's object, or what is wrong with it. */
function parseHeader(bytes: Uint8Array): Record<string, unknown> | string {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    return isObject(value) ? value : 'its header is not a JSON object'
  } catch (failure) {
    return `its header is not JSON in UTF-8 (${failure instanceof Error ? failure.message : String(failure)})`
  }
}

function readEntry(value: unknown): { dtype: string; shape: number[]; begin: number; end: number } | undefined {
  if (!isObject(value)) return undefined
  const { dtype, shape, data_offsets: offsets } = value
  if (typeof dtype !== 'string' || !isCounts(shape) || !isCounts(offsets)) return undefined
  const [begin, end, ...rest] = offsets
  if (begin === undefined || end === undefined || rest.length > 0 || begin > end) return undefined
  return { dtype, shape, begin, end }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isTexts = (value: unknown): value is Record<string, string> =>
  isObject(value) && Object.values(value).every((text) => typeof text === 'string')
const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => typeof n === 'number' && Number.isSafeInteger(n) && n >= 0)

/** A copy with the bytes of each element reversed: the format is little-endian, the machine need not be. */
function swapped(bytes: Uint8Array, width: number): Uint8Array {
  const out = new Uint8Array(bytes.length)
  for (let i = 0; i < bytes.length; i += width)
    for (let k = 0; k < width; k++) out[i + k] = bytes[i + width - 1 - k] ?? 0
  return out
}
