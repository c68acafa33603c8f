/** What specs mean: compiled and run in float64, against the naive evaluator. */
import { describe, expect, it } from 'vitest'
import { compareWithNaive } from '../../support/against-naive.ts'

type Options = Parameters<typeof compareWithNaive>[2]

function agrees(text: string, lengths: Readonly<Record<string, readonly number[]>> = {}, options: Options = {}): void {
  const { got, wanted, paths } = compareWithNaive(text, lengths, options)
  expect(Object.keys(got).length).toBeGreaterThan(0)
  for (const [name, samples] of Object.entries(wanted))
    samples.forEach((values, b) => {
      const mine = got[name]?.[b] ?? []
      expect(mine.length, `${name} of sample ${b}`).toBe(values.length)
      values.forEach((value, i) => {
        const error = Math.abs((mine[i] as number) - value)
        expect(error <= 1e-9 * Math.max(1, Math.abs(value)), `${name}[${b}][${i}]: ${mine[i]} for ${value}`).toBe(true)
      })
    })
  expect(paths.wanted).toEqual(expect.arrayContaining([...paths.got]))
}

/** A model on `x: [t, 3]`, `y: [u, 3]`, `v: [4]` and `m: [4, 6]`. */
const model = (body: string, blocks = ''): string => `use "std/blocks"
${blocks}
model M {
  seq t, u
  input x: [t, 3]
  input y: [u, 3]
  input v: [4]
  input m: [4, 6]
${body}
}
`
const lengths = { t: [5, 1, 3], u: [2, 4, 1] }
const withEmpty = { t: [5, 0, 3], u: [2, 4, 0] }

