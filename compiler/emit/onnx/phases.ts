/**
 * Values that are held in two phases of their time axis. Convolutions of three taps (`winograd.ts`) give the first and the
 * second positions of their tiles apart, and the next one reads them apart: what is element by element in between works on
 * each phase, and nothing is put in order and taken apart again.
 */
import type { AnyNode, Graph, Node, TensorType, ValueId } from '../../ir/graph.ts'
import type { OpName } from '../../ops/op.ts'
import {
  addDim,
  constantDim,
  type Dim,
  floorDivDim,
  isBatch,
  isOne,
  oneDim,
  sameDim,
  scaleDim,
  staticSize,
} from '../../shapes/dim.ts'
import { rational } from '../../shapes/rational.ts'
import type { Emission, Operand } from './emission.ts'
import type { Make, Parted, PartNames } from './parts.ts'
import { padRows, rangeOf, withAxis } from './window.ts'

/** Tiles of 2 * apart positions along an axis, the first half of each in one phase and the second in the other. */
export interface Cut {
  readonly axis: number
  readonly apart: number
}

/** A value in phases: [.., rows, ..] each. */
export interface Phased extends Cut {
  readonly phases: readonly [string, string]
  /** Whether the rows behind the end are zeros. */
  readonly clean: boolean
}

/**
 * How many tiles cover an axis: enough that the last lies behind the end, so that a clean phase has zeros to read there,
 * and with an even number of rows a phase, as long sums are cut in halves.
 */
function tileCount(dim: Dim, apart: number): Dim {
  const least = addDim(floorDivDim(addDim(dim, constantDim(2 * apart - 1)), BigInt(2 * apart)), oneDim)
  return apart % 2 === 0 ? least : scaleDim(floorDivDim(addDim(least, oneDim), 2n), rational(2))
}

/** The rows of a phase. */
export const phaseRows = (dim: Dim, apart: number): Dim => scaleDim(tileCount(dim, apart), rational(apart))

/** The dims of an axis in tiles: [.., tiles, each, ..]. */
const inTiles = (dims: readonly Dim[], axis: number, tiles: Dim, each: number): Dim[] =>
  dims.toSpliced(axis, 1, tiles, constantDim(each))

/** The rows at `place` from where each tile begins, of a value in order; zeros outside. */
function gatherRows(value: ValueId, { axis, apart }: Cut, place: number, e: Emission): string {
  const { dtype, dims } = e.definition(value).type
  const dim = dims[axis] as Dim
  const tiles = tileCount(dim, apart)
  // A row of zeros stands behind the end.
  const grown = padRows(value, axis, 0, 1, e)
  const positions = e.once(`tile-rows:${dim.key}:${apart}:${place}`, () => {
    const begins = e.once(`tile-begins:${dim.key}:${apart}`, () => {
      const starts = e.op('Mul', [rangeOf(tiles, e), e.ints([2 * apart])])
      return e.op('Add', [e.op('Unsqueeze', [starts, e.ints([1])]), e.ints([...Array(apart).keys()])])
    })
    const places = e.op('Add', [begins, e.int(place)])
    const end = e.extent(dim)
    const within = e.op('Min', [places, end])
    return place >= 0 ? within : e.op('Where', [e.op('Less', [places, e.int(0)]), end, within])
  })
  const apartDims = inTiles(dims, axis, tiles, apart)
  return e.shared(`rows:${grown.name}:${axis}:${positions}`, () =>
    e.reshape(
      e.op('Gather', [grown.name, positions], { axis: { int: axis } }, { dtype, dims: apartDims }),
      dtype,
      apartDims,
      dims.with(axis, phaseRows(dim, apart)),
    ),
  )
}

