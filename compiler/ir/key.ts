/** Keys of attributes: equal text for equal attributes, for sharing and for messages. */
import type { Dim } from '../shapes/dim.ts'

const isDim = (value: object): value is Dim => 'terms' in value && 'key' in value

/** Text that is equal exactly when the values are; dims compare by their normal form, numbers by their bits. */
export function keyOf(value: unknown): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value)
  if (Array.isArray(value)) return `[${value.map(keyOf).join()}]`
  if (typeof value === 'object' && value !== null)
    return isDim(value)
      ? `<${value.key}>`
      : `{${Object.entries(value)
          .sort()
          .map(([k, v]) => `${k}=${keyOf(v)}`)
          .join()}}`
  return JSON.stringify(value)
}
