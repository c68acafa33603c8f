/** What the rows of `mcfnc doctor` say, for each way that a probe can go. */
import { describe, expect, test } from 'vitest'
import {
  type DoctorRow,
  formatChoice,
  formatRows,
  nameAdapters,
  type Probed,
  rowOf,
} from '../../../runtime/report/doctor.ts'
import type { Found, Target } from '../../../runtime/report/probe.ts'

const cuda: Target = { engine: 'onnxruntime', backend: 'cuda' }
const ready: Found = { kind: 'found', state: 'ready', details: { version: '1.2.3' } }
const absent: Found = { kind: 'found', state: 'absent', details: {}, why: 'it is not there', install: 'install it' }
const probed = (findings: Probed['findings'], rest: Partial<Probed> = {}): Probed => ({
  findings,
  late: false,
  stderr: '',
  ...rest,
})

describe('a row', () => {
  test('of what works has the time of a step', () => {
    expect(rowOf(cuda, probed([ready, { kind: 'step', ms: 12 }, { kind: 'end' }]))).toEqual({
      engine: 'onnxruntime',
      backend: 'cuda',
      state: 'ready',
      details: { version: '1.2.3' },
      step_ms: 12,
    })
  })
  test('of what works slowly says so', () => {
    const row = rowOf(cuda, probed([ready], { late: true, cut: 'no answer within 60 s' }))
    expect(row).toMatchObject({ state: 'ready', no_step: 'too slow' })
  })
  test('of what finds something and then crashes is broken', () => {
    const row = rowOf(cuda, probed([ready], { cut: 'its process was ended by SIGSEGV' }))
    expect(row).toMatchObject({ state: 'broken', why: 'its process was ended by SIGSEGV while taking a step' })
  })
  test('of what fails in the step is broken', () => {
    const failed: Found = { ...ready, state: 'broken', why: 'tfjs (webgpu) failed while taking step 1: oh' }
    expect(rowOf(cuda, probed([ready, failed, { kind: 'end' }]))).toMatchObject({ state: 'broken', why: failed.why })
  })
  test('of what says nothing is broken', () => {
    expect(rowOf(cuda, probed([], { cut: 'its process was ended by SIGABRT' }))).toMatchObject({
      state: 'broken',
      why: 'its process was ended by SIGABRT',
    })
  })
  test('of what is absent says how to get it, and which library is missing', () => {
    const stderr =
      '[E:onnxruntime] Failed to load library /a/libonnxruntime_providers_cuda.so with error: libcublasLt.so.12: cannot open shared object file: No such file or directory'
    expect(rowOf(cuda, probed([absent, { kind: 'end' }], { stderr }))).toEqual({
      engine: 'onnxruntime',
      backend: 'cuda',
      state: 'absent',
      details: { missing: 'libcublasLt.so.12' },
      why: 'it is not there',
      install: 'install it',
    })
  })
})

describe('ONNX Runtime on webgpu', () => {
  const ort: DoctorRow = { engine: 'onnxruntime', backend: 'webgpu', state: 'ready', details: {} }
  const tfjs: DoctorRow = { engine: 'tfjs', backend: 'webgpu', state: 'software', details: { adapter: 'software: s' } }
  test('is said to be software where the adapter is', () => {
    expect(nameAdapters([ort, tfjs])[0]).toMatchObject({ state: 'software', details: { adapter: 'software: s' } })
    const card = { ...tfjs, state: 'ready', details: { adapter: 'nvidia' } } as const
    expect(nameAdapters([ort, card])[0]).toMatchObject({ state: 'ready', details: { adapter: 'nvidia' } })
  })
  test('has an adapter that is not known where tfjs cannot tell', () => {
    const none: DoctorRow = { ...tfjs, state: 'absent', details: {} }
    expect(nameAdapters([ort, none])[0]).toMatchObject({ state: 'ready', details: { adapter: 'not known' } })
  })
  test('keeps its own state where it is absent', () => {
    const none: DoctorRow = { ...ort, state: 'absent' }
    expect(nameAdapters([none, tfjs])[0]).toEqual(none)
  })
})

test('the table', () => {
  const rows: DoctorRow[] = [
    { engine: 'onnxruntime', backend: 'cpu', state: 'ready', details: { version: '1', threads: '2' }, step_ms: 4.06 },
    { engine: 'tfjs', backend: 'webgpu', state: 'software', details: { adapter: 'software: s' }, step_ms: 2345 },
    { engine: 'tfjs', backend: 'cpu', state: 'ready', details: {}, no_step: 'too slow' },
    { engine: 'tfjs', backend: 'tensorflow', state: 'absent', details: {}, why: 'not there', install: 'npm i x' },
    { engine: 'tfjs', backend: 'wasm', state: 'broken', details: {}, why: `${'x'.repeat(200)}\nmore` },
  ]
  expect(formatRows(rows, 'the second')).toEqual([
    'engine        backend     state            a step  what was found',
    `────────────  ──────────  ─────────────  ────────  ${'─'.repeat(120)}`,
    'ONNX Runtime  cpu         ready            4.1 ms  version 1, threads 2',
    'tfjs          webgpu      software only     2.3 s  adapter software: s',
    'tfjs          cpu         ready          too slow',
    'tfjs          tensorflow  absent                   not there',
    `tfjs          wasm        broken                   ${'x'.repeat(119)}…`,
    '',
    'a step: the second',
    '',
    'missing          how to get it',
    '───────────────  ─────────────',
    'tfjs tensorflow  npm i x',
  ])
})

test('what is taken', () => {
  const cpu: DoctorRow = { engine: 'onnxruntime', backend: 'cpu', state: 'ready', details: {} }
  expect(formatChoice(cpu, { kind: 'best', backend: 'wasm', why: '`wasm` is there' })).toEqual([
    '`mcfnc train` takes ONNX Runtime on `cpu` unless told otherwise',
    '`--engine tfjs` takes `wasm`: `wasm` is there',
  ])
  const [first, second] = formatChoice({ ...cpu, state: 'broken' }, undefined)
  expect(first).toContain('does not work here')
  expect(second).toContain('finds no backend')
})
