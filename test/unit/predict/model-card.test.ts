import { expect, test } from 'vitest'
import { compile } from '../../../compiler/compile.ts'
import { readMetadata } from '../../../compiler/emit/onnx/metadata.ts'
import { encodeModel } from '../../../compiler/emit/onnx/model.ts'
import { formatDim } from '../../../compiler/shapes/dim.ts'
import { makeNodeReader } from '../../../compiler/source/node-reader.ts'
import { bindInputs, bindPredictions, bindTargets } from '../../../runtime/predict/binding.ts'
import { describeModel, readModelCard } from '../../../runtime/predict/metadata.ts'
import { root } from '../../support/program.ts'

const program = compile('specs/mcfn.model', makeNodeReader(root), { overrides: { text_dim: '100' } }).program
if (!program) throw new Error('specs/mcfn.model does not compile')
const { signature } = program
const features = { audio: { mels: 40 }, text: { width: 100, vectors: 'glove.txt', sha256: 'ab' } }

test('a signature goes through a file and back', () => {
  const graph = { name: 'g', nodes: [], inputs: [], outputs: [], initialisers: [], values: [] }
  const metadata = describeModel({ signature, features })
  const card = readModelCard(readMetadata(encodeModel({ graph, opset: 17, producerVersion: '', metadata })), 'm.onnx')
  expect(card.features).toEqual(features)
  const { inputs: _, targets: __, ...rest } = signature
  expect(card.signature).toMatchObject(JSON.parse(JSON.stringify(rest)))
  expect(card.signature.inputs.map(({ name, dims }) => [name, ...dims.map(formatDim)])).toEqual([
    ['speech', 'frames', '120'],
    ['text', 'words', '100'],
  ])
  expect(card.signature.inputs[0]?.dims[0]).toEqual(signature.inputs[0]?.dims[0])
  expect(JSON.parse(metadata['mcfnc.classes.emotion'] ?? '')).toEqual(['anger', 'happiness', 'sadness', 'neutral'])
})

test('files that say nothing, or are of another format, are refused', () => {
  expect(() => readModelCard({}, 'm.onnx')).toThrow('MCF6604')
  const metadata = { ...describeModel({ signature, features }), 'mcfnc.format': '9' }
  expect(() => readModelCard(metadata, 'm.onnx')).toThrow('MCF6605')
})

test('inputs and targets are bound by name and kind', () => {
  expect(bindInputs(signature)).toEqual([
    { name: 'speech', field: 'audio', width: 120, lengths: 'speech_lengths', seq: 'frames' },
    { name: 'text', field: 'text', width: 100, lengths: 'text_lengths', seq: 'words' },
  ])
  expect(bindTargets(signature)).toEqual([{ name: 'emotion', dtype: 'i64', dims: [] }])
  expect(bindPredictions(signature)[0]?.classes).toHaveLength(4)
  const renamed = signature.inputs.map((input) => ({ ...input, name: `my_${input.name}` }))
  expect(() => bindInputs({ inputs: renamed })).toThrow('MCF6520')
  expect(() => bindTargets({ targets: [] })).toThrow('MCF6521')
  expect(() => bindPredictions({ ...signature, predictions: [] })).toThrow('MCF6526')
})
