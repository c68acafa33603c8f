/** How well predictions fit their targets: a loss for each kind, and the measures of classification for classes. */
import { noDistribution } from '../../compiler/diagnostics/catalogue/commands.ts'
import { DiagnosticError, diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import { argmaxRows, classificationMetrics } from '../metrics/metrics.ts'
import type { Example } from './batch.ts'
import type { BoundPrediction } from './binding.ts'

/** One prediction's scores, as files and `--json` show them. */
export interface Score {
  /** Mean cross-entropy of a distribution or of probabilities, mean squared error of a real. */
  readonly loss: number
  /** Where one class a sample is predicted; each measure as scikit-learn defines it. */
  readonly classes?: ClassScore
}

export interface ClassScore {
  readonly samples: number
  readonly accuracy: number
  /** Weighted accuracy, the accuracy over all samples. */
  readonly wa: number
  /** Unweighted accuracy, the mean of the classes' recalls. */
  readonly ua: number
  readonly weighted_f1: number
  readonly macro_f1: number
  /** Rows are true classes, columns predicted ones, in the order of `classes`. */
  readonly confusion: readonly (readonly number[])[]
  readonly classes: readonly {
    readonly name: string
    readonly precision: number
    readonly recall: number
    readonly f1: number
    readonly support: number
  }[]
}

/** A probability below this counts as this, so that one sure mistake does not make the mean infinite. */
const least = 1e-12

/** How far the sum of a distribution may be from 1, and a probability below 0. */
const tolerance = 1e-3

/** Throws a DiagnosticError where a row of `width` values is not 0 or more, or does not sum to 1; distributions only. */
export function checkDistributions(
  { name, kind }: Pick<BoundPrediction, 'name' | 'kind'>,
  made: Float32Array,
  width: number,
): void {
  if (kind !== 'distribution') return
  for (let start = 0; start < made.length; start += width) {
    let sum = 0
    let lowest = 0
    for (let i = start; i < start + width; i++) {
      const value = made[i] ?? Number.NaN
      sum += value
      if (value < lowest) lowest = value
    }
    if (lowest >= -tolerance && Math.abs(sum - 1) <= tolerance) continue
    const values = [...made.subarray(start, start + width)]
    throw new DiagnosticError([diagnose(noDistribution, undefined, { name, values, sum })])
  }
}

/**
 * Scores by prediction. `results` hold each example's predictions, row by row. Throws a RangeError for no examples, a
 * DiagnosticError where what should be a distribution is none.
 */
export function scorePredictions(
  predictions: readonly BoundPrediction[],
  results: readonly Readonly<Record<string, Float32Array>>[],
  examples: readonly Example[],
): Record<string, Score> {
  return Object.fromEntries(
    predictions.map(({ name, kind, classes }) => {
      const pairs = examples.map((example, i) => ({
        truth: example.targets[name] ?? [],
        made: results[i]?.[name] ?? new Float32Array(0),
      }))
      for (const { truth, made } of pairs)
        checkDistributions({ name, kind }, made, made.length / Math.max(truth.length, 1))
      const loss = pairs.reduce((sum, { truth, made }) => sum + sampleLoss(kind, truth, made), 0) / pairs.length
      if (classes === undefined) return [name, { loss }]
      const truths = pairs.map(({ truth }) => truth[0] ?? -1)
      const guesses = pairs.map(({ made }) => argmaxRows(made, classes.length)[0] ?? -1)
      return [name, { loss, classes: classScore(truths, guesses, classes) }]
    }),
  )
}

function sampleLoss(kind: BoundPrediction['kind'], truth: readonly number[], made: Float32Array): number {
  const cost = (p: number): number => -Math.log(Math.max(p, least))
  const width = kind === 'distribution' ? made.length / truth.length : 1
  const losses = truth.map((t, i) => {
    if (kind === 'distribution') return cost(made[i * width + t] ?? 0)
    const value = made[i] ?? 0
    return kind === 'real' ? (value - t) ** 2 : t * cost(value) + (1 - t) * cost(1 - value)
  })
  return losses.reduce((a, b) => a + b, 0) / Math.max(losses.length, 1)
}

function classScore(truths: readonly number[], guesses: readonly number[], names: readonly string[]): ClassScore {
  const { samples, accuracy, wa, ua, weightedF1, macroF1, confusion, classes } = classificationMetrics(
    truths,
    guesses,
    names,
  )
  return { samples, accuracy, wa, ua, weighted_f1: weightedF1, macro_f1: macroF1, confusion, classes }
}
