/**
 * The functions that an emitted module has besides those of its model, as text; only those that it uses are written. Several
 * stand for one of tfjs that a backend does slowly: there they are loops over the numbers, which `cpu` hands out uncopied.
 */

export type SupportName = keyof typeof support

/** Functions that call others of these. */
export const callees: Readonly<Partial<Record<SupportName, SupportName>>> = { matMul: 'multiplyRows', noise: 'fit' }

/** Each function, in plain JavaScript that any engine of the last years runs. */
export const support = {
  matMul: `/**
 * tf.matMul, in the form that the backend does fast: \`cpu\` goes through products number by number, and \`wasm\` too but for that
 * of two matrices as they stand.
 */
function matMul(tf, a, b, transposeA = false, transposeB = false) {
  if (tf.getBackend() === 'cpu') return multiplyRows(tf, a, b, transposeA, transposeB)
  const depth = a.shape.at(transposeA ? -2 : -1)
  const size = a.shape.at(transposeA ? -1 : -2) * depth * b.shape.at(transposeB ? -2 : -1)
  if (tf.getBackend() !== 'wasm' || size < 32 ** 3) return tf.matMul(a, b, transposeA, transposeB)
  const product = (x, y) => tf.matMul(transposeA ? tf.transpose(x) : x, transposeB ? tf.transpose(y) : y)
  /** The matrices of a tensor; \`slice\` would copy all of it for each. */
  const matrices = (x) => {
    const [count, ...shape] = x.shape
    const [values, each] = [x.dataSync(), shape[0] * shape[1]]
    return (at) => tf.tensor2d(values.subarray((at % count) * each, ((at % count) + 1) * each), shape)
  }
  return tf.tidy(() => {
    if (a.rank === 2) return product(a, b)
    const count = Math.max(a.shape[0], b.shape[0])
    const [left, right] = [matrices(a), matrices(b)]
    return tf.stack(Array.from({ length: count }, (_, at) => tf.tidy(() => product(left(at), right(at)))))
  })
}`,
  multiplyRows: `/** tf.matMul as loops: two rows of a product at a time, each the sum of four rows of the second matrix after another. */
function multiplyRows(tf, a, b, transposeA, transposeB) {
  const [rows, depth] = transposeA ? [a.shape.at(-1), a.shape.at(-2)] : a.shape.slice(-2)
  const columns = b.shape.at(transposeB ? -2 : -1)
  const [down, along] = transposeA ? [1, rows] : [depth, 1]
  const count = a.rank > 2 ? Math.max(a.shape[0], b.shape[0]) : 1
  const [left, right, product] = [a.dataSync(), b.dataSync(), new Float32Array(count * rows * columns)]
  // As JavaScript computes; the rows behind the last are zeros.
  const table = new Float64Array(4 * Math.ceil(depth / 4) * columns)
  const [even, odd] = [new Float64Array(columns), new Float64Array(columns)]
  for (let at = 0; at < count; at++) {
    const start = (at * rows * depth) % left.length
    const from = (at * depth * columns) % right.length
    if (transposeB) {
      for (let j = 0, place = from; j < columns; j++)
        for (let d = 0; d < depth; d++, place++) table[d * columns + j] = right[place]
    } else table.set(right.subarray(from, from + depth * columns))
    const number = (i, d) => (i < rows && d < depth ? left[start + i * down + d * along] : 0)
    for (let i = 0; i < rows; i += 2) {
      even.fill(0)
      odd.fill(0)
      for (let d = 0; d < depth; d += 4) {
        const [p, q, r, s] = [number(i, d), number(i, d + 1), number(i, d + 2), number(i, d + 3)]
        const [t, u, v, w] = [number(i + 1, d), number(i + 1, d + 1), number(i + 1, d + 2), number(i + 1, d + 3)]
        const one = d * columns
        const [two, three, four] = [one + columns, one + 2 * columns, one + 3 * columns]
        for (let j = 0; j < columns; j++) {
          const e = table[one + j]
          const f = table[two + j]
          const g = table[three + j]
          const h = table[four + j]
          even[j] += p * e + q * f + r * g + s * h
          odd[j] += t * e + u * f + v * g + w * h
        }
      }
      const place = (at * rows + i) * columns
      product.set(even, place)
      if (i + 1 < rows) product.set(odd, place + columns)
    }
  }
  return tf.tensor(product, [...(a.rank > 2 ? [count] : []), rows, columns])
}`,
  pointwise: `/**
 * tf.add, sub, mul or div, where the operands repeat to one shape: \`cpu\` divides to find the place of each number; here it
 * goes along rows.
 */
function pointwise(tf, name, a, b) {
  if (tf.getBackend() !== 'cpu' || a.dtype !== 'float32' || b.dtype !== 'float32') return tf[name](a, b)
  const row = {
    add: (y, at, end, x, i, di, z, j, dj) => { for (; at < end; at++, i += di, j += dj) y[at] = x[i] + z[j] },
    sub: (y, at, end, x, i, di, z, j, dj) => { for (; at < end; at++, i += di, j += dj) y[at] = x[i] - z[j] },
    mul: (y, at, end, x, i, di, z, j, dj) => { for (; at < end; at++, i += di, j += dj) y[at] = x[i] * z[j] },
    div: (y, at, end, x, i, di, z, j, dj) => { for (; at < end; at++, i += di, j += dj) y[at] = x[i] / z[j] },
  }[name]
  const rank = Math.max(a.rank, b.rank)
  const [p, q] = [a, b].map(({ shape }) => [...Array(rank - shape.length).fill(1), ...shape])
  const shape = p.map((n, axis) => (n === 1 ? q[axis] : n))
  const count = (sizes) => sizes.reduce((product, n) => product * n, 1)
  const strides = (sizes) => sizes.map((n, axis) => (n === 1 ? 0 : count(sizes.slice(axis + 1))))
  const [si, sj] = [strides(p), strides(q)]
  /** How the operands' sizes go together. */
  const kind = (axis) => Math.sign(p[axis] - q[axis])
  let first = rank
  while (first > 0 && kind(first - 1) === kind(rank - 1)) first--
  const [length, di, dj] = [count(shape.slice(first)), kind(rank - 1) < 0 ? 0 : 1, kind(rank - 1) > 0 ? 0 : 1]
  const [x, z, y] = [a.dataSync(), b.dataSync(), new Float32Array(count(shape))]
  let at = 0
  const walk = (axis, i, j) => {
    if (axis === first) row(y, at, (at += length), x, i, di, z, j, dj)
    else for (let k = 0; k < shape[axis]; k++) walk(axis + 1, i + k * si[axis], j + k * sj[axis])
  }
  walk(0, 0, 0)
  return tf.tensor(y, shape)
}`,
  softmax: `/** tf.softmax along the last of two axes; \`cpu\` does it in steps that repeat. */
function softmax(tf, x) {
  if (tf.getBackend() !== 'cpu') return tf.softmax(x)
  const [from, to, n] = [x.dataSync(), new Float32Array(x.size), x.shape[1]]
  for (let row = 0; row < x.size; row += n) {
    let most = -Infinity
    for (let i = row; i < row + n; i++) most = Math.max(most, from[i])
    let sum = 0
    for (let i = row; i < row + n; i++) sum += to[i] = Math.exp(from[i] - most)
    for (let i = row; i < row + n; i++) to[i] /= sum
  }
  return tf.tensor(to, x.shape)
}`,
  transpose: `/** tf.transpose; \`cpu\` divides to find the place of each number. */
function transpose(tf, x, order) {
  if (tf.getBackend() !== 'cpu') return tf.transpose(x, order)
  const shape = order.map((axis) => x.shape[axis])
  const strides = order.map((axis) => x.shape.slice(axis + 1).reduce((product, n) => product * n, 1))
  const [from, to, last] = [x.dataSync(), new Float32Array(x.size), order.length - 1]
  let at = 0
  const walk = (axis, begin) => {
    const [n, stride] = [shape[axis], strides[axis]]
    if (axis < last) for (let i = 0; i < n; i++) walk(axis + 1, begin + i * stride)
    else for (let i = 0, place = begin; i < n; i++, place += stride) to[at++] = from[place]
  }
  walk(0, 0)
  return tf.tensor(to, shape)
}`,
  repeat: `/** [a, 1, b] as [a, count, b]; \`cpu\` and \`wasm\` divide to find the place of each number. */
function repeat(tf, x, count) {
  if (tf.getBackend() !== 'cpu' && tf.getBackend() !== 'wasm') return tf.tile(x, [1, count, 1])
  const [outer, , inner] = x.shape
  const from = x.dataSync()
  const to = new from.constructor(outer * count * inner)
  for (let i = 0, at = 0; i < outer; i++)
    for (let j = 0; j < count; j++) for (let k = 0; k < inner; k++) to[at++] = from[i * inner + k]
  return tf.tensor(to, [outer, count, inner], x.dtype)
}`,
  window: `/** y[j] = x[(stride * j + offset) / dilation] along an axis, 0 where that is no place of x. */
function window(tf, x, { axis, offset, stride = 1, dilation = 1, size }) {
  const count = (sizes) => sizes.reduce((product, n) => product * n, 1)
  const shape = x.shape.map((n, at) => (at === axis ? size : n))
  const [outer, inner] = [count(x.shape.slice(0, axis)), count(x.shape.slice(axis + 1))]
  const length = x.shape[axis] * dilation
  const first = Math.min(size, Math.max(0, Math.ceil(-offset / stride)))
  const last = Math.min(size - 1, Math.floor((length - 1 - offset) / stride))
  if (last < first || outer * inner === 0) return tf.zeros(shape, x.dtype)
  if (tf.getBackend() === 'cpu') {
    // Its slices and paddings divide to find the place of each number.
    const from = x.dataSync()
    const to = new from.constructor(outer * size * inner)
    for (let i = 0; i < outer; i++)
      for (let j = first; j <= last; j++) {
        const place = (stride * j + offset) / dilation
        if (!Number.isInteger(place)) continue
        const [begin, at] = [(i * x.shape[axis] + place) * inner, (i * size + j) * inner]
        for (let k = 0; k < inner; k++) to[at + k] = from[begin + k]
      }
    return tf.tensor(to, shape, x.dtype)
  }
  let y = tf.reshape(x, [outer, x.shape[axis], inner])
  const then = (next) => {
    y.dispose()
    y = next
  }
  if (dilation > 1) {
    then(tf.reshape(y, [outer * x.shape[axis], 1, inner]))
    then(tf.pad(y, [[0, 0], [0, dilation - 1], [0, 0]]))
    then(tf.reshape(y, [outer, length, inner]))
  }
  const begin = stride * first + offset
  const taken = last - first + 1
  if (stride > 1) {
    // Whole strides are cut out, and the first of each is kept.
    const missing = Math.max(0, begin + taken * stride - length)
    if (missing > 0) then(tf.pad(y, [[0, 0], [0, missing], [0, 0]]))
    then(tf.slice(y, [0, begin, 0], [outer, taken * stride, inner]))
    then(tf.reshape(y, [outer * taken, stride, inner]))
    then(tf.slice(y, [0, 0, 0], [outer * taken, 1, inner]))
    then(tf.reshape(y, [outer, taken, inner]))
  } else if (begin > 0 || taken < length) then(tf.slice(y, [0, begin, 0], [outer, taken, inner]))
  if (taken < size) then(tf.pad(y, [[0, 0], [first, size - last - 1], [0, 0]]))
  then(tf.reshape(y, shape))
  return y
}`,
  fit: `/** A tensor with zeros behind, up to a shape. */
function fit(tf, x, shape) {
  if (shape.every((n, axis) => n === x.shape[axis])) return tf.clone(x)
  return tf.pad(x, shape.map((n, axis) => [0, n - x.shape[axis]]))
}`,
  perSample: `/** A number for each sample, from its place in the batch; never negative. */
function perSample(tf, samples, of) {
  return tf.tensor1d(Float32Array.from({ length: samples }, (_, b) => Math.max(0, of(b))))
}`,
  places: `/** Rows of [samples * (size + 1)] that a read at an offset of each sample's own takes; the last of a sample's holds zeros. */
function places(tf, { offset, stride, dilation, samples, count, size }) {
  const rows = new Int32Array(samples * count)
  for (let b = 0; b < samples; b++) {
    const start = offset(b)
    for (let j = 0; j < count; j++) {
      const place = (stride * j + start) / dilation
      const inside = Number.isInteger(place) && place >= 0 && place < size
      rows[b * count + j] = b * (size + 1) + (inside ? place : size)
    }
  }
  return tf.tensor1d(rows, 'int32')
}`,
  starts: `/** Where each of \`count\` tables of \`extent\` rows begins. */
function starts(tf, count, extent) {
  return tf.tensor1d(Int32Array.from({ length: count }, (_, i) => i * extent), 'int32')
}`,
  vector: `/** An option that is a number, or a tensor with a number for each element of the parameters. */
function vector(tf, value) {
  return typeof value === 'number' ? tf.scalar(value) : tf.clone(value)
}`,
  noise: `/**
 * Numbers in [0, 1): those of the batch, where it has them under that name; else drawn. A draw is a function of the seed, the
 * step, the name, the sample's place in the batch and the place in the sample, so that no padding changes it.
 */
function noise(tf, batch, name, shape, extents, { seed, step }) {
  if (batch[name] !== undefined) return fit(tf, batch[name], shape)
  // A bijection of 32-bit words with low bias (Wellons, "Prospecting for hash functions").
  const mix = (word) => {
    let x = word ^ (word >>> 16)
    x = Math.imul(x, 0x21f0aaad)
    x ^= x >>> 15
    x = Math.imul(x, 0xd35a2d97)
    return x ^ (x >>> 15)
  }
  let key = mix(mix(seed | 0) ^ step)
  for (let i = 0; i < name.length; i++) key = Math.imul(key ^ name.charCodeAt(i), 0x01000193)
  const values = new Float32Array(shape.reduce((product, n) => product * n, 1))
  const perSample = values.length / shape[0]
  for (let b = 0; b < shape[0]; b++) {
    const valid = extents(b)
    const own = mix(key ^ mix(b + 1))
    let position = 0
    const fill = (axis, start, size) => {
      if (axis === valid.length) values[start] = (mix(mix(position++ ^ own) ^ key) >>> 8) * 2 ** -24
      else for (let i = 0; i < valid[axis]; i++) fill(axis + 1, start + (i * size) / shape[axis + 1], size / shape[axis + 1])
    }
    fill(0, b * perSample, perSample)
  }
  return tf.tensor(values, shape)
}`,
  given: `/** A tensor of the batch; an Error says what is wrong with it. */
function given(batch, name, dtype, shape) {
  const tensor = batch[name]
  const wanted = \`\${dtype} [\${shape.join(', ')}]\`
  if (tensor === undefined) throw new Error(\`batch.\${name} is missing: a tensor, \${wanted}\`)
  if (!Array.isArray(tensor?.shape)) throw new Error(\`batch.\${name} is no tensor, and one is wanted: \${wanted}\`)
  const fits = tensor.dtype === dtype && tensor.shape.length === shape.length && shape.every((n, i) => n === tensor.shape[i])
  if (!fits) throw new Error(\`batch.\${name} is \${tensor.dtype} [\${tensor.shape.join(', ')}], and \${wanted} is wanted\`)
  return tensor
}`,
  option: `/** Throws an Error where an option is no number, nor, with a size, a tensor of that many. */
function option(name, value, size) {
  const isTensor = Array.isArray(value?.shape)
  if (typeof value === 'number' || (isTensor && value.dtype === 'float32' && value.shape.join() === String(size))) return
  if (value === undefined) throw new Error(\`options.\${name} is missing: a number\`)
  const found = isTensor ? \`\${value.dtype} [\${value.shape.join(', ')}]\` : value
  throw new Error(\`options.\${name} is \${found}, and a number\${size === undefined ? '' : \` or float32 [\${size}]\`} is wanted\`)
}`,
  extent: `/** The size of an axis of a tensor of the batch. */
function extent(batch, name, axis) {
  if (batch?.[name] == null) throw new Error(\`batch.\${name} is missing: a tensor\`)
  const { shape } = batch[name]
  if (!Array.isArray(shape)) throw new Error(\`batch.\${name} is no tensor, and one is wanted\`)
  if (shape.length <= axis)
    throw new Error(\`batch.\${name} is [\${shape.join(', ')}], and a tensor of \${axis + 1} axes or more is wanted\`)
  if (shape[0] === 0) throw new Error(\`batch.\${name} has no samples\`)
  return shape[axis]
}`,
  lengthsOf: `/** The lengths of the samples, as numbers; an Error says which is impossible. */
function lengthsOf(batch, name, samples, low, high, padded) {
  const given = batch[name]
  if (given == null) throw new Error(\`batch.\${name} is missing: an array, each sample's length\`)
  if (typeof given.length !== 'number')
    throw new Error(\`batch.\${name} is no array of numbers, and one is wanted: each sample's length\`)
  const lengths = Array.from(given, Number)
  if (samples !== undefined && lengths.length !== samples)
    throw new Error(\`batch.\${name} has \${lengths.length} lengths, and the batch \${samples} samples\`)
  const most = Math.min(high, padded ?? high)
  const wrong = lengths.findIndex((n) => !Number.isInteger(n) || n < low || n > most)
  if (wrong >= 0)
    throw new Error(\`batch.\${name}[\${wrong}] is \${lengths[wrong]}, and whole numbers from \${low} to \${most} are allowed\`)
  return lengths
}`,
  agree: `/** Throws an Error where the lengths of one tensor are not those of another that has the same axis. */
function agree(name, lengths, other, expected) {
  const wrong = lengths.findIndex((n, b) => n !== expected[b])
  if (wrong >= 0)
    throw new Error(\`batch.\${name}[\${wrong}] is \${lengths[wrong]}, and batch.\${other}[\${wrong}] is \${expected[wrong]}: the spec has one length for both\`)
}`,
  checkState: `/** Throws an Error where a state is none, or was disposed of. */
function checkState(state) {
  if (typeof state?.params?.dispose !== 'function') throw new Error('the first argument is no state: \`load\` makes one')
  if (state.params.isDisposed) throw new Error('the state was disposed of: load it again')
}`,
  require: `/** Throws an Error for the first sample whose lengths break what the spec requires. */
function require(samples, condition, amount) {
  for (let b = 0; b < samples; b++)
    if (amount(b) !== 0) throw new Error(\`the lengths of sample \${b} break the spec's \\\`require \${condition}\\\`\`)
}`,
  free: `/** Disposes of tensors that nothing reads any more. */
function free(...tensors) {
  for (const tensor of tensors) tensor.dispose()
}`,
  replace: `/** Puts new tensors into the state in place of old ones. */
function replace(tf, state, tensors) {
  for (const [name, tensor] of Object.entries(tensors)) {
    state[name].dispose()
    state[name] = tf.keep(tensor)
  }
}`,
  readSafetensors: `/** The f32 tensors of a safetensors file by name, and its metadata (https://github.com/huggingface/safetensors). */
function readSafetensors(bytes) {
  const view = bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes
  if (!ArrayBuffer.isView(view))
    throw new Error('the weights are no bytes: give those of a safetensors file (\`save\` gives a promise of them)')
  const size = view.byteLength < 8 ? Infinity : Number(new DataView(view.buffer, view.byteOffset, 8).getBigUint64(0, true))
  if (8 + size > view.byteLength) throw new Error('the weights are not a safetensors file')
  const { __metadata__: metadata = {}, ...entries } = JSON.parse(new TextDecoder().decode(view.subarray(8, 8 + size)))
  const tensors = { __proto__: null }
  for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(entries)) {
    if (dtype === 'F32') tensors[name] = { shape, values: new Float32Array(new Uint8Array(view.subarray(8 + size + from, 8 + size + to)).buffer) }
  }
  return { tensors, metadata }
}`,
  writeSafetensors: `/** f32 tensors as the bytes of a safetensors file. */
function writeSafetensors(tensors, metadata) {
  const header = { __proto__: null, __metadata__: metadata }
  let size = 0
  for (const [name, { shape, values }] of Object.entries(tensors)) {
    header[name] = { dtype: 'F32', shape, data_offsets: [size, size + values.byteLength] }
    size += values.byteLength
  }
  const text = new TextEncoder().encode(JSON.stringify(header))
  const start = 8 + Math.ceil(text.length / 8) * 8
  const bytes = new Uint8Array(start + size).fill(0x20, 8, start)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - 8), true)
  bytes.set(text, 8)
  let at = start
  for (const { values } of Object.values(tensors)) {
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at)
    at += values.byteLength
  }
  return bytes
}`,
  flatten: `/** Named tensors in one vector, at the places of a layout; an Error names what is missing or of another shape. */
function flatten(layout, tensors, prefix = '') {
  const size = layout.reduce((total, { shape }) => total + shape.reduce((product, n) => product * n, 1), 0)
  const flat = new Float32Array(size)
  for (const { path, shape, offset } of layout) {
    const found = tensors[prefix + path]
    if (found?.shape?.join() !== shape.join())
      throw new Error(\`the weights have no \\\`\${prefix + path}\\\` of shape [\${shape.join(', ')}]\`)
    flat.set(found.values, offset)
  }
  return flat
}`,
  unflatten: `/** The named parts of a vector. */
function unflatten(layout, flat, prefix = '') {
  return Object.fromEntries(
    layout.map(({ path, shape, offset }) => {
      const size = shape.reduce((product, n) => product * n, 1)
      return [prefix + path, { shape, values: flat.slice(offset, offset + size) }]
    }),
  )
}`,
} as const satisfies Readonly<Record<string, string>>
