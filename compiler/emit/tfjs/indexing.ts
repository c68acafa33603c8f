/** Reads and additions at places that another tensor holds, and reads along an axis at places that lengths decide. */
import type { TensorType } from '../../ir/graph.ts'
import type { Attributes } from '../../ops/op.ts'
import { ownerOf } from '../../ops/types.ts'
import { addDim, type Dim, isRagged, oneDim, productDims, staticSize } from '../../shapes/dim.ts'
import type { Emission, Ref } from './emission.ts'

/** Up to this many rows a sum over ids is a product with a matrix of zeros and ones. */
const widestOneHot = 256

const i64 = (dims: readonly Dim[]): TensorType => ({ dtype: 'i64', dims })
const f32 = (dims: readonly Dim[]): TensorType => ({ dtype: 'f32', dims })

/** ids [P…, N…] as rows of a table [P * extent, …]: one axis. */
function flatRows(ids: Ref, batchAxes: number, extent: Dim, e: Emission): Ref {
  const shared = ids.type.dims.slice(0, batchAxes)
  const places = ids.type.dims.slice(batchAxes)
  const [outer, inner] = [productDims(shared), productDims(places)]
  if (batchAxes === 0) return e.reshape(ids, [inner])
  const start = e.once(`starts:${outer.key}:${extent.key}`, () => {
    const sizes = [e.sizes.text(outer), e.sizes.text(extent)]
    return e.reshape(e.callOwn('starts', ['tf', ...sizes], i64([outer])), [outer, oneDim])
  })
  const rows = e.call('add', [e.reshape(ids, [outer, inner]), start], i64([outer, inner]))
  return e.reshape(rows, [productDims(ids.type.dims)])
}

/** Emits `gather`, see ops/op.ts. Ids lie inside the axis. */
export function emitGather(x: Ref, ids: Ref, batchAxes: number, type: TensorType, e: Emission): Ref {
  const extent = x.type.dims[batchAxes] as Dim
  const rest = x.type.dims.slice(batchAxes + 1)
  const rows = flatRows(ids, batchAxes, extent, e)
  const table = e.reshape(x, [productDims(x.type.dims.slice(0, batchAxes + 1)), productDims(rest)])
  const read = e.call('gather', [table, rows], { ...type, dims: [...rows.type.dims, productDims(rest)] })
  return e.reshape(read, type.dims)
}

/** Emits `scatterAdd`, see ops/op.ts. */
export function emitScatterAdd(
  y: Ref,
  ids: Ref,
  { batchAxes, dim }: Attributes['scatterAdd'],
  type: TensorType,
  e: Emission,
): Ref {
  const prefix = y.type.dims.slice(0, batchAxes)
  const places = ids.type.dims.slice(batchAxes)
  const rest = y.type.dims.slice(ids.type.dims.length)
  const size = staticSize(dim)
  if (places.length === 0 || (size !== undefined && size <= widestOneHot)) {
    const hits = oneHot(ids, dim, e)
    if (places.length === 0) {
      const at = e.reshape(hits, [...prefix, dim, ...rest.map(() => oneDim)])
      return e.call('mul', [at, e.reshape(y, [...prefix, oneDim, ...rest])], type)
    }
    const lead = batchAxes === 0 ? [] : [productDims(prefix)]
    const [count, width] = [productDims(places), productDims(rest)]
    const matrix = e.reshape(hits, [...lead, count, dim])
    const updates = e.reshape(y, [...lead, count, width])
    return e.reshape(
      e.callOwn('matMul', ['tf', matrix, updates, 'true', 'false'], f32([...lead, dim, width])),
      type.dims,
    )
  }
  const rows = flatRows(ids, batchAxes, dim, e)
  const [total, width] = [productDims([...prefix, dim]), productDims(rest)]
  const updates = e.reshape(y, [...rows.type.dims, width])
  // `unsortedSegmentSum` would say it in one word, and `wasm` has it not.
  const places_ = e.reshape(rows, [...rows.type.dims, oneDim])
  const sums = e.call('scatterND', [places_, updates, e.sizes.shape([total, width])], f32([total, width]))
  return e.reshape(sums, type.dims)
}

/** 1 where an id is the place on a new last axis, else 0. */
function oneHot(ids: Ref, dim: Dim, e: Emission): Ref {
  const range = e.once(`range:${dim.key}`, () => e.call('range', ['0', e.sizes.text(dim), '1', `'int32'`], i64([dim])))
  const dims = [...ids.type.dims, dim]
  const hits = e.call('equal', [e.reshape(ids, [...ids.type.dims, oneDim]), range], { dtype: 'bool', dims })
  return e.call('cast', [hits, `'float32'`], f32(dims))
}

/** Emits `window`, see ops/op.ts. */
export function emitWindow(x: Ref, attributes: Attributes['window'], type: TensorType, e: Emission): Ref {
  const { axis, offset, stride, dilation, dim } = attributes
  if (isRagged(offset)) return windowBySample(x, attributes, type, e)
  const [size, shift, length] = [staticSize(x.type.dims[axis] as Dim), staticSize(offset), staticSize(dim)]
  const inside =
    size !== undefined && shift !== undefined && length !== undefined && shift >= 0 && shift + length <= size
  if (inside && stride === 1 && dilation === 1) {
    if (length === size) return x
    const begin = type.dims.map((_, at) => (at === axis ? shift : 0))
    return e.call('slice', [x, `[${begin.join(', ')}]`, e.sizes.shape(type.dims)], type)
  }
  const options = [
    `axis: ${axis}`,
    `offset: ${e.sizes.offset(offset)}`,
    ...(stride === 1 ? [] : [`stride: ${stride}`]),
    ...(dilation === 1 ? [] : [`dilation: ${dilation}`]),
    `size: ${e.sizes.text(dim)}`,
  ]
  return e.callOwn('window', ['tf', x, `{ ${options.join(', ')} }`], type, [x.type, type])
}

/** Reads whose offset differs from sample to sample: places are computed, and those outside read a row of zeros. */
function windowBySample(x: Ref, attributes: Attributes['window'], type: TensorType, e: Emission): Ref {
  const { axis, offset, stride, dilation, dim } = attributes
  const { dims } = x.type
  const batch = ownerOf(dims, axis)
  const order = [batch, axis, ...dims.keys()].filter((at, i, all) => all.indexOf(at) === i)
  const turned = e.transpose(x, order)
  const [samples, size, ...rest] = turned.type.dims as [Dim, Dim, ...Dim[]]
  const grown = addDim(size, oneDim)
  const width = productDims(rest)
  const flat = e.reshape(turned, [samples, size, width])
  const padded = e.call('pad', [flat, '[[0, 0], [0, 1], [0, 0]]'], { ...type, dims: [samples, grown, width] })
  const table = e.reshape(padded, [productDims([samples, grown]), width])
  const count = productDims([samples, dim])
  const options = [
    `offset: ${e.sizes.perSample(offset)}`,
    `stride: ${stride}`,
    `dilation: ${dilation}`,
    `samples: ${e.sizes.text(samples)}`,
    `count: ${e.sizes.text(dim)}`,
    `size: ${e.sizes.text(size)}`,
  ].join(', ')
  const rows = e.once(`places:${options}`, () => e.callOwn('places', ['tf', `{ ${options} }`], i64([count])))
  const read = e.call('gather', [table, rows], { ...type, dims: [count, width] })
  const back = [...dims.keys()].map((at) => order.indexOf(at))
  return e.transpose(e.reshape(read, [samples, dim, ...rest]), back)
}
