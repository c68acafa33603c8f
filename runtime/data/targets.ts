/** Reads the values of a target from a manifest's field: class names, class ids or numbers. */
import { type DataLine, manifestUnknownLabel } from '../../compiler/diagnostics/catalogue/runtime.ts'
import { type Diagnostic, diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import { nearest } from './nearest.ts'

/** What a target's field must hold. */
export interface TargetField {
  readonly name: string
  /** The names of the classes, where the target is `of` labels. */
  readonly classes: readonly string[] | undefined
  /** The name of those labels in the spec, for `-D`. */
  readonly labels: string | undefined
  /** Whole numbers below this; undefined for real numbers. */
  readonly below: number | undefined
  /** How many values; undefined where the target is ragged. */
  readonly size: number | undefined
  /** True for a target of type [], whose field is not in brackets. */
  readonly scalar: boolean
}

export type TargetReading =
  | { readonly kind: 'values'; readonly values: readonly number[] }
  | { readonly kind: 'unknown'; readonly label: string }
  | { readonly kind: 'wrong'; readonly expected: string }

/** A label that is no class, with the line where it stands. */
export interface UnknownLabel {
  readonly at: DataLine
  readonly field: string
  readonly label: string
  readonly target: TargetField
}

/** The values of a field, or what is wrong with it. */
export function readTarget(value: unknown, target: TargetField): TargetReading {
  if (target.scalar) {
    const read = readOne(value, target)
    return typeof read === 'number' ? { kind: 'values', values: [read] } : read
  }
  if (!Array.isArray(value)) return { kind: 'wrong', expected: `must be an array of ${element(target)}` }
  const flat: unknown[] = value.flat(8)
  if (target.size !== undefined && flat.length !== target.size) {
    return { kind: 'wrong', expected: `must have ${target.size} values` }
  }
  const values: number[] = []
  for (const item of flat) {
    const read = readOne(item, target)
    if (typeof read !== 'number') return read
    values.push(read)
  }
  return { kind: 'values', values }
}

function readOne(value: unknown, target: TargetField): number | Exclude<TargetReading, { kind: 'values' }> {
  if (target.classes !== undefined) {
    if (typeof value !== 'string') return { kind: 'wrong', expected: `must be ${element(target)}` }
    const index = target.classes.indexOf(value)
    return index >= 0 ? index : { kind: 'unknown', label: value }
  }
  const fits = typeof value === 'number' && (target.below === undefined || isId(value, target.below))
  return fits ? value : { kind: 'wrong', expected: `must be ${element(target)}` }
}

const isId = (value: number, below: number): boolean => Number.isInteger(value) && value >= 0 && value < below

const element = (target: TargetField): string =>
  target.classes !== undefined
    ? 'the name of a class, in quotes'
    : target.below !== undefined
      ? `a whole number from 0 to ${target.below - 1}`
      : 'a number'

/**
 * One mistake for each label that is no class, at its first line: a manifest of another corpus has the same few labels in
 * every line, and its reader wants to see all of them at once.
 */
export function unknownLabels(
  found: readonly UnknownLabel[],
  targets: readonly TargetField[],
  samples: readonly { readonly targets: Readonly<Record<string, readonly number[]>> }[],
): { line: number; diagnostic: Diagnostic }[] {
  return targets.flatMap((target) => {
    const mine = found.filter((item) => item.target === target)
    const all = [...new Set(mine.map(({ label }) => label))]
    const known = target.classes ?? []
    const used = new Set(samples.flatMap((sample) => sample.targets[target.name] ?? []))
    const labels = [...known.filter((_, index) => used.has(index)), ...all]
    return all.flatMap((label) => {
      const [first, ...others] = mine.filter((item) => item.label === label)
      if (first === undefined) return []
      const meant = nearest(label, known)
      const params = {
        at: first.at,
        field: first.field,
        label,
        known,
        nearest: meant,
        others: others.length,
        override: target.labels === undefined || meant !== undefined ? undefined : { name: target.labels, labels },
      }
      return [{ line: first.at.line, diagnostic: diagnose(manifestUnknownLabel, undefined, params) }]
    })
  })
}