const equations: Readonly<Record<string, string>> = {
  'a sum over time': 'output o = sum[i](x[i])',
  'mean, max, min, logsumexp': `
    a = mean[i](x[i, 0])
    b[p] = max[i](x[i, p])
    c = min[i, p](x[i, p])
    d[i] = logsumexp[p](x[i, p])
    output o = a
    output ob = b
    output oc = c
    output od = d`,
  'means of sums, sums of means': `
    a = mean[i](sum[p](x[i, p]) * mean[j](y[j, 0]))
    output o = a`,
  'binders over nothing': `
    a = mean[k: 0](x[k, 0])
    b[p] = max[k: 0](x[k, p])
    c = logsumexp[k: 0](x[k, 0])
    output o = a
    output ob = b
    output oc = c`,
  'a stated range, shorter': 'output o = sum[k: 2](v[k])\n b[i: 3] = v[i]\n output ob = b',
  'reads at offsets': `
    a[j: t, p] = x[j - 1, p] + x[j + 2, p]
    b[i: 6] = v[i - 1]
    output o = a
    output ob = b`,
  'strided reads': `
    a[j: (t + 1) div 2, p] = x[2 * j, p]
    b[j: t div 2, p] = x[2 * j + 1, p] - x[2 * j, p]
    output o = a
    output ob = b`,
  'reversed reads': `
    a[j: t, p] = x[t - 1 - j, p]
    b[j, p: 3] = x[j, 2 - p]
    c[i: 4] = v[3 - i]
    output o = a
    output ob = b
    output oc = c`,
  'a reversed index with an offset that leaves the sample': `
    a[j: t, p] = x[t - j, p]
    output o = a`,
  'the last element': 'output o = x[t - 1]\n output oo = x[t - 1, 1] + y[u - 1, 0]',
  'a read past the end is zero': 'output o = x[t] + v[0]\n output oo = x[2]',
  'clamped reads': 'a[j: t, p] = sum[k: 5]((k - 2) * x[min(max(j + k - 2, 0), t - 1), p])\n output o = a',
  'a convolution': `
    param_free = 1
    a[j: t, o: 2] = sum[k: 3, p](x[j + 2 * k - 2, p] * m[k, o])
    output oo = a`,
  framing: `
    a[f: (t - 2) div 2 + 1, k: 2, p] = x[2 * f + k, p]
    output o = a`,
  'index arithmetic as numbers': `
    a[i: 4, j: 6] = sin(i / 3 + j) * m[i, j] + i * j
    b[j: t] = j / max(t, 1) + t
    output o = a
    output ob = b`,
  'comparisons of indices': `
    a[i, j] = x[i, 0] * x[j, 1] * (i <= j) + (i == j)
    b[i: t, j: u] = x[i, 0] * (i < j or i == j + 1) * (not (j > 2) and i != 3)
    output o = a
    output ob = b`,
  'softmax with a selection': `
    s[i, j] = x[i, 0] * x[j, 1]
    a[i, j] = softmax[j](s[i, j])
    b[i, j] = softmax[j if j <= i](s[i, j])
    c[i, j] = softmax[j if j < i](s[i, j])
    output o = a
    output ob = b
    output oc = c`,
  'softmax over two indices': 'a[i, p] = softmax[i, p](x[i, p] * 2)\n output o = a',
  'softmax in a sum': 'a[j] = sum[i](softmax[i](x[i] . y[j]) * x[i])\n output o = a',
  'selecting binders': `
    a[i: t] = sum[j if j != i](x[j, 0])
    b[i: t] = mean[j if j > i](x[j, 0])
    c[i: t] = max[j if j > i](x[j, 1])
    d[i: t] = min[j if j > i + 1](x[j, 1])
    e[i: t] = logsumexp[j if j > i](x[j, 1])
    f = sum[j, p if x[j, p] > 0](x[j, p])
    output o = a
    output ob = b
    output oc = c
    output od = d
    output oe = e
    output of1 = f`,
  'reductions over an axis that the body does not vary with': `
    a = sum[i: t](2)
    b[p] = sum[i: t, j: u](v[p])
    c = mean[i: t](v[0])
    d[j: u] = sum[i: t](i * j)
    e = max[i: t](v[1])
    f = mean[k: 3, i: t](x[i, 0])
    output o = a
    output ob = b
    output oc = c
    output od = d
    output oe = e
    output of1 = f`,
  'products of reads': `
    a[i, j] = sum[p](x[i, p] * y[j, p])
    b[p, q] = sum[i](x[i, p] * x[i, q])
    c = sum[i, j, p](x[i, p] * y[j, p] * v[0])
    d[i, j] = sum[k, p: 3](x[i, p] * m[k, p] * y[j, p] * v[k])
    e[i] = sum[p]((x[i, p] + 1) * (x[i, p] - v[p + 1]) / 3)
    f[i] = sum[p, j](x[i, p] * y[j, p] / (1 + x[i, p]^2))
    output o = a
    output ob = b
    output oc = c
    output od = d
    output oe = e
    output of1 = f`,
  'heads: split and joined': `
    a[h: 2, k, e: 3] = m[k, h * 3 + e]
    b[k] = flatten(a2[k])
    a2[k, h: 2, e: 3] = m[k, h * 3 + e] * 2
    c[k, j: 6] = m[k, j mod 3] + m[k, j div 2]
    output o = a
    output ob = b
    output oc = c`,
  'concat, flatten, stack': `
    a = concat(x, x * 2, x + 1)
    b = flatten(m)
    c = [v, v * 2, v + 1]
    d = [mean[i](x[i]), mean[j](y[j])]
    e = [1, 2, v[0]]
    f[i] = concat(x[i], v)
    g = flatten([v, v])
    h[i] = [x[i, 0], x[i, 1] * x[i, 2]]
    output o = a
    output ob = b
    output oc = c
    output od = d
    output oe = e
    output of1 = f
    output og = g
    output oh = h`,
  'functions of the last axis': `
    output o = softmax(x)
    output oa = log_softmax(m)
    output oc = softmax(v) . v`,
  'element by element': `
    output o = exp(x) + tanh(x) * 2 - sigmoid(x) / 3
    output oa = if x > 0 then x else -x * 2
    output ob = max(x, 0.1) + min(x, 0.2, -0.1)
    output oc = relu(x) + abs(x) + erf(x) + sqrt(abs(x)) + floor(x * 3)
    output od = (x * 2)^2 + 2^x + stop_gradient(x)
    output oe = x div 0.25 + x mod 0.25
    output of1 = not (x > 0)
    output og = (x > 0) * 3 + (x < 0.5 and x > -0.5)`,
  'numbers that depend on lengths': `
    half = t div 2
    rest = t mod 2
    output o = x * half + rest
    output oa = v * (t * u) + 1 / max(t + u, 1)
    output ob = sqrt(t + 1) * v
    output oc = if t > u then v else -v`,
  'trailing axes stay whole': `
    a[i] = x[i] * 2
    b[k] = m[k] * v[k]
    c[j] = mean[i](x[i] * y[j, 0])
    output o = a
    output ob = b
    output oc = c`,
  'a gather by ids from an expression': `
    a[i: t, p] = x[(i * 2) mod max(t, 1), p]
    b[i: 4] = v[(i * i) mod 4]
    c[i: 4] = v[i * i]
    output o = a
    output ob = b
    output oc = c`,
  'a read of a constant outside': `
    one[i: t] = 1
    a[i: t] = one[i - 1] + one[i + 2]
    output o = a`,
  'a read of what does not vary': `
    k[i: t, p: 3] = v[p]
    a[i: t, p] = k[i + 1, p] + k[i, p + 1]
    output o = a`,
}

