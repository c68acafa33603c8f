/** Scores as people read them. */
import type { Score } from '../predict/scores.ts'
import { formatTable } from './table.ts'

/** A line of measures for each prediction. */
export const formatScores = (title: string, scores: Readonly<Record<string, Score>>): string =>
  Object.entries(scores)
    .map(([name, { loss, classes }]) => {
      const measures = classes
        ? `UA ${classes.ua.toFixed(3)}  WA ${classes.wa.toFixed(3)}  weighted F1 ${classes.weighted_f1.toFixed(3)}  `
        : ''
      return `${title.padEnd(10)} ${name}  ${measures}loss ${loss.toFixed(4)}${classes ? `  (${classes.samples} samples)` : ''}\n`
    })
    .join('')

/** Precision and recall of each class, and the confusion matrix: rows are true, columns predicted. */
export function formatClasses({ classes }: Score): string {
  if (!classes) return ''
  const names = classes.classes.map(({ name }) => name)
  const measures = classes.classes.map(({ name, precision, recall, f1, support }) => [
    name,
    ...[precision, recall, f1].map((x) => x.toFixed(3)),
    String(support),
  ])
  const confusion = classes.confusion.map((row, i) => [names[i] ?? '', ...row.map(String)])
  return [
    ...formatTable(['class', 'precision', 'recall', 'F1', 'samples'], measures, 'lrrrr'),
    '',
    ...formatTable(['true \\ predicted', ...names], confusion, `l${'r'.repeat(names.length)}`),
    '',
  ].join('\n')
}
