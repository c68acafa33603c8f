/** Lowers core definitions to the graph: element-wise expressions, reductions as contractions, reads as windows and gathers. */
import { type Core, type Def, type IndexVar, isLeaf } from '../check/core.ts'
import type { Builder } from '../ir/builder.ts'
import type { TensorType, Variable } from '../ir/graph.ts'
import { type Dim, isRagged, productDims, staticSize } from '../shapes/dim.ts'
import type { Facts } from '../shapes/facts.ts'
import { lowerSum } from './contraction.ts'
import { lowerRead } from './reads.ts'
import { arrange, isSample, pointwise, rangeOf, spread, type Term } from './terms.ts'

/** Far below every score, and still finite in f32: what a position that does not count scores. */
export const FAR_BELOW = -1e30

export interface Lowering {
  readonly b: Builder
  readonly facts: Facts
  readonly terms: Map<Def, Term>
  readonly variables: Map<string, Variable>
}

export const createLowering = (b: Builder, facts: Facts): Lowering => ({
  b,
  facts,
  terms: new Map(),
  variables: new Map(),
})

/** The value of a definition; each is lowered once. */
export function lowerDef(low: Lowering, def: Def): Term {
  const known = low.terms.get(def)
  if (known) return known
  const where = { scope: def.scope, label: def.label, span: def.span }
  const inner: Lowering = { ...low, b: low.b.in(where) }
  const term = isLeaf(def.body) ? lowerLeaf(inner, def) : lower(inner, def.body)
  low.terms.set(def, term)
  return term
}

function lowerLeaf(low: Lowering, def: Def): Term {
  const body = def.body
  if (!isLeaf(body)) throw new Error('internal: not a leaf')
  const dims = def.axes.map(rangeOf)
  const type: TensorType = { dtype: def.below ? 'i64' : 'f32', dims }
  switch (body.kind) {
    case 'input':
      return { id: low.b.input(body.name, 'data', type), axes: def.axes }
    case 'target':
      return { id: low.b.input(body.name, 'target', type), axes: def.axes }
    case 'noise':
      return { id: low.b.input(`noise.${body.name}`, 'noise', type), axes: def.axes }
    case 'param':
    case 'state': {
      const shape = dims.map((dim) => staticSize(dim) as number)
      low.variables.set(body.path, { path: body.path, role: body.kind, shape, init: body.init, span: def.span })
      return { id: low.b.input(body.path, body.kind, type), axes: def.axes }
    }
  }
}

/** The value of an expression, over the variables that it varies with. Numbers are f32. */
export function lower(low: Lowering, core: Core): Term {
  const { b } = low
  switch (core.kind) {
    case 'number':
      return { id: b.constant(core.value), axes: [] }
    case 'dim':
      return lengthTerm(low, core.dim, core.sample)
    case 'index': {
      const range = rangeOf(core.of)
      const id = b.iota(range)
      return isRagged(range) ? { id, axes: [ownerOf(core.of), core.of] } : { id, axes: [core.of] }
    }
    case 'read': {
      const term = lowerRead(low, core)
      return b.typeOf(term.id).dtype === 'i64' ? { ...term, id: b.cast(term.id, 'f32') } : term
    }
    case 'unary': {
      const a = lower(low, core.a)
      return { id: b[core.op](a.id), axes: a.axes }
    }
    case 'binary':
      return lowerBinary(low, core)
    case 'compare':
      return pointwise(b, [lower(low, core.a), lower(low, core.b)], ([x, y]) => b[core.op](x as number, y as number))
    case 'logic':
      return pointwise(b, [lowerBool(low, core.a), lowerBool(low, core.b)], ([x, y]) =>
        b[core.op](x as number, y as number),
      )
    case 'not': {
      const a = lowerBool(low, core.a)
      return { id: b.not(a.id), axes: a.axes }
    }
    case 'select': {
      const isIndicator =
        core.a.kind === 'number' && core.b.kind === 'number' && core.a.value === 1 && core.b.value === 0
      if (isIndicator) {
        const c = lowerBool(low, core.condition)
        return { id: b.cast(c.id, 'f32'), axes: c.axes }
      }
      const terms = [lowerBool(low, core.condition), lower(low, core.a), lower(low, core.b)]
      return pointwise(b, terms, ([c, x, y]) => b.select(c as number, x as number, y as number))
    }
    case 'reduce':
      return lowerReduce(low, core)
    case 'softmax':
      return lowerSoftmax(low, core)
    case 'concat': {
      const parts = core.parts.map((part) => ({ term: lower(low, part.body), of: part.of }))
      const others = jointOthers(parts.map(({ term, of }) => term.axes.filter((v) => v !== of)))
      const ids = parts.map(({ term, of }) => spread(b, term, [...others, of]))
      return { id: b.concat(ids, others.length), axes: [...others, core.along] }
    }
    case 'flatten': {
      const term = lower(low, core.body)
      const others = term.axes.filter((v) => !core.over.includes(v))
      const first = core.over[0]
      if (first && isRagged(rangeOf(first)) && !others.includes(ownerOf(first))) others.unshift(ownerOf(first))
      const id = spread(b, term, [...others, ...core.over])
      const dims = [...others.map(rangeOf), productDims(core.over.map(rangeOf))]
      return { id: b.reshape(id, dims), axes: [...others, core.along] }
    }
  }
}

