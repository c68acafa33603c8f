/** Runs a model in use over many examples, in batches of like lengths. */
import * as messages from '../../compiler/diagnostics/catalogue/training.ts'
import { DiagnosticError, diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import { assembleInputs, batchesByLength, costOf, type Example, reusedMemory } from '../predict/batch.ts'
import type { BoundInput } from '../predict/binding.ts'
import type { Session } from './ort/session.ts'
import type { Value } from './value.ts'

/**
 * The named predictions of each example, in the order of the examples, each row by row. `weights` are further feeds, for a
 * session that takes its weights as inputs.
 */
export async function predictAll(
  session: Pick<Session, 'run'>,
  inputs: readonly BoundInput[],
  examples: readonly Example[],
  names: readonly string[],
  weights: Readonly<Record<string, Value>> = {},
  batchSize = 64,
): Promise<Record<string, Float32Array>[]> {
  const results: Record<string, Float32Array>[] = new Array(examples.length)
  const wanted = Object.fromEntries(names.map((name) => [name, null]))
  const memory = reusedMemory()
  const costs = examples.map((example) => costOf(inputs, example))
  for (const indices of batchesByLength(costs, batchSize)) {
    const batch = assembleInputs(
      inputs,
      indices.map((i) => examples[i] as Example),
      memory,
    )
    let made: Record<string, Value>
    try {
      made = await session.run({ ...batch, ...weights }, wanted)
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new DiagnosticError([diagnose(messages.engineFails, undefined, { doing: 'predicting', why })])
    }
    for (const [row, index] of indices.entries()) {
      results[index] = Object.fromEntries(
        names.map((name) => {
          const all = made[name]?.data as Float32Array
          const size = all.length / indices.length
          return [name, all.slice(row * size, (row + 1) * size)]
        }),
      )
    }
  }
  return results
}