const blocks: Readonly<Record<string, string>> = {
  'mapping over leading axes':
    'output o = x |> Dense(2) |> LeakyReLU(0.1)\n output oo = [x, x] |> Dense(2)\n output og = Gelu()(m)',
  'shared arguments': 'output o = SquaredError()(x, 0.5)\n output oo = SquaredError()(m, v[0])',
  'blocks in equations': `
    e[i] = Dense(2)(x[i])
    f[j, i] = Dense(2)(x[i] * y[j])
    g[k] = LayerNorm()(m[k])
    h[i] = MeanPool()(y) * x[i, 0]
    output o = e
    output of1 = f
    output og = g
    output oh = h`,
  'shared instances': `
    enc = Dense(2)
    a = enc(x)
    b = enc(y)
    c = enc(x) + Dense(2)(x)
    output o = a
    output ob = b
    output oc = c`,
  pooling: 'output o = MeanPool()(x)\n output oa = MaxPool()(x)\n output ob = AttentivePool(4)(x)',
  convolutions: `
    output o = x |> Conv1d(2)
    output oa = x |> Conv1d(2, width = 5, dilation = 2)
    output ob = x |> Conv1d(2, width = 2, pad = 0) |> Conv1d(3, width = 1)
    output oc = x |> Conv1d(2, width = 3, pad = 3, bias = false)`,
  attention: `
    output o = TAB(2)(x)
    output oa = CAB()(x)
    output ob = CoAttention(2, 4)(x, y)
    output oc = AdditiveCoAttention(2, 4)(x, y)
    output od = DAB()(x |> Dense(8))`,
  tuples: `
    (a, b) = CMI()(x, x * 2)
    (c, d) = (x, y) |> Bypass()
    (e, f) = MutualAdjustment()(x, y)
    output o = a * b
    output oc = c
    output od = d
    output oe = e * f`,
  'recurrent cells': 'h = [0.1, 0.2, -0.3]\n output o = GRUCell(3)(v, h)',
  repeat: `
    z = repeat 3 as k from h = x { g = h |> Dense(3); return g * (k + 1) + h }
    (a, b) = repeat 2 from (p, q) = (x, x + 1) { return (q, p * 2) }
    w = repeat 0 from h = x { return h + 1 }
    output o = z
    output oa = a - b
    output ow = w`,
}

const own = `
block Pair(n: int, scale: real = n / 2)(a: [r, c], b: [s, c]) -> [r, s] {
  k[i, j] = sum[p](a[i, p] * b[j, p]) * scale + n
  return k
}
block Two(flip: bool = false)(a: [c]) -> ([c], []) {
  return if flip then (a, 1) else (a * 2, sum[p](a[p]))
}
block Rows()(x: [batch, c]) -> [batch, c] {
  m[p] = mean[n](x[n, p])
  y[n, p] = x[n, p] - m[p]
  return y
}
block Contrast(temperature: real = 0.5)(a: [batch, d], b: [batch, d]) -> [batch] {
  s[m, n] = (a[m] . b[n]) / temperature
  self[m] = a[m] . b[m]
  rest[m] = sum[n if n != m](self[n]) * sum[n](self[n] * (m == n)) + self[m]
  l[m] = sum[n if n != m](s[m, n]) + logsumexp[n](s[m, n]) - self[m] + rest[m]
  return l
}
block Moments(momentum: real = 0.1)(x: [batch, c]) -> [batch, c] {
  state m: [c] = zeros()
  state k: [] = zeros()
  update m = (1 - momentum) * m + momentum * mean[n](x[n])
  update m = 2 * m
  update k = k + sum[n: batch](1)
  y[n, p] = x[n, p] - (if training then mean[q](x[q, p]) else m[p])
  return y
}
block Inner()(x: [c]) -> [c] { return x |> Dense(3) |> Rows() }
`
const batches: Readonly<Record<string, string>> = {
  'generic headers': 'output o = Pair(2)(x, y)\n output oo = Pair(3, scale = 1)(m, m)',
  'results of several kinds':
    '(a, b) = Two()(x)\n (c, d) = Two(true)(v)\n output o = a\n output ob = b\n output oc = c * d',
  'a block on the whole batch': 'output o = v |> Rows()\n output oo = sum[i](x[i]) |> Rows()',
  'a block on the whole batch, mapped over time': 'output o = x |> Rows()\n output oo = Standardise(3)(x)',
  'a batch block under an index': 'e[k] = Rows()(m[k])\n output o = e',
  'a batch block inside a mapped block': 'output o = x |> Inner()',
  'batch norm': 'output o = x |> BatchNorm()\n output oo = v |> BatchNorm(affine = false)',
  contrast: 'output o = Contrast()(v, v * 2)',
  UFLB: 'output o = x |> UFLB(4, width = 3, dilation = 2) |> UFLB(4)',
}

