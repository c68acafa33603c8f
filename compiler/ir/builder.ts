/** Makes graphs: each emitted operation is typed, simplified, and shared with an equal one that is there already. */
import type { Attributes, InputRole, OpName } from '../ops/op.ts'
import { describeCall, inferType, ops, type Trait } from '../ops/table.ts'
import { formatType, sameType } from '../ops/types.ts'
import type { Dim } from '../shapes/dim.ts'
import type { Span } from '../syntax/ast.ts'
import { contractValues } from './contract.ts'
import type { AnyNode, DType, Graph, GraphOutput, Node, SeqInfo, TensorType, ValueId, Variable } from './graph.ts'
import { keyOf } from './key.ts'
import { simplify } from './simplify.ts'

/** Where a node comes from; what is left out is taken from the builder's view. */
export interface Where {
  readonly scope?: string | undefined
  readonly label?: string | undefined
  readonly span?: Span | undefined
}

/** What a graph has besides its nodes; what is left out is taken from the builder's base. */
export interface GraphParts {
  readonly name?: string
  readonly outputs: readonly GraphOutput[]
  readonly seqs?: readonly SeqInfo[]
  readonly variables?: readonly Variable[]
  readonly padded?: boolean
}

export interface Window {
  readonly axis: number
  readonly offset: Dim
  readonly stride?: number
  readonly dilation?: number
  readonly dim: Dim
}

/** A graph under construction, with a method for each op; the op table says what each means. */
export interface Builder {
  /** All nodes so far, in an order in which operands come before their uses. */
  readonly nodes: readonly AnyNode[]
  /** The same builder with another place for what is emitted through it. */
  in(where: Where): Builder
  node(value: ValueId): AnyNode
  typeOf(value: ValueId): TensorType
  dimsOf(value: ValueId): readonly Dim[]
  /**
   * Adds an operation, or finds a value that is equal. `type` is needed for `input` and `constant` only. Throws an
   * internal Error naming op and operand types where the op table's shape rule refuses them.
   */
  emit<K extends OpName>(
    op: K,
    operands: readonly ValueId[],
    attributes: Attributes[K],
    where?: Where,
    type?: TensorType,
  ): ValueId
  /** The value of an operation that is there already, or undefined; nothing is added. */
  find<K extends OpName>(op: K, operands: readonly ValueId[], attributes: Attributes[K]): ValueId | undefined
  /** The graph of what the outputs need; other nodes are dropped, and variables that nothing reads with them. */
  finish(parts: GraphParts): Graph

  input(name: string, role: InputRole, type: TensorType): ValueId
  /** A number in every element (f32 [] unless a type is given), or the elements row by row. */
  constant(value: number | readonly number[], type?: TensorType): ValueId
  iota(dim: Dim): ValueId
  length(dim: Dim): ValueId
  valid(dim: Dim): ValueId
  neg(x: ValueId): ValueId
  exp(x: ValueId): ValueId
  log(x: ValueId): ValueId
  sqrt(x: ValueId): ValueId
  abs(x: ValueId): ValueId
  sin(x: ValueId): ValueId
  cos(x: ValueId): ValueId
  tanh(x: ValueId): ValueId
  sigmoid(x: ValueId): ValueId
  relu(x: ValueId): ValueId
  erf(x: ValueId): ValueId
  floor(x: ValueId): ValueId
  stopGradient(x: ValueId): ValueId
  not(x: ValueId): ValueId
  add(x: ValueId, y: ValueId): ValueId
  sub(x: ValueId, y: ValueId): ValueId
  mul(x: ValueId, y: ValueId): ValueId
  div(x: ValueId, y: ValueId): ValueId
  pow(x: ValueId, y: ValueId): ValueId
  max(x: ValueId, y: ValueId): ValueId
  min(x: ValueId, y: ValueId): ValueId
  equal(x: ValueId, y: ValueId): ValueId
  less(x: ValueId, y: ValueId): ValueId
  lessEqual(x: ValueId, y: ValueId): ValueId
  and(x: ValueId, y: ValueId): ValueId
  or(x: ValueId, y: ValueId): ValueId
  select(condition: ValueId, yes: ValueId, no: ValueId): ValueId
  cast(x: ValueId, to: DType): ValueId
  transpose(x: ValueId, permutation: readonly number[]): ValueId
  reshape(x: ValueId, dims: readonly Dim[]): ValueId
  broadcast(x: ValueId, dims: readonly Dim[]): ValueId
  concat(values: readonly ValueId[], axis: number): ValueId
  window(x: ValueId, window: Window): ValueId
  gather(x: ValueId, ids: ValueId, batchAxes: number): ValueId
  scatterAdd(y: ValueId, ids: ValueId, batchAxes: number, dim: Dim): ValueId
  sum(x: ValueId, axes: readonly number[], keep?: boolean): ValueId
  maximum(x: ValueId, axes: readonly number[], keep?: boolean): ValueId
  softmax(x: ValueId, axis: number): ValueId
  /**
   * As the op, and an axis of size 1 may stand under a label that is larger on the other side: the product is as if
   * it were broadcast, but no broadcast is made. Where both are 1, so is the result.
   */
  contract(x: ValueId, y: ValueId, left: readonly number[], right: readonly number[], out: readonly number[]): ValueId
}