/** The axes of several lists, each once, samples first. */
function jointOthers(lists: readonly (readonly IndexVar[])[]): IndexVar[] {
  const all = [...new Set(lists.flat())]
  return [...all.filter(isSample), ...all.filter((v) => !isSample(v))]
}

/** The sample that a ragged variable belongs to. */
export function ownerOf(v: IndexVar): IndexVar {
  if (!v.sample) throw new Error(`internal: the ragged index ${v.name} belongs to no sample`)
  return v.sample
}

/** The value of a dim: one number a sample where it is ragged. */
export function lengthTerm(low: Lowering, dim: Dim, sample: IndexVar | undefined): Term {
  const size = staticSize(dim)
  if (size !== undefined) return { id: low.b.constant(size), axes: [] }
  const id = low.b.length(dim)
  if (!isRagged(dim)) return { id, axes: [] }
  if (!sample) throw new Error('internal: a length without a sample')
  return { id, axes: [sample] }
}

export function lowerBool(low: Lowering, core: Core): Term {
  const term = lower(low, core)
  if (low.b.typeOf(term.id).dtype === 'bool') return term
  return { id: low.b.not(low.b.equal(term.id, low.b.constant(0))), axes: term.axes }
}

function lowerBinary(low: Lowering, core: Extract<Core, { kind: 'binary' }>): Term {
  const { b } = low
  const x = lower(low, core.a)
  const y = lower(low, core.b)
  switch (core.op) {
    case 'intDiv':
      return pointwise(b, [x, y], ([p, q]) => b.floor(b.div(p as number, q as number)))
    case 'mod':
      return pointwise(b, [x, y], ([p, q]) =>
        b.sub(p as number, b.mul(q as number, b.floor(b.div(p as number, q as number)))),
      )
    default: {
      const { op } = core
      return pointwise(b, [x, y], ([p, q]) => b[op](p as number, q as number))
    }
  }
}

/** How many positions the variables take together (those where the condition holds), at least 1 to divide by. */
export function countTerm(
  low: Lowering,
  over: readonly IndexVar[],
  condition: Core | undefined,
  atLeastOne: boolean,
): Term {
  const { b } = low
  const clamp = (term: Term): Term => (atLeastOne ? { ...term, id: b.max(term.id, b.constant(1)) } : term)
  if (condition) {
    const holds = lowerBool(low, condition)
    return clamp(sumOver(low, { id: b.cast(holds.id, 'f32'), axes: holds.axes }, over))
  }
  return clamp(sumOver(low, { id: b.constant(1), axes: [] }, over))
}

/** The sum over some of a term's own axes. */
export function sumAxes(low: Lowering, term: Term, over: readonly IndexVar[]): Term {
  const axes = over.map((v) => term.axes.indexOf(v))
  if (axes.length === 0) return term
  return { id: low.b.sum(term.id, axes, false), axes: term.axes.filter((v) => !over.includes(v)) }
}

/** The sum over variables; one that the term does not vary with counts it as often as its range. */
export function sumOver(low: Lowering, term: Term, over: readonly IndexVar[]): Term {
  const absent = over.filter((v) => !term.axes.includes(v))
  // A ragged range is counted for each sample before the samples are summed.
  const ragged = absent.filter((v) => isRagged(rangeOf(v)))
  let current = term
  for (const v of ragged) current = product(low, current, lengthTerm(low, rangeOf(v), ownerOf(v)))
  const present = over.filter((v) => current.axes.includes(v))
  current = sumAxes(low, current, present)
  for (const v of absent)
    if (!ragged.includes(v) && !present.includes(v))
      current = product(low, current, lengthTerm(low, rangeOf(v), undefined))
  return current
}

export const product = (low: Lowering, a: Term, c: Term): Term =>
  pointwise(low.b, [a, c], ([x, y]) => low.b.mul(x as number, y as number))

type Reduce = Extract<Core, { kind: 'reduce' }>

