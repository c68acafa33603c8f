/** All rows of the catalogue, for what looks at every one of them: documentation and tests. */
import type { Row } from '../diagnostic.ts'
import * as areas from './areas.ts'

type AnyRow = Row<never>

const isRow = (value: unknown): value is AnyRow =>
  typeof value === 'object' && value !== null && 'code' in value && 'slug' in value && 'text' in value

/** Areas export their rows one by one or in a record. */
function rowsIn(value: unknown): AnyRow[] {
  if (isRow(value)) return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(rowsIn)
}

/** Every row, by code. */
export const catalogue: readonly AnyRow[] = rowsIn({ ...areas }).sort((a, b) => (a.code < b.code ? -1 : 1))
