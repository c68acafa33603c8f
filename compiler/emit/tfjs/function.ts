/** One exported function of a module: a padded graph's computation on a batch. */
import type { Graph } from '../../ir/graph.ts'
import type { Constants } from './constants.ts'
import type { BatchFacts } from './head.ts'
import { type Listing, listFunction, type Result } from './listing.ts'
import { type PrintOptions, printBody } from './print.ts'
import { key } from './text.ts'

export interface FunctionParts {
  readonly name: string
  /** Its docstring, without the comment's stars. */
  readonly doc: readonly string[]
  readonly graph: Graph
  readonly facts: BatchFacts
  /** A further parameter: `{ learningRate }`. */
  readonly options?: string
  /** Lines after the computation; they see each result by `local`. */
  readonly end: (results: readonly Result[]) => readonly string[]
}

export interface WrittenFunction {
  readonly text: string
  readonly listing: Listing
}

/** `function name(state, batch) { … }`. */
export function writeFunction(
  { name, doc, graph, facts, options, end }: FunctionParts,
  constants: Constants,
  print: PrintOptions,
): WrittenFunction {
  const listing = listFunction(graph, constants, facts)
  // Noise is keyed by a seed, which every function that draws can be given.
  const further = options ?? (listing.calls.has('noise') ? '{ seed = 0 } = {}' : undefined)
  const reads = listing.statements.some(({ args }) => args.some((arg) => readsConstant(arg)))
  const lines = [
    '/**',
    ...doc.map((line) => ` * ${line}`.trimEnd()),
    ' */',
    `export function ${name}(state, batch${further === undefined ? '' : `, ${further}`}) {`,
    '  checkState(state)',
    reads ? '  const { tf, k } = state' : '  const { tf } = state',
    ...printBody(listing, print),
    '',
    ...end(listing.results).map((line) => `  ${line}`),
    '}',
  ]
  return { text: lines.join('\n'), listing }
}

const readsConstant = (arg: Listing['statements'][number]['args'][number]): boolean =>
  typeof arg !== 'string' && ('name' in arg ? [arg] : arg).some(({ name }) => /^k[.[]/.test(name))

/** `{ a: x, b: y }`, a shorthand where the names are the same. */
export const objectOf = (entries: readonly (readonly [string, string])[]): string =>
  entries.length === 0
    ? '{}'
    : `{ ${entries.map(([name, local]) => (key(name) === local ? local : `${key(name)}: ${local}`)).join(', ')} }`
