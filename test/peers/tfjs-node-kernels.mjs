/**
 * Compares the kernels of tfjs-node, or of tfjs-node-gpu, with those of tfjs's plain JavaScript. Not part of `npm test`.
 *
 *     test/peers/tfjs-node.sh                                  (or an npm install that may download libtensorflow)
 *     node test/peers/tfjs-node-kernels.mjs [package or folder]
 *
 * The package is `@tensorflow/tfjs-node` unless told otherwise; a folder is the package itself or has it in node_modules. Each
 * row calls the public API of the one `tf` that the package gives, on backend `cpu` and on backend `tensorflow`, and compares
 * types, shapes and values; it also counts the tensors that the call leaves behind, in JavaScript and in libtensorflow.
 * Exits with 1 where a row of the contract differs, with 2 where there is no such package. After the contract come rows where the two are known to part, or came
 * near it, which code for both must not rely on: they print what they find and fail nothing.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import util from 'node:util'

process.env.TF_CPP_MIN_LOG_LEVEL ??= '2'

/** The package by its name, or from a folder that is the package or holds it in node_modules. */
function load(where) {
  // tfjs-node 4.22.0 calls two functions that Node 22 warns of and Node 23 has not.
  util.isNullOrUndefined = (value) => value === undefined || value === null
  util.isArray = Array.isArray
  const require = createRequire(import.meta.url)
  if (where.startsWith('@')) return require(where)
  const held = join(resolve(where), 'node_modules/@tensorflow/tfjs-node')
  return require(existsSync(held) ? held : resolve(where))
}

/** Numbers in (-1, 1) that are the same each time. */
function noise(length, seed) {
  let state = seed >>> 0
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  })
}

/** The operands of all rows, made on the current backend. */
function operands(tf) {
  const f = (shape, seed = 1, scale = 2) =>
    tf.tensor(
      noise(
        shape.reduce((a, b) => a * b, 1),
        seed,
      ).map((x) => x * scale),
      shape,
      'float32',
    )
  const i = (shape, seed = 2, scale = 9) =>
    tf.tensor(
      Int32Array.from(
        noise(
          shape.reduce((a, b) => a * b, 1),
          seed,
        ),
        (x) => Math.trunc(x * scale),
      ),
      shape,
      'int32',
    )
  return {
    f,
    i,
    x: f([2, 3, 4], 1),
    y: f([2, 3, 4], 7),
    positive: tf.add(tf.abs(f([2, 3, 4], 3)), 0.01),
    n: i([2, 3, 4], 4),
    m: i([2, 3, 4], 5),
    nonzero: tf.tensor(
      [3, -3, 2, -2, 7, -7, 1, 5, -5, 4, 3, -3, 2, -2, 7, -7, 1, 5, -5, 4, 3, -3, 2, -2],
      [2, 3, 4],
      'int32',
    ),
    p: tf.tensor([1, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 1, 1, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 1], [2, 3, 4], 'bool'),
    q: tf.tensor([1, 1, 0, 1], [4], 'bool'),
    special: tf.tensor([0, -0, Infinity, -Infinity, 1, -1, 3.4e38, -3.4e38], [8], 'float32'),
    nan: tf.tensor([NaN, 1, -1, 0], [4], 'float32'),
    at: tf.tensor([2, 0, 1, 1, 2], [5], 'int32'),
    at2: tf.tensor([2, 0, 1, 1, 2, 0], [2, 3], 'int32'),
  }
}

