/** `mcfnc build`: a spec as an ONNX file, the model or one training step, or as a module for tfjs. */
import type { Program } from '../../compiler/artefact.ts'
import { fileUnwritable, optionOfTarget } from '../../compiler/diagnostics/catalogue/commands.ts'
import { DiagnosticError, diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import { exportInference } from '../../compiler/emit/onnx/export.ts'
import { emitTraining } from '../../compiler/train/training-graph.ts'
import { defaultThreads } from '../../runtime/engines/ort/threads.ts'
import { writeFileAtomic } from '../../runtime/formats/atomic.ts'
import { explainFileError } from '../../runtime/formats/file-error.ts'
import { describeModel } from '../../runtime/predict/metadata.ts'
import { exportVerified } from '../../runtime/train/run.ts'
import { readWeights, startWeights } from '../../runtime/train/weights.ts'
import { version } from '../../runtime/version.ts'
import { CallError, CommandError } from '../failure.ts'
import { buildModule, type ModuleOptions } from '../module.ts'
import { fileName, refuseOutput } from '../output.ts'
import { loadProgram, type SpecOptions } from '../spec.ts'

interface BuildOptions extends SpecOptions, ModuleOptions {
  readonly target: 'onnx' | 'onnx-train' | 'tfjs'
  readonly opset?: number
  readonly verify: boolean
  /** The names of the options that the call has, where others are defaults. */
  readonly given: readonly string[]
}

/** The targets that an option goes with, where it does not go with all. */
const targetsOf: Readonly<Record<string, readonly BuildOptions['target'][]>> = {
  opset: ['onnx', 'onnx-train'],
  weights: ['onnx', 'tfjs'],
  seed: ['onnx', 'tfjs'],
  optimiser: ['onnx-train', 'tfjs'],
  verify: ['onnx'],
  demo: ['tfjs'],
  length: ['tfjs'],
  batch: ['tfjs'],
}

/** Throws a CallError with each option that the target has no use for. */
function checkOptions({ target, given }: BuildOptions): void {
  const wrong = given.flatMap((name) => {
    const targets = targetsOf[name]
    if (!targets || targets.includes(target)) return []
    return [
      diagnose(optionOfTarget, undefined, { option: name === 'verify' ? '--no-verify' : `--${name}`, target, targets }),
    ]
  })
  if (wrong.length > 0) throw new CallError(wrong)
}

export async function build(file: string, options: BuildOptions): Promise<undefined> {
  checkOptions(options)
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

interface Built {
  readonly bytes: Uint8Array
  readonly note: string
}

async function buildModel(program: Program, { weights: file, seed, opset, verify }: BuildOptions): Promise<Built> {
  const weights =
    file === undefined ? startWeights(program, seed) : await readWeights(file, program.inference.variables)
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
