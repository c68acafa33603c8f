/** `mcfnc build`: a spec as an ONNX file, the model or one training step. */
import { stat } from 'node:fs/promises'
import type { OptimiserKind, Program } from '../../compiler/artefact.ts'
import { fileUnwritable, outputRefused } from '../../compiler/diagnostics/catalogue/commands.ts'
import { weightUnknown } from '../../compiler/diagnostics/catalogue/training.ts'
import { DiagnosticError, diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import { exportInference } from '../../compiler/emit/onnx/export.ts'
import { emitTraining } from '../../compiler/train/training-graph.ts'
import { defaultThreads } from '../../runtime/engines/ort/threads.ts'
import { writeFileAtomic } from '../../runtime/formats/atomic.ts'
import { explainFileError } from '../../runtime/formats/file-error.ts'
import { readSafetensors } from '../../runtime/formats/safetensors.ts'
import { describeModel } from '../../runtime/predict/metadata.ts'
import { exportVerified } from '../../runtime/train/run.ts'
import { startWeights } from '../../runtime/train/weights.ts'
import { version } from '../../runtime/version.ts'
import { CallError } from '../failure.ts'
import { loadProgram, type SpecOptions } from '../spec.ts'

interface BuildOptions extends SpecOptions {
  readonly target: 'onnx' | 'onnx-train'
  readonly output?: string
  readonly weights?: string
  readonly opset?: number
  readonly seed: number
  readonly optimiser: OptimiserKind
  readonly verify: boolean
}

export async function build(file: string, options: BuildOptions): Promise<undefined> {
  const { program, texts } = loadProgram(file, options)
  const { target, opset } = options
  const path = options.output ?? `${fileName(program.signature.model)}${target === 'onnx' ? '' : '.train'}.onnx`
  await refuseOutput(path, [file, ...texts.keys()], options.weights)
  const made = target === 'onnx' ? await buildModel(program, options) : buildStep(program, options, opset)
  try {
    await writeFileAtomic(path, made.bytes)
  } catch (failure) {
    throw new DiagnosticError([diagnose(fileUnwritable, undefined, { path, reason: explainFileError(failure) })])
  }
  process.stderr.write(`${path}: ${(made.bytes.length / 2 ** 20).toFixed(1)} MiB${made.note}\n`)
}

/** Throws a CallError where a file would replace one that is read, or be taken for one. */
async function refuseOutput(path: string, specs: readonly string[], weights: string | undefined): Promise<void> {
  const refuse = (because: 'spec' | 'weights' | 'name'): CallError =>
    new CallError([diagnose(outputRefused, undefined, { path, because })])
  for (const spec of specs) if (await isSameFile(path, spec)) throw refuse('spec')
  if (weights !== undefined && (await isSameFile(path, weights))) throw refuse('weights')
  if (/\.(model|safetensors)$/i.test(path)) throw refuse('name')
}

/** Whether two paths lead to one file, through links and whatever a file system takes for the same name. */
async function isSameFile(a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all([a, b].map((path) => stat(path).catch(() => undefined)))
  return one !== undefined && other !== undefined && one.dev === other.dev && one.ino === other.ino
}

interface Built {
  readonly bytes: Uint8Array
  readonly note: string
}

async function buildModel(program: Program, { weights: file, seed, opset, verify }: BuildOptions): Promise<Built> {
  const weights = file === undefined ? startWeights(program, seed) : await readWeights(file, program)
  if (!verify) {
    const metadata = describeModel({ signature: program.signature, features: {} })
    const options = { metadata, producerVersion: version, ...(opset === undefined ? {} : { opset }) }
    return { bytes: exportInference(program, weights, options), note: '' }
  }
  const { bytes, worst } = await exportVerified({ program, features: {}, threads: defaultThreads() }, weights, opset)
  return { bytes, note: `, agrees with the reference to ${worst.toExponential(1)}` }
}

function buildStep(program: Program, { optimiser }: BuildOptions, opset: number | undefined): Built {
  const metadata = describeModel({ signature: program.signature, features: {} })
  const options = { optimiser, metadata, producerVersion: version, ...(opset === undefined ? {} : { opset }) }
  const { onnx, params } = emitTraining(program, options)
  return { bytes: onnx, note: `, ${params.size.toLocaleString('en-GB')} parameters` }
}

/** The file's tensors that the model has; the exporter says which are missing. */
async function readWeights(file: string, { inference }: Program): Promise<Map<string, Float32Array>> {
  const { tensors } = await readSafetensors(file)
  const weights = new Map<string, Float32Array>()
  for (const { path } of inference.variables) {
    const tensor = tensors.get(path)
    if (tensor?.dtype === 'F32') weights.set(path, tensor.values)
  }
  if (weights.size === 0) {
    const params = { file, found: [...tensors.keys()], wanted: inference.variables.map(({ path }) => path) }
    throw new DiagnosticError([diagnose(weightUnknown, undefined, params)])
  }
  return weights
}

const fileName = (model: string): string => model.toLowerCase().replace(/[^a-z0-9]+/g, '-')
