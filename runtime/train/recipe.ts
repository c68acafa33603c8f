/** The training recipe: every choice of a run that is not the model's, with its defaults. */
import type { OptimiserKind } from '../../compiler/artefact.ts'
import * as messages from '../../compiler/diagnostics/catalogue/training.ts'
import { DiagnosticError, diagnose } from '../../compiler/diagnostics/diagnostic.ts'

/** The fields of `specs/schemas/recipe.schema.json`, which says what each is. */
export interface Recipe {
  readonly epochs: number
  readonly seed: number
  readonly batch_size: number
  readonly bucket: number
  readonly optimiser: OptimiserKind
  readonly learning_rate: number
  readonly schedule: 'constant' | 'cosine'
  readonly warmup_epochs: number
  readonly final_fraction: number
  readonly weight_decay: number
  readonly decay: readonly string[] | null
  readonly freeze: readonly string[]
  readonly rates: Readonly<Record<string, number>>
  readonly clip_norm: number | null
  readonly average: number
  /** null: `ua` where the model predicts a class, else `loss`. */
  readonly monitor: Monitor | null
  readonly patience: number | null
  readonly validation_fraction: number
  readonly validation_session: number | 'next' | null
}

/** What early stopping looks at on the validation split. */
export type Monitor = 'ua' | 'wa' | 'weighted_f1' | 'loss'

/** The paper's optimiser and rate (§3.2: Adam, 1e-4), with early stopping. */
export const defaultRecipe: Recipe = {
  epochs: 60,
  seed: 0,
  batch_size: 32,
  bucket: 8,
  optimiser: 'adam',
  learning_rate: 1e-4,
  schedule: 'constant',
  warmup_epochs: 0,
  final_fraction: 0,
  weight_decay: 0,
  decay: null,
  freeze: [],
  rates: {},
  clip_norm: 5,
  average: 0,
  monitor: null,
  patience: 15,
  validation_fraction: 0.15,
  validation_session: null,
}

/**
 * The defaults, then a recipe file's text, then the flags of the call.
 * Throws a DiagnosticError that names the file and each wrong entry.
 */
export async function resolveRecipe(
  file: { readonly path: string; readonly text: string } | undefined,
  flags: Partial<Recipe>,
  schema: object,
): Promise<Recipe> {
  if (!file) return { ...defaultRecipe, ...flags }
  let given: unknown
  try {
    given = JSON.parse(file.text)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new DiagnosticError([diagnose(messages.recipeNotJson, undefined, { path: file.path, why })])
  }
  const { Ajv } = await import('ajv')
  const validate = new Ajv({ allErrors: true, strict: false, allowUnionTypes: true }).compile<Partial<Recipe>>(schema)
  if (!validate(given)) {
    const problems = (validate.errors ?? []).map((error) => {
      const extra = 'additionalProperty' in error.params ? ` \`${error.params.additionalProperty}\`` : ''
      const allowed = 'allowedValues' in error.params ? `: ${error.params.allowedValues.join(', ')}` : ''
      return `${error.instancePath.slice(1) || 'the recipe'} ${error.message}${extra}${allowed}`
    })
    throw new DiagnosticError([diagnose(messages.recipeWrong, undefined, { path: file.path, problems })])
  }
  const { $schema: _, ...entries } = given as Partial<Recipe> & { $schema?: string }
  return { ...defaultRecipe, ...entries, ...flags }
}
