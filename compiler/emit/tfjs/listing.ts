/** A graph as the statements of one function: calls of tfjs in order, and when each tensor is done with. */
import type { AnyNode, Graph, Node, ValueId } from '../../ir/graph.ts'
import type { OpName } from '../../ops/op.ts'
import { BATCH, type Dim, lengthNames, staticSize } from '../../shapes/dim.ts'
import type { Constants } from './constants.ts'
import { createDraft, type Draft, type Operand, type Ref, type Section, type Statement } from './emission.ts'
import { leastExtents } from './extents.ts'
import { type BatchFacts, findExtents, type Head, isFed, isNoise, writeHead } from './head.ts'
import { lowerings, type TfjsLowering } from './lowerings.ts'
import { createNames, identifier, nameStatements } from './names.ts'
import { createSizes } from './sizes.ts'
import { callees, type SupportName, support } from './support.ts'

/** A result of the function. */
export interface Result {
  readonly name: string
  readonly role: Graph['outputs'][number]['role']
  readonly ref: Ref
}

/** A function before it is written. */
export interface Listing {
  readonly head: Head
  readonly statements: readonly Statement[]
  /** For each statement, the locals that nothing reads after it. */
  readonly done: readonly (readonly string[])[]
  readonly results: readonly Result[]
  /** The functions of the module's own that it calls. */
  readonly calls: ReadonlySet<SupportName>
  /** For some lengths, the least that batches are padded to. */
  readonly least: ReadonlyMap<string, number>
}

/** The numbers that an optimiser's step takes, each a tensor without axes, as JavaScript. */
const scalars: Readonly<Record<string, string>> = {
  step: 'state.step + 1',
  learning_rate: 'learningRate',
  // Arithmetic with infinity is undefined in shaders.
  clip_norm: 'Math.min(clipNorm, 1e30)',
}
/** Those that may be vectors, one number a parameter element. */
const vectors: Readonly<Record<string, string>> = {
  learning_rate_scale: 'learningRateScale',
  weight_decay: 'weightDecay',
}
/** The options of a step, by the inputs that they are read for. */
const options: Readonly<Record<string, string>> = { learning_rate: 'learningRate', clip_norm: 'clipNorm', ...vectors }

/** Names that mean something in every function. */
const taken = ['state', 'batch', 'options', 'tf', 'k', 'lengths', 'seed', 'free', ...Object.values(options)]

const lower = <K extends OpName>(node: Node<K>, operands: readonly Operand[], draft: Draft): Ref => {
  const table: { readonly [P in OpName]: TfjsLowering<P> } = lowerings
  return table[node.op](node, operands, draft.emission)
}

/** Lists a padded graph. Throws an internal Error where the padding pass has not run. */
export function listFunction(graph: Graph, constants: Constants, facts: BatchFacts): Listing {
  if (!graph.padded) throw new Error('internal error in emit/tfjs: the padding pass has not run')
  const names = createNames([...taken, ...Object.keys(support)])
  const extentNames = new Map([[BATCH, names.take('batch_size')]])
  for (const { name } of graph.seqs) extentNames.set(name, names.take(identifier(name)))
  const extentName = (name: string): string => extentNames.get(name) ?? identifier(name)
  const least = leastExtents(graph)
  const asGiven = new Map([...least.keys()].map((name) => [name, names.take(`${extentName(name)}_given`)]))
  const sizes = createSizes(extentName)
  const values = new Map<ValueId, Operand>()
  const definitions = new Map(graph.nodes.map((node) => [node.id, node]))
  const readers = findReaders(graph)
  const draft = createDraft({
    sizes,
    constants,
    definition: (value) => definitions.get(value) as AnyNode,
    operandOf: (value) => values.get(value) as Operand,
    readersOf: (value) => readers.get(value) ?? [],
  })
  const inputs = graph.nodes.filter(isFed)
  for (const node of inputs) {
    const name = names.take(identifier(node.attributes.name))
    values.set(node.id, { id: node.id, name, type: node.type })
  }
  const fed = inputs.map((node) => ({ node, local: values.get(node.id)?.name ?? '' }))
  for (const [node, section] of inSections(graph)) {
    draft.enter(node, section)
    const given = values.get(node.id)
    if (given) {
      if (node.type.dims.some((dim) => lengthNames(dim).some((name) => least.has(name))))
        values.set(node.id, { ...fitted(given, draft), id: node.id })
      continue
    }
    const operands = node.operands.map((id) => values.get(id) as Operand)
    const ref = node.op === 'input' ? lowerInput(node, draft) : lower(node, operands, draft)
    values.set(node.id, { ...ref, id: node.id })
  }
  const made = ownResults(graph, values, draft)
  const { statements, nameOf } = nameStatements(liveStatements(draft.statements, made), names)
  const results = made.map(({ ref, ...result }) => ({ ...result, ref: { ...ref, name: nameOf(ref.name) } }))
  const called = statements.filter(({ own }) => own).map(({ fn }) => fn as SupportName)
  const calls = new Set<SupportName>(called.flatMap((fn) => [fn, callees[fn] ?? fn]))
  const drawn = graph.nodes.filter(isNoise)
  const head = [
    ...checkOptions(graph, calls),
    ...writeHead(findExtents(graph, facts, fed, { sizes, least, asGiven }), drawn, calls),
  ]
  return { head, statements, done: lastUses(statements, results), results, calls, least }
}

