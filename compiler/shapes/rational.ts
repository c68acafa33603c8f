/** Exact rational numbers: what every number of a spec is until it meets a tensor. */

export interface Rational {
  /** Numerator; carries the sign. */
  readonly n: bigint
  /** Denominator; positive, coprime to the numerator. */
  readonly d: bigint
}

const gcd = (a: bigint, b: bigint): bigint => {
  while (b !== 0n) [a, b] = [b, a % b]
  return a < 0n ? -a : a
}

/** n/d in lowest terms. Throws a RangeError where d is 0: callers check first. */
export function rational(n: bigint | number, d: bigint | number = 1n): Rational {
  let num = BigInt(n)
  let den = BigInt(d)
  if (den === 0n) throw new RangeError('denominator 0')
  if (den < 0n) [num, den] = [-num, -den]
  if (den === 1n) return { n: num, d: 1n }
  const g = gcd(num, den)
  return { n: num / g, d: den / g }
}

export const zero: Rational = { n: 0n, d: 1n }
export const one: Rational = { n: 1n, d: 1n }

export const addRational = (a: Rational, b: Rational): Rational =>
  a.d === 1n && b.d === 1n ? { n: a.n + b.n, d: 1n } : rational(a.n * b.d + b.n * a.d, a.d * b.d)
export const negateRational = (a: Rational): Rational => ({ n: -a.n, d: a.d })
export const subRational = (a: Rational, b: Rational): Rational => addRational(a, negateRational(b))
export const mulRational = (a: Rational, b: Rational): Rational =>
  a.d === 1n && b.d === 1n ? { n: a.n * b.n, d: 1n } : rational(a.n * b.n, a.d * b.d)
/** a / b; b must not be 0. */
export const divRational = (a: Rational, b: Rational): Rational => rational(a.n * b.d, a.d * b.n)
export const compareRational = (a: Rational, b: Rational): number => {
  const left = a.n * b.d
  const right = b.n * a.d
  return left < right ? -1 : left > right ? 1 : 0
}
export const isInteger = (a: Rational): boolean => a.d === 1n
/** The greatest whole number that is not above a. */
export const floorRational = (a: Rational): bigint => {
  const q = a.n / a.d
  return a.n < 0n && q * a.d !== a.n ? q - 1n : q
}

/** The nearest float64. */
export function toNumber(a: Rational): number {
  if (a.d === 1n) return Number(a.n)
  const direct = Number(a.n) / Number(a.d)
  if (Number.isFinite(direct)) return direct
  const digits = 1n << 1100n
  return Number((a.n * digits) / a.d) / 2 ** 1100
}

/** Reads decimal digits with an optional fraction and exponent, exactly: `0.97` is 97/100. */
export function parseRational(text: string): Rational {
  const match = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text)
  if (!match) throw new RangeError(`not a number: ${text}`)
  const [, sign = '', whole = '0', fraction = '', exponent = '0'] = match
  const n = BigInt(sign + whole + fraction)
  const shift = Number(exponent) - fraction.length
  return shift >= 0 ? rational(n * 10n ** BigInt(shift)) : rational(n, 10n ** BigInt(-shift))
}

/** `3`, `1/3`, or a decimal where that is exact and short (`0.97`). */
export function formatRational(a: Rational): string {
  if (a.d === 1n) return a.n.toString()
  let den = a.d
  let digits = 0
  while (den % 10n === 0n) [den, digits] = [den / 10n, digits + 1]
  let twos = 0
  let fives = 0
  while (den % 2n === 0n) [den, twos] = [den / 2n, twos + 1]
  while (den % 5n === 0n) [den, fives] = [den / 5n, fives + 1]
  digits += Math.max(twos, fives)
  if (den !== 1n || digits > 12) return `${a.n}/${a.d}`
  const scaled = ((a.n < 0n ? -a.n : a.n) * 10n ** BigInt(digits)) / a.d
  const padded = scaled.toString().padStart(digits + 1, '0')
  return `${a.n < 0n ? '-' : ''}${padded.slice(0, -digits)}.${padded.slice(-digits)}`
}
