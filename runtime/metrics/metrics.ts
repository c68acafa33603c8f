/** Measures of classification, each as scikit-learn defines it, with `zero_division=0`. */

/** Measures of one class against the rest. */
export interface ClassMetrics {
  readonly name: string
  /** Of what was predicted as this class, the part that is of it; 0 where nothing was. */
  readonly precision: number
  /** Of what is of this class, the part that was predicted so; 0 where nothing is. */
  readonly recall: number
  /** The harmonic mean of both; 0 where both are 0. */
  readonly f1: number
  /** How many samples are of this class. */
  readonly support: number
}

export interface ClassificationMetrics {
  readonly samples: number
  /** The part that is right (`accuracy_score`). */
  readonly accuracy: number
  /** Weighted accuracy, as papers on emotion recognition call the accuracy over all samples; the same number. */
  readonly wa: number
  /** Unweighted accuracy: the mean recall of the classes that occur in the truth (`balanced_accuracy_score`). */
  readonly ua: number
  /** F1 of each class, weighted by its support (`f1_score(average="weighted")`). */
  readonly weightedF1: number
  /** The mean F1 of the classes that occur in truth or prediction (`f1_score(average="macro")`). */
  readonly macroF1: number
  /** Rows are true classes, columns predicted ones (`confusion_matrix`). */
  readonly confusion: readonly (readonly number[])[]
  readonly classes: readonly ClassMetrics[]
}

/**
 * Measures predicted class ids against true ones, both from 0 below the number of classes. Throws a RangeError where the two
 * differ in length, are empty, or hold an id that is no class.
 */
export function classificationMetrics(
  truth: ArrayLike<number>,
  predicted: ArrayLike<number>,
  names: readonly string[],
): ClassificationMetrics {
  return metricsOfConfusion(confusionMatrix(truth, predicted, names.length), names)
}

/** How often each true class (row) was predicted as each class (column). Throws as `classificationMetrics` does. */
export function confusionMatrix(truth: ArrayLike<number>, predicted: ArrayLike<number>, classes: number): number[][] {
  if (truth.length !== predicted.length) throw new RangeError(`${truth.length} truths, ${predicted.length} predictions`)
  const counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0))
  for (let i = 0; i < truth.length; i++) {
    const [t, p] = [truth[i] ?? -1, predicted[i] ?? -1]
    const row = counts[t]
    if (row?.[p] === undefined) throw new RangeError(`sample ${i}: ${t} or ${p} is not one of ${classes} classes`)
    row[p]++
  }
  return counts
}

/** The measures that follow from a confusion matrix; matrices of several test sessions may be added up first. */
export function metricsOfConfusion(
  confusion: readonly (readonly number[])[],
  names: readonly string[],
): ClassificationMetrics {
  const columns = names.map((_, k) => confusion.reduce((total, row) => total + (row[k] ?? 0), 0))
  const classes = names.map((name, k): ClassMetrics & { readonly occurs: boolean } => {
    const hits = confusion[k]?.[k] ?? 0
    const support = sum(confusion[k] ?? [])
    const guesses = columns[k] ?? 0
    return {
      name,
      precision: ratio(hits, guesses),
      recall: ratio(hits, support),
      f1: ratio(2 * hits, support + guesses),
      support,
      occurs: support + guesses > 0,
    }
  })
  const samples = sum(classes.map(({ support }) => support))
  if (samples === 0) throw new RangeError('there is nothing to measure')
  const accuracy = sum(confusion.map((row, k) => row[k] ?? 0)) / samples
  return {
    samples,
    accuracy,
    wa: accuracy,
    ua: mean(classes.filter(({ support }) => support > 0).map(({ recall }) => recall)),
    weightedF1: sum(classes.map(({ f1, support }) => f1 * support)) / samples,
    macroF1: mean(classes.filter(({ occurs }) => occurs).map(({ f1 }) => f1)),
    confusion,
    classes: classes.map(({ occurs: _, ...rest }) => rest),
  }
}

/** The class with the greatest value in each row of [rows, classes]; the first of equal ones, as numpy's argmax. */
export function argmaxRows(values: ArrayLike<number>, classes: number): number[] {
  return Array.from({ length: values.length / classes }, (_, row) => {
    let best = 0
    for (let k = 1; k < classes; k++) {
      if ((values[row * classes + k] ?? 0) > (values[row * classes + best] ?? 0)) best = k
    }
    return best
  })
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
const mean = (values: readonly number[]): number => (values.length === 0 ? 0 : sum(values) / values.length)
const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole)
