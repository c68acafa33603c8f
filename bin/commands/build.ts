/** `mcfnc build`: a spec as an ONNX file, the model or one training step, or as a module for tfjs. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { FlatLayout, OptimiserKind, Program, TrainingLayout } from '../../compiler/artefact.ts'
import { fileUnwritable, outputRefused } from '../../compiler/diagnostics/catalogue/commands.ts'
import { weightUnknown } from '../../compiler/diagnostics/catalogue/training.ts'
import { DiagnosticError, diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import { linesOf } from '../../compiler/diagnostics/position.ts'
import { weightOf } from '../../compiler/emit/onnx/emit.ts'
import { exportInference } from '../../compiler/emit/onnx/export.ts'
import type { SourceLine } from '../../compiler/emit/tfjs/print.ts'
import type { Variable } from '../../compiler/ir/graph.ts'
import { BATCH } from '../../compiler/shapes/dim.ts'
import type { Span } from '../../compiler/syntax/ast.ts'
import { emitTraining } from '../../compiler/train/training-graph.ts'
import type { Weights } from '../../runtime/engines/engine.ts'
import { defaultThreads } from '../../runtime/engines/ort/threads.ts'
import { moduleFiles } from '../../runtime/engines/tfjs/files.ts'
import { writeFileAtomic, writeFolder } from '../../runtime/formats/atomic.ts'
import { explainFileError } from '../../runtime/formats/file-error.ts'
import { readSafetensors, type TensorFile } from '../../runtime/formats/safetensors.ts'
import { describeModel } from '../../runtime/predict/metadata.ts'
import { exportVerified } from '../../runtime/train/run.ts'
import { startVectors, startWeights } from '../../runtime/train/weights.ts'
import { version } from '../../runtime/version.ts'
import { CallError, CommandError, type Texts } from '../failure.ts'
import { checkLengths, completeLengths } from '../lengths.ts'
import { loadProgram, type SpecOptions } from '../spec.ts'

interface BuildOptions extends SpecOptions {
  readonly target: 'onnx' | 'onnx-train' | 'tfjs'
  readonly output?: string
  readonly weights?: string
  readonly opset?: number
  readonly seed: number
  readonly optimiser: OptimiserKind
  readonly verify: boolean
  readonly length: Readonly<Record<string, number>>
  readonly batch: number
}

export async function build(file: string, options: BuildOptions): Promise<undefined> {
  const { program, texts } = loadProgram(file, options)
  const { target, opset } = options
  if (target === 'tfjs') {
    try {
      return await buildModule(program, texts, options)
    } catch (failure) {
      const isOfSpec = failure instanceof DiagnosticError && !(failure instanceof CallError)
      throw isOfSpec ? new CommandError(failure.diagnostics, texts) : failure
    }
  }
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
  await refuseReplacing(path, specs, weights)
  if (/\.(model|safetensors)$/i.test(path)) throw refused(path, 'name')
}

/** Throws a CallError where a file would replace one that is read. */
async function refuseReplacing(path: string, specs: readonly string[], weights: string | undefined): Promise<void> {
  for (const spec of specs) if (await isSameFile(path, spec)) throw refused(path, 'spec')
  if (weights !== undefined && (await isSameFile(path, weights))) throw refused(path, 'weights')
}

const refused = (path: string, because: 'spec' | 'weights' | 'name'): CallError =>
  new CallError([diagnose(outputRefused, undefined, { path, because })])

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
async function readWeights(file: string, { inference }: Program): Promise<ReadonlyMap<string, Float32Array>> {
  const { tensors } = await readSafetensors(file)
  const weights = floatsOf(tensors, inference.variables)
  if (weights.size === 0) throw unknownWeights(file, tensors, inference.variables)
  return weights
}

const floatsOf = (tensors: TensorFile['tensors'], variables: readonly Variable[]): Map<string, Float32Array> =>
  new Map(
    variables.flatMap(({ path }) => {
      const tensor = tensors.get(path)
      return tensor?.dtype === 'F32' ? [[path, tensor.values] as const] : []
    }),
  )

const unknownWeights = (
  file: string,
  tensors: TensorFile['tensors'],
  variables: readonly Variable[],
): DiagnosticError => {
  const params = { file, found: [...tensors.keys()], wanted: variables.map(({ path }) => path) }
  return new DiagnosticError([diagnose(weightUnknown, undefined, params)])
}

/** The module and what belongs to it, in a folder; says how much memory its functions take. */
async function buildModule(program: Program, texts: Texts, options: BuildOptions): Promise<undefined> {
  const { signature } = program
  checkLengths(options.length, signature.bounds)
  const name = fileName(signature.model)
  const folder = options.output ?? name
  const given = options.weights === undefined ? undefined : await readSafetensors(options.weights)
  const { module, files } = await moduleFiles({
    program,
    name,
    features: {},
    weights: (layout) => (given ? flatFrom(given, layout, options.weights ?? '') : startVectors(layout, options.seed)),
    options: { optimiser: options.optimiser, lineOf: lineReader(texts) },
  })
  for (const file of files.keys()) await refuseReplacing(join(folder, file), [...texts.keys()], options.weights)
  try {
    await writeFolder(folder, files)
  } catch (failure) {
    throw new DiagnosticError([
      diagnose(fileUnwritable, undefined, { path: folder, reason: explainFileError(failure) }),
    ])
  }
  const lengths = completeLengths(options.length, signature.bounds)
  const sizeOf = (seq: string): number => (seq === BATCH ? options.batch : (lengths[seq] ?? 1))
  const at = [`a batch of ${options.batch}`, ...Object.entries(lengths).map(([seq, n]) => `${n} ${seq}`)].join(', ')
  const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`
  const kept = 4 * (module.params.size * (1 + module.slots.length) + module.states.size)
  process.stderr.write(
    `${[...files].map(([file, bytes]) => `${join(folder, file)}: ${mebibytes(bytes.length)}`).join('\n')}\n` +
      `${module.params.size.toLocaleString('en-GB')} parameters; ${mebibytes(kept)} with the optimiser's vectors\n` +
      `at most ${mebibytes(module.peakBytes('trainStep', sizeOf))} more in a training step, ` +
      `${mebibytes(module.peakBytes('forward', sizeOf))} in use, at ${at}\n`,
  )
}

/** The line of a spec that a span begins on. */
function lineReader(texts: Texts): (span: Span) => SourceLine {
  const lines = new Map([...texts].map(([file, text]) => [file, linesOf(text)]))
  return ({ file, start }) => {
    const found = lines.get(file)
    const line = found?.at(start).line ?? 0
    return { where: `${file}:${line}`, text: found?.text(line).trim() ?? '' }
  }
}

/** A file's tensors as flat vectors. Throws a DiagnosticError where one is missing or of another shape. */
function flatFrom({ tensors }: TensorFile, layout: TrainingLayout, file: string): Pick<Weights, 'params' | 'states'> {
  const known = [...layout.params.entries, ...layout.states.entries].map(({ variable }) => variable)
  const values = floatsOf(tensors, known)
  if (values.size === 0) throw unknownWeights(file, tensors, known)
  const flat = ({ size, entries }: FlatLayout): Float32Array => {
    const out = new Float32Array(size)
    for (const { variable, offset } of entries) out.set(weightOf(variable, values).data as Float32Array, offset)
    return out
  }
  return { params: flat(layout.params), states: flat(layout.states) }
}

const fileName = (model: string): string => model.toLowerCase().replace(/[^a-z0-9]+/g, '-')
