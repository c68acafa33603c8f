/** ONNX Runtime sessions, as every caller here wants them: repeatable, and of steady memory. */
import type { InferenceSession, Tensor } from 'onnxruntime-node'
import * as messages from '../../../compiler/diagnostics/catalogue/engines.ts'
import { DiagnosticError, diagnose } from '../../../compiler/diagnostics/diagnostic.ts'
import type { Value } from '../value.ts'
import { explainAbsence, explainRefusal, type Provider } from './providers.ts'

export interface SessionOptions {
  readonly threads: number
  /** `cpu` unless given. */
  readonly provider?: Provider
  /** Threads that wait in a loop answer sooner, and starve another session's when two take turns. */
  readonly spinning: boolean
}

export interface Session {
  /** Its name, for messages. */
  readonly engine: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /**
   * Runs on `feeds`. `wanted` names the outputs to make; an output with a value is written into its memory, which must not
   * be a feed's. Blocks the thread. Throws where the engine refuses.
   */
  run(
    feeds: Readonly<Record<string, Value>>,
    wanted: Readonly<Record<string, Value | null>>,
  ): Promise<Record<string, Value>>
  release(): Promise<void>
}

/** The version of ONNX Runtime, which a run records. */
export async function engineVersion(): Promise<string> {
  const { env } = await loadEngine()
  return env.versions.node ?? env.versions.common
}

/**
 * Loads a model. Throws a DiagnosticError where the engine is missing or refuses the model, or where the provider is not to
 * be had: nothing falls back to the CPU as a whole.
 */
export async function openSession(onnx: Uint8Array, options: SessionOptions): Promise<Session> {
  const ort = await loadEngine()
  const { provider = 'cpu' } = options
  // A provider that the package lacks would be left out with a warning, and the CPU take its place.
  if (ort.listSupportedBackends().every(({ name }) => name !== provider))
    throw new DiagnosticError([explainAbsence(provider)])
  let session: InferenceSession
  try {
    session = await ort.InferenceSession.create(onnx, {
      executionProviders: provider === 'cpu' ? ['cpu'] : [provider, 'cpu'],
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      intraOpNumThreads: options.threads,
      interOpNumThreads: 1,
      enableCpuMemArena: true,
      // Planned patterns are kept for every shape that occurs, and lengths vary: memory would double.
      enableMemPattern: false,
      logSeverityLevel: 3,
      extra: {
        session: {
          'intra_op.allow_spinning': options.spinning ? '1' : '0',
          // A saturated softmax is full of numbers below 1e-38, over which a product takes several times as long.
          set_denormal_as_zero: '1',
        },
      },
    })
  } catch (cause) {
    const loadsOnCpu = (): Promise<boolean> =>
      ort.InferenceSession.create(onnx).then(
        (opened) => opened.release().then(() => true),
        () => false,
      )
    throw new DiagnosticError([await explainRefusal(reason(cause), provider, loadsOnCpu)])
  }
  const tensor = (value: Value): Tensor => {
    if (value.dtype === 'f32') return new ort.Tensor('float32', value.data, value.dims)
    if (value.dtype === 'i64') return new ort.Tensor('int64', value.data, value.dims)
    return new ort.Tensor('bool', value.data, value.dims)
  }
  return {
    engine: 'ONNX Runtime',
    inputs: session.inputNames,
    outputs: session.outputNames,
    async run(feeds, wanted) {
      const given = Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, tensor(value)]))
      const fetches = Object.fromEntries(
        Object.entries(wanted).map(([name, value]) => [name, value === null ? null : tensor(value)]),
      )
      const results = await session.run(given, fetches)
      return Object.fromEntries(
        Object.keys(wanted).map((name) => [name, wanted[name] ?? fromTensor(results[name] as Tensor)]),
      )
    },
    release: () => session.release(),
  }
}

function fromTensor(tensor: Tensor): Value {
  const dims = [...tensor.dims]
  const { data } = tensor
  if (data instanceof Float32Array) return { dtype: 'f32', data, dims }
  if (data instanceof BigInt64Array) return { dtype: 'i64', data, dims }
  if (data instanceof Uint8Array) return { dtype: 'bool', data, dims }
  throw new RangeError(`an output of type ${tensor.type} is not supported`)
}

const reason = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** The package is native and large, so nothing loads it before it is needed. */
async function loadEngine(): Promise<typeof import('onnxruntime-node')> {
  try {
    return await import('onnxruntime-node')
  } catch (cause) {
    throw new DiagnosticError([
      diagnose(messages.engineMissing, undefined, {
        platform: `${process.platform}-${process.arch}`,
        why: reason(cause).split('\n')[0] ?? '',
      }),
    ])
  }
}