/** A clean phase some tiles further on; zeros outside. */
function shiftTiles(phase: string, { axis, apart }: Cut, by: number, type: TensorType, e: Emission): string {
  if (by === 0) return phase
  const { dtype, dims } = type
  const dim = dims[axis] as Dim
  const tiles = tileCount(dim, apart)
  const places = e.once(`tiles:${dim.key}:${apart}:${by}`, () => {
    const last = e.op('Sub', [e.extent(tiles), e.ints([1])])
    const moved = e.op('Add', [rangeOf(tiles, e), e.int(by)])
    const within = e.op('Min', [moved, last])
    return by > 0 ? within : e.op('Where', [e.op('Less', [moved, e.int(0)]), last, within])
  })
  const rows = dims.with(axis, phaseRows(dim, apart))
  const split = inTiles(dims, axis, tiles, apart)
  return e.shared(`tiles:${phase}:${places}`, () => {
    const view = e.reshape(phase, dtype, rows, split)
    const read = e.op('Gather', [view, places], { axis: { int: axis } }, { dtype, dims: split })
    return e.reshape(read, dtype, split, rows)
  })
}

/** Both phases in order again. */
function joinPhases({ axis, apart, phases }: Phased, { dtype, dims }: TensorType, e: Emission): string {
  const dim = dims[axis] as Dim
  const tiles = tileCount(dim, apart)
  const rows = dims.with(axis, phaseRows(dim, apart))
  const [split, both] = [inTiles(dims, axis, tiles, apart), inTiles(dims, axis, tiles, 2 * apart)]
  const views = phases.map((phase) => e.reshape(phase, dtype, rows, split))
  const joined = e.op('Concat', views, { axis: { int: axis + 1 } }, { dtype, dims: both })
  const flat = e.reshape(joined, dtype, both, dims.with(axis, scaleDim(tiles, rational(2 * apart))))
  return e.op('Gather', [flat, rangeOf(dim, e)], { axis: { int: axis } }, { dtype, dims })
}

/** Ops that make finite numbers of finite numbers, element by element: what they make behind the end does no harm. */
const elementwise: ReadonlySet<OpName> = new Set([
  'neg',
  'abs',
  'tanh',
  'sigmoid',
  'relu',
  'stopGradient',
  'add',
  'sub',
  'mul',
  'max',
  'min',
])

/** Of those, the ones that give zeros for zeros. */
const zeroForZero: ReadonlySet<OpName> = new Set([
  'neg',
  'abs',
  'tanh',
  'relu',
  'stopGradient',
  'add',
  'sub',
  'max',
  'min',
])

/** The operands that have a node's axis, and where; others are repeated along it. */
function carriers(
  node: AnyNode,
  axis: number,
  definition: (value: ValueId) => AnyNode,
): { readonly value: ValueId; readonly at: number }[] {
  const { dims } = node.type
  if (node.op === 'contract') {
    const { left, right, out } = (node as Node<'contract'>).attributes
    const label = out[axis] as number
    const [l, r] = [left.indexOf(label), right.indexOf(label)]
    const [x, y] = node.operands as [ValueId, ValueId]
    return [...(l < 0 ? [] : [{ value: x, at: l }]), ...(r < 0 ? [] : [{ value: y, at: r }])]
  }
  return node.operands.flatMap((value) => {
    const own = definition(value).type.dims
    const at = axis - (dims.length - own.length)
    return at >= 0 && sameDim(own[at] as Dim, dims[axis] as Dim) ? [{ value, at }] : []
  })
}

/** Whether a node works on each position of an axis apart. */
function isPositionwise(node: AnyNode, axis: number, definition: (value: ValueId) => AnyNode): boolean {
  if (elementwise.has(node.op)) return true
  if (node.op !== 'contract') return false
  const [only, other] = carriers(node, axis, definition)
  const matrix = node.operands.find((value) => value !== only?.value)
  return only !== undefined && other === undefined && matrix !== undefined && isStatic(definition(matrix).type.dims)
}

const isStatic = (dims: readonly Dim[]): boolean => dims.every((dim) => staticSize(dim) !== undefined)

/** Which values are held in phases, and which are taken apart in any case. */
export interface Plan {
  readonly held: ReadonlyMap<ValueId, Cut>
  readonly read: ReadonlyMap<ValueId, Cut>
}

/** What a convolution of three taps reads in phases, and makes in phases. */
export interface Ends {
  readonly reads: readonly (readonly [ValueId, Cut])[]
  readonly makes: Cut | undefined
}

const sameCut = (a: Cut | undefined, b: Cut): boolean => a?.axis === b.axis && a.apart === b.apart

/**
 * Plans from the convolutions outwards: their results, and what leads from them to the next. `elsewhere` are nodes that are
 * written another way.
 */
