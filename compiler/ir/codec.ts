/** How the attributes of each op are written in a graph's text form, and read back. */
import type { Attributes, InputRole, OpName } from '../ops/op.ts'
import { type Dim, formatDim } from '../shapes/dim.ts'
import type { DType } from './graph.ts'
import type { Reader } from './reader.ts'

export interface Codec<T> {
  readonly print: (value: T) => string
  readonly read: (r: Reader) => T
}

export const DTYPES: readonly DType[] = ['f32', 'i64', 'bool']
const ROLES: readonly InputRole[] = ['data', 'target', 'param', 'state', 'noise', 'lengths', 'optimiser']
const FLAGS = ['true', 'false'] as const

const string: Codec<string> = { print: (value) => JSON.stringify(value), read: (r) => r.string() }
const number: Codec<number> = {
  print: (value) => (Object.is(value, -0) ? '-0' : String(value)),
  read: (r) => r.number(),
}
const flag: Codec<boolean> = { print: String, read: (r) => r.word(FLAGS) === 'true' }
const dim: Codec<Dim> = {
  print: (value) => `<${formatDim(value)}>`,
  read: (r) => {
    r.expect('<')
    const value = r.dim('>')
    r.expect('>')
    return value
  },
}
const word = <T extends string>(allowed: readonly T[]): Codec<T> => ({ print: String, read: (r) => r.word(allowed) })
const list = <T>(item: Codec<T>): Codec<readonly T[]> => ({
  print: (values) => `[${values.map(item.print).join(', ')}]`,
  read: (r) => r.list(() => item.read(r)),
})
const numbers = list(number)
const scalarOrList: Codec<number | readonly number[]> = {
  print: (value) => (typeof value === 'number' ? number.print(value) : numbers.print(value)),
  read: (r) => (r.peek('[') ? numbers.read(r) : number.read(r)),
}

/** `{axes=[0, 1], keep=true}`, in the codec's order; nothing where there are no fields. */
function fields<T extends object>(codecs: { readonly [K in keyof T]: Codec<T[K]> }): Codec<T> {
  const names = Object.keys(codecs) as (keyof T & string)[]
  return {
    print: (value) =>
      names.length === 0 ? '' : ` {${names.map((name) => `${name}=${codecs[name].print(value[name])}`).join(', ')}}`,
    read: (r) => {
      const value: Partial<T> = {}
      for (const [at, name] of names.entries()) {
        r.expect(at === 0 ? '{' : ',')
        r.expect(name)
        r.expect('=')
        value[name] = codecs[name].read(r)
      }
      if (names.length > 0) r.expect('}')
      return value as T
    },
  }
}

const none = fields<Attributes['neg']>({})
const dims = fields<Attributes['reshape']>({ dims: list(dim) })
const oneDimension = fields<Attributes['iota']>({ dim })
const axis = fields<Attributes['softmax']>({ axis: number })
const reduction = fields<Attributes['sum']>({ axes: numbers, keep: flag })

export const codecs = {
  input: fields<Attributes['input']>({ name: string, role: word(ROLES) }),
  constant: fields<Attributes['constant']>({ value: scalarOrList }),
  iota: oneDimension,
  length: oneDimension,
  valid: oneDimension,
  neg: none,
  exp: none,
  log: none,
  sqrt: none,
  abs: none,
  sin: none,
  cos: none,
  tanh: none,
  sigmoid: none,
  relu: none,
  erf: none,
  floor: none,
  stopGradient: none,
  add: none,
  sub: none,
  mul: none,
  div: none,
  pow: none,
  max: none,
  min: none,
  equal: none,
  less: none,
  lessEqual: none,
  and: none,
  or: none,
  not: none,
  select: none,
  cast: fields<Attributes['cast']>({ to: word(DTYPES) }),
  transpose: fields<Attributes['transpose']>({ permutation: numbers }),
  reshape: dims,
  broadcast: dims,
  concat: axis,
  window: fields<Attributes['window']>({ axis: number, offset: dim, stride: number, dilation: number, dim }),
  gather: fields<Attributes['gather']>({ batchAxes: number }),
  scatterAdd: fields<Attributes['scatterAdd']>({ batchAxes: number, dim }),
  sum: reduction,
  maximum: reduction,
  softmax: axis,
  contract: fields<Attributes['contract']>({ left: numbers, right: numbers, out: numbers }),
} satisfies { readonly [K in OpName]: Codec<Attributes[K]> }

/** The codec of an op, for code that holds its name in a variable. */
export const codecOf = <K extends OpName>(op: K): Codec<Attributes[K]> => {
  const table: { readonly [P in OpName]: Codec<Attributes[P]> } = codecs
  return table[op]
}