/** A tensor of the batch, as far as the function's sizes reach. */
const fitted = (given: Operand, { emission: e }: Draft): Ref =>
  e.callOwn('fit', ['tf', given, e.sizes.shape(given.type.dims)], given.type)

/** Throws where an option is not what the step takes, before anything is made. */
function checkOptions(graph: Graph, calls: Set<SupportName>): string[] {
  return graph.nodes.flatMap((node) => {
    if (node.op !== 'input' || node.attributes.role !== 'optimiser') return []
    const { name } = node.attributes
    const option = options[name]
    if (option === undefined) return []
    calls.add('option')
    return [
      `option('${option}', ${option}${vectors[name] === undefined ? '' : `, ${staticSize(node.type.dims[0] as Dim)}`})`,
    ]
  })
}

/** Vectors of the state, numbers among the options, and noise. */
function lowerInput({ attributes: { name, role }, type }: Node<'input'>, { emission: e }: Draft): Ref {
  if (role === 'noise') {
    const extents = type.dims.slice(1).map((dim) => `Math.max(0, ${e.sizes.perSample(dim).slice('(b) => '.length)})`)
    const key = '{ seed, step: state.step }'
    const args = ['tf', 'batch', `'${name}'`, e.sizes.shape(type.dims), `(b) => [${extents.join(', ')}]`, key]
    return e.callOwn('noise', args, type)
  }
  const number = scalars[name]
  if (number !== undefined) return e.call('scalar', [number], type)
  const vector = vectors[name]
  return vector === undefined ? { name: `state.${name}`, type } : e.callOwn('vector', ['tf', vector], type)
}

/** The nodes with the part of the step that each belongs to; a part begins when all before it are written. */
function inSections(graph: Graph): [AnyNode, Section][] {
  const needed = (roles: readonly string[]): ReadonlySet<ValueId> => {
    const live = new Set(graph.outputs.filter(({ role }) => roles.includes(role)).map(({ value }) => value))
    for (const node of [...graph.nodes].reverse())
      if (live.has(node.id)) for (const operand of node.operands) live.add(operand)
    return live
  }
  const forward = needed(['prediction', 'output'])
  const losses = needed(['loss', 'total'])
  const order: readonly Section[] = ['forward', 'losses', 'backward', 'update']
  const places = new Map<ValueId, number>()
  const isTraining = graph.outputs.some(({ role }) => role === 'optimiser')
  for (const node of graph.nodes) {
    const own =
      forward.has(node.id) || (!isTraining && !losses.has(node.id))
        ? 0
        : losses.has(node.id)
          ? 1
          : node.scope === 'optimiser'
            ? 3
            : 2
    places.set(node.id, Math.max(own, ...node.operands.map((operand) => places.get(operand) ?? 0)))
  }
  return order.flatMap((section, place) =>
    graph.nodes.filter((node) => places.get(node.id) === place).map((node): [AnyNode, Section] => [node, section]),
  )
}

function findReaders(graph: Graph): Map<ValueId, (AnyNode | undefined)[]> {
  const readers = new Map<ValueId, (AnyNode | undefined)[]>(graph.nodes.map(({ id }) => [id, []]))
  for (const node of graph.nodes) for (const operand of node.operands) readers.get(operand)?.push(node)
  for (const { value } of graph.outputs) readers.get(value)?.push(undefined)
  return readers
}

/** The results, each a tensor of its own: what is the caller's, the module's or another result is copied. */
function ownResults(graph: Graph, values: ReadonlyMap<ValueId, Operand>, draft: Draft): Result[] {
  const made = new Set(draft.statements.map(({ name }) => name))
  return graph.outputs.map(({ name, role, value }) => {
    const found = values.get(value) as Operand
    const ref = made.delete(found.name) ? found : draft.emission.call('clone', [found], found.type)
    return { name, role, ref }
  })
}

const refsOf = ({ args }: Statement): readonly Ref[] => args.flatMap((arg) => (typeof arg === 'string' ? [] : arg))

/** What the results need: a lowering may have found a shorter way around a value. */
function liveStatements(statements: readonly Statement[], results: readonly Result[]): Statement[] {
  const used = new Set(results.map(({ ref }) => ref.name))
  for (const statement of [...statements].reverse())
    if (used.has(statement.name)) for (const { name } of refsOf(statement)) used.add(name)
  return statements.filter(({ name }) => used.has(name))
}

/** For each statement, the locals made before or by it that no later one reads and that are no result. */
function lastUses(statements: readonly Statement[], results: readonly Result[]): string[][] {
  const kept = new Set(results.map(({ ref }) => ref.name))
  const last = new Map<string, number>()
  for (const [at, statement] of statements.entries()) {
    last.set(statement.name, at)
    for (const { name } of refsOf(statement)) if (last.has(name)) last.set(name, at)
  }
  const done: string[][] = statements.map(() => [])
  for (const [name, at] of last) if (!kept.has(name)) done[at]?.push(name)
  return done
}