export function planPhases(
  graph: Graph,
  definition: (value: ValueId) => AnyNode,
  endsOf: (node: AnyNode) => Ends | undefined,
  elsewhere: ReadonlySet<ValueId>,
): Plan {
  const held = new Map<ValueId, Cut>()
  const ends = new Map(graph.nodes.flatMap((node) => [[node.id, endsOf(node)] as const].filter(([, end]) => end)))
  const read = new Map([...ends.values()].flatMap((end) => end?.reads ?? []))
  if (read.size === 0) return { held, read }
  /** What is better in phases: those, and what leads to them element by element. */
  const wanted = new Map(read)
  for (const node of graph.nodes.toReversed()) {
    const cut = wanted.get(node.id)
    if (!cut || !elementwise.has(node.op)) continue
    for (const { value, at } of carriers(node, cut.axis, definition))
      if (!wanted.has(value)) wanted.set(value, { axis: at, apart: cut.apart })
  }
  for (const node of graph.nodes) {
    const end = ends.get(node.id)
    const cut = end ? end.makes : elsewhere.has(node.id) ? undefined : cutOf(node, held, wanted, read, definition)
    if (cut) held.set(node.id, cut)
  }
  return { held, read }
}

/** How a node's result is held: in phases where all that is wide is, or where one is and the result is wanted so. */
function cutOf(
  node: AnyNode,
  held: ReadonlyMap<ValueId, Cut>,
  wanted: ReadonlyMap<ValueId, Cut>,
  read: ReadonlyMap<ValueId, Cut>,
  definition: (value: ValueId) => AnyNode,
): Cut | undefined {
  const { dims, dtype } = node.type
  if (dtype !== 'f32') return undefined
  for (const axis of dims.keys()) {
    if (!isPositionwise(node, axis, definition)) continue
    const all = carriers(node, axis, definition)
    const found = all.flatMap(({ value, at }) => {
      const cut = held.get(value)
      return cut?.axis === at ? [cut.apart] : []
    })
    const cut = { axis, apart: found[0] ?? wanted.get(node.id)?.apart ?? 0 }
    const isWanted = sameCut(wanted.get(node.id), cut)
    const taken = found.length > 0 || all.every(({ value, at }) => sameCut(read.get(value), { ...cut, axis: at }))
    if (!taken || found.some((apart) => apart !== cut.apart)) continue
    const narrow = all.every(({ value, at }) => held.has(value) || isNarrow(definition(value).type.dims, at))
    if (isWanted || (narrow && elementwise.has(node.op))) return cut
  }
  return undefined
}

/** Whether a value has one number at each position of an axis, for each sample or for all of them. */
const isNarrow = (dims: readonly Dim[], axis: number): boolean =>
  dims.every((dim, at) => at === axis || isBatch(dim) || isOne(dim))

/** What holds the values in phases while a model is written. */
export interface Phases {
  /** Both phases of a value, as it is held or taken apart; `clean` where zeros are wanted behind the end. */
  of(value: ValueId, cut: Cut, clean: boolean): Phased
  /** The rows at `place` from where each tile begins; zeros outside. */
  rowsAt(value: ValueId, cut: Cut, place: number): string
  /** Holds a value that is there in phases. */
  keep(node: AnyNode, phased: Phased): Parted
  /** Holds a node's value: what `make` gives for each phase. */
  hold(node: AnyNode, cut: Cut, operands: readonly Operand[], make: Make): Parted
  /**
   * A sum along an axis that an operand is held in phases of: that of each, and of both. Undefined for other nodes, and
   * where an operand is wide and would have to be taken apart for this alone.
   */
  sum(node: AnyNode, operands: readonly Operand[], make: Make): string | undefined
}

