/** Small pieces of JavaScript: names of element types, numbers, strings, members. */
import type { DType } from '../../ir/graph.ts'

/** tfjs's names of element types; its whole numbers have 32 bits. */
export const dtypes: Readonly<Record<DType, string>> = { f32: 'float32', i64: 'int32', bool: 'bool' }

/** A number as JavaScript. */
export const printNumber = (value: number): string => (Object.is(value, -0) ? '-0' : String(value))

const isName = (text: string): boolean => /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(text)

/** A property of an object: `.count`, or `['0.5']`. */
export const member = (name: string): string => (isName(name) ? `.${name}` : `[${quote(name)}]`)

/** A key of an object literal. */
export const key = (name: string): string => (isName(name) ? name : quote(name))

/** Text of the spec's that neither ends the comment that it stands in nor the line. */
export const comment = (text: string): string => text.replaceAll(/[\n\r\u2028\u2029]/g, ' ').replaceAll('*/', '* /')

/** A JavaScript string. */
export const quote = (text: string): string =>
  `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`
