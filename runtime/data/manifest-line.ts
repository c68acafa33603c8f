/** Reads one line of a manifest: JSON that its schema accepts, or words for what is wrong with it. */
import { readFileSync } from 'node:fs'
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import {
  type DataLine,
  manifestInvalidField,
  manifestMissingField,
  manifestNotJson,
} from '../../compiler/diagnostics/catalogue/runtime.ts'
import { type Diagnostic, diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import { shippedFile } from '../formats/shipped.ts'

/** The lines that are not blank, from 1; undefined for text that is not UTF-8. */
export function* splitLines(bytes: Uint8Array): Generator<{ line: number; text: string | undefined }> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let line = 1
  for (let start = 0; start < bytes.length; line++) {
    const newline = bytes.indexOf(10, start)
    const end = newline < 0 ? bytes.length : newline
    let text: string | undefined
    try {
      text = decoder.decode(bytes.subarray(start, end))
    } catch {
      text = undefined
    }
    if (text === undefined || text.trim() !== '') yield { line, text }
    start = end + 1
  }
}

/** A line's object as it stands in the file. */
export type Fields = Readonly<Record<string, unknown>>
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The object of a line, also where fields of it are wrong, so that one run finds all that is; undefined where it is none. */
export function parseLine(
  text: string | undefined,
  at: DataLine,
  validate: ValidateFunction,
  report: (diagnostic: Diagnostic) => void,
): Fields | undefined {
  if (text === undefined) {
    report(diagnose(manifestNotJson, undefined, { at, reason: 'it is not text in UTF-8' }))
    return undefined
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (failure) {
    const reason = failure instanceof Error ? failure.message : String(failure)
    report(diagnose(manifestNotJson, undefined, { at, reason }))
    return undefined
  }
  if (!validate(value)) for (const fault of validate.errors ?? []) report(explainFault(fault, value, at))
  return isFields(value) ? value : undefined
}

/** Checks a line against `specs/schemas/manifest.schema.json`. */
export function lineValidator(): ValidateFunction {
  const schema: unknown = JSON.parse(readFileSync(shippedFile('schemas/manifest.schema.json'), 'utf8'))
  if (!isFields(schema)) throw new Error('specs/schemas/manifest.schema.json is not a schema')
  return new Ajv({ allErrors: true, verbose: true, allowUnionTypes: true }).compile(schema)
}

/** Words for what the schema refused. */
function explainFault(fault: ErrorObject, line: unknown, at: DataLine): Diagnostic {
  if (fault.keyword === 'required') {
    const field = String(fault.params.missingProperty)
    const present = isFields(line) ? Object.keys(line) : []
    return diagnose(manifestMissingField, undefined, { at, field, why: 'every line needs it', present })
  }
  const expected = fault.keyword === 'minLength' ? 'must not be empty' : (fault.message ?? 'is not allowed')
  const field = fault.instancePath.replace(/^\//, '')
  return diagnose(manifestInvalidField, undefined, {
    at,
    field,
    expected: expected.replace(/^must be (.*)$/, (_, types: string) => `must be ${naturalTypes(types)}`),
    found: describeValue(fault.data),
  })
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'a text',
  integer: 'a whole number',
  object: 'an object in braces',
}
const naturalTypes = (types: string): string =>
  types
    .split(',')
    .map((type) => TYPES[type] ?? type)
    .join(' or ')

/** A value as it stands in the file, shortened. */
export function describeValue(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 40 ? `${text.slice(0, 37)}…` : text
}