export interface BuilderOptions {
  /** False builds exactly what is asked for, node by node: the reference that simplification is tested against. */
  readonly simplify?: boolean
}

const SCALAR: TensorType = { dtype: 'f32', dims: [] }

/** A builder that starts with the nodes of `base`, whose ids stay as they are. */
export const createBuilder = (base?: Graph, options: BuilderOptions = {}): Builder =>
  new View(createStore(base, options.simplify ?? true), {})

/** What all views of a builder share. */
interface Store {
  readonly base: Graph | undefined
  readonly simplifying: boolean
  readonly nodes: AnyNode[]
  readonly byKey: Map<string, ValueId>
  node(value: ValueId): AnyNode
  typeOf(value: ValueId): TensorType
  dimsOf(value: ValueId): readonly Dim[]
  /** Adds a node under its key. */
  add(key: string, node: (id: ValueId) => AnyNode): ValueId
}

function createStore(base: Graph | undefined, simplifying: boolean): Store {
  const nodes: AnyNode[] = [...(base?.nodes ?? [])]
  const byId = new Map<ValueId, AnyNode>(nodes.map((node) => [node.id, node]))
  const byKey = new Map<string, ValueId>()
  let next = nodes.reduce((id, node) => Math.max(id, node.id + 1), 0)
  for (const node of nodes) {
    const key = sharingKey(node.op, node.operands, node.attributes, node.type)
    if (!byKey.has(key)) byKey.set(key, node.id)
  }
  const node = (value: ValueId): AnyNode => {
    const found = byId.get(value)
    if (!found) throw new Error(`internal: there is no value %${value}`)
    return found
  }
  return {
    base,
    simplifying,
    nodes,
    byKey,
    node,
    typeOf: (value) => node(value).type,
    dimsOf: (value) => node(value).type.dims,
    add: (key, make) => {
      const made = make(next++)
      nodes.push(made)
      byId.set(made.id, made)
      byKey.set(key, made.id)
      return made.id
    },
  }
}

function sharingKey(
  op: OpName,
  operands: readonly ValueId[],
  attributes: AnyNode['attributes'],
  type: TensorType,
): string {
  const traits: readonly Trait[] = ops[op].traits
  const order = traits.includes('commutative') ? [...operands].sort((a, b) => a - b) : operands
  return `${op}(${order.join()})${remembered(attributeKeys, attributes, keyOf)}:${remembered(typeKeys, type, typeKey)}`
}

// Passes copy most nodes with the attributes and types that they have.
const attributeKeys = new WeakMap<object, string>()
const typeKeys = new WeakMap<object, string>()
const typeKey = ({ dtype, dims }: TensorType): string => `${dtype}[${dims.map((dim) => dim.key).join()}]`