describe('equations', () => {
  it.each(Object.entries(equations))('%s', (_, body) => {
    agrees(model(body), lengths)
    agrees(model(body), withEmpty)
  })
})
describe('blocks', () => {
  it.each(Object.entries(blocks))('%s', (_, body) => agrees(model(body), lengths))
})
describe('blocks of the file', () => {
  it.each(Object.entries(batches))('%s', (_, body) => agrees(model(body, own), lengths))
})

const labelled = `use "std/blocks"
block Rank()(z: [k], y: [] of k) -> [] { return sum[i if i != y](max(0, 0.1 + z[i] - z[y])) }
model M {
  hyper alpha: real = 0.3 in 0..1 grid 0.1, 0.2
  hyper deep: bool = true
  hyper d: int = 4
  beta = 1 - alpha
  seq words in 1..50
  require words >= 1
  labels kinds = ["a", "b", "c"]
  input ids: [words] of 11
  input mask: [] of 2
  target kind: [] of kinds
  target score: []
  target many: [2]
  target tags: [words] of kinds
  param E: [11, d] = normal(deviation = 1)
  e[i] = E[ids[i]]
  f[i: words, p] = E[ids[i - 1], p]
  g = if deep then e |> Dense(d) |> LeakyReLU() else e
  pooled = MeanPool()(g + f)
  z = pooled |> Dense(kinds)
  ts = g |> Dense(kinds)
  hit[i] = tags[i] == ids[i]
  predict kind = alpha * softmax(z) + beta * softmax(z * mask)
  predict score = sum[k](z[k] * k)
  predict many = sigmoid(Dense(2)(pooled))
  predict tags = softmax(ts)
  loss ce weight 2 = CrossEntropy(0.1)(z, kind)
  loss rank = Rank()(z, kind)
  loss se = SquaredError()(sum[k](z[k]), score)
  loss bce = mean[k](b[k])
  b = BinaryCrossEntropy()(Dense(2)(pooled), many)
  loss tag = mean[i](tagged[i])
  tagged = CrossEntropy()(ts, tags)
  output o = concat(pooled, z)
  output hits = hit
}`

describe('models', () => {
  it.each([false, true])('predictions, losses and ids, training %s', (training) => {
    agrees(labelled, { words: [3, 1, 5, 2] }, { training })
    agrees(labelled, { words: [1] }, { training })
    agrees(labelled.replace('if deep', 'if not deep'), { words: [1, 4] }, { training })
  })
  it.each([false, true])('batch blocks, states and updates, training %s', (training) => {
    const text = model(
      `  target s: []
  h = x |> BatchNorm(0.2) |> Dense(4) |> BatchNorm() |> MeanPool()
  q = v |> Moments()
  predict s = sum[p](h[p])
  loss e = SquaredError()(sum[p](h[p] + q[p]), s)
  loss c weight 0.5 = Contrast()(h, v)
  loss d = mean[i](Contrast()(x, x * 2)[0])`.replace('mean[i](Contrast()(x, x * 2)[0])', 'sum[p](q[p])'),
      own,
    )
    agrees(text, lengths, { training })
    agrees(text, { t: [2], u: [1] }, { training })
  })
  it('pairs of samples, mapped over a length', () => {
    agrees(model('c = Contrast()(x, x * 2)\n output o = c', own), lengths)
    agrees(model('c = Contrast()(m, m * 2)\n output o = c', own), lengths)
  })
})
