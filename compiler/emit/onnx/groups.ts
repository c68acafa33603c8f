/**
 * Values that are held in groups of samples. Attention makes several large tensors of each, and what it makes of some samples
 * depends on no others: of a few at a time, what one node writes is still in a cache when the next reads it.
 */
import type { AnyNode, Graph, Node, TensorType, ValueId } from '../../ir/graph.ts'
import { ops, type Trait } from '../../ops/table.ts'
import { addDim, BATCH, batchDim, evaluateDim, isBatch, productDims } from '../../shapes/dim.ts'
import type { Emission, Operand } from './emission.ts'
import type { Make, Parted, PartNames } from './parts.ts'
import { rangeOf, splitEvenly, withAxis } from './window.ts'

/** With four, a tensor's part of a large batch is about what a core's share of a cache holds. */
const groupCount = 4

/** Tensors of fewer numbers a sample are not worth the nodes. */
const leastSize = 1 << 14

type Definition = (value: ValueId) => AnyNode

/** Whether samples stand along the first axis and no other. */
const isBatched = ({ dims }: TensorType): boolean =>
  dims[0] !== undefined && isBatch(dims[0]) && !dims.slice(1).some(isBatch)
const isShared = ({ dims }: TensorType): boolean => !dims.some(isBatch)

/** Whether each sample of a node's result depends on that sample alone. */
function isPerSample(node: AnyNode, definition: Definition): boolean {
  const types = node.operands.map((value) => definition(value).type)
  if (!isBatched(node.type) || !types.some(isBatched)) return false
  if (!types.every((type) => isBatched(type) || isShared(type))) return false
  const { attributes } = node
  switch (node.op) {
    case 'contract': {
      const { left, right, out } = attributes as Node<'contract'>['attributes']
      return types.every((type, side) => isShared(type) || (side === 0 ? left : right)[0] === out[0])
    }
    case 'transpose':
      return (attributes as Node<'transpose'>['attributes']).permutation[0] === 0
    case 'sum':
    case 'maximum':
      return !(attributes as Node<'sum'>['attributes']).axes.includes(0)
    case 'softmax':
      return (attributes as Node<'softmax'>['attributes']).axis !== 0
    case 'reshape':
      return true
    default: {
      const rank = node.type.dims.length
      const traits: readonly Trait[] = ops[node.op].traits
      return traits.includes('elementwise') && types.every((type) => isShared(type) || type.dims.length === rank)
    }
  }
}

/**
 * Which values are held in groups: large ones around products of two tensors of each sample, and what is made of them alone.
 * `elsewhere` are those that are written another way.
 */
export function planGroups(
  graph: Graph,
  definition: Definition,
  elsewhere: (value: ValueId) => boolean,
): ReadonlySet<ValueId> {
  const highs = new Map(graph.seqs.map(({ name, high }) => [name, high]))
  // A length is guessed at a tenth of what is allowed.
  const guess = (name: string): number => (name === BATCH ? 1 : Math.max(16, (highs.get(name) ?? 2000) / 10))
  const sizes = new Map(graph.nodes.map(({ id, type }) => [id, evaluateDim(productDims(type.dims), guess)]))
  const isLarge = (value: ValueId): boolean => (sizes.get(value) ?? 0) >= leastSize
  const able = new Set(
    graph.nodes.flatMap((node) => (!elsewhere(node.id) && isPerSample(node, definition) ? [node.id] : [])),
  )
  const readers = new Map<ValueId, ValueId[]>()
  for (const node of graph.nodes)
    for (const value of node.operands) {
      const own = readers.get(value)
      if (own) own.push(node.id)
      else readers.set(value, [node.id])
    }
  const isBatchedProduct = ({ id, op, operands }: AnyNode): boolean =>
    op === 'contract' && able.has(id) && isLarge(id) && operands.every((value) => isBatched(definition(value).type))
  const held = new Set<ValueId>()
  const open = graph.nodes.filter(isBatchedProduct).map(({ id }) => id)
  while (open.length > 0) {
    const id = open.pop() as ValueId
    if (held.has(id)) continue
    held.add(id)
    const near = [...definition(id).operands, ...(readers.get(id) ?? [])]
    open.push(...near.filter((value) => able.has(value) && isLarge(value)))
  }
  // What is small is held where the large value that it is made of is in groups anyway.
  const inGroups = new Set([...held, ...[...held].flatMap((value) => definition(value).operands)])
  for (const { id, operands } of graph.nodes)
    if (able.has(id) && operands.some((value) => inGroups.has(value) && isLarge(value))) held.add(id)
  return held
}

/** What holds the values in groups while a model is written. */
export interface Groups {
  /** Holds a node's value: what `make` gives for each group. */
  hold(node: AnyNode, operands: readonly Operand[], make: Make): Parted
  /** A sum over samples that an operand is held in groups of: that of each group, and of all. Undefined for other nodes. */
  sum(node: AnyNode, operands: readonly Operand[], make: Make): string | undefined
}

export function createGroups(names: PartNames, e: Emission): Groups {
  const held = new Map<ValueId, readonly string[]>()
  const groups = splitEvenly(batchDim, groupCount)
  /** A value in each group, as it is held or taken apart. */
  const of = (value: ValueId): readonly string[] => {
    const own = held.get(value)
    if (own) return own
    const { type } = e.definition(value)
    const name = e.nameOf(value)
    return groups.map(({ from, size }) => {
      const samples = e.once(`samples:${from.key}`, () =>
        e.op('Slice', [rangeOf(batchDim, e), e.extent(from), e.extent(addDim(from, size)), e.ints([0])]),
      )
      return e.shared(`samples:${name}:${from.key}`, () =>
        e.op('Gather', [name, samples], { axis: { int: 0 } }, withAxis(type, 0, size)),
      )
    })
  }
  const hasSamples = (value: ValueId): boolean => isBatched(e.definition(value).type)
  const write = (node: AnyNode, operands: readonly Operand[], type: TensorType, k: number, make: Make): string => {
    const { size } = groups[k] as { readonly size: typeof batchDim }
    const own = operands.map((operand) =>
      hasSamples(operand.id)
        ? { id: operand.id, name: of(operand.id)[k] as string, type: withAxis(operand.type, 0, size) }
        : operand,
    )
    const attributes = node.op === 'reshape' ? { dims: type.dims } : node.attributes
    return names.within(
      (value) => (hasSamples(value) ? of(value)[k] : undefined),
      () => make({ ...node, type, attributes } as AnyNode, own),
    )
  }
  return {
    hold: (node, operands, make) => {
      const parts = groups.map(({ size }, k) => write(node, operands, withAxis(node.type, 0, size), k, make))
      held.set(node.id, parts)
      return { whole: () => e.op('Concat', parts, { axis: { int: 0 } }, node.type) }
    },
    sum: (node, operands, make) => {
      if (!isSumOverSamples(node) || !operands.some(({ id }) => held.has(id))) return undefined
      if (!operands.every(({ id }) => hasSamples(id))) return undefined
      const sums = groups.map((_, k) => write(node, operands, node.type, k, make))
      return sums.reduce((sum, next) => e.op('Add', [sum, next], {}, node.type))
    },
  }
}

function isSumOverSamples(node: AnyNode): boolean {
  if (!isShared(node.type)) return false
  if (node.op === 'sum') return (node as Node<'sum'>).attributes.axes.includes(0)
  if (node.op !== 'contract') return false
  const { left, right } = (node as Node<'contract'>).attributes
  return left[0] === right[0]
}
