/** A model's answers by name, as text and JSON show them. */
import type { BoundPrediction } from '../predict/binding.ts'

/** One prediction: probabilities by class, likeliest first; or plain numbers. */
export type Answer =
  | { readonly label: string; readonly probabilities: Readonly<Record<string, number>> }
  | { readonly values: readonly number[] }

/** The answers to one example, by the names of the predictions. */
export const nameAnswers = (
  predictions: readonly BoundPrediction[],
  made: Readonly<Record<string, Float32Array>>,
): Record<string, Answer> =>
  Object.fromEntries(
    predictions.map(({ name, classes }): [string, Answer] => {
      const values = [...(made[name] ?? [])]
      if (!classes) return [name, { values }]
      const sorted = classes.map((label, k): [string, number] => [label, values[k] ?? 0]).sort((a, b) => b[1] - a[1])
      // A plain object would put classes named 0, 1, … in their own order; entries keep the likeliest first elsewhere.
      return [name, { label: sorted[0]?.[0] ?? '', probabilities: Object.fromEntries(sorted) }]
    }),
  )

const barWidth = 30

/** A line with a bar for each class, likeliest first. */
export function formatAnswers(answers: Readonly<Record<string, Answer>>, colour: boolean): string {
  const lines: string[] = []
  const strong = (text: string): string => (colour ? `\x1b[1m${text}\x1b[22m` : text)
  for (const [name, answer] of Object.entries(answers)) {
    if ('values' in answer) {
      lines.push(`${name}  ${answer.values.map((value) => value.toPrecision(6)).join(' ')}`)
      continue
    }
    lines.push(name)
    const entries = Object.entries(answer.probabilities).sort((a, b) => b[1] - a[1])
    const width = Math.max(...entries.map(([label]) => label.length))
    for (const [label, p] of entries) {
      const line = `  ${label.padEnd(width)}  ${p.toFixed(3)}  ${'█'.repeat(Math.round(p * barWidth))}`.trimEnd()
      lines.push(label === answer.label ? strong(line) : line)
    }
  }
  return `${lines.join('\n')}\n`
}
