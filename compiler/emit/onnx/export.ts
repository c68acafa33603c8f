/** A program's inference graph as an ONNX model, its weights inside it or as inputs. */
import type { Program } from '../../artefact.ts'
import { noInput } from '../../diagnostics/catalogue/targets.ts'
import { DiagnosticError, diagnose } from '../../diagnostics/diagnostic.ts'
import { branchless } from '../../passes/branchless.ts'
import { foldAffine } from '../../passes/fold-affine.ts'
import { foldConstants, type Weights } from '../../passes/fold-constants.ts'
import { layout } from '../../passes/layout.ts'
import { padding } from '../../passes/padding.ts'
import { type Pass, type PassOptions, runPasses } from '../../passes/pass.ts'
import { emitOnnx, type OnnxOptions, signatureInputs, weightOf } from './emit.ts'

export interface ExportOptions extends Pick<OnnxOptions, 'opset' | 'metadata' | 'positionOf' | 'producerVersion'> {
  readonly passes?: PassOptions
}

/** From a ragged inference graph to one that can be emitted; users pad with anything. */
export const inferencePasses = (weights?: Weights): readonly Pass[] => [
  layout,
  ...(weights ? [foldAffine] : []),
  branchless,
  padding({ inputs: 'any' }),
  foldConstants(weights),
]

/**
 * The model as users get it: `weights` by path are its initialisers. Throws a DiagnosticError where one is missing or
 * misshapen, or the model has no input.
 */
export const exportInference = (program: Program, weights: Weights, options: ExportOptions = {}): Uint8Array =>
  emit(program, { ...options, weights })

/** The model with every param and state as an input of its own, for evaluation while training goes on. */
export const exportWithInputs = (program: Program, options: ExportOptions = {}): Uint8Array => emit(program, options)

function emit({ inference, signature }: Program, { passes, ...options }: ExportOptions & OnnxOptions): Uint8Array {
  const inputs = signatureInputs(signature)
  if (inputs.length === 0) throw new DiagnosticError([diagnose(noInput, undefined, { model: signature.model })])
  // Folding reads some of them; a fault is told of the variable itself.
  if (options.weights) for (const variable of inference.variables) weightOf(variable, options.weights)
  return emitOnnx(runPasses(inference, inferencePasses(options.weights), passes), { ...options, inputs })
}
