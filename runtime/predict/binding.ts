/** Which field of a sample fills each input of a model: by the input's name. */
import type { InputSignature, Signature } from '../../compiler/artefact.ts'
import * as messages from '../../compiler/diagnostics/catalogue/training.ts'
import { type Diagnostic, DiagnosticError, diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import { formatDim, lengthNames, staticSize } from '../../compiler/shapes/dim.ts'

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

const fields: Readonly<Record<string, BoundInput['field']>> = { speech: 'audio', audio: 'audio', text: 'text' }

/** Throws a DiagnosticError where an input is not one that a manifest can fill. */
export function bindInputs(signature: Signature): BoundInput[] {
  const problems: Diagnostic[] = []
  const bound: BoundInput[] = []
  for (const input of signature.inputs) {
    const one = bindInput(input)
    if (one) bound.push(one)
    else {
      const type = `[${input.dims.map(formatDim).join(', ')}]${input.below === undefined ? '' : ` of ${input.below}`}`
      problems.push(diagnose(messages.unsupportedInput, undefined, { name: input.name, type }))
    }
  }
  if (problems.length > 0) throw new DiagnosticError(problems)
  return bound
}

function bindInput(input: InputSignature): BoundInput | undefined {
  const field = fields[input.name]
  const [ragged, static_] = input.dims
  if (field === undefined || input.dtype !== 'f32' || input.dims.length !== 2 || !ragged || !static_) return undefined
  const width = staticSize(static_)
  const [seq] = lengthNames(ragged)
  if (width === undefined || seq === undefined || ragged.key !== seq || input.lengths === undefined) return undefined
  return { name: input.name, field, width, lengths: input.lengths, seq }
}

/** The one target that a manifest's `label` gives, with its classes, and that the model predicts. */
export interface BoundTarget {
  readonly name: string
  readonly classes: readonly string[]
  /** The `labels` that `-D` sets, where they are known by their classes. */
  readonly labels: string | undefined
}

/** Throws a DiagnosticError where the model does not predict exactly one class a sample. */
export function bindTarget(signature: Signature): BoundTarget {
  const [target, ...more] = signature.targets
  const predicted = signature.predictions.some((p) => p.name === target?.name && p.kind === 'distribution')
  if (!target?.classes || target.dims.length > 0 || more.length > 0 || !predicted) {
    const found = signature.targets.map((t) => t.name)
    throw new DiagnosticError([diagnose(messages.unsupportedTarget, undefined, { found })])
  }
  const { name, classes } = target
  const labels = Object.entries(signature.labels).find(([, names]) => names.join('\n') === classes.join('\n'))?.[0]
  return { name, classes, labels }
}