/** What both must agree on: rows of [name, call]. */
function contract(tf) {
  const unary = [
    'neg',
    'exp',
    'sin',
    'cos',
    'tanh',
    'sigmoid',
    'relu',
    'erf',
    'floor',
    'ceil',
    'abs',
    'sign',
    'square',
    'step',
    'softplus',
    'expm1',
    'elu',
    'round',
    'tan',
    'atan',
    'sinh',
    'cosh',
    'selu',
    'relu6',
    'isNaN',
    'isFinite',
  ]
  const onPositive = ['log', 'sqrt', 'rsqrt', 'reciprocal', 'log1p']
  const binary = ['add', 'sub', 'mul', 'div', 'maximum', 'minimum', 'squaredDifference', 'mod']
  const compare = ['equal', 'notEqual', 'less', 'lessEqual', 'greater', 'greaterEqual']
  const rows = []
  const row = (name, call) => rows.push([name, call])

  for (const op of unary) row(`${op} f32`, (v) => tf[op](v.x))
  for (const op of onPositive) row(`${op} f32`, (v) => tf[op](v.positive))
  for (const op of ['exp', 'log', 'sqrt', 'abs', 'neg', 'tanh', 'sigmoid', 'relu', 'erf', 'floor', 'sign', 'square'])
    row(`${op} of 0, infinity, ±3e38`, (v) => tf[op](v.special))
  for (const op of ['neg', 'abs', 'sign', 'square', 'relu']) row(`${op} i32`, (v) => tf[op](v.n))

  for (const op of binary) {
    row(`${op} f32`, (v) => tf[op](v.x, v.y))
    row(`${op} f32, [2,3,4] and [4]`, (v) => tf[op](v.x, v.f([4], 9)))
    row(`${op} f32, [2,1,4] and [3,1]`, (v) => tf[op](v.f([2, 1, 4]), v.f([3, 1], 9)))
    row(`${op} f32, scalar and [2,3,4]`, (v) => tf[op](tf.scalar(0.7), v.x))
    row(`${op} f32, ranks 5 interleaved`, (v) => tf[op](v.f([2, 1, 3, 1, 2]), v.f([1, 2, 1, 3, 1], 9)))
  }
  row('add f32, ranks 6, one axis each', (v) => tf.add(v.f([2, 3, 1, 2, 1, 2]), v.f([2, 3, 1, 2, 1, 1], 9)))
  row('pow f32', (v) => tf.pow(v.positive, v.y))
  row('pow f32 of negative, whole exponent', (v) => tf.pow(v.x, tf.scalar(3)))
  row('pow f32, 0 to the 0', () => tf.pow(tf.tensor1d([0, 0, 2]), tf.tensor1d([0, 2, 0])))
  row('div f32 by 0', (v) => tf.div(v.special, tf.scalar(0)))
  row('divNoNan f32', (v) => tf.divNoNan(v.special, tf.scalar(0)))
  row('addN f32', (v) => tf.addN([v.x, v.y, v.positive]))
  row('clipByValue f32', (v) => tf.clipByValue(v.x, -0.5, 1))
  row('leakyRelu f32', (v) => tf.leakyRelu(v.x, 0.2))
  row('prelu f32', (v) => tf.prelu(v.x, v.f([4], 9)))

  for (const op of ['add', 'sub', 'mul', 'maximum', 'minimum', 'squaredDifference']) {
    row(`${op} i32`, (v) => tf[op](v.n, v.m))
    row(`${op} i32, scalar`, (v) => tf[op](v.n, tf.scalar(3, 'int32')))
  }
  row('floorDiv i32 of both signs', (v) => tf.floorDiv(v.n, v.nonzero))
  row('div i32 (floors)', (v) => tf.div(v.n, v.nonzero))
  row('mod i32 of both signs', (v) => tf.mod(v.n, v.nonzero))
  row('floorDiv i32, scalar', (v) => tf.floorDiv(v.n, tf.scalar(3, 'int32')))
  row('mod i32, scalar', (v) => tf.mod(v.n, tf.scalar(3, 'int32')))
  row('pow i32', (v) => tf.pow(v.n, tf.scalar(2, 'int32')))
  row('add i32 and f32', (v) => tf.add(v.n, v.x))
  row('mul f32 and bool', (v) => tf.mul(v.x, v.p))
  row('mul i32 and bool', (v) => tf.mul(v.n, v.p))
  row('add i32 wraps', () => tf.add(tf.tensor1d([2 ** 31 - 1], 'int32'), tf.tensor1d([1], 'int32')))

  for (const op of compare) {
    row(`${op} f32`, (v) => tf[op](v.x, v.y))
    row(`${op} f32, [2,3,1] and [4]`, (v) => tf[op](v.f([2, 3, 1]), v.f([4], 9)))
    row(`${op} i32`, (v) => tf[op](v.n, v.m))
    row(`${op} f32 with NaN`, (v) => tf[op](v.nan, tf.scalar(0)))
  }
  row('less i32 and f32', (v) => tf.less(v.n, v.x))
  row('equal i32 and bool', (v) => tf.equal(v.n, v.p))
  row('equal f32 with itself', (v) => tf.equal(v.special, v.special))
  for (const op of ['logicalAnd', 'logicalOr', 'logicalXor']) row(`${op}, [2,3,4] and [4]`, (v) => tf[op](v.p, v.q))
  row('logicalNot', (v) => tf.logicalNot(v.p))
  row('where f32', (v) => tf.where(v.p, v.x, v.y))
  row('where f32, condition [4]', (v) => tf.where(v.q, v.x, v.y))
  row('where f32, scalars', (v) => tf.where(v.p, tf.scalar(1), tf.scalar(0)))
  row('where f32, NaN not taken', (v) => tf.where(v.q, tf.scalar(1), tf.log(tf.tensor1d([1, 2, -1, 3]))))
  row('where i32', (v) => tf.where(v.p, v.n, v.m))
  row('where bool', (v) => tf.where(v.p, v.q, tf.logicalNot(v.q)))

  row('cast f32 to i32', (v) => tf.cast(v.f([40], 3, 9), 'int32'))
  row('cast f32 to bool', () => tf.cast(tf.tensor1d([0, -0, 0.25, -3]), 'bool'))
  row('cast i32 to f32', (v) => tf.cast(v.n, 'float32'))
  row('cast i32 to bool', (v) => tf.cast(v.n, 'bool'))
  row('cast bool to f32', (v) => tf.cast(v.p, 'float32'))
  row('cast bool to i32', (v) => tf.cast(v.p, 'int32'))

  for (const [kind, key] of [
    ['f32', 'x'],
    ['i32', 'n'],
    ['bool', 'p'],
  ]) {
    row(`transpose ${kind} [2,0,1]`, (v) => tf.transpose(v[key], [2, 0, 1]))
    row(`reshape ${kind}`, (v) => tf.reshape(v[key], [4, 6]))
    row(`tile ${kind}`, (v) => tf.tile(v[key], [2, 1, 3]))
    row(`broadcastTo ${kind}`, (v) => tf.broadcastTo(v[key], [5, 2, 3, 4]))
    row(`concat ${kind} axis 0`, (v) => tf.concat([v[key], v[key]], 0))
    row(`concat ${kind} axis 2, of three`, (v) => tf.concat([v[key], v[key], v[key]], 2))
    row(`stack ${kind}`, (v) => tf.stack([v[key], v[key]], 1))
    row(`split ${kind}`, (v) => tf.split(v[key], [1, 2], 1))
    row(`unstack ${kind}`, (v) => tf.unstack(v[key], 1))
    row(`slice ${kind}`, (v) => tf.slice(v[key], [0, 1, 1], [2, 2, 2]))
    row(`slice ${kind}, size -1`, (v) => tf.slice(v[key], [1, 0, 2], [1, 2, -1]))
    row(`stridedSlice ${kind}`, (v) => tf.stridedSlice(v[key], [0, 0, 1], [2, 3, 4], [1, 2, 2]))
    row(`stridedSlice ${kind}, backwards`, (v) => tf.stridedSlice(v[key], [0, 2, 3], [2, 0, 0], [1, -1, -2]))
    row(`stridedSlice ${kind}, masks`, (v) => tf.stridedSlice(v[key], [1, 0, 0], [2, 2, 4], [1, 1, 1], 2, 4, 0, 0, 1))
    row(`pad ${kind}`, (v) =>
      tf.pad(
        v[key],
        [
          [0, 1],
          [2, 0],
          [1, 1],
        ],
        key === 'p' ? false : 0,
      ),
    )
    row(`gather ${kind} axis 0`, (v) => tf.gather(v[key], tf.tensor1d([1, 0, 1], 'int32'), 0))
    row(`gather ${kind} axis 1`, (v) => tf.gather(v[key], v.at, 1))
    row(`gather ${kind} axis 1, at [2,3]`, (v) => tf.gather(v[key], v.at2, 1))
    row(`gather ${kind} axis 1, batchDims 1`, (v) => tf.gather(v[key], v.at2, 1, 1))
    row(`gather ${kind} axis 2, batchDims 1`, (v) => tf.gather(v[key], v.at2, 2, 1))
    row(`gather ${kind} axis 2, batchDims 2`, (v) =>
      tf.gather(
        v[key],
        tf.tensor3d(
          [
            [[3], [0], [1]],
            [[2], [2], [0]],
          ],
          [2, 3, 1],
          'int32',
        ),
        2,
        2,
      ),
    )
    row(`gatherND ${kind}`, (v) =>
      tf.gatherND(
        v[key],
        tf.tensor2d(
          [
            [1, 2],
            [0, 0],
            [1, 0],
          ],
          [3, 2],
          'int32',
        ),
      ),
    )
    row(`reverse ${kind}`, (v) => tf.reverse(v[key], [0, 2]))
    row(`expandDims ${kind}`, (v) => tf.expandDims(v[key], 1))
    row(`squeeze ${kind}`, (v) => tf.squeeze(tf.reshape(v[key], [1, 6, 1, 4])))
    row(`fill ${kind}`, () => tf.fill([2, 3], 1, kind === 'f32' ? 'float32' : kind === 'i32' ? 'int32' : 'bool'))
    row(`zerosLike ${kind}`, (v) => tf.zerosLike(v[key]))
    row(`onesLike ${kind}`, (v) => tf.onesLike(v[key]))
    row(`no elements ${kind}`, (v) => tf.concat([tf.slice(v[key], [0, 0, 0], [0, 3, 4]), v[key]], 0))
  }
  row('pad f32 with -1e30', (v) =>
    tf.pad(
      v.x,
      [
        [0, 1],
        [2, 0],
        [1, 1],
      ],
      -1e30,
    ),
  )
  row('pad f32 rank 5', (v) =>
    tf.pad(v.f([2, 1, 3, 1, 2]), [
      [0, 1],
      [1, 0],
      [0, 0],
      [1, 1],
      [0, 2],
    ]),
  )
  row('pad f32 rank 6', (v) =>
    tf.pad(v.f([2, 1, 3, 1, 2, 1]), [
      [0, 1],
      [1, 0],
      [0, 0],
      [1, 1],
      [0, 2],
      [1, 0],
    ]),
  )
  row('slice f32 rank 6', (v) => tf.slice(v.f([2, 2, 3, 2, 2, 3]), [0, 1, 1, 0, 0, 1], [2, 1, 2, 1, 2, 2]))
  row('stridedSlice f32 rank 5', (v) =>
    tf.stridedSlice(v.f([2, 2, 5, 2, 3]), [0, 0, 1, 0, 0], [2, 2, 5, 2, 3], [1, 1, 2, 1, 1]),
  )
  row('transpose f32 rank 5', (v) => tf.transpose(v.f([2, 3, 2, 4, 2]), [3, 0, 4, 2, 1]))
  row('transpose f32 rank 6', (v) => tf.transpose(v.f([2, 3, 2, 4, 2, 3]), [3, 0, 5, 4, 2, 1]))
  row('tile f32 rank 5', (v) => tf.tile(v.f([2, 1, 2, 1, 2]), [1, 3, 1, 2, 1]))
  row('tile f32 rank 6', (v) => tf.tile(v.f([2, 1, 2, 1, 2, 1]), [1, 3, 1, 2, 1, 2]))
  row('broadcastTo f32 rank 6 interleaved', (v) => tf.broadcastTo(v.f([2, 1, 2, 1, 2, 1]), [2, 3, 2, 2, 2, 2]))
  row('concat f32 rank 6', (v) => tf.concat([v.f([2, 1, 2, 1, 2, 2]), v.f([2, 1, 2, 3, 2, 2], 5)], 3))
  row('sum f32 rank 6', (v) => tf.sum(v.f([2, 3, 2, 4, 2, 3]), [1, 3, 5], true))
  row('reshape to a scalar', (v) => tf.reshape(v.f([1, 1]), []))

  row('scatterND f32, doubles add', (v) =>
    tf.scatterND(tf.tensor2d([[1], [3], [1]], [3, 1], 'int32'), v.f([3, 4]), [5, 4]),
  )
  row('scatterND i32, doubles add', (v) =>
    tf.scatterND(tf.tensor2d([[1], [3], [1]], [3, 1], 'int32'), v.i([3, 4]), [5, 4]),
  )
  row('scatterND f32, index pairs', (v) =>
    tf.scatterND(
      tf.tensor2d(
        [
          [1, 0],
          [0, 2],
          [1, 0],
        ],
        [3, 2],
        'int32',
      ),
      v.f([3, 4]),
      [2, 3, 4],
    ),
  )
  row('unsortedSegmentSum f32', (v) => tf.unsortedSegmentSum(v.f([5, 4]), v.at, 4))
  row('tensorScatterUpdate f32', (v) =>
    tf.tensorScatterUpdate(v.f([5, 4]), tf.tensor2d([[1], [3]], [2, 1], 'int32'), v.f([2, 4], 3)),
  )
  row('oneHot', (v) => tf.oneHot(v.at2, 3))
  row('oneHot, f32', (v) => tf.oneHot(v.at, 4, 1, 0, 'float32'))
  row('oneHot, index outside', () => tf.oneHot(tf.tensor1d([-1, 0, 7], 'int32'), 3))

  for (const op of ['sum', 'max', 'min', 'mean', 'prod', 'logSumExp']) {
    row(`${op} f32, all`, (v) => tf[op](v.x))
    row(`${op} f32, axis -1`, (v) => tf[op](v.x, -1))
    row(`${op} f32, axes 0 and 2, kept`, (v) => tf[op](v.x, [0, 2], true))
  }
  for (const op of ['sum', 'max', 'min', 'prod']) row(`${op} i32, axis 1`, (v) => tf[op](v.n, 1))
  row('sum bool (counts)', (v) => tf.sum(v.p, 2))
  row('sum f32 of none', () => tf.sum(tf.zeros([0, 3]), 0))
  row('sum f32, 1e6 values', (v) => tf.sum(v.f([1000, 1000]), 1))
  row('all', (v) => tf.all(v.p, 2))
  row('any', (v) => tf.any(v.p, 2))
  row('argMax f32', (v) => tf.argMax(v.x, -1))
  row('argMin f32', (v) => tf.argMin(v.x, 1))
  row('cumsum f32, exclusive', (v) => tf.cumsum(v.x, 1, true))
  row('cumsum i32', (v) => tf.cumsum(v.n, 2))
  row('softmax f32', (v) => tf.softmax(v.x))
  row('softmax f32 with -1e30', (v) => tf.softmax(tf.where(v.p, v.x, tf.scalar(-1e30))))
  row('softmax f32 with -infinity', (v) => tf.softmax(tf.where(v.q, v.x, tf.scalar(-Infinity))))
  row('logSoftmax f32', (v) => tf.logSoftmax(v.x))
  row('topk f32', (v) => Object.values(tf.topk(v.x, 2)))

  for (const ta of [false, true])
    for (const tb of [false, true]) {
      const a = (...batch) => (ta ? [...batch, 5, 3] : [...batch, 3, 5])
      const b = (...batch) => (tb ? [...batch, 4, 5] : [...batch, 5, 4])
      const named = `${ta ? ', a transposed' : ''}${tb ? ', b transposed' : ''}`
      row(`matMul f32 rank 2${named}`, (v) => tf.matMul(v.f(a()), v.f(b(), 9), ta, tb))
      row(`matMul f32 rank 3${named}`, (v) => tf.matMul(v.f(a(2)), v.f(b(2), 9), ta, tb))
      row(`matMul f32 rank 4${named}`, (v) => tf.matMul(v.f(a(2, 3)), v.f(b(2, 3), 9), ta, tb))
      row(`matMul f32, batches 2 and 1${named}`, (v) => tf.matMul(v.f(a(2)), v.f(b(1), 9), ta, tb))
      row(`matMul f32, batches 1 and 2${named}`, (v) => tf.matMul(v.f(a(1)), v.f(b(2), 9), ta, tb))
      row(`matMul f32, batches [2,3] and [1,1]${named}`, (v) => tf.matMul(v.f(a(2, 3)), v.f(b(1, 1), 9), ta, tb))
      row(`matMul f32, ranks 4 and 2${named}`, (v) => tf.matMul(v.f(a(2, 3)), v.f(b(), 9), ta, tb))
    }
  row('matMul f32, 200 x 300 x 100', (v) => tf.matMul(v.f([200, 300]), v.f([300, 100], 9)))
  row('matMul f32, a sum of none', () => tf.matMul(tf.zeros([2, 0]), tf.zeros([0, 3])))
  row('matMul f32, no rows', () => tf.matMul(tf.zeros([0, 2]), tf.zeros([2, 3])))
  row('matMul f32, no batch', () => tf.matMul(tf.zeros([0, 2, 3]), tf.zeros([0, 3, 2])))
  row('matMul f32, 0 times NaN', (v) => tf.matMul(tf.zeros([2, 4]), tf.reshape(v.nan, [4, 1])))
  row('fused.matMul f32, bias and relu', (v) =>
    tf.fused.matMul({ a: v.f([3, 5]), b: v.f([5, 4], 9), bias: v.f([4], 3), activation: 'relu' }),
  )
  row('outerProduct f32', (v) => tf.outerProduct(v.at.toFloat(), v.special))
  row('einsum f32', (v) => tf.einsum('bij,bkj->bik', v.x, v.y))
  row('range i32', () => tf.range(2, 9, 2, 'int32'))
  row('range f32', () => tf.range(0, 2, 0.25))
  row('range i32, one step back', () => tf.range(5, 0, -1, 'int32'))
  row('range i32 of none', () => tf.range(3, 3, 1, 'int32'))
  row('eye', () => tf.eye(3))
  row('scalar constants', () => tf.add(tf.scalar(1), tf.add(tf.scalar(2, 'int32'), tf.scalar(true, 'bool'))))
  return rows
}

