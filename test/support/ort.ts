/** Runs ONNX models in ONNX Runtime on the interpreter's arrays, so that the two can be compared. */
import * as ort from 'onnxruntime-node'
import type { NdArray } from '../../compiler/interpret/array.ts'

const toTensor = ({ dtype, shape, data }: NdArray): ort.Tensor => {
  if (dtype === 'f32') return new ort.Tensor('float32', Float32Array.from(data), shape)
  if (dtype === 'i64') return new ort.Tensor('int64', BigInt64Array.from(data, BigInt), shape)
  return new ort.Tensor('bool', Uint8Array.from(data), shape)
}

const fromTensor = (tensor: ort.Tensor): NdArray => ({
  dtype: tensor.type === 'int64' ? 'i64' : tensor.type === 'bool' ? 'bool' : 'f32',
  shape: tensor.dims,
  data: Float64Array.from(tensor.data as Float32Array, Number),
})

export interface OrtModel {
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  run(feeds: Readonly<Record<string, NdArray>>): Promise<Record<string, NdArray>>
  release(): Promise<void>
}

/** MCFNC_ORT=webgpu tests the graphs on that provider, which adds in another order for another size. */
const provider = process.env.MCFNC_ORT

/** How far a result may be from that of the same samples with more padding, relative to the greatest element. */
export const paddingTolerance = provider === undefined ? 1e-6 : 1e-4

/** Loads a model; `threads` is 1 unless given. Runs ignore feeds that the model does not have. */
export async function loadOnnx(onnx: Uint8Array, threads = 1): Promise<OrtModel> {
  const session = await ort.InferenceSession.create(onnx, {
    ...(provider === undefined ? {} : { executionProviders: [provider, 'cpu'] }),
    intraOpNumThreads: threads,
    enableMemPattern: false,
    executionMode: 'sequential',
    logSeverityLevel: 3,
  })
  return {
    inputs: session.inputNames,
    outputs: session.outputNames,
    async run(feeds) {
      const known = Object.entries(feeds).filter(([name]) => session.inputNames.includes(name))
      const made = await session.run(Object.fromEntries(known.map(([name, value]) => [name, toTensor(value)])))
      return Object.fromEntries(Object.entries(made).map(([name, tensor]) => [name, fromTensor(tensor)]))
    },
    release: () => session.release(),
  }
}

/** The greatest distance between two arrays, relative to the greatest element where that is above 1; NaN is no match. */
export function distance(a: NdArray, b: NdArray): number {
  if (a.shape.join() !== b.shape.join()) return Number.POSITIVE_INFINITY
  let scale = 1
  for (const value of b.data) if (Number.isFinite(value)) scale = Math.max(scale, Math.abs(value))
  let worst = 0
  for (let i = 0; i < a.data.length; i++) {
    const [x, y] = [a.data[i] as number, b.data[i] as number]
    if (Object.is(x, y)) continue
    const off = Math.abs(x - y) / scale
    worst = Number.isNaN(off) ? Number.POSITIVE_INFINITY : Math.max(worst, off)
  }
  return worst
}