function lowerReduce(low: Lowering, core: Reduce): Term {
  const { b } = low
  switch (core.op) {
    case 'sum':
      return lowerSum(low, core.over, core.condition, core.body)
    case 'mean': {
      const total = lowerSum(low, core.over, core.condition, core.body)
      const count = countTerm(low, core.over, core.condition, true)
      return pointwise(b, [total, count], ([x, n]) => b.div(x as number, n as number))
    }
    case 'max':
      return extreme(low, core)
    case 'min': {
      const greatest = extreme(low, { ...core, body: { kind: 'unary', op: 'neg', a: core.body } })
      return { ...greatest, id: b.neg(greatest.id) }
    }
    case 'logsumexp': {
      const { shifted, top, holds } = shiftedExponentials(low, core)
      const total = sumAxes(
        low,
        shifted,
        core.over.filter((v) => shifted.axes.includes(v)),
      )
      const empty = pointwise(b, [total], ([x]) => b.lessEqual(x as number, b.constant(0)))
      const safe = pointwise(b, [empty, total], ([none, x]) => b.select(none as number, b.constant(1), x as number))
      const value = pointwise(b, [safe, top], ([x, m]) => b.add(b.log(x as number), m as number))
      const mayBeEmpty = holds || core.over.map(rangeOf).some((dim) => isRagged(dim) || staticSize(dim) === 0)
      return mayBeEmpty
        ? pointwise(b, [empty, value], ([none, x]) => b.select(none as number, b.constant(0), x as number))
        : pointwise(b, [total, top], ([x, m]) => b.add(b.log(x as number), m as number))
    }
  }
}

/** The body over all of `over`, so that each of them is an axis. */
function fullBody(low: Lowering, over: readonly IndexVar[], body: Core): Term {
  const term = lower(low, body)
  const missing = over.filter((v) => !term.axes.includes(v))
  if (missing.length === 0) return term
  const owners = missing.filter((v) => isRagged(rangeOf(v))).map(ownerOf)
  const order = jointOthers([owners, term.axes, missing])
  return { id: spread(low.b, term, order), axes: order }
}

/** The greatest value; over nothing, 0. */
function extreme(low: Lowering, core: Reduce): Term {
  const { b } = low
  const body = fullBody(low, core.over, core.body)
  if (!core.condition) return maximumOver(low, body, core.over)
  const holds = lowerBool(low, core.condition)
  const kept = pointwise(b, [holds, body], ([c, x]) => b.select(c as number, x as number, b.constant(FAR_BELOW)))
  const top = maximumOver(low, kept, core.over)
  const any = countTerm(low, core.over, core.condition, false)
  return pointwise(b, [any, top], ([n, x]) => b.select(b.less(b.constant(0), n as number), x as number, b.constant(0)))
}

function maximumOver(low: Lowering, term: Term, over: readonly IndexVar[]): Term {
  const axes = over.map((v) => term.axes.indexOf(v)).filter((at) => at >= 0)
  return { id: low.b.maximum(term.id, axes, false), axes: term.axes.filter((v) => !over.includes(v)) }
}

/** exp(x - max x) with the maximum held constant, 0 where a condition fails; and the maximum itself. */
function shiftedExponentials(
  low: Lowering,
  core: { readonly over: readonly IndexVar[]; readonly condition: Core | undefined; readonly body: Core },
): { shifted: Term; top: Term; holds: Term | undefined } {
  const { b } = low
  const body = fullBody(low, core.over, core.body)
  const holds = core.condition && lowerBool(low, core.condition)
  const kept = holds
    ? pointwise(b, [holds, body], ([c, x]) => b.select(c as number, x as number, b.constant(FAR_BELOW)))
    : body
  const greatest = maximumOver(low, kept, core.over)
  const top: Term = { ...greatest, id: b.stopGradient(greatest.id) }
  const powers = pointwise(b, [kept, top], ([x, m]) => b.exp(b.sub(x as number, m as number)))
  const shifted = holds
    ? pointwise(b, [holds, powers], ([c, x]) => b.select(c as number, x as number, b.constant(0)))
    : powers
  return { shifted, top, holds }
}

function lowerSoftmax(low: Lowering, core: Extract<Core, { kind: 'softmax' }>): Term {
  const { b } = low
  const [only] = core.over
  if (core.over.length === 1 && only && !isSample(only)) {
    const body = fullBody(low, core.over, core.body)
    const holds = core.condition && lowerBool(low, core.condition)
    const kept = holds
      ? pointwise(b, [holds, body], ([c, x]) => b.select(c as number, x as number, b.constant(FAR_BELOW)))
      : body
    // The axis that is normalised over stands last, where every engine is fastest.
    const order = [...kept.axes.filter((v) => v !== only), only]
    const share: Term = { id: b.softmax(arrange(b, kept, order), order.length - 1), axes: order }
    return holds ? pointwise(b, [holds, share], ([c, x]) => b.select(c as number, x as number, b.constant(0))) : share
  }
  const { shifted } = shiftedExponentials(low, core)
  const total = sumAxes(
    low,
    shifted,
    core.over.filter((v) => shifted.axes.includes(v)),
  )
  return pointwise(b, [shifted, total], ([x, n]) => b.div(x as number, b.max(n as number, b.constant(1e-30))))
}