/** What each may do in its own way. */
function beyond(tf) {
  return [
    ['exp of -100: subnormal', () => tf.exp(tf.scalar(-100))],
    ['log of 1e-40: subnormal', () => tf.log(tf.scalar(1e-40))],
    ['mul i32 beyond 2^53', () => tf.mul(tf.scalar(2 ** 31 - 1, 'int32'), tf.scalar(2 ** 31 - 3, 'int32'))],
    ['floorDiv i32 by 0', () => tf.floorDiv(tf.scalar(1, 'int32'), tf.scalar(0, 'int32'))],
    ['mod i32 by 0', () => tf.mod(tf.scalar(1, 'int32'), tf.scalar(0, 'int32'))],
    ['pow i32, negative exponent', () => tf.pow(tf.scalar(2, 'int32'), tf.scalar(-1, 'int32'))],
    ['mean i32', () => tf.mean(tf.tensor1d([1, 2], 'int32'))],
    ['cast NaN to i32', () => tf.cast(tf.scalar(NaN), 'int32')],
    ['cast infinity to i32', () => tf.cast(tf.scalar(Infinity), 'int32')],
    ['cast NaN to bool', () => tf.cast(tf.scalar(NaN), 'bool')],
    ['relu of NaN', () => tf.relu(tf.scalar(NaN))],
    ['leakyRelu of NaN', () => tf.leakyRelu(tf.scalar(NaN))],
    ['step of NaN', () => tf.step(tf.scalar(NaN))],
    ['sign of NaN', () => tf.sign(tf.scalar(NaN))],
    ['maximum of NaN and 1', () => tf.maximum(tf.tensor1d([NaN, 1]), tf.tensor1d([1, NaN]))],
    ['minimum of NaN and 1', () => tf.minimum(tf.tensor1d([NaN, 1]), tf.tensor1d([1, NaN]))],
    ['max with NaN', () => tf.max(tf.tensor1d([1, NaN, 2]))],
    ['max of none', () => tf.max(tf.zeros([0, 3]), 0)],
    ['clipByValue of NaN', () => tf.clipByValue(tf.scalar(NaN), 0, 1)],
    ['prelu of infinity', () => tf.prelu(tf.tensor1d([Infinity, -Infinity]), tf.tensor1d([0.1, 0.1]))],
    ['softmax of -infinity alone', () => tf.softmax(tf.tensor1d([-Infinity, -Infinity]))],
    ['sqrt of -0', () => tf.sqrt(tf.scalar(-0))],
    ['rsqrt of 0', () => tf.rsqrt(tf.scalar(0))],
    ['round of 2.5', () => tf.round(tf.tensor1d([0.5, 1.5, 2.5, -0.5]))],
    ['pow of negative, fraction', () => tf.pow(tf.scalar(-2), tf.scalar(0.5))],
    ['add bool', () => tf.add(tf.scalar(true, 'bool'), tf.scalar(true, 'bool'))],
    ['mul bool', () => tf.mul(tf.scalar(true, 'bool'), tf.scalar(true, 'bool'))],
    ['maximum bool', () => tf.maximum(tf.scalar(true, 'bool'), tf.scalar(false, 'bool'))],
    ['max bool', () => tf.max(tf.tensor1d([true, false], 'bool'))],
    ['equal bool', () => tf.equal(tf.tensor1d([true, false], 'bool'), tf.tensor1d([true, true], 'bool'))],
    ['less bool', () => tf.less(tf.tensor1d([true, false], 'bool'), tf.tensor1d([true, true], 'bool'))],
    ['neg bool', () => tf.neg(tf.scalar(true, 'bool'))],
    ['matMul i32', () => tf.matMul(tf.ones([2, 3], 'int32'), tf.ones([3, 2], 'int32'))],
    ['exp i32', () => tf.exp(tf.tensor1d([1, 2], 'int32'))],
    ['gather, index outside', () => tf.gather(tf.tensor1d([1, 2]), tf.tensor1d([5], 'int32'))],
    ['gather, index -1', () => tf.gather(tf.tensor1d([1, 2]), tf.tensor1d([-1], 'int32'))],
    ['gather at f32', () => tf.gather(tf.tensor1d([1, 2]), tf.tensor1d([1]))],
    ['gather from none, at none', () => tf.gather(tf.zeros([0, 2]), tf.tensor1d([], 'int32'))],
    ['gatherND, index outside', () => tf.gatherND(tf.tensor1d([1, 2]), tf.tensor2d([[5]], [1, 1], 'int32'))],
    ['scatterND, index outside', () => tf.scatterND(tf.tensor2d([[7]], [1, 1], 'int32'), tf.tensor1d([1]), [3])],
    ['unsortedSegmentSum, id -1', () => tf.unsortedSegmentSum(tf.tensor1d([1, 2]), tf.tensor1d([-1, 0], 'int32'), 2)],
    [
      'unsortedSegmentSum, id too large',
      () => tf.unsortedSegmentSum(tf.tensor1d([1, 2]), tf.tensor1d([5, 0], 'int32'), 2),
    ],
    [
      'unsortedSegmentSum, ids [2,2]',
      () =>
        tf.unsortedSegmentSum(
          tf.ones([2, 2, 3]),
          tf.tensor2d(
            [
              [0, 1],
              [1, 1],
            ],
            [2, 2],
            'int32',
          ),
          2,
        ),
    ],
    ['unsortedSegmentSum i32', (v) => tf.unsortedSegmentSum(v.i([5, 4]), v.at, 4)],
    ['where f32 and i32', (v) => tf.where(v.p, v.x, v.n)],
    ['concat f32 and i32', (v) => tf.concat([v.x, v.n])],
    ['softmax axis 1 of 3', (v) => tf.softmax(v.x, 1)],
    ['matMul, batches [2,1] and [1,3]', (v) => tf.sum(tf.matMul(v.f([2, 1, 3, 5]), v.f([1, 3, 5, 4], 9)), [2, 3])],
    ['matMul, batches [2,3] and [3]', (v) => tf.sum(tf.matMul(v.f([2, 3, 3, 5]), v.f([3, 5, 4], 9)), [2, 3])],
    ['matMul, batches [2,3] and [2,1]', (v) => tf.sum(tf.matMul(v.f([2, 3, 3, 5]), v.f([2, 1, 5, 4], 9)), [2, 3])],
    [
      'the same three by broadcastTo and matMul',
      (v) => [
        tf.sum(
          tf.matMul(
            tf.broadcastTo(v.f([2, 1, 3, 5]), [2, 3, 3, 5]),
            tf.broadcastTo(v.f([1, 3, 5, 4], 9), [2, 3, 5, 4]),
          ),
          [2, 3],
        ),
        tf.sum(tf.matMul(v.f([2, 3, 3, 5]), tf.broadcastTo(v.f([3, 5, 4], 9), [2, 3, 5, 4])), [2, 3]),
        tf.sum(tf.matMul(v.f([2, 3, 3, 5]), tf.broadcastTo(v.f([2, 1, 5, 4], 9), [2, 3, 5, 4])), [2, 3]),
      ],
    ],
    ['mul rank 6 interleaved', (v) => tf.mul(v.f([2, 1, 3, 1, 2, 1]), v.f([1, 2, 1, 3, 1, 2], 9))],
    [
      'an array changed after tensor()',
      () => {
        const values = new Float32Array([1, 2])
        const t = tf.tensor1d(values)
        const before = tf.add(t, 0)
        values[0] = 9
        return [before, tf.add(t, 0)]
      },
    ],
    [
      'the array of dataSync() changed',
      () => {
        const t = tf.add(tf.tensor1d([1, 2]), 1)
        t.dataSync()[0] = 9
        return tf.add(t, 0)
      },
    ],
    ['transpose rank 7', (v) => tf.transpose(v.f([2, 1, 2, 3, 1, 2, 2]), [6, 0, 5, 1, 4, 2, 3])],
    ['tile rank 7', (v) => tf.tile(v.f([2, 1, 2, 1, 2, 1, 1]), [1, 2, 1, 2, 1, 2, 2])],
    ['add rank 7 interleaved', (v) => tf.add(v.f([2, 1, 2, 1, 2, 1, 2]), v.f([1, 2, 1, 2, 1, 2, 1]))],
    ['where rank 7', (v) => tf.where(tf.less(v.f([2, 1, 2, 1, 2, 1, 2]), 0), v.f([2, 1, 2, 1, 2, 1, 2]), tf.scalar(0))],
    ['sum rank 7', (v) => tf.sum(v.f([2, 2, 2, 2, 2, 2, 2]), [0, 2, 4, 6])],
    [
      'pad rank 7',
      (v) =>
        tf.pad(v.f([2, 1, 2, 1, 2, 1, 1]), [
          [0, 1],
          [0, 1],
          [0, 1],
          [0, 1],
          [0, 1],
          [0, 1],
          [0, 1],
        ]),
    ],
    ['slice rank 7', (v) => tf.slice(v.f([2, 2, 2, 1, 2, 1, 2]), [0, 1, 0, 0, 1, 0, 1], [1, 1, 1, 1, 1, 1, 1])],
    [
      'stridedSlice rank 6',
      (v) => tf.stridedSlice(v.f([2, 2, 2, 1, 2, 3]), [0, 0, 0, 0, 0, 0], [2, 2, 2, 1, 2, 3], [1, 1, 1, 1, 1, 2]),
    ],
    [
      'stridedSlice rank 7',
      (v) =>
        tf.stridedSlice(
          v.f([1, 2, 2, 2, 1, 2, 3]),
          [0, 0, 0, 0, 0, 0, 0],
          [1, 2, 2, 2, 1, 2, 3],
          [1, 1, 1, 1, 1, 1, 2],
        ),
    ],
    ['reverse rank 7', (v) => tf.reverse(v.f([2, 2, 2, 1, 2, 1, 2]), [0, 6])],
    ['matMul rank 7', (v) => tf.matMul(v.f([2, 1, 2, 1, 2, 2, 3]), v.f([1, 2, 1, 2, 1, 3, 2]))],
  ]
}

