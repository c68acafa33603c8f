/** What a lowering works with: it adds calls of tfjs functions to the function being written. */
import type { AnyNode, DType, TensorType, ValueId } from '../../ir/graph.ts'
import { sameDims } from '../../ops/types.ts'
import { type Dim, oneDim, productDims } from '../../shapes/dim.ts'
import type { Constants } from './constants.ts'
import type { Sizes } from './sizes.ts'
import { dtypes, printNumber } from './text.ts'

/** A tensor in the function being written: a local of that name, or an expression that nothing may dispose of. */
export interface Ref {
  readonly name: string
  readonly type: TensorType
  /** The number that it holds, where the module keeps it as a tensor without axes. */
  readonly number?: number
}

/** A value that a lowering reads. */
export interface Operand extends Ref {
  readonly id: ValueId
}

/** An argument of a call: a tensor, several of them, or JavaScript text. */
export type Argument = Ref | readonly Ref[] | string

/** The parts of a training step, in order. */
export type Section = 'forward' | 'losses' | 'backward' | 'update'

/** `const name = fn(…)`. */
export interface Statement {
  /** Unlike any other; a name for people is found when all statements are known. */
  readonly name: string
  /** Whether the name is the spec's. */
  readonly named: boolean
  /** A member of `tf`, or a function of the module's own. */
  readonly fn: string
  readonly own: boolean
  readonly args: readonly Argument[]
  readonly type: TensorType
  /** The largest of these lives during the call beside what it takes and gives, as tfjs counts them. */
  readonly scratch: readonly TensorType[]
  readonly section: Section
  /** The place in the spec, where it has one. */
  readonly node: AnyNode | undefined
}

/** Functions of the module that stand for several of tfjs; see `support.ts`. */
export type OwnFunction =
  | 'matMul'
  | 'pointwise'
  | 'softmax'
  | 'transpose'
  | 'repeat'
  | 'window'
  | 'noise'
  | 'perSample'
  | 'places'
  | 'starts'
  | 'vector'
  | 'fit'

/** The function being written. */
export interface Emission {
  readonly sizes: Sizes
  /** The node that makes a value of the graph. */
  definition(value: ValueId): AnyNode
  /** A value of the graph that was written before. */
  operandOf(value: ValueId): Operand
  /** The nodes that read a value; undefined stands for a result of the function. */
  readersOf(value: ValueId): readonly (AnyNode | undefined)[]
  /** Adds a call of tfjs. */
  call(fn: string, args: readonly Argument[], type: TensorType): Ref
  /** Adds a call of one of the module's own functions. */
  callOwn(fn: OwnFunction, args: readonly Argument[], type: TensorType, scratch?: readonly TensorType[]): Ref
  /** A number that the module keeps as a tensor without axes. */
  constant(value: number, dtype: DType): Ref
  /** A number in every element. */
  fill(value: number, type: TensorType): Ref
  /** Numbers that the module keeps as a tensor, row by row. */
  table(values: readonly number[], type: TensorType): Ref
  /** What is the same each time is made once, under a key. */
  once(key: string, make: () => Ref): Ref
  /** The same elements under other dims; nothing is added where the dims are equal. */
  reshape(x: Ref, dims: readonly Dim[]): Ref
  /** The axes in another order; nothing is added where the order is the same. */
  transpose(x: Ref, permutation: readonly number[]): Ref
  /** Repeated to full dims; nothing is added where they are full. */
  expand(x: Ref, dims: readonly Dim[]): Ref
}

export interface EmissionParts {
  readonly sizes: Sizes
  readonly constants: Constants
  readonly definition: (value: ValueId) => AnyNode
  readonly operandOf: (value: ValueId) => Operand
  readonly readersOf: Emission['readersOf']
}

/** Statements so far, and the place that new ones belong to. */
export interface Draft {
  readonly emission: Emission
  readonly statements: Statement[]
  enter(node: AnyNode, section: Section): void
}

