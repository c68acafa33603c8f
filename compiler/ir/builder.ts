/** Makes graphs: each emitted operation is typed, simplified, and shared with an equal one that is there already. */
import type { Attributes, InputRole, OpName } from '../ops/op.ts'
import { describeCall, inferType, ops } from '../ops/table.ts'
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
export function createBuilder(base?: Graph, options: BuilderOptions = {}): Builder {
  const simplifying = options.simplify ?? true
  const nodes: AnyNode[] = [...(base?.nodes ?? [])]
  const byId = new Map<ValueId, AnyNode>(nodes.map((node) => [node.id, node]))
  const byKey = new Map<string, ValueId>()
  let next = nodes.reduce((id, node) => Math.max(id, node.id + 1), 0)

  const sharingKey = (
    op: OpName,
    operands: readonly ValueId[],
    attributes: AnyNode['attributes'],
    type: TensorType,
  ): string => {
    const commutative: readonly string[] = ops[op].traits
    const order = commutative.includes('commutative') ? [...operands].sort((a, b) => a - b) : operands
    return `${op}(${order.join()})${keyOf(attributes)}:${type.dtype}[${type.dims.map((dim) => dim.key).join()}]`
  }
  for (const node of nodes) {
    const key = sharingKey(node.op, node.operands, node.attributes, node.type)
    if (!byKey.has(key)) byKey.set(key, node.id)
  }

  const node = (value: ValueId): AnyNode => {
    const found = byId.get(value)
    if (!found) throw new Error(`internal: there is no value %${value}`)
    return found
  }
  const typeOf = (value: ValueId): TensorType => node(value).type

  const view = (here: Where): Builder => {
    const emit: Builder['emit'] = (op, operands, attributes, where, stated) => {
      const types = operands.map(typeOf)
      const type = inferType(op, types, attributes, stated)
      if (typeof type === 'string')
        throw new Error(`internal: ${describeCall(op, types)} ${keyOf(attributes)} is ill typed: ${type}`)
      const place = where ? { ...here, ...where } : here
      if (simplifying) {
        const simpler = simplify(where ? view(place) : builder, op, operands, attributes, type)
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
      const made = makeNode({
        id: next++,
        op,
        operands: [...operands],
        attributes,
        type,
        scope: place.scope ?? '',
        label: place.label,
        span: place.span,
      })
      nodes.push(made)
      byId.set(made.id, made)
      byKey.set(key, made.id)
      return made.id
    }
    const unary =
      (
        op:
          | 'neg'
          | 'exp'
          | 'log'
          | 'sqrt'
          | 'abs'
          | 'sin'
          | 'cos'
          | 'tanh'
          | 'sigmoid'
          | 'relu'
          | 'erf'
          | 'floor'
          | 'stopGradient'
          | 'not',
      ) =>
      (x: ValueId) =>
        emit(op, [x], {})
    const binary =
      (op: 'add' | 'sub' | 'mul' | 'div' | 'pow' | 'max' | 'min' | 'equal' | 'less' | 'lessEqual' | 'and' | 'or') =>
      (x: ValueId, y: ValueId) =>
        emit(op, [x, y], {})
    const builder: Builder = {
      nodes,
      in: (where) => view({ ...here, ...where }),
      node,
      typeOf,
      dimsOf: (value) => typeOf(value).dims,
      emit,
      find: (op, operands, attributes) => {
        const type = inferType(op, operands.map(typeOf), attributes)
        return typeof type === 'string' ? undefined : byKey.get(sharingKey(op, operands, attributes, type))
      },
      finish: ({ outputs, ...parts }) => {
        const live = liveNodes(nodes, outputs)
        return {
          name: parts.name ?? base?.name ?? '',
          nodes: live,
          outputs,
          seqs: parts.seqs ?? base?.seqs ?? [],
          variables: liveVariables(parts.variables ?? base?.variables ?? [], live, outputs),
          padded: parts.padded ?? base?.padded ?? false,
        }
      },
      input: (name, role, type) => emit('input', [], { name, role }, undefined, type),
      constant: (value, type = SCALAR) => {
        if (typeof value !== 'number' || type.dims.length === 0) return emit('constant', [], { value }, undefined, type)
        return builder.broadcast(emit('constant', [], { value }, undefined, { dtype: type.dtype, dims: [] }), type.dims)
      },
      iota: (dim) => emit('iota', [], { dim }),
      length: (dim) => emit('length', [], { dim }),
      valid: (dim) => emit('valid', [], { dim }),
      neg: unary('neg'),
      exp: unary('exp'),
      log: unary('log'),
      sqrt: unary('sqrt'),
      abs: unary('abs'),
      sin: unary('sin'),
      cos: unary('cos'),
      tanh: unary('tanh'),
      sigmoid: unary('sigmoid'),
      relu: unary('relu'),
      erf: unary('erf'),
      floor: unary('floor'),
      stopGradient: unary('stopGradient'),
      not: unary('not'),
      add: binary('add'),
      sub: binary('sub'),
      mul: binary('mul'),
      div: binary('div'),
      pow: binary('pow'),
      max: binary('max'),
      min: binary('min'),
      equal: binary('equal'),
      less: binary('less'),
      lessEqual: binary('lessEqual'),
      and: binary('and'),
      or: binary('or'),
      select: (condition, yes, no) => emit('select', [condition, yes, no], {}),
      cast: (x, to) => emit('cast', [x], { to }),
      transpose: (x, permutation) => emit('transpose', [x], { permutation }),
      reshape: (x, dims) => emit('reshape', [x], { dims }),
      broadcast: (x, dims) => emit('broadcast', [x], { dims }),
      concat: (values, axis) => emit('concat', values, { axis }),
      window: (x, { axis, offset, stride = 1, dilation = 1, dim }) =>
        emit('window', [x], { axis, offset, stride, dilation, dim }),
      gather: (x, ids, batchAxes) => emit('gather', [x, ids], { batchAxes }),
      scatterAdd: (y, ids, batchAxes, dim) => emit('scatterAdd', [y, ids], { batchAxes, dim }),
      sum: (x, axes, keep = false) => emit('sum', [x], { axes, keep }),
      maximum: (x, axes, keep = false) => emit('maximum', [x], { axes, keep }),
      softmax: (x, axis) => emit('softmax', [x], { axis }),
      contract: (x, y, left, right, out) => {
        const spec = { left, right, out }
        return contractValues(builder, x, y, spec) ?? emit('contract', [x, y], spec)
      },
    }
    return builder
  }
  return view({})
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
 * at the node's place; it gives the value to use instead, or undefined for a copy. `parts` replaces what it names,
 * in terms of new values.
 */
export function mapGraph(
  graph: Graph,
  visit: (node: AnyNode, operands: readonly ValueId[], builder: Builder) => ValueId | undefined,
  options: BuilderOptions & { readonly padded?: boolean } = {},
): Graph {
  const builder = createBuilder(undefined, options)
  const mapped = new Map<ValueId, ValueId>()
  for (const node of graph.nodes) {
    const operands = node.operands.map((operand) => mapped.get(operand) as ValueId)
    const here = builder.in({ scope: node.scope, label: node.label, span: node.span })
    mapped.set(node.id, visit(node, operands, here) ?? copyNode(here, node, operands))
  }
  return builder.finish({
    name: graph.name,
    outputs: graph.outputs.map((output) => ({ ...output, value: mapped.get(output.value) as ValueId })),
    seqs: graph.seqs,
    variables: graph.variables,
    padded: options.padded ?? graph.padded,
  })
}
