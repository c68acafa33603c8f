/** Sums over products of reads become contractions of pairs of tensors, never a broadcast temporary. */
import { type Core, eachChild, type IndexVar } from '../check/core.ts'
import { type Dim, evaluateDim, isRagged, staticSize } from '../shapes/dim.ts'
import { type Lowering, lengthTerm, lower, lowerBool, ownerOf, product, sumAxes, sumOver } from './lower.ts'
import { overlapping, unrolled } from './reads.ts'
import { pointwise, rangeOf, type Term } from './terms.ts'

/** A static range up to this is unrolled where a read runs over it and another variable at once: a convolution's width. */
const UNROLL_LIMIT = 32

/** The sum of a body over variables, where a condition holds. */
export function lowerSum(low: Lowering, over: readonly IndexVar[], condition: Core | undefined, body: Core): Term {
  const { b } = low
  if (body.kind === 'number' && body.value === 0) return { id: b.constant(0), axes: [] }
  // Sums of sums are summed apart, and what does not vary with the variables is taken out.
  if (
    !condition &&
    body.kind === 'binary' &&
    (body.op === 'add' || body.op === 'sub') &&
    (hasProduct(body.a) || hasProduct(body.b))
  ) {
    const x = lowerSum(low, over, undefined, body.a)
    const y = lowerSum(low, over, undefined, body.b)
    const { op } = body
    return pointwise(b, [x, y], ([p, q]) => b[op](p as number, q as number))
  }
  const unroll = over.find((v) => unrollable(v, body))
  if (unroll) {
    const rest = over.filter((v) => v !== unroll)
    const parts = unrolled(body, unroll)
    const conditions = condition ? unrolled(condition, unroll) : []
    return parts
      .map((part, k) =>
        rest.length > 0 || conditions[k] ? lowerSum(low, rest, conditions[k], part) : lower(low, part),
      )
      .reduce((x, y) => pointwise(b, [x, y], ([p, q]) => b.add(p as number, q as number)))
  }
  const { factors, scale, divisors } = productOf(body)
  const terms = factors.map((factor) => lower(low, factor))
  if (condition) {
    const holds = lowerBool(low, condition)
    terms.push({ id: b.cast(holds.id, 'f32'), axes: holds.axes })
  }
  for (const divisor of divisors) {
    const term = lower(low, divisor)
    terms.push({ ...term, id: b.div(b.constant(1), term.id) })
  }
  const total = contractAll(low, terms, over)
  return scale === 1 ? total : { ...total, id: b.mul(total.id, b.constant(scale)) }
}

const hasProduct = (core: Core): boolean =>
  core.kind === 'binary' &&
  (core.op === 'mul' || ((core.op === 'add' || core.op === 'sub') && (hasProduct(core.a) || hasProduct(core.b))))

/** Whether a variable should be unrolled: a read runs over it and another at once, and it is short and static. */
function unrollable(v: IndexVar, body: Core): boolean {
  const size = staticSize(rangeOf(v))
  if (size === undefined || size > UNROLL_LIMIT || size === 0) return false
  let found = false
  let blocked = false
  const visit = (core: Core): void => {
    if (core.kind === 'read')
      core.at.forEach((_, k) => {
        if (overlapping(core, k).includes(v)) found = true
      })
    if (core.kind === 'softmax' && core.over.includes(v)) blocked = true
    if (core.kind === 'concat' && core.along === v) blocked = true
    if (core.kind === 'flatten' && core.along === v) blocked = true
    eachChild(core, visit)
  }
  visit(body)
  return found && !blocked
}

/** A product's factors, with signs and numbers gathered into one and divisors apart. */
function productOf(core: Core): { factors: Core[]; scale: number; divisors: Core[] } {
  const factors: Core[] = []
  const divisors: Core[] = []
  let scale = 1
  const visit = (node: Core): void => {
    if (node.kind === 'binary' && node.op === 'mul') {
      visit(node.a)
      visit(node.b)
    } else if (node.kind === 'binary' && node.op === 'div') {
      visit(node.a)
      if (node.b.kind === 'number') scale /= node.b.value
      else divisors.push(node.b)
    } else if (node.kind === 'unary' && node.op === 'neg') {
      scale = -scale
      visit(node.a)
    } else if (node.kind === 'number') scale *= node.value
    else factors.push(node)
  }
  visit(core)
  return { factors, scale, divisors }
}

