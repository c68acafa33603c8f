/** Which field of a sample fills each input of a model, and what its predictions are compared with. */
import type { InputSignature, Signature, TargetSignature } from '../../compiler/artefact.ts'
import * as messages from '../../compiler/diagnostics/catalogue/training.ts'
import { type Diagnostic, DiagnosticError, diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import { type Dim, formatDim, lengthNames, staticSize } from '../../compiler/shapes/dim.ts'

/** An input that is one row of `width` numbers a frame or word. */
export interface BoundInput {
  readonly name: string
  readonly field: 'audio' | 'text'
  readonly width: number
  /** Its i64 [batch] input of lengths. */
  readonly lengths: string
  /** The ragged length's name, `frames`. */
  readonly seq: string
}

const fields: ReadonlyMap<string, BoundInput['field']> = new Map([
  ['speech', 'audio'],
  ['audio', 'audio'],
  ['text', 'text'],
])

/** A type as a spec writes it: `[frames, 120]`, `[words] of 50265`. */
const formatType = (dims: readonly Dim[], below: number | undefined): string =>
  `[${dims.map(formatDim).join(', ')}]${below === undefined ? '' : ` of ${below}`}`

/** Throws a DiagnosticError where an input is not one that a manifest can fill. */
export function bindInputs(signature: Pick<Signature, 'inputs'>): BoundInput[] {
  const problems: Diagnostic[] = []
  const bound: BoundInput[] = []
  for (const input of signature.inputs) {
    const one = bindInput(input)
    const type = formatType(input.dims, input.below)
    if (one && bound.every((other) => other.field !== one.field)) bound.push(one)
    else problems.push(diagnose(messages.unsupportedInput, undefined, { name: input.name, type }))
  }
  if (problems.length > 0) throw new DiagnosticError(problems)
  return bound
}

function bindInput(input: InputSignature): BoundInput | undefined {
  const field = fields.get(input.name)
  const [ragged, fixed] = input.dims
  if (field === undefined || input.dtype !== 'f32' || input.dims.length !== 2 || !ragged || !fixed) return undefined
  const width = staticSize(fixed)
  const [seq] = lengthNames(ragged)
  if (width === undefined || seq === undefined || formatDim(ragged) !== seq || !input.lengths) return undefined
  return { name: input.name, field, width, lengths: input.lengths, seq }
}

/** A target of fixed size. */
export interface BoundTarget {
  readonly name: string
  readonly dtype: TargetSignature['dtype']
  /** Of one sample. */
  readonly dims: readonly number[]
}

/** Throws a DiagnosticError where the model has no target, or a target's size differs from sample to sample. */
export function bindTargets(signature: Pick<Signature, 'targets'>): BoundTarget[] {
  const found = signature.targets.map((target) => `${target.name}: ${formatType(target.dims, target.below)}`)
  const bound = signature.targets.map(({ name, dtype, dims }) => {
    const sizes = dims.flatMap((dim) => staticSize(dim) ?? [])
    return sizes.length === dims.length ? { name, dtype, dims: sizes } : undefined
  })
  const whole = bound.filter((target) => target !== undefined)
  if (whole.length === 0 || whole.length < bound.length)
    throw new DiagnosticError([diagnose(messages.unsupportedTarget, undefined, { found })])
  return whole
}

/** A prediction, with what scoring it needs. */
export interface BoundPrediction {
  readonly name: string
  readonly kind: 'distribution' | 'probabilities' | 'real'
  /** Names of the classes of one a sample; undefined where the target is anything else. */
  readonly classes: readonly string[] | undefined
}

/**
 * The predictions; one whose target is a single class, named or numbered, has classes. Throws a DiagnosticError where there
 * are none.
 */
export function bindPredictions(signature: Pick<Signature, 'model' | 'targets' | 'predictions'>): BoundPrediction[] {
  if (signature.predictions.length === 0)
    throw new DiagnosticError([diagnose(messages.nothingPredicted, undefined, { model: signature.model })])
  return signature.predictions.map(({ name, kind }) => {
    const target = signature.targets.find((one) => one.name === name)
    const numbered = (n: number): string[] => Array.from({ length: n }, (_, k) => `${k}`)
    const one = kind === 'distribution' && target?.dims.length === 0
    const classes = one && target.below !== undefined ? (target.classes ?? numbered(target.below)) : undefined
    return { name, kind, classes }
  })
}
