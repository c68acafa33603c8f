/** What a lowering works with: it adds ONNX nodes, constants, extents and lengths to the model being written. */
import type { AnyNode, DType, SeqInfo, TensorType, ValueId } from '../../ir/graph.ts'
import { sameDims } from '../../ops/types.ts'
import { type Atom, BATCH, type Dim, evaluateDim, formatDim, isRagged, sameDim, staticSize } from '../../shapes/dim.ts'
import type { OnnxAttribute, OnnxDim, OnnxNode, OnnxTensor, OnnxValue } from './model.ts'

/** A value that a lowering reads. */
export interface Operand {
  readonly id: ValueId
  /** Its name in the ONNX graph. A value that is held in parts is put together when its name is first asked for. */
  readonly name: string
  readonly type: TensorType
}

export type OnnxAttributes = Readonly<Record<string, OnnxAttribute>>

/** The model being written. Names that methods return are names of ONNX values. */
export interface Emission {
  readonly opset: number
  /** Whether ONNX Runtime alone will run the model: a Pad may then cut, and what it is slow at is written another way. */
  readonly forOnnxRuntime: boolean
  /** Whether large values are worked on in parts that fit a CPU's caches. */
  readonly forCaches: boolean
  /** The node that makes a value of the graph. */
  definition(value: ValueId): AnyNode
  /** The name of a value of the graph that was written before. */
  nameOf(value: ValueId): string
  /** Adds a node with one output. `type` goes into `value_info`. */
  op(op: string, inputs: readonly string[], attributes?: OnnxAttributes, type?: TensorType): string
  /** An i64 constant of one axis. */
  ints(values: readonly number[]): string
  /** An i64 constant without axes. */
  int(value: number): string
  /** An f32 constant without axes. */
  float(value: number): string
  /** Any constant; equal ones are written once. */
  tensor(dtype: DType, dims: readonly number[], data: readonly number[]): string
  /** A constant of many numbers, under a name of its own; not compared with others. */
  table(name: string, dtype: DType, dims: readonly number[], data: readonly number[]): string
  /** What serves the whole model, such as `shape` and `extent`: made once, under a key, and named apart. */
  once(key: string, make: () => string): string
  /** What several lowerings of a place want: made once, under a key, and named by the first. */
  shared(key: string, make: () => string): string
  /** i64 [1]: the padded extent of an axis of this dim; never negative. */
  extent(dim: Dim): string
  /** States the extent, i64 [1], of a length that a lowering makes up. */
  setExtent(length: string, extent: string): void
  /** Whether an axis of this dim can have no position, in a batch of one sample or more. */
  mayBeEmpty(dim: Dim): boolean
  /** i64 [n]: extents of these dims, one after another. */
  shape(dims: readonly Dim[]): string
  /** i64 [batch]: the dim at each sample's own lengths, as it is: perhaps negative. */
  offsets(dim: Dim): string
  /** i64 [batch]: the same where it is a size; never negative. */
  lengths(dim: Dim): string
  /** The same elements under other dims; nothing is added where the dims are equal. */
  reshape(value: string, dtype: DType, from: readonly Dim[], to: readonly Dim[]): string
}

/** Node and value names, and what was added so far. */
export interface Draft {
  readonly emission: Emission
  readonly nodes: OnnxNode[]
  readonly initialisers: OnnxTensor[]
  /** Types of values, by name. */
  readonly values: Map<string, OnnxValue>
  /** Opens the place that names of the following nodes are scoped by. */
  enter(scope: string, doc: string | undefined): void
  /** A name like `wanted` that nothing has yet. */
  unique(wanted: string): string
  /** Renames a value made by a node at or after place `from`; false where none of them made it or others share it. */
  rename(value: string, to: string, from: number): boolean
}

/** The text of a dim in `dim_param`, or its size. */
export const onnxDim = (dim: Dim): OnnxDim => staticSize(dim) ?? formatDim(dim)

const toData = (dtype: DType, values: readonly number[]): OnnxTensor['data'] => {
  if (dtype === 'f32') return new Float32Array(values)
  return dtype === 'i64' ? BigInt64Array.from(values, (v) => BigInt(v)) : Uint8Array.from(values, (v) => (v ? 1 : 0))
}

