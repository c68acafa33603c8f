/** Specs that are large, deep or absurd: the compiler must answer each, soon, and without an exception. */

const inModel = (body: string, blocks = ''): string =>
  `use "std/blocks"\n${blocks}\nmodel M {\n  seq t\n  input x: [t, 3]\n${body}\n  output o = x\n}\n`

/** By what is odd about them. */
export const extremes: Readonly<Record<string, string>> = {
  nothing: '',
  'nested brackets': inModel(`  y = ${'('.repeat(10_000)}1${')'.repeat(10_000)}`),
  'nested square brackets': inModel(`  y = ${'['.repeat(10_000)}1${']'.repeat(10_000)}`),
  'open brackets': '('.repeat(10_000),
  'nested calls': inModel(`  y = ${'tanh('.repeat(300)}x${')'.repeat(300)}`),
  'a long sum': inModel(`  y = ${Array.from({ length: 2_000 }, () => 'x').join(' + ')}\n  output oo = y`),
  'a long pipe': inModel(`  y = x${' |> LeakyReLU()'.repeat(500)}\n  output oo = y`),
  'a chain of bindings': inModel(
    `${Array.from({ length: 2_000 }, (_, k) => `  a${k} = a${k + 1} + 1`).join('\n')}\n  a2000 = x\n  output oo = a0`,
  ),
  'a megabyte of one line': `model M { output o = ${'1 + '.repeat(250_000)}1 }`,
  'a megabyte of statements': inModel(Array.from({ length: 40_000 }, (_, k) => `  a${k} = ${k} + 1 * 2`).join('\n')),
  'a megabyte of comments': `${'// nothing\n'.repeat(95_000)}`,
  'a megabyte of a name': inModel(`  ${'a'.repeat(1_000_000)} = b`),
  'blocks that double': inModel(
    '  output oo = B40()(x)',
    [
      'block B0()(x: []) -> [] { return x + 1 }',
      ...Array.from({ length: 40 }, (_, k) => `block B${k + 1}()(x: []) -> [] { return B${k}()(x) + B${k}()(x) }`),
    ].join('\n'),
  ),
  'values that double': inModel(
    `  a0 = 1\n${Array.from({ length: 60 }, (_, k) => `  a${k + 1} = (a${k}, a${k})`).join('\n')}\n  b = a60 + 1`,
  ),
  'elements that double': inModel(
    '  output oo = D40()(x)',
    [
      'block D0()(x: []) -> [] { return x + 1 }',
      ...Array.from({ length: 40 }, (_, k) => `block D${k + 1}()(x: []) -> [] { y = D${k}()(x)\n return y * y }`),
    ].join('\n'),
  ),
  'numbers that double': inModel(
    `  a0 = t + 1\n${Array.from({ length: 40 }, (_, k) => `  a${k + 1} = a${k} * a${k}`).join('\n')}\n  b[i: a40] = 1`,
  ),
  'numbers that grow': inModel(
    `  a0 = 10\n${Array.from({ length: 40 }, (_, k) => `  a${k + 1} = a${k} * a${k}`).join('\n')}\n  b = x * a40`,
  ),
  powers: inModel(
    '  a = 2 ^ 100000\n  b = 10 ^ 4000\n  c = b * b * b\n  d = t ^ 4000\n  e = (t + 1) ^ 300\n  f = 2 ^ -100000\n  g = x * c',
  ),
  repeats: inModel(
    '  y = repeat 1000 from h = x { g = h + 1; return g * 2 }\n  z = repeat 1000000 from h = x { return h }\n  output oo = y',
  ),
  'repeats inside repeats': inModel(
    '  y = repeat 1000 from h = x { k = repeat 1000 from g = h { return g + 1 }\n return k }\n  output oo = y',
  ),
  'giant dims': inModel(
    '  param_ = 1\n  a[i: 1000000000] = i\n  b = sum[i: 1000000](i)\n  c = sum[i: 1000000, j: 1000000](x[0, 0] * i * j)\n  d[i: 999999999] = x[i, 0]\n  output oo = b + c',
  ),
  'giant numbers': inModel(
    `  a = ${'9'.repeat(100_000)}\n  b[i: ${'9'.repeat(10_000)}] = 1\n  c = 1e999999\n  d = 1e-999999\n  e = x * a`,
  ),
  'divisions by zero': inModel(
    '  a = 1 / 0\n  b = t div 0\n  c = x mod 0\n  d = 0 / 0\n  e[i: 1 / 0] = 1\n  f = x[1 / 0]\n  g = 1 / (t - t)\n  h = x / (t - t)',
  ),
  'odd indices': inModel(
    '  a[i: t, i: 3] = 1\n  b = sum[i, i](x[i, i])\n  c[t] = x[t]\n  d = softmax[i](x[i])\n  e[i: i] = 1\n  f[i] = sum[j: i](x[j, 0])',
  ),
  'the batch everywhere': inModel(
    '  a[i: batch] = 1\n  b = sum[batch](x[batch])\n  c = batch * x\n  d[n: batch, m: batch] = n\n  y[i: batch div 2] = 1\n  output oo = batch\n  output op = batch * x',
  ),
  'everything in requires': inModel(
    '  require t == t\n  require t == t + 1\n  require t * t == t\n  require 2 * t == 3 * t div 2\n  require t div 2 == t / 2\n  require x\n  require Dense\n  require t >= 5\n  require t < 3\n  require t == 4',
  ),
  'odd uses of blocks': inModel(
    '  a = Dense\n  b = Dense(3)(3)\n  c = Dense(0)(x)\n  d = Dense(-1)(x)\n  e = (Dense, Dense)(x)\n  f = Dense(Dense(Dense))\n  g = x |> x\n  h = () |> Dense(3)\n  i = repeat 3 from h = Dense(3) { return h }\n  j = i(x)\n  output oo = Conv1d(3, width = 99)(x)\n  output op = Conv1d(2, width = 0)(x)',
  ),
  'empty axes': inModel(
    '  a[i: 0] = 1\n  b = max[i](a[i]) + mean[i](a[i]) + logsumexp[i](a[i])\n  c = concat(a, a)\n  d = softmax(a)\n  e = flatten([a, a])\n  g = a |> Dense(3)\n  output oo = g * b\n  output op = d',
  ),
}