export function createDraft(parts: EmissionParts): Draft {
  const { sizes, constants } = parts
  const statements: Statement[] = []
  const made = new Map<string, Ref>()
  let node: AnyNode | undefined
  let section: Section = 'forward'

  const add = (
    fn: string,
    own: boolean,
    args: readonly Argument[],
    type: TensorType,
    scratch: readonly TensorType[],
  ): Ref => {
    const name = `%${statements.length}`
    statements.push({ name, named: false, fn, own, args, type, scratch, section, node })
    return { name, type }
  }
  const call: Emission['call'] = (fn, args, type) => add(fn, false, args, type, [])
  const once: Emission['once'] = (key, make) => {
    const seen = made.get(key)
    if (seen) return seen
    const ref = make()
    made.set(key, ref)
    return ref
  }
  /** What each reshape was made from: a chain of them is one. */
  const origins = new Map<string, Ref>()
  const reshape: Emission['reshape'] = (given, dims) => {
    const x = origins.get(given.name) ?? given
    if (sameDims(x.type.dims, dims)) return x
    const y = call('reshape', [x, sizes.shape(dims)], { ...x.type, dims })
    origins.set(y.name, x)
    return y
  }
  /** What each transpose was made from, likewise. */
  const turns = new Map<string, { readonly of: Ref; readonly permutation: readonly number[] }>()
  const fill: Emission['fill'] = (value, type) =>
    call('fill', [sizes.shape(type.dims), printNumber(value), `'${dtypes[type.dtype]}'`], type)
  return {
    statements,
    emission: {
      sizes,
      definition: parts.definition,
      operandOf: parts.operandOf,
      readersOf: parts.readersOf,
      call,
      callOwn: (fn, args, type, scratch = []) => add(fn, true, args, type, scratch),
      constant: (value, dtype) => ({ ...constants.add(value, { dtype, dims: [] }), number: value }),
      fill,
      table: (values, type) => constants.add(values, type),
      once,
      reshape,
      transpose: (given, order) => {
        const before = turns.get(given.name)
        const x = before?.of ?? given
        const permutation = before ? order.map((axis) => before.permutation[axis] as number) : order
        if (permutation.every((axis, at) => axis === at)) return x
        const dims = permutation.map((axis) => x.type.dims[axis] as Dim)
        const turn = (value: Ref): Ref => {
          const args = ['tf', value, `[${permutation.join(', ')}]`]
          const y = add('transpose', true, args, { ...value.type, dims }, [])
          turns.set(y.name, { of: value, permutation })
          return y
        }
        if (x.type.dtype === 'f32') return turn(x)
        // `webgpu` has no transpose of whole numbers or truth values.
        const turned = turn(call('cast', [x, "'float32'"], { ...x.type, dtype: 'f32' }))
        if (x.type.dtype === 'i64') return call('cast', [turned, "'int32'"], { ...x.type, dims })
        return call('notEqual', [turned, constants.add(0, { dtype: 'f32', dims: [] })], { ...x.type, dims })
      },
      expand: (x, dims) => {
        const rank = dims.length
        if (x.number !== undefined && rank > 0) return fill(x.number, { ...x.type, dims })
        const full = [...dims.slice(0, rank - x.type.dims.length).map(() => undefined), ...x.type.dims]
        const from = full.map((dim) => dim ?? sizes.one)
        const grows = dims.map((dim, axis) => from[axis]?.key !== dim.key)
        // One run of neighbouring axes after another, as a tensor of three: backends repeat along few axes.
        let current = x
        for (let axis = 0; axis < rank; axis++) {
          if (!grows[axis]) continue
          let end = axis + 1
          while (end < rank && grows[end]) end++
          const [before, after] = [productDims(dims.slice(0, axis)), productDims(from.slice(end))]
          const count = productDims(dims.slice(axis, end))
          const column = reshape(current, [before, oneDim, after])
          const type = { ...x.type, dims: [before, count, after] }
          current = add('repeat', true, ['tf', column, sizes.text(count)], type, [])
          axis = end
        }
        return reshape(current, dims)
      },
    },
    enter: (at, part) => {
      node = at
      section = part
    },
  }
}
