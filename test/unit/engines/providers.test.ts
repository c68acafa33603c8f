/** Why a provider of ONNX Runtime is not to be had: each reason has a code of its own. */
import { expect, test } from 'vitest'
import { encodeModel } from '../../../compiler/emit/onnx/model.ts'
import { explainAbsence, explainRefusal } from '../../../runtime/engines/ort/providers.ts'
import { openSession } from '../../../runtime/engines/ort/session.ts'

const yes = async (): Promise<boolean> => true
const no = async (): Promise<boolean> => false

test.each([
  [
    '/a/webgpu_context.cc:136 x was false. Failed to get a WebGPU adapter: No supported adapters\n',
    'webgpu',
    'MCF6506',
  ],
  ['OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library', 'cuda', 'MCF6507'],
  ['CUDA failure 100: no CUDA-capable device is detected', 'cuda', 'MCF6508'],
] as const)('%s', async (why, provider, code) => {
  expect(await explainRefusal(why, provider, yes)).toMatchObject({ code })
})

test('a model that does not load on the CPU either is at fault itself', async () => {
  expect(await explainRefusal('no graph', 'cuda', no)).toMatchObject({ code: 'MCF6502' })
  expect(await explainRefusal('no graph', 'cpu', yes)).toMatchObject({ code: 'MCF6502' })
})

test('what can be installed is said how', () => {
  const [first] = explainAbsence('cuda').help
  if (process.platform === 'linux' && process.arch === 'x64')
    expect(first).toContain('--onnxruntime-node-install=cuda12')
  expect(explainAbsence('webgpu').help).toEqual(['`mcfnc doctor` lists what this machine has'])
})

test('a provider opens or is refused; the CPU never takes its place', async () => {
  const dims = ['n']
  const onnx = encodeModel({
    graph: {
      name: 'doubling',
      nodes: [{ name: 'add', type: 'Add', inputs: ['x', 'x'], outputs: ['y'], attributes: {} }],
      inputs: [{ name: 'x', dtype: 'f32', dims }],
      outputs: [{ name: 'y', dtype: 'f32', dims }],
      initialisers: [],
      values: [],
    },
    opset: 17,
    producerVersion: '0',
    metadata: {},
  })
  const opened = await openSession(onnx, { threads: 1, spinning: false, provider: 'cuda' }).catch(
    (failure: unknown) => failure,
  )
  if (!(opened instanceof Error)) return
  expect(opened).toMatchObject({ diagnostics: [{ code: expect.stringMatching(/^MCF650[78]$/) }] })
})
