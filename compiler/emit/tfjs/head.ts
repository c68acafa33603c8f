/** How a function begins: sizes and lengths read from the batch, and the tensors of the batch, checked. */
import type { Graph, Node } from '../../ir/graph.ts'
import { BATCH, type Dim, formatDim, isBatch } from '../../shapes/dim.ts'
import type { Sizes } from './sizes.ts'
import type { SupportName } from './support.ts'
import { dtypes } from './text.ts'

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

/** Where sizes come from. */
export interface Extents {
  readonly lines: readonly string[]
  readonly fed: readonly Fed[]
  readonly sizes: Sizes
}

/** Data, targets, and variables that are not read out of the state's vectors. */
export const isFed = (node: Graph['nodes'][number]): node is Node<'input'> =>
  node.op === 'input' && ['data', 'target', 'param', 'state'].includes(node.attributes.role)

/** The name of a dim that is one length, `batch` included. */
const lengthName = (dim: Dim, names: readonly string[]): string | undefined => {
  const text = isBatch(dim) ? BATCH : formatDim(dim)
  return names.includes(text) ? text : undefined
}

/** Reads each size from the first tensor with that axis; where there is none, from the lengths. */
export function findExtents(graph: Graph, inputs: readonly GivenInput[], fed: readonly Fed[], sizes: Sizes): Extents {
  const names = [BATCH, ...graph.seqs.map(({ name }) => name)]
  const axes = new Map<string, string>()
  const known = [...fed.map(({ node }) => ({ name: node.attributes.name, dims: node.type.dims })), ...inputs]
  for (const input of known)
    input.dims.forEach((dim, axis) => {
      const name = lengthName(dim, names)
      if (name !== undefined && !axes.has(name)) axes.set(name, `extent(batch, '${input.name}', ${axis})`)
    })
  const local = (name: string): string => sizes.extentName(name)
  const told = graph.seqs.flatMap((seq) => {
    const source = seq.sources.find(({ input }) => known.some(({ name }) => name === input)) ?? seq.sources[0]
    return source && (axes.has(seq.name) || sizes.used.has(seq.name)) ? [{ seq, lengths: source.lengths }] : []
  })
  const lines: string[] = []
  const batch = axes.get(BATCH)
  if (batch !== undefined) lines.push(`const ${local(BATCH)} = ${batch}`)
  else if (told[0]) lines.push(`const ${local(BATCH)} = batch.${told[0].lengths}.length`)
  for (const { seq } of told) {
    const extent = axes.get(seq.name)
    if (extent !== undefined) lines.push(`const ${local(seq.name)} = ${extent}`)
  }
  if (told.length > 0) {
    lines.push('const lengths = {')
    for (const { seq, lengths } of told) {
      const padded = axes.has(seq.name) ? `, ${local(seq.name)}` : ''
      const range = `${seq.low}, ${seq.high ?? 'Infinity'}`
      lines.push(`  ${seq.name}: lengthsOf(batch, '${lengths}', ${local(BATCH)}, ${range}${padded}),`)
    }
    lines.push('}')
  }
  for (const { seq } of told)
    if (!axes.has(seq.name)) lines.push(`const ${local(seq.name)} = Math.max(1, ...lengths.${seq.name})`)
  return { lines, fed, sizes }
}

/** The lines, and what they call. */
export function writeHead({ lines, fed, sizes }: Extents, calls: Set<SupportName>): Head {
  const head = [...lines]
  for (const { node, local } of fed) {
    const { name } = node.attributes
    head.push(`const ${local} = given(batch, '${name}', '${dtypes[node.type.dtype]}', ${sizes.shape(node.type.dims)})`)
  }
  for (const name of ['extent', 'lengthsOf', 'given'] as const)
    if (head.some((line) => line.includes(`${name}(batch`))) calls.add(name)
  return head
}