export function createPhases({ read }: Plan, names: PartNames, e: Emission): Phases {
  const held = new Map<ValueId, Phased>()
  const heldSo = (value: ValueId, cut: Cut, clean: boolean): Phased | undefined => {
    const own = held.get(value)
    return own && sameCut(own, cut) && (own.clean || !clean) ? own : undefined
  }
  const of: Phases['of'] = (value, cut, clean) =>
    heldSo(value, cut, clean) ?? {
      ...cut,
      phases: [gatherRows(value, cut, 0, e), gatherRows(value, cut, cut.apart, e)],
      clean: true,
    }
  const keep: Phases['keep'] = ({ id, type }, phased) => {
    held.set(id, phased)
    return { whole: () => joinPhases(phased, type, e) }
  }
  /** An operand in a phase. */
  const inPhase = ({ id, type }: Operand, { axis, apart, phases }: Phased, k: 0 | 1): Operand => ({
    id,
    name: phases[k],
    type: withAxis(type, axis, phaseRows(type.dims[axis] as Dim, apart)),
  })

  const hold: Phases['hold'] = (node, { axis, apart }, operands, make) => {
    const rank = node.type.dims.length
    const dim = node.type.dims[axis] as Dim
    const at = new Map(carriers(node, axis, e.definition).map((carrier) => [carrier.value, carrier.at]))
    const phasedOf = (value: ValueId): Phased | undefined => {
      const { dims } = e.definition(value).type
      // A lowering may look through its operands; what it finds has the node's axes.
      const own = at.get(value) ?? (node.op === 'contract' ? -1 : axis - (rank - dims.length))
      const carries = own >= 0 && dims[own] !== undefined && sameDim(dims[own], dim)
      return carries ? of(value, { axis: own, apart }, false) : undefined
    }
    const made = { ...node, type: withAxis(node.type, axis, phaseRows(dim, apart)) }
    const phases = ([0, 1] as const).map((k) => {
      const own = operands.map((operand) => {
        const phased = phasedOf(operand.id)
        return phased ? inPhase(operand, phased, k) : operand
      })
      return names.within(
        (value) => phasedOf(value)?.phases[k],
        () => make(made, own),
      )
    }) as [string, string]
    const all = node.operands.map((value) => phasedOf(value)?.clean ?? false)
    const product = node.op === 'mul' || node.op === 'contract'
    const clean = product ? all.includes(true) : zeroForZero.has(node.op) && !all.includes(false)
    return keep(node, { axis, apart, phases, clean })
  }

  /** How each operand of a sum over an axis is cut. */
  const cutsSummed = (node: AnyNode, operands: readonly Operand[]): Cut[] | undefined => {
    if (node.op === 'sum') {
      const own = held.get(node.operands[0] as ValueId)
      return own?.clean && (node as Node<'sum'>).attributes.axes.includes(own.axis) ? [own] : undefined
    }
    if (node.op !== 'contract') return undefined
    const { left, right, out } = (node as Node<'contract'>).attributes
    const labels = [left, right]
    for (const [side, operand] of operands.entries()) {
      const own = held.get(operand.id)
      const label = own && labels[side]?.[own.axis]
      if (!own || label === undefined || out.includes(label)) continue
      const other = operands[1 - side] as Operand
      const cut = { axis: labels[1 - side]?.indexOf(label) ?? -1, apart: own.apart }
      if (cut.axis < 0) continue
      const ready = sameCut(held.get(other.id) ?? read.get(other.id), cut)
      if (ready || isNarrow(other.type.dims, cut.axis)) return side === 0 ? [own, cut] : [cut, own]
    }
    return undefined
  }
  const sum: Phases['sum'] = (node, operands, make) => {
    const cuts = cutsSummed(node, operands)
    if (!cuts) return undefined
    // Zeros on one side are enough.
    const [first, ...rest] = operands.map(({ id }, k) => [id, cuts[k] as Cut] as const)
    const one = of(...(first as [ValueId, Cut]), false)
    const parts = [one, ...rest.map(([id, cut]) => of(id, cut, !one.clean))]
    const sums = ([0, 1] as const).map((k) =>
      make(
        node,
        operands.map((operand, i) => inPhase(operand, parts[i] as Phased, k)),
      ),
    )
    return e.op('Add', sums, {}, node.type)
  }

  return {
    of,
    rowsAt: (value, cut, place) => {
      const steps = place / cut.apart
      const own = heldSo(value, cut, true)
      if (!own || !Number.isInteger(steps)) return gatherRows(value, cut, place, e)
      const phase = own.phases[steps % 2 === 0 ? 0 : 1]
      return shiftTiles(phase, cut, Math.floor(steps / 2), e.definition(value).type, e)
    },
    keep,
    hold,
    sum,
  }
}
