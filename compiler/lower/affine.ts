/** Index expressions as sums of multiples of variables, and what is known of their range. */
import type { Core, IndexVar } from '../check/core.ts'
import {
  addDim,
  constantDim,
  constantOf,
  type Dim,
  negateDim,
  oneDim,
  scaleDim,
  subDim,
  zeroDim,
} from '../shapes/dim.ts'
import { atMost, type Facts } from '../shapes/facts.ts'
import { rational, toNumber } from '../shapes/rational.ts'
import { rangeOf } from './terms.ts'

export interface Affine {
  /** Whole factors, none 0. */
  readonly factors: ReadonlyMap<IndexVar, number>
  readonly offset: Dim
}

/** The expression as an affine form, or undefined. */
export function toAffine(core: Core): Affine | undefined {
  switch (core.kind) {
    case 'number':
      return Number.isInteger(core.value) ? { factors: new Map(), offset: constantDim(core.value) } : undefined
    case 'dim':
      return { factors: new Map(), offset: core.dim }
    case 'index':
      return { factors: new Map([[core.of, 1]]), offset: zeroDim }
    case 'unary': {
      const a = core.op === 'neg' ? toAffine(core.a) : undefined
      return a && scale(a, -1)
    }
    case 'binary': {
      const a = toAffine(core.a)
      const b = toAffine(core.b)
      if (!a || !b) return undefined
      if (core.op === 'add') return add(a, b)
      if (core.op === 'sub') return add(a, scale(b, -1))
      if (core.op === 'mul') {
        const x = plain(a)
        const y = plain(b)
        return x !== undefined ? scale(b, x) : y !== undefined ? scale(a, y) : undefined
      }
      return undefined
    }
    default:
      return undefined
  }
}

const plain = (a: Affine): number | undefined => {
  const value = a.factors.size === 0 ? constantOf(a.offset) : undefined
  return value && toNumber(value)
}

function add(a: Affine, b: Affine): Affine {
  const factors = new Map(a.factors)
  for (const [v, k] of b.factors) factors.set(v, (factors.get(v) ?? 0) + k)
  for (const [v, k] of factors) if (k === 0) factors.delete(v)
  return { factors, offset: addDim(a.offset, b.offset) }
}

const scale = (a: Affine, by: number): Affine =>
  by === 0
    ? { factors: new Map(), offset: zeroDim }
    : { factors: new Map([...a.factors].map(([v, k]) => [v, k * by])), offset: scaleDim(a.offset, rational(by)) }

/** Whether an index is never negative, as far as can be told. */
export function neverNegative(core: Core, facts: Facts): boolean {
  switch (core.kind) {
    case 'number':
      return core.value >= 0
    case 'dim':
      return atMost(zeroDim, core.dim, facts) === 'yes'
    case 'index':
      return true
    case 'read':
      return core.def.below !== undefined
    case 'binary':
      if (core.op === 'max') return neverNegative(core.a, facts) || neverNegative(core.b, facts)
      // min(max(e, 0), t - 1): a sample of length 0 has no position to read at.
      if (core.op === 'min')
        return neverNegative(core.a, facts) && (neverNegative(core.b, facts) || isLastPosition(core.b))
      return (core.op === 'add' || core.op === 'mul') && neverNegative(core.a, facts) && neverNegative(core.b, facts)
    default:
      return false
  }
}

const isLastPosition = (core: Core): boolean => {
  const affine = toAffine(core)
  return affine !== undefined && affine.factors.size === 0 && constantOf(affine.offset) === undefined
}

/** Whether an index is always below `extent`, as far as can be told. */
export function alwaysBelow(core: Core, extent: Dim, facts: Facts): boolean {
  if (core.kind === 'read') return core.def.below !== undefined && atMost(core.def.below, extent, facts) === 'yes'
  if (core.kind === 'binary' && core.op === 'min')
    return alwaysBelow(core.a, extent, facts) || alwaysBelow(core.b, extent, facts)
  if (core.kind === 'binary' && core.op === 'max')
    return alwaysBelow(core.a, extent, facts) && alwaysBelow(core.b, extent, facts)
  const affine = toAffine(core)
  if (!affine) return false
  let top = affine.offset
  for (const [v, k] of affine.factors) {
    if (k > 0) top = addDim(top, scaleDim(subDim(rangeOf(v), oneDim), rational(k)))
  }
  return atMost(addDim(top, oneDim), extent, facts) === 'yes' || negativeGap(top, extent)
}

const negativeGap = (top: Dim, extent: Dim): boolean => {
  const gap = constantOf(addDim(extent, negateDim(top)))
  return gap !== undefined && gap.n > 0n
}
