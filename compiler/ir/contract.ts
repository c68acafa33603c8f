/** Puts a contraction into its smallest form: no axis of size 1, nothing broadcast first, plain products as `mul`. */
import type { Attributes } from '../ops/op.ts'
import { sameDims } from '../ops/types.ts'
import { type Dim, isOne, oneDim } from '../shapes/dim.ts'
import type { Builder } from './builder.ts'
import type { ValueId } from './graph.ts'

type Spec = Attributes['contract']

interface Side {
  readonly value: ValueId
  readonly labels: readonly number[]
}

/** The value without axes of size 1. */
function squeeze(b: Builder, value: ValueId, labels: readonly number[]): Side {
  const dims = b.dimsOf(value)
  const kept = labels.filter((_, axis) => !isOne(dims[axis] as Dim))
  return kept.length === labels.length
    ? { value, labels }
    : {
        value: b.reshape(
          value,
          dims.filter((dim) => !isOne(dim)),
        ),
        labels: kept,
      }
}

/** The value with leading axes of size 1 up to a rank. */
export function padRank(b: Builder, value: ValueId, rank: number): ValueId {
  const dims = b.dimsOf(value)
  return dims.length === rank
    ? value
    : b.reshape(value, [...Array.from({ length: rank - dims.length }, () => oneDim), ...dims])
}

/** What a broadcast repeats, at the broadcast's rank; other values as they are. */
export function unbroadcast(b: Builder, value: ValueId): ValueId {
  const node = b.node(value)
  return node.op === 'broadcast' ? padRank(b, node.operands[0] as ValueId, node.type.dims.length) : value
}

/** What a transpose turns, under the labels that its axes had there. */
function untranspose(b: Builder, side: Side): Side {
  const node = b.node(side.value)
  if (node.op !== 'transpose') return side
  const { permutation } = node.attributes
  return {
    value: node.operands[0] as ValueId,
    labels: permutation.map((_, axis) => side.labels[permutation.indexOf(axis)] as number),
  }
}

/** The value with its axes in the order of `labels`, and axes of size 1 for labels that it lacks. */
function align(b: Builder, side: Side, labels: readonly number[]): ValueId {
  const own = labels.filter((label) => side.labels.includes(label))
  const moved = b.transpose(
    side.value,
    own.map((label) => side.labels.indexOf(label)),
  )
  const dims = b.dimsOf(moved)
  return b.reshape(
    moved,
    labels.map((label) => dims[own.indexOf(label)] ?? oneDim),
  )
}

/** The contraction of x and y where a smaller form than the plain op exists, else undefined. */
export function contractValues(b: Builder, x: ValueId, y: ValueId, { left, right, out }: Spec): ValueId | undefined {
  const full = new Map<number, Dim>()
  for (const [labels, value] of [
    [left, x],
    [right, y],
  ] as const)
    for (const [axis, label] of labels.entries()) {
      const dim = b.dimsOf(value)[axis] as Dim
      if (!full.has(label) || !isOne(dim)) full.set(label, dim)
    }
  const bare = unbroadcast(b, x)
  const summedTwice = (ofY: ValueId): boolean =>
    left.some((label, axis) => {
      const other = right.indexOf(label)
      const repeated = (value: ValueId, at: number): boolean => isOne(b.dimsOf(value)[at] as Dim)
      return (
        other >= 0 &&
        !out.includes(label) &&
        repeated(bare, axis) &&
        repeated(ofY, other) &&
        !isOne(full.get(label) as Dim)
      )
    })
  // A label that is summed has to keep its size on one side.
  const bareY = unbroadcast(b, y)
  let l = untranspose(b, squeeze(b, bare, left))
  let r = untranspose(b, squeeze(b, summedTwice(bareY) ? y : bareY, right))
  const untouched = l.value === x && r.value === y
  const reduce = (side: Side, other: Side): Side => {
    const lone = side.labels.filter((label) => !out.includes(label) && !other.labels.includes(label))
    if (lone.length === 0) return side
    return {
      value: b.sum(
        side.value,
        lone.map((label) => side.labels.indexOf(label)),
      ),
      labels: side.labels.filter((label) => !lone.includes(label)),
    }
  }
  ;[l, r] = [reduce(l, r), reduce(r, l)]
  const core = out.filter((label) => l.labels.includes(label) || r.labels.includes(label))
  const sums = l.labels.some((label) => !out.includes(label))
  const within = (a: Side, c: Side): boolean => a.labels.every((label) => c.labels.includes(label))
  let value: ValueId
  if (!sums && (within(l, r) || within(r, l))) value = b.mul(align(b, l, core), align(b, r, core))
  else if (untouched) return undefined
  else value = b.emit('contract', [l.value, r.value], { left: l.labels, right: r.labels, out: core })
  const dims = b.dimsOf(value)
  const shaped = b.reshape(
    value,
    out.map((label) => dims[core.indexOf(label)] ?? oneDim),
  )
  const wanted = out.map((label) => full.get(label) as Dim)
  return sameDims(b.dimsOf(shaped), wanted) ? shaped : b.broadcast(shaped, wanted)
}
