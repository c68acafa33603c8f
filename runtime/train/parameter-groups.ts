/** Which parameters learn, at what rate, and which decay: a recipe's globs over parameter paths, as flat vectors. */
import picomatch from 'picomatch'
import type { FlatLayout } from '../../compiler/artefact.ts'
import * as messages from '../../compiler/diagnostics/catalogue/training.ts'
import { DiagnosticError, diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import type { Recipe } from './recipe.ts'

/** One number a parameter element each, in the order of the layout. */
export interface ParameterGroups {
  readonly learningRateScale: Float32Array
  readonly weightDecay: Float32Array
}

const asFolders = (text: string): string => text.replaceAll('.', '/')

/** Throws a DiagnosticError for a glob that matches no parameter. */
export function parameterGroups(layout: FlatLayout, recipe: Recipe): ParameterGroups {
  const paths = layout.entries.map((entry) => entry.variable.path)
  const matcher = (glob: string, entry: string): ((path: string) => boolean) => {
    const matches = picomatch(asFolders(glob))
    if (!paths.some((path) => matches(asFolders(path))))
      throw new DiagnosticError([diagnose(messages.globMatchesNothing, undefined, { entry, glob, paths })])
    return (path) => matches(asFolders(path))
  }
  const decays = recipe.decay?.map((glob) => matcher(glob, 'decay'))
  const rates = Object.entries(recipe.rates).map(([glob, factor]) => ({ matches: matcher(glob, 'rates'), factor }))
  const frozen = recipe.freeze.map((glob) => matcher(glob, 'freeze'))

  const learningRateScale = new Float32Array(layout.size).fill(1)
  const weightDecay = new Float32Array(layout.size)
  for (const { variable, offset } of layout.entries) {
    const { path, shape } = variable
    const end = offset + shape.reduce((a, b) => a * b, 1)
    for (const { matches, factor } of rates) if (matches(path)) learningRateScale.fill(factor, offset, end)
    if (frozen.some((matches) => matches(path))) learningRateScale.fill(0, offset, end)
    const decaying = decays ? decays.some((matches) => matches(path)) : shape.length >= 2
    if (decaying) weightDecay.fill(recipe.weight_decay, offset, end)
  }
  return { learningRateScale, weightDecay }
}