/** The names of inputs that a graph's lengths are read from. */
export interface Sources {
  /** The least that each length name can be. */
  readonly lows: ReadonlyMap<string, number>
  /** The input and axis that has the extent of a length name, `batch` included. */
  readonly axes: ReadonlyMap<string, { readonly input: string; readonly axis: number }>
  /** The lengths input of each length name. */
  readonly lengths: ReadonlyMap<string, string>
}

/** Where each length of the graph can be read: the inputs with that dim alone on an axis. */
export function findSources(seqs: readonly SeqInfo[], inputs: readonly OnnxInput[]): Sources {
  const axes = new Map<string, { input: string; axis: number }>()
  for (const input of inputs) {
    input.dims.forEach((dim, axis) => {
      const name = lengthName(dim)
      if (name !== undefined && !axes.has(name)) axes.set(name, { input: input.name, axis })
    })
  }
  const names = new Set(inputs.map((input) => input.name))
  const lengths = new Map<string, string>()
  for (const seq of seqs) {
    const source = seq.sources.find((s) => names.has(s.lengths))
    if (source) lengths.set(seq.name, source.lengths)
  }
  return { lows: new Map(seqs.map(({ name, low }) => [name, low])), axes, lengths }
}

/** A graph input before it is written. */
export interface OnnxInput {
  readonly name: string
  readonly dtype: DType
  readonly dims: readonly Dim[]
}

/** True where no length can make the dim negative, as far as its form shows. */
const isNeverNegative = (dim: Dim): boolean =>
  dim.terms.every((t) => t.coefficient.n > 0n && t.atoms.every((a) => a.kind === 'seq'))

/** The length that a dim is, where it is one name. */
function lengthName(dim: Dim): string | undefined {
  const [term] = dim.terms
  const [atom] = term?.atoms ?? []
  const alone =
    dim.terms.length === 1 && term?.atoms.length === 1 && term.coefficient.n === 1n && term.coefficient.d === 1n
  return alone && atom?.kind === 'seq' ? atom.name : undefined
}

