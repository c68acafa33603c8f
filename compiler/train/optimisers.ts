/** One step of an optimiser over flat vectors, as operations of the graph; formulas and defaults are torch's. */
import type { OptimiserKind } from '../artefact.ts'
import type { Builder } from '../ir/builder.ts'
import type { ValueId } from '../ir/graph.ts'
import { constantDim, oneDim, staticSize } from '../shapes/dim.ts'

/** What a step reads. Vectors are f32 [n], the others f32 []. */
export interface OptimiserInputs {
  readonly params: ValueId
  readonly gradient: ValueId
  /** By name, as `slotsOf` lists them. */
  readonly slots: Readonly<Record<string, ValueId>>
  /** 1 for the first step. */
  readonly step: ValueId
  /** The learning rate times each element's scale. */
  readonly rate: ValueId
  /** The decay of each element. */
  readonly decay: ValueId
}

export interface OptimiserResult {
  readonly params: ValueId
  readonly slots: Readonly<Record<string, ValueId>>
}

const beta1 = 0.9
const beta2 = 0.999
const epsilon = 1e-8
const momentum = 0.9

/** The vectors that an optimiser keeps from step to step; all start at 0. */
export const slotsOf = (kind: OptimiserKind): readonly string[] =>
  kind === 'sgd' ? ['momentum'] : ['moment1', 'moment2']

/** The rows by kind. */
export const optimisers: Readonly<Record<OptimiserKind, (b: Builder, inputs: OptimiserInputs) => OptimiserResult>> = {
  /** torch.optim.Adam (Kingma and Ba 2015); weight decay is added to the gradient. */
  adam: (b, inputs) => adamStep(b, inputs, decayed(b, inputs), inputs.params),
  /** torch.optim.AdamW (Loshchilov and Hutter 2019); weight decay shrinks the parameters apart from the gradient. */
  adamw: (b, inputs) => {
    const shrink = b.sub(b.constant(1), b.mul(inputs.rate, inputs.decay))
    return adamStep(b, inputs, inputs.gradient, b.mul(inputs.params, shrink))
  },
  /** torch.optim.SGD with momentum, no dampening, no Nesterov. */
  sgd: (b, inputs) => {
    const buffer = b.add(b.mul(b.constant(momentum), slot(inputs, 'momentum')), decayed(b, inputs))
    return { params: b.sub(inputs.params, b.mul(inputs.rate, buffer)), slots: { momentum: buffer } }
  },
}

const slot = (inputs: OptimiserInputs, name: string): ValueId => inputs.slots[name] as ValueId

const decayed = (b: Builder, { gradient, params, decay }: OptimiserInputs): ValueId =>
  b.add(gradient, b.mul(decay, params))

function adamStep(b: Builder, inputs: OptimiserInputs, gradient: ValueId, params: ValueId): OptimiserResult {
  const blend = (old: ValueId, fresh: ValueId, beta: number): ValueId =>
    b.add(b.mul(b.constant(beta), old), b.mul(b.constant(1 - beta), fresh))
  const moment1 = blend(slot(inputs, 'moment1'), gradient, beta1)
  const moment2 = blend(slot(inputs, 'moment2'), b.mul(gradient, gradient), beta2)
  const correction1 = oneLessPower(b, beta1, inputs.step)
  const correction2 = b.sqrt(oneLessPower(b, beta2, inputs.step))
  // torch: rate / c1 * m / (sqrt(v) / c2 + eps); with c2 taken out of the quotient one division of vectors is left.
  const denominator = b.add(b.sqrt(moment2), b.mul(b.constant(epsilon), correction2))
  const change = b.mul(b.mul(inputs.rate, b.div(correction2, correction1)), b.div(moment1, denominator))
  return { params: b.sub(params, change), slots: { moment1, moment2 } }
}

/**
 * 1 - base^step, which for a base near 1 loses most of its digits when it is computed as it stands in f32:
 * 1 - exp(2h) is 2t / (1 + t) for t = -tanh(h).
 */
function oneLessPower(b: Builder, base: number, step: ValueId): ValueId {
  const t = b.tanh(b.mul(b.constant(-Math.log(base) / 2), step))
  return b.div(b.mul(b.constant(2), t), b.add(b.constant(1), t))
}

/**
 * The gradient's 2-norm, and the gradient scaled down to `most` where the norm is above it, as torch's
 * `clip_grad_norm_` does; an infinite `most` leaves it alone.
 */
export function clipByNorm(b: Builder, gradient: ValueId, most: ValueId): { gradient: ValueId; norm: ValueId } {
  const norm = b.sqrt(sumOfSquares(b, gradient))
  const factor = b.min(b.div(most, b.add(norm, b.constant(1e-6))), b.constant(1))
  return { gradient: b.mul(gradient, factor), norm }
}

/**
 * Squares are summed in rows of about this many, then the rows: one f32 sum over a million of them is 1e-4 off. Where a
 * number near it divides the length, nothing has to be filled up.
 */
const rowLength = 1024

function sumOfSquares(b: Builder, x: ValueId): ValueId {
  const count = staticSize(b.dimsOf(x)[0] ?? oneDim) ?? 0
  const near = Array.from({ length: rowLength }, (_, k) => 2 * rowLength - k)
  const length = near.find((size) => count % size === 0) ?? rowLength
  const rows = Math.max(1, Math.ceil(count / length))
  const filled = b.window(x, { axis: 0, offset: constantDim(0), dim: constantDim(rows * length) })
  const grid = b.reshape(filled, [constantDim(rows), constantDim(length)])
  return b.sum(b.contract(grid, grid, [0, 1], [0, 1], [0]), [0])
}
