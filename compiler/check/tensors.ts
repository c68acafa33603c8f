/** Work on tensor values: equal shapes, index ranges, and giving a value a definition of its own. */
import { shapes } from '../diagnostics/catalogue/shapes.ts'
import { type Dim, formatDim, isBatch, isRagged, lengthNames, sameDim } from '../shapes/dim.ts'
import { atMost, compareDims, normaliseDim } from '../shapes/facts.ts'
import type { Span } from '../syntax/ast.ts'
import {
  type Context,
  type IndexSlot,
  lineAt,
  newDef,
  newVars,
  type Run,
  report,
  slotVars,
  type Use,
} from './context.ts'
import { type Core, type Def, dimNumber, freeVars, type IndexVar, type Leaf, number, readIndex } from './core.ts'
import { type Axis, axisOf, describe, describeAxes, flatDims, poison, type TensorValue, type Value } from './value.ts'

/** A number or tensor as a tensor; anything else is reported. */
export function toTensor(context: Context, value: Value, span: Span): TensorValue | undefined {
  switch (value.kind) {
    case 'tensor':
      return value
    case 'number':
      return scalar(dimNumber(value.dim, context.sample))
    case 'real':
      return scalar(number(value.value))
    case 'poison':
      return undefined
    case 'instance':
    case 'tuple':
      report(context, shapes.notAValue, span, { got: describe(value), wants: 'a number or a tensor' })
      return undefined
  }
}

export const scalar = (core: Core): TensorValue => ({ kind: 'tensor', axes: [], at: () => core, below: undefined })

/** Whether two axes have the same extent for every length; undefined where an error was reported. */
function sameAxis(context: Context, a: Axis, b: Axis): 'equal' | 'different' | 'unknown' {
  if (a.batch !== b.batch || a.dims.length !== b.dims.length) return 'different'
  let result: 'equal' | 'different' | 'unknown' = 'equal'
  a.dims.forEach((dim, k) => {
    const compared = compareDims(dim, b.dims[k] as Dim, context.run.facts)
    if (compared !== 'equal' && result !== 'different') result = compared
  })
  return result
}

/** Compares two lists of axes; gives the first pair that differs. */
export function compareAxes(
  context: Context,
  a: readonly Axis[],
  b: readonly Axis[],
): { kind: 'equal' } | { kind: 'rank' } | { kind: 'different' | 'unknown'; axis: number } {
  if (a.length !== b.length) return { kind: 'rank' }
  for (let k = 0; k < a.length; k++) {
    const compared = sameAxis(context, a[k] as Axis, b[k] as Axis)
    if (compared !== 'equal') return { kind: compared, axis: k }
  }
  return { kind: 'equal' }
}

/** Where the lengths in a dim come from, for notes: `frames` (input speech). */
export function dimOrigin(context: Context, dim: Dim): string {
  const origins = lengthNames(dim).flatMap((name) => {
    const origin = context.run.origins.get(name)
    return origin ? [`${origin.text}, line ${lineAt(context.run, origin.span)}`] : []
  })
  return `\`${formatDim(dim)}\`${origins.length ? ` (${origins.join(', ')})` : ''}`
}

const mappedNote = (context: Context, axis: Axis, { block, span }: Use): string => {
  const over = flatDims([axis]).map(formatDim).join(', ')
  return `block \`${block.name.name}\` was mapped over \`${over}\` (line ${lineAt(context.run, span)})`
}

/** Notes on two lists of axes that are not equal: which axis, what it is on each side, what was mapped over it. */
export function clashNotes(context: Context, a: readonly Axis[], b: readonly Axis[]): string[] {
  const compared = compareAxes(context, a, b)
  const notes: string[] = []
  if (compared.kind === 'rank')
    notes.push(`one has ${a.length} ${a.length === 1 ? 'axis' : 'axes'}, the other ${b.length}`)
  else if (compared.kind !== 'equal') {
    const left = a[compared.axis] as Axis
    const right = b[compared.axis] as Axis
    const text = (axis: Axis): string =>
      axis.batch ? '`batch`' : axis.dims.map((d) => dimOrigin(context, d)).join(', ')
    notes.push(`axis ${compared.axis}: ${text(left)} is not ${text(right)}`)
  }
  const concerned =
    compared.kind === 'rank'
      ? [...a, ...b]
      : compared.kind === 'equal'
        ? []
        : [a, b].flatMap((axes) => axes.slice(compared.axis, compared.axis + 1))
  const mapped = concerned.find((axis) => axis.mappedBy)
  if (mapped?.mappedBy) notes.push(mappedNote(context, mapped, mapped.mappedBy))
  return notes
}

/** The axes that are left where each length is pooled. */
export const pooledAxes = (axes: readonly Axis[]): Axis[] =>
  axes.filter((axis) => axis.batch || !axis.dims.some(isRagged))

/** Help where a length stands among axes that would fit if it were pooled. */
export function missingPooling(axes: readonly Axis[]): string {
  const mapped = axes.find((axis) => axis.mappedBy)?.mappedBy
  return mapped
    ? `a pooling may be missing before \`${mapped.block.name.name}\`: \`… |> MeanPool() |> …\``
    : 'a pooling may be missing: `… |> MeanPool()`'
}