const show = (result) =>
  typeof result === 'string'
    ? result
    : result
        .map(
          (t) =>
            `${t.dtype} [${t.shape}] ${Array.from(t.values.slice(0, 6), (x) => String(Math.fround(x)).slice(0, 9))}`,
        )
        .join('; ')

/** Calls a row on the current backend: its tensors as plain data, or its error; and how many tensors are left behind. */
function call(tf, row, count) {
  const started = count()
  let data
  let extra = 0
  try {
    tf.tidy(() => {
      const v = operands(tf)
      const made = tf.memory().numTensors
      const result = [row(v)].flat()
      data = result.map((t) => ({ dtype: t.dtype, shape: t.shape, values: t.dataSync().slice() }))
      extra = tf.memory().numTensors - made - result.length
    })
  } catch (error) {
    const [first, second] = String(error.message).split('\n')
    data = `throws: ${/^Invalid TF_Status/.test(first) ? second.replace(/^Message: /, '') : first}`.slice(0, 110)
  }
  return { data, extra, left: count() - started }
}

/** The largest difference of two numbers relative to max(least, |a|); 0 where both are NaN or the same infinity. */
function difference(a, b, least) {
  let largest = 0
  for (let k = 0; k < a.length; k++) {
    if (Object.is(a[k], b[k]) || a[k] === b[k]) continue
    const d = Math.abs(a[k] - b[k]) / Math.max(least, Math.abs(a[k]))
    if (!(d <= largest)) largest = Number.isNaN(d) ? Infinity : d
  }
  return largest
}

