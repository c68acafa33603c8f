/** The text form of graphs: one node a line, read back without loss. */
import type { OpName } from '../ops/op.ts'
import { opNames } from '../ops/table.ts'
import { formatType } from '../ops/types.ts'
import { codecOf, DTYPES } from './codec.ts'
import type { AnyNode, Graph, GraphOutput, Initialiser, Node, SeqInfo, TensorType, Variable } from './graph.ts'
import { type Reader, readLine } from './reader.ts'

const quote = (text: string): string => JSON.stringify(text)
const printSpan = (span: Node['span']): string => (span ? ` at ${quote(span.file)}:${span.start}-${span.end}` : '')

function printNode<K extends OpName>({ id, op, operands, attributes, type, scope, label, span }: Node<K>): string {
  const call = `${op}(${operands.map((operand) => `%${operand}`).join(', ')})${codecOf(op).print(attributes)}`
  const place = `${scope === '' ? '' : ` @${quote(scope)}`}${label === undefined ? '' : ` ${quote(label)}`}`
  return `%${id}: ${formatType(type)} = ${call}${place}${printSpan(span)}`
}

const printSeq = ({ name, low, high, sources }: SeqInfo): string =>
  `seq ${quote(name)} ${low}..${high ?? ''}${sources.map((s) => ` ${quote(s.input)}[${s.axis}] by ${quote(s.lengths)}`).join('')}`

const printVariable = ({ path, role, shape, init, span }: Variable): string =>
  `${role} ${quote(path)} [${shape.join(', ')}] = ${init.kind}(${init.scale}, ${init.fanIn}, ${init.fanOut})${printSpan(span)}`

/**
 * The graph as text: a head, ragged lengths, variables, nodes (`%3: f32[batch, 4] = sum(%2) {axes=[1], keep=false}
 * @"Os.uflb2" "h" at "specs/mcfn.model":120-131`) and outputs.
 */
export function printGraph(graph: Graph): string {
  const lines = [
    `graph ${quote(graph.name)} ${graph.padded ? 'padded' : 'ragged'}`,
    ...graph.seqs.map(printSeq),
    ...graph.variables.map(printVariable),
    ...graph.nodes.map((node: AnyNode) => printNode(node)),
    ...graph.outputs.map(({ name, value, role }) => `output ${quote(name)} %${value} ${role}`),
  ]
  return `${lines.join('\n')}\n`
}

const OUTPUT_ROLES: readonly GraphOutput['role'][] = [
  'prediction',
  'output',
  'loss',
  'total',
  'gradient',
  'update',
  'optimiser',
]
const INITIALISERS: readonly Initialiser['kind'][] = [
  'zeros',
  'ones',
  'constant',
  'uniform',
  'normal',
  'glorot_uniform',
  'glorot_normal',
  'he_uniform',
  'he_normal',
]

const readType = (r: Reader): TensorType => ({ dtype: r.word(DTYPES), dims: r.list(() => r.dim(',\\]')) })

function readSpan(r: Reader): Node['span'] {
  if (!r.skip('at ')) return undefined
  const file = r.string()
  r.expect(':')
  const start = r.number()
  r.expect('-')
  return { file, start, end: r.number() }
}

function readId(r: Reader): number {
  r.expect('%')
  return r.number()
}

function readNode<K extends OpName>(r: Reader, op: K, id: number, type: TensorType): Node<K> {
  const operands: number[] = []
  r.expect('(')
  while (!r.skip(')')) {
    if (operands.length > 0) r.expect(',')
    operands.push(readId(r))
  }
  const attributes = codecOf(op).read(r)
  const scope = r.skip('@') ? r.string() : ''
  const label = r.peek('"') ? r.string() : undefined
  return { id, op, operands, attributes, type, scope, label, span: readSpan(r) }
}

function readSeq(r: Reader): SeqInfo {
  const name = r.string()
  const low = r.number()
  r.expect('..')
  const high = r.peek('"') || r.atEnd() ? undefined : r.number()
  const sources: SeqInfo['sources'][number][] = []
  while (r.peek('"')) {
    const input = r.string()
    r.expect('[')
    const axis = r.number()
    r.expect(']')
    r.expect('by')
    sources.push({ input, axis, lengths: r.string() })
  }
  return { name, low, high, sources }
}

function readVariable(r: Reader, role: Variable['role']): Variable {
  const path = r.string()
  const shape = r.list(() => r.number())
  r.expect('=')
  const kind = r.word(INITIALISERS)
  r.expect('(')
  const scale = r.number()
  r.expect(',')
  const fanIn = r.number()
  r.expect(',')
  const fanOut = r.number()
  r.expect(')')
  return { path, role, shape, init: { kind, scale, fanIn, fanOut }, span: readSpan(r) }
}

/** Reads what `printGraph` wrote. Throws a SyntaxError that shows the line on anything else. */
export function parseGraph(text: string): Graph {
  const [head = '', ...lines] = text.split('\n').filter((line) => line.trim() !== '')
  const top = readLine(head)
  top.expect('graph')
  const name = top.string()
  const padded = top.word(['ragged', 'padded']) === 'padded'
  const nodes: AnyNode[] = []
  const outputs: GraphOutput[] = []
  const seqs: SeqInfo[] = []
  const variables: Variable[] = []
  for (const line of lines) {
    const r = readLine(line)
    if (r.peek('%')) {
      const id = readId(r)
      r.expect(':')
      const type = readType(r)
      r.expect('=')
      nodes.push(readNode(r, r.word(opNames), id, type) as AnyNode)
    } else {
      const kind = r.word(['seq', 'param', 'state', 'output'])
      if (kind === 'seq') seqs.push(readSeq(r))
      else if (kind === 'output') outputs.push({ name: r.string(), value: readId(r), role: r.word(OUTPUT_ROLES) })
      else variables.push(readVariable(r, kind))
    }
    if (!r.atEnd()) r.fail('the end of the line')
  }
  return { name, nodes, outputs, seqs, variables, padded }
}