/** Help where axes would be those wanted if the lengths among them were pooled; none where they would not. */
export function poolingHelp(context: Context, wanted: readonly Axis[], got: readonly Axis[]): string[] {
  const kept = pooledAxes(got)
  return kept.length < got.length && compareAxes(context, wanted, kept).kind === 'equal' ? [missingPooling(got)] : []
}

/** Reports that two dims that had to be equal are not, or that it cannot be told. */
export function reportCannotTell(context: Context, span: Span, a: Dim, b: Dim): void {
  const left = formatDim(a)
  const right = formatDim(b)
  report(context, shapes.cannotTell, span, { left, right, require: `${left} == ${right}` })
}

/** A tensor and where it was written. */
export interface Placed {
  readonly tensor: TensorValue
  readonly span: Span
}

/** Help where two values have lengths of their own. */
export const poolBoth = 'pool both over time first: `MeanPool()(…)`'

/** Whether two operands agree on axes that must be equal: all, or those before the last; reports where they do not. */
export function sameShapes(
  context: Context,
  op: string,
  left: Placed,
  right: Placed,
  which: 'all' | 'before the last' = 'all',
): boolean {
  const all = which === 'all'
  const [a, b] = [left, right].map(({ tensor }) => (all ? tensor.axes : tensor.axes.slice(0, -1))) as [Axis[], Axis[]]
  const compared = compareAxes(context, a, b)
  if (compared.kind === 'equal') return true
  if (compared.kind === 'unknown') {
    const k = compared.axis
    const span = { ...right.span, start: Math.min(left.span.start, right.span.start) }
    reportCannotTell(context, span, flatDims([a[k] as Axis])[0] as Dim, flatDims([b[k] as Axis])[0] as Dim)
    return false
  }
  const clash = compared.kind === 'rank' ? [] : [a[compared.axis] as Axis, b[compared.axis] as Axis]
  const lengths = clash.length > 0 && clash.every((axis) => !axis.batch && axis.dims.some(isRagged))
  const equation = 'only a scalar goes with any shape; for others write an equation: `y[j, p] = a[j, p] + b[p]`'
  const text = (axes: readonly Axis[]): string => (axes.length > 0 ? describeAxes(axes) : 'none')
  const [shorter, longer] = a.length < b.length ? [a, b] : [b, a]
  const rank = compared.kind === 'rank'
  report(context, shapes.unequalShapes, left.span, {
    op,
    needs: all ? 'equal shapes' : `equal axes before the last: ${text(a)} and ${text(b)}`,
    left: describe(left.tensor),
    right: describe(right.tensor),
    rightSpan: right.span,
    notes: rank ? clashNotes(context, left.tensor.axes, right.tensor.axes) : clashNotes(context, a, b),
    help: lengths ? [poolBoth] : rank ? [...poolingHelp(context, shorter, longer), ...(all ? [equation] : [])] : [],
  })
  return false
}

/** An operation on elements: operands of equal shapes, or scalars with anything. */
export function elementwise(
  context: Context,
  op: string,
  operands: readonly { value: Value; span: Span }[],
  combine: (elements: readonly Core[]) => Core,
): Value {
  const tensors: Placed[] = []
  for (const { value, span } of operands) {
    const tensor = toTensor(context, value, span)
    if (!tensor) return poison
    tensors.push({ tensor, span })
  }
  const shaped = tensors.filter(({ tensor }) => tensor.axes.length > 0)
  const first = shaped[0]
  for (const other of shaped.slice(1)) if (first && !sameShapes(context, op, first, other)) return poison
  const axes = first?.tensor.axes ?? []
  return {
    kind: 'tensor',
    axes,
    at: (indices) => combine(tensors.map(({ tensor }) => tensor.at(tensor.axes.length > 0 ? indices : []))),
    below: undefined,
  }
}

/**
 * Whether a value needs no definition of its own: zero, a plain number, or a read of a definition at distinct
 * variables. One of its own axes must be an axis there, of the same extent: what lies outside is the same then.
 */
function isTrivial(core: Core, own: readonly IndexVar[]): boolean {
  if (core.kind === 'number') return own.length === 0 || core.value === 0
  if (core.kind !== 'read') return false
  const { def, at } = core
  const seen = new Map<IndexVar, IndexVar>()
  for (const [k, index] of at.entries()) {
    if (index.kind !== 'index' || seen.has(index.of)) return false
    seen.set(index.of, def.axes[k] as IndexVar)
  }
  return own.every((v) => {
    const extent = seen.get(v)?.dim
    return extent !== undefined && v.dim !== undefined && sameDim(extent, v.dim)
  })
}

/** Variables in the order that axes are laid out in: samples first, then as they were made. */
export const axisOrder = (vars: Iterable<IndexVar>): IndexVar[] => {
  const rank = (v: IndexVar): number => (v.dim && isBatch(v.dim) ? 0 : 1)
  return [...vars].sort((a, b) => rank(a) - rank(b) || a.id - b.id)
}

