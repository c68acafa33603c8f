/** The numbers that a module keeps as tensors from the start: none is made anew with each step. */
import type { TensorType } from '../../ir/graph.ts'
import { staticSize } from '../../shapes/dim.ts'
import type { Ref } from './emission.ts'
import { dtypes, key, member, printNumber } from './text.ts'

/** A constant of the module. */
interface Constant {
  readonly values: number | readonly number[]
  readonly type: TensorType
}

/** The constants of a module, by the key that each has in `k`. */
export interface Constants {
  add(values: number | readonly number[], type: TensorType): Ref
  /** The object literal that makes them, given `tf`. */
  print(): string[]
}

export function createConstants(): Constants {
  const entries = new Map<string, Constant>()
  const byContent = new Map<string, string>()
  return {
    add(values, type) {
      const content = `${type.dtype} ${type.dims.map(({ key: dim }) => dim).join()} ${typeof values === 'number' ? printNumber(values) : values.map(printNumber)}`
      let name = byContent.get(content)
      if (name === undefined) {
        name =
          typeof values === 'number' ? nameOf(values, type) : `table${[...entries.values()].filter(isTable).length + 1}`
        byContent.set(content, name)
        entries.set(name, { values, type })
      }
      return { name: `k${member(name)}`, type }
    },
    print: () => [...entries].map(([name, constant]) => `  ${key(name)}: ${printTensor(constant)},`),
  }
}

const isTable = ({ values }: Constant): boolean => typeof values !== 'number'

const nameOf = (value: number, { dtype }: TensorType): string => {
  if (dtype === 'bool') return value === 0 ? 'no' : 'yes'
  return dtype === 'i64' ? `int ${printNumber(value)}` : printNumber(value)
}

function printTensor({ values, type }: Constant): string {
  const dtype = `'${dtypes[type.dtype]}'`
  if (typeof values === 'number') {
    const text = type.dtype === 'bool' ? String(values !== 0) : printNumber(values)
    return type.dtype === 'f32' ? `tf.scalar(${text})` : `tf.scalar(${text}, ${dtype})`
  }
  const shape = `[${type.dims.map((dim) => staticSize(dim) ?? 0).join(', ')}]`
  const numbers = type.dtype === 'bool' ? values.map((v) => (v === 0 ? 0 : 1)) : values.map(printNumber)
  return `tf.tensor([${numbers.join(', ')}], ${shape}, ${dtype})`
}