function compare(expected, found, least) {
  if (typeof expected === 'string' || typeof found === 'string') return expected === found ? 0 : Infinity
  if (expected.length !== found.length) return Infinity
  return Math.max(
    ...expected.map((e, k) => {
      const f = found[k]
      if (e.dtype !== f.dtype || String(e.shape) !== String(f.shape) || e.values.length !== f.values.length)
        return Infinity
      return difference(e.values, f.values, least)
    }),
  )
}

function loadOrExit(where) {
  try {
    return load(where)
  } catch (error) {
    console.error(`${where} does not load: ${String(error.message).split('\n')[0]}`)
    console.error('test/peers/tfjs-node.sh builds the package into a folder; give that folder.')
    process.exit(2)
  }
}

const tf = loadOrExit(process.argv[2] ?? '@tensorflow/tfjs-node')
tf.env().set('PROD', true)
await tf.setBackend('tensorflow')
await tf.ready()
const native = tf.backend().binding
console.log(
  `tfjs-node ${tf.version['tfjs-node']}, TensorFlow ${native.TF_Version}, ${tf.backend().isUsingGpuDevice ? 'a GPU' : 'the CPU'}, Node ${process.versions.node}`,
)

const on = {
  cpu: () => tf.memory().numTensors,
  tensorflow: () => native.getNumOfTensors(),
}
async function both(row) {
  const results = []
  for (const [backend, count] of Object.entries(on)) {
    await tf.setBackend(backend)
    results.push(call(tf, row, count))
  }
  return results
}

