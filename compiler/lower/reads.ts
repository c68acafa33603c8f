/** Reads of a definition at index expressions: relabelling, windows, reshapes, and gathers for the rest. */
import { type Core, type Def, type IndexVar, substitute } from '../check/core.ts'
import {
  constantDim,
  constantOf,
  type Dim,
  isRagged,
  mulDim,
  oneDim,
  sameDim,
  staticSize,
  subDim,
} from '../shapes/dim.ts'

import { type Affine, alwaysBelow, neverNegative, toAffine } from './affine.ts'
import { type Lowering, lengthTerm, lower, lowerDef } from './lower.ts'
import { isSample, pointwise, rangeOf, spread, type Term } from './terms.ts'

type Read = Extract<Core, { kind: 'read' }>

/** How one axis of the definition is read. */
type AxisRead =
  | { readonly kind: 'bare'; readonly to: IndexVar }
  | { readonly kind: 'window'; readonly to: IndexVar | undefined; readonly affine: Affine; readonly stride: number }
  | { readonly kind: 'split'; readonly outer: IndexVar; readonly inner: IndexVar }
  | { readonly kind: 'gather'; readonly index: Core }

/** Classifies the index expression on one axis; `taken` are variables that stand on another axis of this read. */
function classify(index: Core, formal: IndexVar, taken: ReadonlySet<IndexVar>): AxisRead {
  const extent = rangeOf(formal)
  const affine = toAffine(index)
  if (!affine) return { kind: 'gather', index }
  const factors = [...affine.factors]
  const [first, second] = factors
  if (factors.some(([v]) => taken.has(v))) return { kind: 'gather', index }
  if (!first) return isSample(formal) ? { kind: 'gather', index } : { kind: 'window', to: undefined, affine, stride: 1 }
  if (!second) {
    const [to, stride] = first
    if (stride === 1 && constantOf(affine.offset)?.n === 0n) {
      if (isSample(formal) || sameDim(rangeOf(to), extent)) return { kind: 'bare', to }
      return { kind: 'window', to, affine, stride: 1 }
    }
    return stride > 0 ? { kind: 'window', to, affine, stride } : { kind: 'gather', index }
  }
  if (factors.length === 2 && constantOf(affine.offset)?.n === 0n) {
    for (const [[outer, step], [inner, one]] of [
      [first, second],
      [second, first],
    ] as const)
      if (
        one === 1 &&
        sameDim(rangeOf(inner), constantDim(step)) &&
        sameDim(mulDim(rangeOf(outer), constantDim(step)), extent)
      )
        return { kind: 'split', outer, inner }
  }
  return { kind: 'gather', index }
}

/** Whether a read's index on some axis runs over several variables in a way that unrolling one of them would mend. */
export function overlapping(read: Read, formal: number): IndexVar[] {
  const index = read.at[formal] as Core
  const affine = toAffine(index)
  if (!affine || affine.factors.size < 2) return []
  const kind = classify(index, read.def.axes[formal] as IndexVar, new Set()).kind
  return kind === 'gather' ? [...affine.factors.keys()] : []
}

/** The value of `def` at index expressions. A read outside the sample is zero. */
export function lowerRead(low: Lowering, read: Read): Term {
  const { def } = read
  const source = lowerDef(low, def)
  const bare = new Set<IndexVar>()
  const reads = def.axes.map((formal, k): AxisRead => {
    const index = read.at[k] as Core
    const how = classify(index, formal, bare)
    if (how.kind === 'bare') bare.add(how.to)
    return how
  })
  // A variable that a bare axis took later must not be taken by a window before it.
  const settled = reads.map((how, k): AxisRead => {
    const vars =
      how.kind === 'window' ? [...how.affine.factors.keys()] : how.kind === 'split' ? [how.outer, how.inner] : []
    return vars.some((v) => bare.has(v)) ? { kind: 'gather', index: read.at[k] as Core } : how
  })
  const used = new Set<IndexVar>(bare)
  const final = settled.map((how, k): AxisRead => {
    const vars =
      how.kind === 'window' ? [...how.affine.factors.keys()] : how.kind === 'split' ? [how.outer, how.inner] : []
    if (vars.some((v) => used.has(v))) return { kind: 'gather', index: read.at[k] as Core }
    for (const v of vars) used.add(v)
    return how
  })

  const simple = final.every((how) => how.kind === 'bare')
  if (simple) {
    const by = new Map(def.axes.map((formal, k) => [formal, (final[k] as { to: IndexVar }).to]))
    return { id: source.id, axes: source.axes.map((v) => by.get(v) as IndexVar) }
  }
  return arrangedRead(low, def, source, final)
}

/** A slot of the term under construction: an axis of the definition still to be read, or a variable. */
type Slot = { readonly formal: IndexVar } | { readonly to: IndexVar }