function remembered<T extends object>(keys: WeakMap<object, string>, value: T, make: (value: T) => string): string {
  const known = keys.get(value)
  if (known !== undefined) return known
  const key = make(value)
  keys.set(value, key)
  return key
}

/** A builder at a place. Passes make one for each node, so it is a few references and no closures. */
class View implements Builder {
  readonly nodes: Builder['nodes']
  readonly node: Builder['node']
  readonly typeOf: Builder['typeOf']
  readonly dimsOf: Builder['dimsOf']
  readonly #store: Store
  readonly #here: Where

  constructor(store: Store, here: Where) {
    this.nodes = store.nodes
    this.node = store.node
    this.typeOf = store.typeOf
    this.dimsOf = store.dimsOf
    this.#store = store
    this.#here = here
  }

  in(where: Where): Builder {
    return new View(this.#store, { ...this.#here, ...where })
  }

  emit<K extends OpName>(
    op: K,
    operands: readonly ValueId[],
    attributes: Attributes[K],
    where?: Where,
    stated?: TensorType,
  ): ValueId {
    const { simplifying, byKey, typeOf, add } = this.#store
    const types = operands.map(typeOf)
    const type = inferType(op, types, attributes, stated)
    if (typeof type === 'string')
      throw new Error(`internal: ${describeCall(op, types)} ${keyOf(attributes)} is ill typed: ${type}`)
    const place = where ? { ...this.#here, ...where } : this.#here
    if (simplifying) {
      const simpler = simplify(where ? new View(this.#store, place) : this, op, operands, attributes, type)
      if (simpler !== undefined) {
        if (!sameType(typeOf(simpler), type))
          throw new Error(
            `internal: simplifying ${describeCall(op, types)} ${keyOf(attributes)} gave ${formatType(typeOf(simpler))}`,
          )
        return simpler
      }
    }
    const key = sharingKey(op, operands, attributes, type)
    const seen = simplifying || op === 'input' ? byKey.get(key) : undefined
    if (seen !== undefined) return seen
    const { scope = '', label, span } = place
    return add(key, (id) => makeNode({ id, op, operands: [...operands], attributes, type, scope, label, span }))
  }

  find<K extends OpName>(op: K, operands: readonly ValueId[], attributes: Attributes[K]): ValueId | undefined {
    const type = inferType(op, operands.map(this.typeOf), attributes)
    return typeof type === 'string' ? undefined : this.#store.byKey.get(sharingKey(op, operands, attributes, type))
  }

  finish({ outputs, ...parts }: GraphParts): Graph {
    const { base } = this.#store
    const live = liveNodes(this.nodes, outputs)
    return {
      name: parts.name ?? base?.name ?? '',
      nodes: live,
      outputs,
      seqs: parts.seqs ?? base?.seqs ?? [],
      variables: liveVariables(parts.variables ?? base?.variables ?? [], live, outputs),
      padded: parts.padded ?? base?.padded ?? false,
    }
  }

  input(name: string, role: InputRole, type: TensorType): ValueId {
    return this.emit('input', [], { name, role }, undefined, type)
  }
  constant(value: number | readonly number[], type: TensorType = SCALAR): ValueId {
    if (typeof value !== 'number' || type.dims.length === 0)
      return this.emit('constant', [], { value }, undefined, type)
    const scalar = this.emit('constant', [], { value }, undefined, { dtype: type.dtype, dims: [] })
    return this.broadcast(scalar, type.dims)
  }
  iota(dim: Dim): ValueId {
    return this.emit('iota', [], { dim })
  }
  length(dim: Dim): ValueId {
    return this.emit('length', [], { dim })
  }
  valid(dim: Dim): ValueId {
    return this.emit('valid', [], { dim })
  }
  neg(x: ValueId): ValueId {
    return this.emit('neg', [x], {})
  }
  exp(x: ValueId): ValueId {
    return this.emit('exp', [x], {})
  }
  log(x: ValueId): ValueId {
    return this.emit('log', [x], {})
  }
  sqrt(x: ValueId): ValueId {
    return this.emit('sqrt', [x], {})
  }
  abs(x: ValueId): ValueId {
    return this.emit('abs', [x], {})
  }
  sin(x: ValueId): ValueId {
    return this.emit('sin', [x], {})
  }
  cos(x: ValueId): ValueId {
    return this.emit('cos', [x], {})
  }
  tanh(x: ValueId): ValueId {
    return this.emit('tanh', [x], {})
  }
  sigmoid(x: ValueId): ValueId {
    return this.emit('sigmoid', [x], {})
  }
  relu(x: ValueId): ValueId {
    return this.emit('relu', [x], {})
  }
  erf(x: ValueId): ValueId {
    return this.emit('erf', [x], {})
  }
  floor(x: ValueId): ValueId {
    return this.emit('floor', [x], {})
  }
  stopGradient(x: ValueId): ValueId {
    return this.emit('stopGradient', [x], {})
  }
  not(x: ValueId): ValueId {
    return this.emit('not', [x], {})
  }
  add(x: ValueId, y: ValueId): ValueId {
    return this.emit('add', [x, y], {})
  }
  sub(x: ValueId, y: ValueId): ValueId {
    return this.emit('sub', [x, y], {})
  }
  mul(x: ValueId, y: ValueId): ValueId {
    return this.emit('mul', [x, y], {})
  }
  div(x: ValueId, y: ValueId): ValueId {
    return this.emit('div', [x, y], {})
  }
  pow(x: ValueId, y: ValueId): ValueId {
    return this.emit('pow', [x, y], {})
  }
  max(x: ValueId, y: ValueId): ValueId {
    return this.emit('max', [x, y], {})
  }
  min(x: ValueId, y: ValueId): ValueId {
    return this.emit('min', [x, y], {})
  }
  equal(x: ValueId, y: ValueId): ValueId {
    return this.emit('equal', [x, y], {})
  }
  less(x: ValueId, y: ValueId): ValueId {
    return this.emit('less', [x, y], {})
  }
  lessEqual(x: ValueId, y: ValueId): ValueId {
    return this.emit('lessEqual', [x, y], {})
  }
  and(x: ValueId, y: ValueId): ValueId {
    return this.emit('and', [x, y], {})
  }
  or(x: ValueId, y: ValueId): ValueId {
    return this.emit('or', [x, y], {})
  }
  select(condition: ValueId, yes: ValueId, no: ValueId): ValueId {
    return this.emit('select', [condition, yes, no], {})
  }
  cast(x: ValueId, to: DType): ValueId {
    return this.emit('cast', [x], { to })
  }
  transpose(x: ValueId, permutation: readonly number[]): ValueId {
    return this.emit('transpose', [x], { permutation })
  }
  reshape(x: ValueId, dims: readonly Dim[]): ValueId {
    return this.emit('reshape', [x], { dims })
  }
  broadcast(x: ValueId, dims: readonly Dim[]): ValueId {
    return this.emit('broadcast', [x], { dims })
  }
  concat(values: readonly ValueId[], axis: number): ValueId {
    return this.emit('concat', values, { axis })
  }
  window(x: ValueId, { axis, offset, stride = 1, dilation = 1, dim }: Window): ValueId {
    return this.emit('window', [x], { axis, offset, stride, dilation, dim })
  }
  gather(x: ValueId, ids: ValueId, batchAxes: number): ValueId {
    return this.emit('gather', [x, ids], { batchAxes })
  }
  scatterAdd(y: ValueId, ids: ValueId, batchAxes: number, dim: Dim): ValueId {
    return this.emit('scatterAdd', [y, ids], { batchAxes, dim })
  }
  sum(x: ValueId, axes: readonly number[], keep = false): ValueId {
    return this.emit('sum', [x], { axes, keep })
  }
  maximum(x: ValueId, axes: readonly number[], keep = false): ValueId {
    return this.emit('maximum', [x], { axes, keep })
  }
  softmax(x: ValueId, axis: number): ValueId {
    return this.emit('softmax', [x], { axis })
  }
  contract(x: ValueId, y: ValueId, left: readonly number[], right: readonly number[], out: readonly number[]): ValueId {
    const spec = { left, right, out }
    return contractValues(this, x, y, spec) ?? this.emit('contract', [x, y], spec)
  }
}

/** The one place where an op and its attributes, typed together, become a member of the union of nodes. */
const makeNode = <K extends OpName>(node: Node<K>): AnyNode => node as AnyNode

/** The nodes that the outputs depend on, in their order. */
export function liveNodes(nodes: readonly AnyNode[], outputs: readonly GraphOutput[]): readonly AnyNode[] {
  const live = new Set(outputs.map((output) => output.value))
  for (let at = nodes.length - 1; at >= 0; at--) {
    const node = nodes[at] as AnyNode
    if (live.has(node.id)) for (const operand of node.operands) live.add(operand)
  }
  return nodes.filter((node) => live.has(node.id))
}

/** The variables that a node reads or an output is named after. */
function liveVariables(
  variables: readonly Variable[],
  nodes: readonly AnyNode[],
  outputs: readonly GraphOutput[],
): readonly Variable[] {
  const names = new Set(outputs.map((output) => output.name))
  for (const node of nodes) if (node.op === 'input') names.add(node.attributes.name)
  return variables.filter((variable) => names.has(variable.path))
}

/** The graph without nodes and variables that no output depends on; ids stay. */
export const deadCodeElimination = (graph: Graph): Graph => {
  const nodes = liveNodes(graph.nodes, graph.outputs)
  return { ...graph, nodes, variables: liveVariables(graph.variables, nodes, graph.outputs) }
}

/** Emits a node again over other operands, at its own place. */
export const copyNode = <K extends OpName>(builder: Builder, node: Node<K>, operands: readonly ValueId[]): ValueId =>
  builder.emit(node.op, operands, node.attributes, { scope: node.scope, label: node.label, span: node.span }, node.type)

/**
 * Builds a graph again node by node. `visit` gets each node, its operands in the new graph and a builder that stands
 * at the node's place; it gives the value to use instead, or undefined for a copy. What is copied over copies is not
 * simplified again, so a graph that was built without simplifying stays so. `parts` replaces what it names,
 * in terms of new values.
 */
export function mapGraph(
  graph: Graph,
  visit: (node: AnyNode, operands: readonly ValueId[], builder: Builder) => ValueId | undefined,
  options: BuilderOptions & {
    readonly padded?: boolean
    /** Told which value stands for each node. */
    readonly onMapped?: (node: AnyNode, value: ValueId) => void
  } = {},
): Graph {
  const store = createStore(undefined, options.simplify ?? true)
  const mapped = new Map<ValueId, ValueId>()
  // What is copied over copies is in its smallest form already.
  const copied = new Set<ValueId>()
  for (const node of graph.nodes) {
    const { scope, label, span } = node
    const operands = node.operands.map((operand) => mapped.get(operand) as ValueId)
    const here = new View(store, { scope, label, span })
    let value = visit(node, operands, here)
    if (value === undefined) {
      const unchanged = store.simplifying && node.operands.every((operand) => copied.has(operand))
      if (unchanged) copied.add(node.id)
      value = unchanged ? shareCopy(store, node, operands) : copyNode(here, node, operands)
    }
    mapped.set(node.id, value)
    options.onMapped?.(node, value)
  }
  return new View(store, {}).finish({
    name: graph.name,
    outputs: graph.outputs.map((output) => ({ ...output, value: mapped.get(output.value) as ValueId })),
    seqs: graph.seqs,
    variables: graph.variables,
    padded: options.padded ?? graph.padded,
  })
}

/** A node over operands of the same types, or an equal one that is there already. */
function shareCopy({ byKey, add }: Store, node: AnyNode, operands: readonly ValueId[]): ValueId {
  const key = sharingKey(node.op, operands, node.attributes, node.type)
  return byKey.get(key) ?? add(key, (id) => makeNode({ ...node, id, operands }))
}
