/** What an expression of the language can be: numbers, tensors as functions of their indices, instances, tuples. */
import { constantOf, type Dim, formatDim } from '../shapes/dim.ts'
import type { Block, Expr, Span } from '../syntax/ast.ts'
import type { Context, Replacements, Use } from './context.ts'
import type { Core, Def } from './core.ts'

/** One axis of a tensor. A batch axis stands for the sample and every axis that was mapped over. */
export interface Axis {
  /** One dim; for a batch axis `batch` and the dims of the mapped axes. */
  readonly dims: readonly Dim[]
  readonly batch: boolean
  /** The block that was mapped over this axis, where that is how it got here. */
  readonly mappedBy: Use | undefined
}

export interface NumberValue {
  readonly kind: 'number'
  /** Exact; a constant unless it depends on lengths. */
  readonly dim: Dim
  /** The class names where this is the dim of `labels`. */
  readonly labels: readonly string[] | undefined
}

/** A static number that is not rational: a square root, an exponential, pi. */
export interface RealValue {
  readonly kind: 'real'
  readonly value: number
}

export interface TensorValue {
  readonly kind: 'tensor'
  readonly axes: readonly Axis[]
  /** One element, given an index for each dim of each axis, in order. */
  readonly at: (indices: readonly Core[]) => Core
  /** Whole numbers below this. */
  readonly below: Dim | undefined
}

export interface InstanceValue {
  readonly kind: 'instance'
  readonly instance: Instance
}

export interface TupleValue {
  readonly kind: 'tuple'
  readonly items: readonly Value[]
}

/** Stands where an error has been reported; agrees with everything. */
export interface PoisonValue {
  readonly kind: 'poison'
}

export type Value = NumberValue | RealValue | TensorValue | InstanceValue | TupleValue | PoisonValue

/** One written use of a block, or a bound one that is shared. */
export interface Instance {
  readonly block: Block
  /** The file that the block was written in: its names are looked up there. */
  readonly file: string
  path: string
  readonly statics: readonly StaticArgument[]
  readonly span: Span
  /** The replacement that a variant's edit puts in the place of this block. */
  readonly edit: { readonly value: Expr; readonly context: Context } | undefined
  /** Edits that reach inside this block. */
  readonly inner: Replacements
  /** What the edit became at its first use. */
  resolved: Instance | undefined
  readonly variables: Map<string, Def>
}

export interface StaticArgument {
  readonly name: string | undefined
  readonly value: Value
  readonly span: Span
  /** As it was written. */
  readonly text: string
}

export const poison: PoisonValue = { kind: 'poison' }
export const numberValue = (dim: Dim, labels?: readonly string[]): NumberValue => ({ kind: 'number', dim, labels })
export const axisOf = (dim: Dim): Axis => ({ dims: [dim], batch: false, mappedBy: undefined })
export const flatDims = (axes: readonly Axis[]): Dim[] => axes.flatMap((axis) => axis.dims)

export const describeAxis = (axis: Axis): string => (axis.batch ? 'batch' : axis.dims.map(formatDim).join(', '))
export const describeAxes = (axes: readonly Axis[]): string => `[${axes.map(describeAxis).join(', ')}]`

/** For messages: `[frames, 256]`, `the number 3`, `block Dense`. */
export function describe(value: Value): string {
  switch (value.kind) {
    case 'number':
      return constantOf(value.dim)
        ? `the number ${formatDim(value.dim)}`
        : `the number ${formatDim(value.dim)} (a length)`
    case 'real':
      return `the number ${Number(value.value.toPrecision(6))}`
    case 'tensor':
      return value.below ? `${describeAxes(value.axes)} of ${formatDim(value.below)}` : describeAxes(value.axes)
    case 'instance':
      return `block ${value.instance.block.name.name}`
    case 'tuple':
      return `a tuple of ${value.items.length}`
    case 'poison':
      return 'an error'
  }
}