function arrangedRead(low: Lowering, def: Def, source: Term, reads: readonly AxisRead[]): Term {
  const { b } = low
  const howOf = new Map(def.axes.map((formal, k) => [formal, reads[k] as AxisRead]))
  // An axis that the value does not vary with still has an outside: it is spread before it is read at an offset.
  const needed = def.axes.filter((formal) => !source.axes.includes(formal) && howOf.get(formal)?.kind !== 'bare')
  let term = source
  if (needed.length > 0) {
    const owners = needed.flatMap((v) => (isRagged(rangeOf(v)) && v.sample ? [v.sample] : []))
    const order = def.axes.filter((v) => source.axes.includes(v) || needed.includes(v) || owners.includes(v))
    term = { id: spread(b, source, order), axes: order }
  }
  let id = term.id
  let slots: Slot[] = term.axes.map((formal) => {
    const how = howOf.get(formal) as AxisRead
    return how.kind === 'bare' ? { to: how.to } : { formal }
  })
  const find = (formal: IndexVar): number => slots.findIndex((slot) => 'formal' in slot && slot.formal === formal)

  for (const [formal, how] of howOf) {
    const axis = find(formal)
    if (axis < 0) continue
    if (how.kind === 'window') {
      const to = how.to
      id = b.window(id, {
        axis,
        offset: how.affine.offset,
        stride: how.stride,
        dilation: 1,
        dim: to ? rangeOf(to) : oneDim,
      })
      if (to) slots[axis] = { to }
      else {
        id = b.reshape(
          id,
          b.dimsOf(id).filter((_, k) => k !== axis),
        )
        slots = slots.filter((_, k) => k !== axis)
      }
    } else if (how.kind === 'split') {
      const dims = b
        .dimsOf(id)
        .flatMap((dim, k): readonly Dim[] => (k === axis ? [rangeOf(how.outer), rangeOf(how.inner)] : [dim]))
      id = b.reshape(id, dims)
      slots = slots.flatMap((slot, k): Slot[] => (k === axis ? [{ to: how.outer }, { to: how.inner }] : [slot]))
    }
  }
  const masks: Term[] = []
  for (const [formal, how] of howOf) {
    const axis = find(formal)
    if (how.kind !== 'gather' || axis < 0) continue
    const made = gatherAxis(low, id, slots, axis, formal, how.index)
    id = made.id
    slots = made.slots
    if (made.inside) masks.push(made.inside)
  }
  let result: Term = { id, axes: slots.map((slot) => ('to' in slot ? slot.to : slot.formal)) }
  const isIds = b.typeOf(id).dtype === 'i64'
  for (const inside of masks) {
    if (isIds) result = { ...result, id: b.cast(result.id, 'f32') }
    result = pointwise(b, [inside, result], ([c, x]) => b.select(c as number, x as number, b.constant(0)))
  }
  return result
}

/** Reads one axis at positions that are computed; outside the sample the result is masked by `inside`. */
function gatherAxis(
  low: Lowering,
  id: number,
  slots: readonly Slot[],
  axis: number,
  formal: IndexVar,
  index: Core,
): { id: number; slots: Slot[]; inside: Term | undefined } {
  const { b, facts } = low
  const extent = rangeOf(formal)
  const direct = index.kind === 'read' ? lowerRead(low, index) : undefined
  const exact = direct && b.typeOf(direct.id).dtype === 'i64' ? direct : undefined
  const position = exact ?? lower(low, index)
  const fits = neverNegative(index, facts) && alwaysBelow(index, extent, facts)

  const present = slots.map((slot) => ('to' in slot ? slot.to : undefined))
  // The owner of a ragged axis shares its sample with the positions read.
  const sampleSlot = slots.findIndex((slot) => 'to' in slot && isSample(slot.to))
  const sample = sampleSlot >= 0 ? (slots[sampleSlot] as { to: IndexVar }).to : undefined
  let inside: Term | undefined
  let where = position
  if (!fits) {
    const top = lengthTerm(low, subDim(extent, oneDim), sample ?? formal.sample)
    const number_ = exact ? { ...position, id: b.cast(position.id, 'f32') } : position
    inside = pointwise(b, [number_, top], ([p, t]) =>
      b.and(b.lessEqual(b.constant(0), p as number), b.lessEqual(p as number, t as number)),
    )
    where = pointwise(b, [number_, top], ([p, t]) => b.max(b.min(p as number, t as number), b.constant(0)))
  }
  let ids = b.typeOf(where.id).dtype === 'i64' ? where : { ...where, id: b.cast(where.id, 'i64') }

  const shared = present.filter((v): v is IndexVar => v !== undefined && ids.axes.includes(v))
  if (sample && !shared.includes(sample) && isRagged(extent)) {
    const order = [sample, ...ids.axes]
    ids = { id: spread(b, ids, order), axes: order }
    shared.unshift(sample)
  }
  shared.sort((x, y) => Number(isSample(y)) - Number(isSample(x)))
  const fresh = ids.axes.filter((v) => !shared.includes(v))
  fresh.sort((x, y) => Number(isSample(y)) - Number(isSample(x)))
  const rest = slots.filter((slot, k) => k !== axis && !('to' in slot && shared.includes(slot.to)))
  const sharedAt = shared.map((v) => slots.findIndex((slot) => 'to' in slot && slot.to === v))
  const restAt = rest.map((slot) => slots.indexOf(slot))
  const moved = b.transpose(id, [...sharedAt, axis, ...restAt])
  const arranged = spread(b, ids, [...shared, ...fresh])
  return {
    id: b.gather(moved, arranged, shared.length),
    slots: [...shared.map((to) => ({ to })), ...fresh.map((to) => ({ to })), ...rest],
    inside,
  }
}

/** The expression with a static variable at each of its positions, for unrolling. */
export const unrolled = (core: Core, v: IndexVar): Core[] =>
  Array.from({ length: staticSize(rangeOf(v)) as number }, (_, k) =>
    substitute(core, new Map([[v, { kind: 'number', value: k }]])),
  )
