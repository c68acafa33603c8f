import { describe, expect, test } from 'vitest'
import { compile } from '../../../compiler/compile.ts'
import { catalogue } from '../../../compiler/diagnostics/catalogue/index.ts'
import { DiagnosticError } from '../../../compiler/diagnostics/diagnostic.ts'
import { exportInference } from '../../../compiler/emit/onnx/export.ts'
import { encodeModel } from '../../../compiler/emit/onnx/model.ts'
import { emitTraining } from '../../../compiler/train/training-graph.ts'
import { errorDocs } from '../../support/error-docs.ts'
import { handMadeMcfn } from '../../support/hand-made.ts'

const codesOf = (work: () => unknown): string[] => {
  try {
    work()
  } catch (failure) {
    if (failure instanceof DiagnosticError) return failure.diagnostics.map((d) => d.code)
    throw failure
  }
  return []
}

const train = (text: string): unknown => {
  const { program, diagnostics } = compile('example.model', (path) => (path === 'example.model' ? text : undefined))
  if (!program) throw new DiagnosticError(diagnostics)
  return emitTraining(program, { optimiser: 'adam' })
}

describe('targets', () => {
  const docs = errorDocs('MCF5')
  test('has a page for each code, under its slug', () => {
    const rows = catalogue.filter((row) => row.code.startsWith('MCF5')).map((row) => `${row.code} ${row.slug}`)
    expect(docs.map((doc) => `${doc.code} ${doc.slug}`)).toEqual(rows)
  })

  test.each(docs.filter((doc) => doc.fails !== undefined))('$code $slug', ({ code, fails, mended }) => {
    expect(codesOf(() => train(fails ?? ''))).toEqual([code])
    expect(codesOf(() => train(mended ?? ''))).toEqual([])
  })

  const program = handMadeMcfn({ d: 8, audio: 3, text: 3, heads: 2, hidden: 4, classes: 2 })
  const [first] = program.inference.variables
  const weights = new Map(
    program.inference.variables.map(({ path, shape }) => [path, new Float32Array(shape.reduce((a, b) => a * b, 1))]),
  )

  test('MCF5001 unknown-opset', () => {
    expect(codesOf(() => exportInference(program, weights, { opset: 22 }))).toEqual(['MCF5001'])
    expect(codesOf(() => exportInference(program, weights, { opset: 12 }))).toEqual(['MCF5001'])
  })

  test('MCF5002 model-too-large', () => {
    // Never touched, so never resident.
    const data = new Float32Array(2 ** 29)
    const tensor = { name: 'w', dtype: 'f32', dims: [2 ** 29], data } as const
    const graph = { name: 'g', nodes: [], inputs: [], outputs: [], initialisers: [tensor], values: [] }
    expect(codesOf(() => encodeModel({ graph, opset: 17, producerVersion: '', metadata: {} }))).toEqual(['MCF5002'])
  })

  test('MCF5003 missing-weight, MCF5004 weight-size', () => {
    const without = new Map([...weights].filter(([path]) => path !== first?.path))
    expect(codesOf(() => exportInference(program, without))).toEqual(['MCF5003'])
    const short = new Map([...weights, [first?.path ?? '', new Float32Array(1)] as const])
    expect(codesOf(() => exportInference(program, short))).toEqual(['MCF5004'])
  })
})