/** An empty model to add to. */
export function createDraft(
  opset: number,
  sources: Sources,
  taken: Iterable<string>,
  given: Pick<Emission, 'definition' | 'nameOf' | 'forOnnxRuntime' | 'forCaches'>,
): Draft {
  const nodes: OnnxNode[] = []
  const initialisers: OnnxTensor[] = []
  const values = new Map<string, OnnxValue>()
  const names = new Set(taken)
  const nodeNames = new Set<string>()
  const counts = new Map<string, number>()
  const made = new Map<string, string>()
  const shared = new Set<string>()
  const dimTexts = new Map<string, OnnxDim>()
  let place = ''
  let doc: string | undefined

  const free = (wanted: string, from: Set<string>): string => {
    if (!from.has(wanted)) {
      from.add(wanted)
      return wanted
    }
    let count = counts.get(wanted) ?? 1
    let name: string
    do name = `${wanted}_${++count}`
    while (from.has(name))
    counts.set(wanted, count)
    from.add(name)
    return name
  }
  const unique = (wanted: string): string => free(wanted, names)
  const dimText = (dim: Dim): OnnxDim => {
    let text = dimTexts.get(dim.key)
    if (text === undefined) {
      text = onnxDim(dim)
      dimTexts.set(dim.key, text)
    }
    return text
  }
  const addValue = (name: string, type: TensorType): void => {
    values.set(name, { name, dtype: type.dtype, dims: type.dims.map(dimText) })
  }

  const op: Emission['op'] = (type, inputs, attributes = {}, result) => {
    const path = place === '' ? type : `${place}/${type}`
    const name = free(path, nodeNames)
    const output = unique(`${name}:0`)
    nodes.push({ name, type, inputs, outputs: [output], attributes, doc })
    if (result) addValue(output, result)
    return output
  }
  const once: Emission['once'] = (key, make) => {
    const seen = made.get(key)
    if (seen !== undefined) return seen
    const name = make()
    made.set(key, name)
    shared.add(name)
    return name
  }
  /** Shapes and masks serve the whole model: they are named apart from the block that asked first. */
  const apart = (key: string, make: () => string): string =>
    once(key, () => {
      const [oldPlace, oldDoc] = [place, doc]
      place = 'shapes'
      doc = undefined
      const name = make()
      place = oldPlace
      doc = oldDoc
      return name
    })
  const table: Emission['table'] = (wanted, dtype, dims, data) => {
    const name = unique(wanted)
    initialisers.push({ name, dtype, dims, data: toData(dtype, data) })
    return name
  }
  const tensor: Emission['tensor'] = (dtype, dims, data) =>
    once(`${dtype}[${dims}]${data.map((v) => (Object.is(v, -0) ? '-0' : v))}`, () => {
      const text =
        data.length === 1 ? String(data[0]) : dtype === 'i64' && data.length < 8 ? `[${data}]` : `${data.length}`
      const name = unique(`const/${dtype}/${dims.length === 0 ? text : `[${dims}]/${text}`}`)
      initialisers.push({ name, dtype, dims, data: toData(dtype, data) })
      return name
    })
  const ints: Emission['ints'] = (list) => tensor('i64', [list.length], list)
  const int: Emission['int'] = (value) => tensor('i64', [], [value])

  /** An i64 polynomial over the values of its atoms; `[1]` broadcasts against `[batch]`. */
  const evaluate = (dim: Dim, atom: (atom: Atom) => string): string => {
    const denominator = dim.terms.reduce((lcm, t) => (lcm * t.coefficient.d) / gcd(lcm, t.coefficient.d), 1n)
    let total: string | undefined
    for (const term of dim.terms) {
      const coefficient = Number((term.coefficient.n * denominator) / term.coefficient.d)
      const [first, ...others] = term.atoms.map(atom)
      let product = others.reduce((a, b) => op('Mul', [a, b]), first ?? ints([coefficient]))
      if (first !== undefined && coefficient !== 1) product = op('Mul', [product, ints([coefficient])])
      total = total === undefined ? product : op('Add', [total, product])
    }
    const value = total ?? ints([0])
    return denominator === 1n ? value : op('Div', [value, ints([Number(denominator)])])
  }
  /** ONNX's Div truncates and its Mod takes the divisor's sign, so (a - a mod b) / b is the floor. */
  const floorDiv = (value: string, by: bigint): string => {
    const divisor = ints([Number(by)])
    return op('Div', [op('Sub', [value, op('Mod', [value, divisor])]), divisor])
  }

  const sampleLengths = (name: string): string => {
    const input = sources.lengths.get(name)
    if (input === undefined) throw new Error(`internal error in emit/onnx: \`${name}\` has no lengths input`)
    return input
  }
  const reduceMax = (value: string): string =>
    opset < 18
      ? op('ReduceMax', [value], { axes: { ints: [0] }, keepdims: { int: 1 } })
      : op('ReduceMax', [value, ints([0])], { keepdims: { int: 1 } })
  const axisExtent = (name: string): string =>
    apart(`axis:${name}`, () => {
      const source = sources.axes.get(name)
      // No input with that axis is left: the longest sample is as far as anything reaches.
      if (!source) return reduceMax(sampleLengths(name))
      if (opset >= 15) {
        return op('Shape', [source.input], { start: { int: source.axis }, end: { int: source.axis + 1 } })
      }
      return op('Gather', [once(`shape:${source.input}`, () => op('Shape', [source.input])), ints([source.axis])])
    })
  const extentAtom = (atom: Atom): string =>
    atom.kind === 'seq'
      ? axisExtent(atom.name)
      : apart(`extent-atom:${atom.key}`, () => floorDiv(evaluate(atom.of, extentAtom), atom.by))
  const extent: Emission['extent'] = (dim) => {
    const size = staticSize(dim)
    if (size !== undefined) return ints([size])
    const name = lengthName(dim)
    if (name !== undefined) return axisExtent(name)
    return apart(`extent:${dim.key}`, () => {
      const value = evaluate(dim, extentAtom)
      return isNeverNegative(dim) ? value : op('Max', [value, ints([0])])
    })
  }
  const shape: Emission['shape'] = (dims) => {
    const sizes = dims.map(staticSize)
    if (sizes.every((size) => size !== undefined)) return ints(sizes as number[])
    if (dims.length === 1) return extent(dims[0] as Dim)
    return apart(`dims:${dims.map((dim) => dim.key).join()}`, () => {
      const parts: string[] = []
      let run: number[] = []
      const flush = (): void => {
        if (run.length > 0) parts.push(ints(run))
        run = []
      }
      dims.forEach((dim, i) => {
        const size = sizes[i]
        if (size !== undefined) run.push(size)
        else {
          flush()
          parts.push(extent(dim))
        }
      })
      flush()
      return op('Concat', parts, { axis: { int: 0 } })
    })
  }

  const sampleAtom = (atom: Atom): string => {
    if (atom.kind === 'div') {
      if (!isRagged(atom.of)) return extentAtom(atom)
      return apart(`length-atom:${atom.key}`, () => floorDiv(evaluate(atom.of, sampleAtom), atom.by))
    }
    if (atom.name === BATCH) return axisExtent(BATCH)
    return sampleLengths(atom.name)
  }
  const offsets: Emission['offsets'] = (dim) => apart(`offsets:${dim.key}`, () => evaluate(dim, sampleAtom))
  const lengths: Emission['lengths'] = (dim) =>
    isNeverNegative(dim) ? offsets(dim) : apart(`lengths:${dim.key}`, () => op('Max', [offsets(dim), ints([0])]))

  /** What a value was before it was reshaped: ONNX Runtime joins reshapes too, but then runs what feeds them in another order. */
  const origins = new Map<string, { readonly value: string; readonly dims: readonly Dim[] }>()
  const reshape: Emission['reshape'] = (value, dtype, from, to) => {
    const origin = origins.get(value)
    if (origin) return reshape(origin.value, dtype, origin.dims, to)
    if (sameDims(from, to)) return value
    const name = addReshape(value, dtype, from, to)
    origins.set(name, { value, dims: from })
    return name
  }
  const addReshape: Emission['reshape'] = (value, dtype, from, to) => {
    const type: TensorType = { dtype, dims: to }
    const sizes = to.map((dim, i) => staticSize(dim) ?? (from[i] && sameDim(from[i], dim) ? 0 : undefined))
    const open = sizes.filter((size) => size === undefined).length
    // A size that is copied (0) may be 0 itself, and then -1 cannot be told.
    const copies = to.some((dim, i) => sizes[i] === 0 && lengthName(dim) !== BATCH)
    if (open === 0 || (open === 1 && !copies))
      return op('Reshape', [value, ints(sizes.map((size) => size ?? -1))], {}, type)
    return op('Reshape', [value, shape(to)], {}, type)
  }

  const emission: Emission = {
    ...given,
    opset,
    op,
    ints,
    int,
    float: (value) => tensor('f32', [], [value]),
    tensor,
    table,
    once: apart,
    shared: once,
    extent,
    setExtent: (length, value) => void made.set(`axis:${length}`, value),
    // Lengths that a lowering makes up have a position, and dims never shrink as lengths grow.
    mayBeEmpty: (dim) => evaluateDim(dim, (name) => sources.lows.get(name) ?? 1) < 1,
    shape,
    offsets,
    lengths,
    reshape,
  }
  return {
    emission,
    nodes,
    initialisers,
    values,
    unique,
    enter: (scope, text) => {
      place = scope.replaceAll('.', '/')
      doc = text
    },
    rename: (value, to, from) => {
      let at = from
      while (at < nodes.length && nodes[at]?.outputs[0] !== value) at++
      const last = nodes[at]
      if (!last || shared.has(value)) return false
      const swap = (name: string): string => (name === value ? to : name)
      nodes[at] = { ...last, outputs: [to] }
      for (let i = at + 1; i < nodes.length; i++) {
        const node = nodes[i] as OnnxNode
        if (!node.inputs.includes(value)) continue
        nodes[i] = { ...node, inputs: node.inputs.map(swap) }
        const [result] = node.outputs as [string]
        const origin = origins.get(result)
        if (origin?.value === value) origins.set(result, { ...origin, value: to })
      }
      const origin = origins.get(value)
      if (origin) origins.set(to, origin)
      values.delete(value)
      return true
    },
  }
}

const gcd = (a: bigint, b: bigint): bigint => (b === 0n ? (a < 0n ? -a : a) : gcd(b, a % b))
