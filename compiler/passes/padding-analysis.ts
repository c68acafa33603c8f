/** What every value of a graph holds in its padding, and which needs of its ops are not met. */
import type { AnyNode, Graph, Node, ValueId } from '../ir/graph.ts'
import { meets, type Need, type OperandView, type Padding, type PaddingFacts, paddingRuleOf } from '../ops/padding.ts'
import {
  addDim,
  constantDim,
  type Dim,
  floorDivDim,
  isRagged,
  productDims,
  scaleDim,
  seqDim,
  sumDims,
} from '../shapes/dim.ts'
import { boundsOf, type Facts, type Interval } from '../shapes/facts.ts'
import { compareRational, divRational, one, type Rational, rational, zero } from '../shapes/rational.ts'

/** The axes of values that are masked where they are made. */
export type Masks = ReadonlyMap<ValueId, ReadonlySet<number>>

/** What the padding rules may know about the lengths of a graph. */
export function paddingFacts(graph: Graph, inputs: 'any' | 'zero'): PaddingFacts {
  const bounds = new Map<string, Interval>(
    graph.seqs.map(({ name, low, high }) => [
      name,
      { low: rational(low), high: high === undefined ? undefined : rational(high) },
    ]),
  )
  const facts: Facts = { bounds, equal: new Map() }
  const atLeast = (dim: Dim, least: Rational): boolean =>
    [dim, withoutFloors(dim)].some((form) => {
      const { low } = boundsOf(form, facts)
      return low !== undefined && compareRational(low, least) >= 0
    })
  return { inputs, neverEmpty: (dim) => atLeast(dim, one), neverNegative: (dim) => atLeast(dim, zero) }
}

/** A dim without floors that is nowhere greater: a floor lies between its quotient and that less (by - 1) / by. */
function withoutFloors(dim: Dim): Dim {
  return sumDims(
    dim.terms.map(({ coefficient, atoms }) => {
      const [atom] = atoms
      if (atoms.length === 1 && atom?.kind === 'div') {
        const up = coefficient.n < 0n
        const slack = up ? zero : rational(1n - atom.by)
        const quotient = scaleDim(addDim(atom.of, constantDim(slack)), divRational(one, rational(atom.by)))
        return withoutFloors(scaleDim(quotient, coefficient))
      }
      const factors = atoms.map((factor) =>
        factor.kind === 'seq' ? seqDim(factor.name) : floorDivDim(factor.of, factor.by),
      )
      return scaleDim(productDims(factors), coefficient)
    }),
  )
}

/** The one number that a value holds throughout, seen through casts and changes of shape. */
function constantOf(node: AnyNode, operands: readonly OperandView[]): number | undefined {
  switch (node.op) {
    case 'constant': {
      const { value } = node.attributes
      return typeof value === 'number' ? value : undefined
    }
    case 'cast':
      return node.attributes.to === 'f32' ? operands[0]?.constant : undefined
    case 'broadcast':
    case 'reshape':
    case 'transpose':
      return operands[0]?.constant
    default:
      return undefined
  }
}

/** A node's operands as its rule sees them. */
export const operandsOf = (node: Node, views: Pick<ReadonlyMap<ValueId, OperandView>, 'get'>): OperandView[] =>
  node.operands.map((id) => {
    const view = views.get(id)
    if (!view) throw new Error(`value ${id} is read before it is made`)
    return view
  })

/** The node's result in one padding, given its operands'. */
export const viewOf = (node: AnyNode, operands: readonly OperandView[], facts: PaddingFacts): OperandView => ({
  type: node.type,
  constant: constantOf(node, operands),
  padding: node.type.dims.map((dim, axis) => (isRagged(dim) ? paddingOf(node, axis, operands, facts) : undefined)),
})

/** What a node's result holds on one ragged axis. */
export const paddingOf = (node: Node, axis: number, operands: readonly OperandView[], facts: PaddingFacts): Padding =>
  paddingRuleOf(node.op).result(node, axis, operands, facts)

/** The view with a claim replaced. */
export const withPadding = (view: OperandView, axis: number, claim: Padding): OperandView => ({
  ...view,
  padding: view.padding.map((old, at) => (at === axis ? claim : old)),
})

/** The view once zeros stand beyond the lengths of some axes; another axis' padding holds them too, among the rest. */
export const maskedView = (view: OperandView, axes: Iterable<number>): OperandView => {
  const zeroed = new Set(axes)
  const mixed = (claim: Padding | undefined): Padding | undefined =>
    typeof claim === 'number' || claim === 'low' ? (claim === 0 ? 0 : 'finite') : claim
  return zeroed.size === 0
    ? view
    : { ...view, padding: view.padding.map((claim, axis) => (zeroed.has(axis) ? 0 : mixed(claim))) }
}

/** What each value holds in its padding when `masks` are applied. */
export function analyse(graph: Graph, facts: PaddingFacts, masks: Masks = new Map()): Map<ValueId, OperandView> {
  const views = new Map<ValueId, OperandView>()
  for (const node of graph.nodes) {
    views.set(node.id, maskedView(viewOf(node, operandsOf(node, views), facts), masks.get(node.id) ?? []))
  }
  return views
}

/** A node's needs of which none is met. */
export const unmetNeeds = (node: AnyNode, operands: readonly OperandView[], facts: PaddingFacts): (readonly Need[])[] =>
  needsOf(node, operands, facts).filter((needs) => !needs.some((need) => isMet(need, operands)))

/** What a node needs: of each list, one. */
export const needsOf = (
  node: Node,
  operands: readonly OperandView[],
  facts: PaddingFacts,
): readonly (readonly Need[])[] => paddingRuleOf(node.op).needs(node, operands, facts)

/** Whether the operand holds what the need asks for. */
export const isMet = (need: Need, operands: readonly OperandView[]): boolean =>
  meets(operands[need.operand]?.padding[need.axis] ?? 'any', need.demand)

/** What each value of a graph holds in its padding, by axis; undefined where an axis is not ragged. */
export function padStates(
  graph: Graph,
  options: { readonly inputs: 'any' | 'zero' },
): ReadonlyMap<ValueId, readonly (Padding | undefined)[]> {
  const views = analyse(graph, paddingFacts(graph, options.inputs))
  return new Map([...views].map(([id, view]) => [id, view.padding]))
}

/** Why a graph would compute with padding, one line a place; none for a graph that the padding pass made. */
export function checkPadding(graph: Graph, options: { readonly inputs: 'any' | 'zero' }): string[] {
  const facts = paddingFacts(graph, options.inputs)
  const views = analyse(graph, facts)
  const problems: string[] = []
  for (const node of graph.nodes) {
    const operands = operandsOf(node, views)
    for (const needs of unmetNeeds(node, operands, facts)) {
      const text = needs.map(({ operand, axis, demand }) => {
        const holds = operands[operand]?.padding[axis]
        return `operand ${operand} (%${node.operands[operand]}) must be ${demand} on axis ${axis} and is ${holds}`
      })
      problems.push(`%${node.id} = ${node.op}: ${text.join(', or ')}`)
    }
  }
  for (const { name, value } of graph.outputs)
    for (const [axis, padding] of (views.get(value)?.padding ?? []).entries())
      if (padding !== undefined && padding !== 0) problems.push(`output ${name} is ${padding} on axis ${axis}`)
  return problems
}
