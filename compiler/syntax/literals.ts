/** Numbers with units, and texts with escapes: from their source to their value. */
import { mulRational, parseRational, type Rational, rational } from '../shapes/rational.ts'

/** What multiplies a number that it follows; times are in seconds, rates in hertz. */
export const units: ReadonlyMap<string, Rational> = new Map([
  ['us', rational(1, 1_000_000)],
  ['ms', rational(1, 1000)],
  ['s', rational(1)],
  ['Hz', rational(1)],
  ['kHz', rational(1000)],
  ['MHz', rational(1_000_000)],
])

/** Bounds that keep exact arithmetic on one literal cheap. */
export const maxDigits = 100
export const maxExponent = 300

export type NumberReading =
  | { readonly kind: 'number'; readonly value: Rational }
  | { readonly kind: 'badUnit'; readonly number: string; readonly suffix: string }
  | { readonly kind: 'huge' }

/** Reads a number token: `25ms` is 1/40, exactly. */
export function readNumber(text: string): NumberReading {
  const match = /^(\d+(?:\.\d+)?(?:[eE]([+-]?\d+))?)(.*)$/s.exec(text)
  const [, number = text, exponent = '0', suffix = ''] = match ?? []
  const unit = suffix === '' ? rational(1) : units.get(suffix)
  if (!unit) return { kind: 'badUnit', number, suffix }
  if (number.length > maxDigits || exponent.length > 6 || Math.abs(Number(exponent)) > maxExponent)
    return { kind: 'huge' }
  return { kind: 'number', value: mulRational(parseRational(number), unit) }
}

const escapes = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['n', '\n'],
  ['t', '\t'],
])

export interface TextReading {
  readonly value: string
  /** Escapes that mean nothing, with their offsets in the token. */
  readonly bad: readonly { readonly sequence: string; readonly offset: number }[]
}

/** Reads a text token with its quotes. */
export function readText(token: string): TextReading {
  const bad: { sequence: string; offset: number }[] = []
  const value = token.slice(1, -1).replace(/\\(.)/gsu, (sequence: string, character: string, offset: number) => {
    const known = escapes.get(character)
    if (known === undefined) bad.push({ sequence, offset: offset + 1 })
    return known ?? character
  })
  return { value, bad }
}
