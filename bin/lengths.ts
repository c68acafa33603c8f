/** The lengths at which `summary` and `variants` count arithmetic. */
import type { Signature } from '../compiler/artefact.ts'
import { lengthRefused, lengthUnknown } from '../compiler/diagnostics/catalogue/commands.ts'
import { DiagnosticError, diagnose } from '../compiler/diagnostics/diagnostic.ts'
import { ownLength } from '../runtime/report/step-feeds.ts'
import { defaultLength } from '../runtime/report/summary.ts'

type Lengths = Readonly<Record<string, number>>
type Bounds = Signature['bounds']

/** Throws a DiagnosticError with each name that is no length of the models, and each number outside its bounds. */
export function checkLengths(given: Lengths, known: Bounds): void {
  const wrong = Object.entries(given).flatMap(([name, value]) => {
    const bounds = Object.hasOwn(known, name) ? known[name] : undefined
    if (!bounds) return [diagnose(lengthUnknown, undefined, { name, known })]
    const fits = value >= bounds.low && value <= (bounds.high ?? value)
    return fits ? [] : [diagnose(lengthRefused, undefined, { name, value, bounds })]
  })
  if (wrong.length > 0) throw new DiagnosticError(wrong)
}

/** A number for each length: the one given, or 100, or the nearest to it that the spec allows. */
export const completeLengths = (given: Lengths, bounds: Bounds): Lengths =>
  Object.fromEntries(
    Object.entries(bounds).map(([name, { low, high }]) => [
      name,
      ownLength(given, name) ?? Math.max(low, Math.min(high ?? defaultLength, defaultLength)),
    ]),
  )