/** Rough sizes to choose an order by: lengths count as 100 positions, a batch as 32 samples. */
const roughSize = (dim: Dim): number =>
  Math.max(
    evaluateDim(dim, (name) => (name === 'batch' ? 32 : 100)),
    1,
  )
const volume = (vars: Iterable<IndexVar>): number => [...vars].reduce((n, v) => n * roughSize(rangeOf(v)), 1)

/** The product of terms summed over variables, pair by pair, the cheapest first. */
function contractAll(low: Lowering, given: readonly Term[], over: readonly IndexVar[]): Term {
  const { b } = low
  if (given.length === 0) return sumOver(low, { id: b.constant(1), axes: [] }, over)
  let terms = [...given]
  // A ragged range that no factor varies with counts each sample's positions.
  for (const v of over)
    if (isRagged(rangeOf(v)) && !given.some((term) => term.axes.includes(v)))
      terms.push(lengthTerm(low, rangeOf(v), ownerOf(v)))
  const absent = over.filter((v) => !terms.some((term) => term.axes.includes(v)))
  const left = new Set(over.filter((v) => !absent.includes(v)))
  const others = (skip: readonly Term[]): Set<IndexVar> =>
    new Set(terms.filter((t) => !skip.includes(t)).flatMap((t) => t.axes))

  const reduceAlone = (): void => {
    terms = terms.map((term) => {
      const elsewhere = others([term])
      const mine = term.axes.filter((v) => left.has(v) && !elsewhere.has(v))
      // A ragged range of which the sample stays is summed for each sample; with the sample gone it must go first.
      return mine.length > 0 ? sumAxes(low, term, mine) : term
    })
  }
  while (terms.length > 1) {
    reduceAlone()
    let best: { x: Term; y: Term; cost: number } | undefined
    for (let i = 0; i < terms.length; i++)
      for (let j = i + 1; j < terms.length; j++) {
        const x = terms[i] as Term
        const y = terms[j] as Term
        const union = new Set([...x.axes, ...y.axes])
        const shared = x.axes.some((v) => y.axes.includes(v)) || x.axes.length === 0 || y.axes.length === 0
        const cost = volume(union) * (shared ? 1 : 1e6)
        if (!best || cost < best.cost) best = { x, y, cost }
      }
    if (!best) break
    const { x, y } = best
    const elsewhere = others([x, y])
    const summed = x.axes.filter((v) => y.axes.includes(v) && left.has(v) && !elsewhere.has(v))
    const joined = summed.length > 0 ? contractPair(low, x, y, summed) : product(low, x, y)
    terms = [...terms.filter((t) => t !== x && t !== y), joined]
  }
  reduceAlone()
  const result = terms[0] as Term
  return sumOver(
    low,
    sumAxes(
      low,
      result,
      over.filter((v) => result.axes.includes(v)),
    ),
    absent.filter((v) => !isRagged(rangeOf(v))),
  )
}

/** One matrix product: shared axes that stay are batched, those of `summed` are summed. */
function contractPair(low: Lowering, x: Term, y: Term, summed: readonly IndexVar[]): Term {
  const labels = new Map<IndexVar, number>()
  for (const v of [...x.axes, ...y.axes]) if (!labels.has(v)) labels.set(v, labels.size)
  const label = (v: IndexVar): number => labels.get(v) as number
  const both = x.axes.filter((v) => y.axes.includes(v) && !summed.includes(v))
  const onlyX = x.axes.filter((v) => !y.axes.includes(v))
  const onlyY = y.axes.filter((v) => !x.axes.includes(v))
  // The operand without batched axes stands on the right, as weights do.
  const [first, second, a, c] =
    both.length === 0 && x.axes.length < y.axes.length ? [onlyY, onlyX, y, x] : [onlyX, onlyY, x, y]
  const out = [...both, ...first, ...second]
  const id = low.b.contract(a.id, c.id, a.axes.map(label), c.axes.map(label), out.map(label))
  return { id, axes: out }
}
