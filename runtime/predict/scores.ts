/** How well predictions fit their targets: a loss for each kind, and the measures of classification for classes. */
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

/** Scores by prediction. `results` hold each example's predictions, row by row. Throws a RangeError for no examples. */
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
