import proto from 'onnx-proto'
import { describe, expect, test } from 'vitest'
import { emitOnnx } from '../../../compiler/emit/onnx/emit.ts'
import { ndArray } from '../../../compiler/interpret/array.ts'
import { createBuilder } from '../../../compiler/ir/builder.ts'
import type { Graph, SeqInfo } from '../../../compiler/ir/graph.ts'
import { pad } from '../../../compiler/passes/padding.ts'
import { addDim, batchDim, constantDim, floorDivDim, oneDim, seqDim, subDim } from '../../../compiler/shapes/dim.ts'
import { loadOnnx } from '../../support/ort.ts'

const c = constantDim
const samples = seqDim('samples')
const seqs: readonly SeqInfo[] = [
  { name: 'samples', low: 400, high: undefined, sources: [{ input: 'wave', axis: 1, lengths: 'wave_lengths' }] },
]

/** Frames of a wave, times a matrix of parameters. */
function framing(): Graph {
  const b = createBuilder().in({ scope: 'Os.uflb2.conv1d', span: { file: 'specs/a.model', start: 7, end: 9 } })
  const wave = b.input('wave', 'data', { dtype: 'f32', dims: [batchDim, samples] })
  const w = b.input('Os.uflb2.conv1d.w', 'param', { dtype: 'f32', dims: [c(2), c(3)] })
  const frames = addDim(floorDivDim(subDim(samples, c(400)), 160n), oneDim)
  const taps = [0, 1].map((k) =>
    b.reshape(b.window(wave, { axis: 1, offset: c(k), stride: 160, dim: frames }), [batchDim, frames, oneDim]),
  )
  const product = b.in({ label: 'h' }).contract(b.concat(taps, 2), w, [0, 1, 2], [2, 3], [0, 1, 3])
  const y = b.in({ label: 'y' }).tanh(product)
  return b.finish({
    name: 'M',
    outputs: [{ name: 'y', value: y, role: 'output' }],
    seqs,
    variables: [
      {
        path: 'Os.uflb2.conv1d.w',
        role: 'param',
        shape: [2, 3],
        span: undefined,
        init: { kind: 'ones', scale: 0, fanIn: 2, fanOut: 3 },
      },
    ],
  })
}

const padded = pad(framing(), { inputs: 'any' })
const weights = new Map([['Os.uflb2.conv1d.w', Float32Array.of(1, 2, 3, 4, 5, 6)]])
const options = {
  weights,
  metadata: { zeta: '1', alpha: '2' },
  producerVersion: '1.2.3',
  positionOf: ({ file, start }: { file: string; start: number }): string => `${file}:${start}`,
}
const decode = (bytes: Uint8Array): proto.onnx.ModelProto => proto.onnx.ModelProto.decode(bytes)
const axes = (value: proto.onnx.IValueInfoProto | undefined): (string | number)[] =>
  (value?.type?.tensorType?.shape?.dim ?? []).map((dim) => dim.dimParam || Number(dim.dimValue))

describe('an ONNX file', () => {
  const model = decode(emitOnnx(padded, options))
  const graph = model.graph as proto.onnx.GraphProto

  test('says where it comes from, entries in order', () => {
    expect(model.producerName).toBe('mcfnc')
    expect(model.producerVersion).toBe('1.2.3')
    expect(model.metadataProps.map(({ key, value }) => [key, value])).toEqual([
      ['alpha', '2'],
      ['zeta', '1'],
    ])
  })

  test.each([
    [13, 7],
    [15, 8],
    [19, 9],
    [21, 10],
  ])('opset %i has version %i of the format', (opset, version) => {
    const other = decode(emitOnnx(padded, { ...options, opset }))
    expect(Number(other.irVersion)).toBe(version)
    expect(other.opsetImport.map(({ domain, version: v }) => [domain, Number(v)])).toEqual([['', opset]])
  })

  test('names dims, nodes, values and initialisers after the spec', () => {
    expect(graph.input.map((value) => [value.name, axes(value)])).toEqual([
      ['wave', ['batch', 'samples']],
      ['wave_lengths', ['batch']],
    ])
    expect(axes(graph.output[0] as proto.onnx.IValueInfoProto)).toEqual(['batch', '(samples + 80) div 160 - 2', 3])
    const product = graph.node.find((node) => node.opType === 'MatMul')
    expect(product?.name).toBe('Os/uflb2/conv1d/MatMul')
    expect(product?.docString).toBe('specs/a.model:7')
    expect(product?.output).toEqual(['Os/uflb2/conv1d/h'])
    expect(graph.initializer.map((tensor) => tensor.name)).toContain('Os.uflb2.conv1d.w')
  })

  test('gives the type of every value that the spec names', () => {
    const typed = new Set(graph.valueInfo.map((value) => value.name))
    expect(typed.has('Os/uflb2/conv1d/h')).toBe(true)
    for (const value of graph.valueInfo) expect(axes(value).length, value.name ?? '').toBeGreaterThan(0)
  })

  test('a lengths input stays though nothing reads it', async () => {
    const b = createBuilder()
    const x = b.input('wave', 'data', { dtype: 'f32', dims: [batchDim, samples] })
    const graph = b.finish({
      outputs: [{ name: 'y', value: b.window(x, { axis: 1, offset: c(0), dim: c(1) }), role: 'output' }],
      seqs,
    })
    const model = await loadOnnx(emitOnnx({ ...graph, padded: true }))
    expect(model.inputs).toEqual(['wave', 'wave_lengths'])
    const found = await model.run({ wave: ndArray([1, 2], [3, 4]), wave_lengths: ndArray([1], [2], 'i64') })
    expect([...(found.y?.data ?? [])]).toEqual([3])
    await model.release()
  })
})

test('additions to many rows are the same in each run and with any number of threads', async () => {
  const b = createBuilder()
  const ids = b.input('ids', 'data', { dtype: 'i64', dims: [batchDim, c(500)] })
  const x = b.input('x', 'data', { dtype: 'f32', dims: [batchDim, c(500), c(8)] })
  const graph = b.finish({ outputs: [{ name: 'y', value: b.scatterAdd(x, ids, 0, c(1000)), role: 'output' }] })
  // Ten rows that everything is added to, in numbers of very different size.
  const feeds = {
    ids: ndArray(
      [40, 500],
      Float64Array.from({ length: 20_000 }, (_, i) => (i * 7) % 10),
      'i64',
    ),
    x: ndArray(
      [40, 500, 8],
      Float64Array.from({ length: 160_000 }, (_, i) => Math.sin(i) * 10 ** ((i % 7) - 3)),
    ),
  }
  const results = []
  for (const threads of [1, 2, 2, 2]) {
    const model = await loadOnnx(emitOnnx({ ...graph, padded: true }), threads)
    results.push((await model.run(feeds)).y)
    await model.release()
  }
  for (const result of results) expect(result).toEqual(results[0])
})
