/** How a function begins: sizes and lengths read from the batch, and the tensors of the batch, checked. */
import type { Signature } from '../../artefact.ts'
import type { Graph, Node } from '../../ir/graph.ts'
import { BATCH, type Dim, formatDim, isBatch, lengthNames } from '../../shapes/dim.ts'
import { createSizes, type Sizes } from './sizes.ts'
import type { SupportName } from './support.ts'
import { dtypes, quote } from './text.ts'

/** Lines of JavaScript. */
export type Head = readonly string[]

/** A tensor that the caller gives in the batch, and the local that holds it. */
interface Fed {
  readonly node: Node<'input'>
  readonly local: string
}

/** A tensor that every batch has, whether the function reads it or not; its axes tell sizes. */
export interface GivenInput {
  readonly name: string
  /** `batch` first. */
  readonly dims: readonly Dim[]
}

/** How a function writes extents. */
interface ExtentNames {
  readonly sizes: Sizes
  /** What some extents must be, where the caller's tensors may have less. */
  readonly least: ReadonlyMap<string, number>
  /** The locals that hold such extents as the caller's tensors have them. */
  readonly asGiven: ReadonlyMap<string, string>
}

/** A condition on lengths: its text, and dims that it makes 0 in every sample. */
export type Requirement = Signature['requires'][number]

/** What every batch is known to be. */
export interface BatchFacts {
  readonly inputs: readonly GivenInput[]
  readonly requires: readonly Requirement[]
}

/** Where sizes come from. */
export interface Extents {
  readonly lines: readonly string[]
  readonly fed: readonly Fed[]
  /** In terms of the caller's tensors. */
  readonly sizes: Sizes
}

/** Data, targets, and variables that are not read out of the state's vectors. */
export const isFed = (node: Graph['nodes'][number]): node is Node<'input'> =>
  node.op === 'input' && ['data', 'target', 'param', 'state'].includes(node.attributes.role)

/** Numbers that the batch may bring, and that are drawn else. */
export const isNoise = (node: Graph['nodes'][number]): node is Node<'input'> =>
  node.op === 'input' && node.attributes.role === 'noise'

/** The name of a dim that is one length, `batch` included. */
const lengthName = (dim: Dim, names: readonly string[]): string | undefined => {
  const text = isBatch(dim) ? BATCH : formatDim(dim)
  return names.includes(text) ? text : undefined
}

/** Reads each size from the first tensor with that axis; where there is none, from the lengths. */
export function findExtents(
  graph: Graph,
  { inputs, requires }: BatchFacts,
  fed: readonly Fed[],
  { sizes, least, asGiven: givenNames }: ExtentNames,
): Extents {
  const names = [BATCH, ...graph.seqs.map(({ name }) => name)]
  const axes = new Map<string, string>()
  const known = [...fed.map(({ node }) => ({ name: node.attributes.name, dims: node.type.dims })), ...inputs]
  for (const input of known)
    input.dims.forEach((dim, axis) => {
      const name = lengthName(dim, names)
      if (name !== undefined && !axes.has(name)) axes.set(name, `extent(batch, '${input.name}', ${axis})`)
    })
  const local = (name: string): string => sizes.extentName(name)
  const asGiven = (name: string): string => givenNames.get(name) ?? local(name)
  const told = graph.seqs.flatMap((seq) => {
    const given = seq.sources.filter(({ input }) => known.some(({ name }) => name === input))
    const [source, ...others] = given.length > 0 ? given : seq.sources.slice(0, 1)
    return source && (axes.has(seq.name) || sizes.used.has(seq.name)) ? [{ seq, source, others }] : []
  })
  const lines: string[] = []
  const batch = axes.get(BATCH)
  if (batch !== undefined) lines.push(`const ${local(BATCH)} = ${batch}`)
  else if (told[0]) lines.push(`const ${local(BATCH)} = batch.${told[0].source.lengths}.length`)
  for (const { seq } of told) {
    const extent = axes.get(seq.name)
    if (extent !== undefined) lines.push(`const ${asGiven(seq.name)} = ${extent}`)
  }
  if (told.length > 0) {
    /** The lengths that an input of the batch tells, checked. */
    const read = ({ seq }: (typeof told)[number], name: string): string => {
      const padded = axes.has(seq.name) ? `, ${asGiven(seq.name)}` : ''
      return `lengthsOf(batch, '${name}', ${local(BATCH)}, ${seq.low}, ${seq.high ?? 'Infinity'}${padded})`
    }
    lines.push('const lengths = {')
    for (const one of told) lines.push(`  ${one.seq.name}: ${read(one, one.source.lengths)},`)
    lines.push('}')
    for (const one of told)
      for (const { lengths } of one.others)
        lines.push(`agree('${lengths}', ${read(one, lengths)}, '${one.source.lengths}', lengths.${one.seq.name})`)
  }
  const lengths = new Set([BATCH, ...told.map(({ seq }) => seq.name)])
  for (const { condition, dims } of requires)
    for (const dim of dims)
      if (lengthNames(dim).every((name) => lengths.has(name)))
        lines.push(`require(${local(BATCH)}, ${quote(condition)}, ${sizes.perSample(dim)})`)
  for (const { seq } of told) {
    const needed = least.get(seq.name)
    if (!axes.has(seq.name)) lines.push(`const ${local(seq.name)} = Math.max(${needed ?? 1}, ...lengths.${seq.name})`)
    else if (needed !== undefined) lines.push(`const ${local(seq.name)} = Math.max(${needed}, ${asGiven(seq.name)})`)
  }
  return { lines, fed, sizes: createSizes(asGiven) }
}

/** The lines, and what they call. */
export function writeHead(
  { lines, fed, sizes }: Extents,
  drawn: readonly Node<'input'>[],
  calls: Set<SupportName>,
): Head {
  const head = [...lines]
  for (const { attributes, type } of drawn)
    head.push(
      `if (batch['${attributes.name}'] !== undefined) given(batch, '${attributes.name}', 'float32', ${sizes.shape(type.dims)})`,
    )
  for (const { node, local } of fed) {
    const { name } = node.attributes
    head.push(`const ${local} = given(batch, '${name}', '${dtypes[node.type.dtype]}', ${sizes.shape(node.type.dims)})`)
  }
  for (const name of ['extent', 'lengthsOf', 'given', 'agree', 'require'] as const)
    if (head.some((line) => new RegExp(`\\b${name}\\(`).test(line))) calls.add(name)
  return head
}
