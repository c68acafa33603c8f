/** Names that a body binds and no text uses. */
import type { Ident, Statement } from '../syntax/ast.ts'
import { namesIn } from '../syntax/names-in.ts'
import { boundNames } from './variants.ts'

/** The names that a body's text uses, a model's variants included; those in the types of inputs and targets apart. */
export interface Uses {
  readonly names: Set<string>
  readonly inTypes: Set<string>
}

export const noUses = (): Uses => ({ names: new Set(), inTypes: new Set() })

/** The names of statements that are used nowhere; one that begins with `_` may be. */
export function unusedNames({ names, inTypes }: Uses, statements: readonly Statement[]): Ident[] {
  /** An input may be there to tell a length. */
  const tells = (statement: Statement): boolean =>
    statement.kind === 'input' && statement.type.dims.flatMap(namesIn).some(({ name }) => names.has(name))
  return statements
    .filter((statement) => !tells(statement))
    .flatMap(boundNames)
    .filter(({ name }) => !name.startsWith('_') && !names.has(name) && !inTypes.has(name))
}
