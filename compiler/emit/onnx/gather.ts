/** Reads and additions at places that another tensor holds. */
import type { TensorType } from '../../ir/graph.ts'
import type { Attributes } from '../../ops/op.ts'
import { type Dim, oneDim, productDims, staticSize } from '../../shapes/dim.ts'
import type { Emission, Operand } from './emission.ts'
import { rangeOf } from './window.ts'

/** Up to this many rows a sum over ids is a product with a 0/1 matrix: faster than adding row by row, and exact. */
const widestOneHot = 256

/** Emits `gather`, see ops/op.ts. Ids lie inside the axis. */
export function emitGather(x: Operand, ids: Operand, batchAxes: number, type: TensorType, e: Emission): string {
  if (batchAxes === 0) return e.op('Gather', [x.name, ids.name], { axis: { int: 0 } }, type)
  const tuples = e.reshape(ids.name, 'i64', ids.type.dims, [...ids.type.dims, oneDim])
  return e.op('GatherND', [x.name, tuples], { batch_dims: { int: batchAxes } }, type)
}

/**
 * Emits `scatterAdd`, see ops/op.ts. ScatterND adds in parallel in ONNX Runtime, so that ids that coincide may lose an
 * addition; ScatterElements adds in order, in one thread, and is the same in every run.
 */
export function emitScatterAdd(
  y: Operand,
  ids: Operand,
  { batchAxes, dim }: Attributes['scatterAdd'],
  type: TensorType,
  e: Emission,
): string {
  const prefix = y.type.dims.slice(0, batchAxes)
  const places = ids.type.dims.slice(batchAxes)
  const rest = y.type.dims.slice(ids.type.dims.length)
  const rows = staticSize(dim)
  if (e.opset < 16 || (rows !== undefined && rows <= widestOneHot) || batchAxes > 0) {
    return oneHotProduct(y, ids, { prefix, places, rest }, dim, type, e)
  }
  // [N, R]: the ids of each row, repeated along it.
  const flat = [productDims(places), productDims(rest)]
  const index = e.reshape(ids.name, 'i64', ids.type.dims, [productDims(places), oneDim])
  const indices = e.op('Expand', [index, e.shape(flat)], {}, { dtype: 'i64', dims: flat })
  const updates = e.reshape(y.name, 'f32', y.type.dims, flat)
  const target: Dim[] = [dim, productDims(rest)]
  const zeros = e.op('Expand', [e.float(0), e.shape(target)], {}, { dtype: 'f32', dims: target })
  const attributes = { axis: { int: 0 }, reduction: { string: 'add' } }
  const sum = e.op('ScatterElements', [zeros, indices, updates], attributes, { dtype: 'f32', dims: target })
  return e.reshape(sum, 'f32', target, type.dims)
}

/** sum over n of (ids[p, n] == a) * y[p, n, r]. */
function oneHotProduct(
  y: Operand,
  ids: Operand,
  groups: { prefix: readonly Dim[]; places: readonly Dim[]; rest: readonly Dim[] },
  dim: Dim,
  type: TensorType,
  e: Emission,
): string {
  const { prefix, places, rest } = groups
  const wide = e.reshape(ids.name, 'i64', ids.type.dims, [...ids.type.dims, oneDim])
  const hitDims = [...ids.type.dims, dim]
  const equal = e.op('Equal', [wide, rangeOf(dim, e)], {}, { dtype: 'bool', dims: hitDims })
  const hits = e.op('Cast', [equal], { to: { int: 1 } }, { dtype: 'f32', dims: hitDims })
  if (places.length === 0) {
    const at = e.reshape(hits, 'f32', hitDims, [...prefix, dim, ...rest.map(() => oneDim)])
    return e.op('Mul', [at, e.reshape(y.name, 'f32', y.type.dims, [...prefix, oneDim, ...rest])], {}, type)
  }
  const count = productDims(places)
  const width = productDims(rest)
  const matrix = e.reshape(hits, 'f32', hitDims, [...prefix, count, dim])
  const last = prefix.length
  const perm = [...prefix.keys(), last + 1, last]
  const turned = e.op('Transpose', [matrix], { perm: { ints: perm } }, { dtype: 'f32', dims: [...prefix, dim, count] })
  const updates = e.reshape(y.name, 'f32', y.type.dims, [...prefix, count, width])
  const product = e.op('MatMul', [turned, updates], {}, { dtype: 'f32', dims: [...prefix, dim, width] })
  return e.reshape(product, 'f32', [...prefix, dim, width], type.dims)
}
