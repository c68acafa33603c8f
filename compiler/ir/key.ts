/** Keys of attributes: equal text for equal attributes, for sharing and for messages. */
import type { Dim } from '../shapes/dim.ts'

const isDim = (value: object): value is Dim => 'terms' in value && 'key' in value

/** Text that is equal exactly when the values are; dims compare by their normal form, numbers by their bits. */
export function keyOf(value: unknown): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : `${value}`
  if (Array.isArray(value)) return `[${value.map(keyOf).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (isDim(value)) return `<${value.key}>`
  const entries = Object.entries(value)
  if (entries.length > 1) entries.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([name, one]) => `${name}=${keyOf(one)}`).join()}}`
}
