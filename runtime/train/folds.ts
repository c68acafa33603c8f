/** Runs over several test parts: each session held out in turn, or k parts of the samples; and what they come to. */
import { join } from 'node:path'
import type { Diagnostic } from '../../compiler/diagnostics/diagnostic.ts'
import type { Sample } from '../data/manifest.ts'
import { folds, split } from '../data/split.ts'
import { writeFileAtomic } from '../formats/atomic.ts'
import { metricsOfConfusion } from '../metrics/metrics.ts'
import type { Example } from '../predict/batch.ts'
import type { Recipe } from './recipe.ts'
import type { Parts, RunMetrics } from './run.ts'
import { formatJson } from './run-folder.ts'

/** What is tested on. */
export type HoldOut =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'session'; readonly session: number }
  | { readonly kind: 'sessions' }
  | { readonly kind: 'folds'; readonly count: number }

export interface Fold {
  /** The folder's name under the run's, or '' where there is one run only. */
  readonly name: string
  readonly parts: Parts
  readonly warnings: readonly Diagnostic[]
}

/** The splits of an experiment. Throws a DiagnosticError where a part would be empty or a session does not occur. */
export function makeFolds(
  samples: readonly Sample[],
  examples: readonly Example[],
  holdOut: HoldOut,
  recipe: Recipe,
): Fold[] {
  const exampleOf = new Map(samples.map((sample, i) => [sample, examples[i] as Example]))
  const pick = (part: readonly Sample[]): Example[] => part.map((sample) => exampleOf.get(sample) as Example)
  const sessions = [...new Set(samples.map(({ session }) => session))].sort((a, b) => a - b)
  const bySession = (name: string, testSession: number | undefined): Fold => {
    const options = { testSession, validation: validationOf(recipe, sessions, testSession), seed: recipe.seed }
    const { train, validation, test, warnings, grouping } = split(samples, options)
    const held = { test_session: testSession ?? 'none', validation_by: grouping }
    return { name, parts: { train: pick(train), validation: pick(validation), test: pick(test), held }, warnings }
  }
  switch (holdOut.kind) {
    case 'nothing':
      return [bySession('', undefined)]
    case 'session':
      return [bySession('', holdOut.session)]
    case 'sessions':
      return sessions.map((session) => bySession(`session-${session}`, session))
    case 'folds':
      return folds(samples, holdOut.count, recipe.seed).map((test, k) => {
        const out = new Set(test)
        const rest = samples.filter((sample) => !out.has(sample))
        const { train, validation, warnings, grouping } = split(rest, {
          validation: validationOf(recipe, sessions, undefined),
          seed: recipe.seed,
        })
        const held = { fold: `${k + 1} of ${holdOut.count}`, validation_by: grouping }
        const parts = { train: pick(train), validation: pick(validation), test: pick(test), held }
        return { name: `fold-${k + 1}`, parts, warnings }
      })
  }
}

function validationOf(
  recipe: Recipe,
  sessions: readonly number[],
  testSession: number | undefined,
): number | { readonly session: number } {
  const { validation_session: chosen, validation_fraction: fraction } = recipe
  if (chosen === null) return fraction
  if (chosen !== 'next') return { session: chosen }
  const others = sessions.filter((session) => session !== testSession)
  const next = others.find((session) => session > (testSession ?? Number.NEGATIVE_INFINITY)) ?? others[0]
  return next === undefined ? fraction : { session: next }
}

/** summary.json: the measures of each fold, their means, and those of all folds' predictions together. */
export interface FoldSummary {
  readonly folds: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly mean: Readonly<Record<string, number>>
  readonly deviation: Readonly<Record<string, number>>
  readonly pooled: Readonly<Record<string, Readonly<Record<string, number>>>>
}

const measures = ['ua', 'wa', 'accuracy', 'weighted_f1', 'macro_f1'] as const

export function summariseFolds(results: Readonly<Record<string, RunMetrics>>): FoldSummary {
  const rows = Object.entries(results).map(([name, { test }]): [string, Record<string, number>] => [
    name,
    Object.fromEntries(
      Object.entries(test ?? {}).flatMap(([prediction, { loss, classes }]): [string, number][] => [
        [`${prediction}.loss`, loss],
        ...(classes ? measures.map((key): [string, number] => [`${prediction}.${key}`, classes[key]]) : []),
      ]),
    ),
  ])
  const keys = Object.keys(rows[0]?.[1] ?? {})
  const column = (key: string): number[] => rows.map(([, row]) => row[key] ?? Number.NaN)
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length
  const deviation = (values: readonly number[]): number => {
    const centre = mean(values)
    return Math.sqrt(values.reduce((sum, x) => sum + (x - centre) ** 2, 0) / Math.max(values.length - 1, 1))
  }
  return {
    folds: Object.fromEntries(rows),
    mean: Object.fromEntries(keys.map((key) => [key, mean(column(key))])),
    deviation: Object.fromEntries(keys.map((key) => [key, deviation(column(key))])),
    pooled: poolConfusions(Object.values(results)),
  }
}

function poolConfusions(results: readonly RunMetrics[]): Record<string, Record<string, number>> {
  const first = Object.entries(results[0]?.test ?? {})
  return Object.fromEntries(
    first.flatMap(([prediction, { classes }]) => {
      if (!classes) return []
      const sum = classes.confusion.map((row, i) =>
        row.map((_, k) =>
          results.reduce((n, { test }) => n + (test?.[prediction]?.classes?.confusion[i]?.[k] ?? 0), 0),
        ),
      )
      const { ua, wa, accuracy, weightedF1, macroF1 } = metricsOfConfusion(
        sum,
        classes.classes.map(({ name }) => name),
      )
      return [[prediction, { ua, wa, accuracy, weighted_f1: weightedF1, macro_f1: macroF1 }]]
    }),
  )
}

/** Writes summary.json. */
export const writeSummary = (folder: string, summary: FoldSummary): Promise<void> =>
  writeFileAtomic(join(folder, 'summary.json'), formatJson(summary))