const TOLERANCE = 2e-5
let differ = 0
let largest = 0
for (const [name, row] of contract(tf)) {
  const [cpu, node] = await both(row)
  const d = compare(cpu.data, node.data, 1)
  const leak = node.left !== 0 || node.extra !== cpu.extra
  if (d <= TOLERANCE) largest = Math.max(largest, d)
  const ok = d <= TOLERANCE && !leak && typeof cpu.data !== 'string'
  if (!ok) differ++
  console.log(`${ok ? 'OK     ' : 'differs'}  ${name.padEnd(52)} ${d === 0 ? 'same' : d.toExponential(1)}`)
  if (!ok)
    console.log(
      `         cpu:        ${show(cpu.data)}\n         tensorflow: ${show(node.data)}${leak ? `\n         tensors left: ${node.left} in libtensorflow, ${node.extra - cpu.extra} more than on cpu` : ''}`,
    )
}
console.log('\nBeyond the contract:')
for (const [name, row] of beyond(tf)) {
  const [cpu, node] = await both(row)
  if (compare(cpu.data, node.data, 0) <= TOLERANCE) console.log(`same     ${name.padEnd(40)} ${show(node.data)}`)
  else console.log(`differs  ${name}\n         cpu:        ${show(cpu.data)}\n         tensorflow: ${show(node.data)}`)
}
console.log(
  `\n${differ === 0 ? `The contract holds; largest difference ${largest.toExponential(1)}.` : `${differ} rows differ.`}`,
)
process.exit(differ === 0 ? 0 : 1)