/**
 * Gives a tensor a definition, so that it is computed once; what is only a read of one stays as it is. The definition
 * is made when it is first read or when `settleAll` is called, so that checking alone makes none but in long specs.
 */
export function materialise(context: Context, tensor: TensorValue, span: Span, label?: string): TensorValue {
  const { run } = context
  const own = newVars(run, label ?? 'i', flatDims(tensor.axes), context.sample)
  let made: TensorValue['at'] | undefined
  const settle = (): TensorValue['at'] => {
    if (made) return made
    const body = tensor.at(own.map(readIndex))
    if (isTrivial(body, own)) made = tensor.at
    else {
      const free = freeVars(body)
      for (const v of own) free.delete(v)
      for (const v of own) if (v.sample && !own.includes(v.sample)) free.add(v.sample)
      const outer = axisOrder(free)
      const def = newDef(context, { label, axes: [...outer, ...own], below: tensor.below, body, span })
      const prefix = outer.map(readIndex)
      made = (indices) => ({ kind: 'read', def, at: [...prefix, ...indices] })
    }
    return made
  }
  // A definition that reads the one before makes that first, and so on: of a long chain the stack would overflow.
  if (run.unsettled.length >= longestChain) settleAll(run)
  run.unsettled.push(settle)
  return { ...tensor, at: (indices) => settle()(indices) }
}

const longestChain = 512

/** Makes the definitions that are waiting, in the order in which they were asked for, so that no chain grows deep. */
export function settleAll(run: Run): void {
  for (const settle of run.unsettled) settle()
  run.unsettled.length = 0
}

/** A definition without a body as a tensor; `lead` variables stand before its own axes. */
export function leafTensor(
  context: Context,
  leaf: Leaf,
  parts: { label: string; dims: readonly Dim[]; lead: readonly IndexVar[]; below?: Dim | undefined; span: Span },
): { tensor: TensorValue; def: Def } {
  const own = newVars(context.run, parts.label, parts.dims, parts.lead[0])
  const def = newDef(context, {
    label: parts.label,
    axes: [...parts.lead, ...own],
    below: parts.below,
    body: leaf,
    span: parts.span,
  })
  const prefix = parts.lead.map(readIndex)
  return {
    def,
    tensor: {
      kind: 'tensor',
      axes: parts.dims.map(axisOf),
      at: (indices) => ({ kind: 'read', def, at: [...prefix, ...indices] }),
      below: parts.below,
    },
  }
}

/** A bare use of an index on an axis gives it the axis' range, or must agree with the range that it has. */
export function useOnAxis(context: Context, slot: IndexSlot, axis: Axis, span: Span): readonly IndexVar[] | undefined {
  if (!slot.vars) {
    slot.vars = newVars(context.run, slot.name, axis.dims, slot.sample)
    slot.batch = axis.batch
    slot.ranged = { span, stated: false }
    return slot.vars
  }
  if (axis.batch && slot.asNumber) {
    report(context, shapes.batchIndex, slot.asNumber, { index: slot.name })
    return undefined
  }
  const vars = slot.vars
  if (vars.length === 1 && !vars[0]?.dim && axis.dims.length === 1) {
    const only = vars[0] as IndexVar
    only.dim = normaliseDim(axis.dims[0] as Dim, context.run.facts)
    slot.batch = axis.batch
    slot.ranged = { span, stated: false }
    return vars
  }
  const mine = describeSlot(slot)
  const clash = (): undefined => {
    report(context, shapes.indexRange, span, {
      index: slot.name,
      one: mine,
      other: describeAxes([axis]).slice(1, -1),
      first: slot.ranged?.span,
      notes:
        axis.dims.length === 1 && vars[0]?.dim
          ? [`${dimOrigin(context, vars[0].dim)} is not ${dimOrigin(context, axis.dims[0] as Dim)}`]
          : [],
    })
    return undefined
  }
  if (slot.batch !== axis.batch || vars.length !== axis.dims.length) return clash()
  for (let k = 0; k < vars.length; k++) {
    const range = vars[k]?.dim as Dim
    const extent = axis.dims[k] as Dim
    const compared = compareDims(range, extent, context.run.facts)
    if (compared === 'equal') continue
    if (slot.ranged?.stated && atMost(range, extent, context.run.facts) === 'yes') continue
    if (compared === 'unknown' && !slot.ranged?.stated) {
      reportCannotTell(context, span, range, extent)
      return undefined
    }
    return clash()
  }
  return vars
}

const describeSlot = (slot: IndexSlot): string =>
  slot.batch ? 'batch' : (slot.vars ?? []).map((v) => (v.dim ? formatDim(v.dim) : '?')).join(', ')

/** The slot's variables where it stands for a number, `sin(p)`: one variable, never a batch. */
export function slotNumber(context: Context, slot: IndexSlot, span: Span): Core | undefined {
  const vars = slotVars(context.run, slot)
  if (slot.batch || vars.length !== 1) {
    report(context, shapes.batchIndex, span, { index: slot.name })
    return undefined
  }
  slot.asNumber ??= span
  return readIndex(vars[0] as IndexVar)
}
