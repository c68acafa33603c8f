/** The learning rate at each step of a run. */

export interface Schedule {
  readonly kind: 'constant' | 'cosine'
  /** The rate after the warm-up. */
  readonly peak: number
  /** Epochs over which the rate rises from 0 to the peak; need not be whole. */
  readonly warmupEpochs: number
  /** What a cosine ends at, as a fraction of the peak. */
  readonly finalFraction: number
  readonly epochs: number
}

/** The rate at `progress`, in epochs since the start: epoch e's step s of n is at e + s / n. */
export function learningRateAt(schedule: Schedule, progress: number): number {
  const { kind, peak, warmupEpochs, finalFraction, epochs } = schedule
  if (progress < warmupEpochs) return (peak * progress) / warmupEpochs
  if (kind === 'constant') return peak
  const done = Math.min(1, (progress - warmupEpochs) / Math.max(epochs - warmupEpochs, Number.EPSILON))
  return peak * (finalFraction + (1 - finalFraction) * 0.5 * (1 + Math.cos(Math.PI * done)))
}
