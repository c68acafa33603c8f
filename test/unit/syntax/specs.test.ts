/** Whole files: a small network in every form that the language has, and every spec that is shipped. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parse } from '../../../compiler/syntax/parse.ts'
import { printAst } from '../../../compiler/syntax/print.ts'
import { parsed } from '../../support/syntax.ts'

const network = `// A network of two inputs.
use "std/blocks"
const bands = 40
labels moods = ["calm", "glad"]

/// A strided window: 25 ms every 10 ms.
block Frames(rate: real = 16kHz, window: real = 25ms, hop: real = 10ms)(wave: [samples]) -> [(samples - window * rate) div (hop * rate) + 1, window * rate] {
  win = window * rate
  step = hop * rate
  x[f: (samples - win) div step + 1, k: win] = wave[step * f + k]
  hann[k: win] = (0.5 - 0.5 * cos(2 * pi * k / (win - 1))) ^ 0.85
  y[f, k] = x[f, k] * hann[k]
  return y
}

block Conv(out: int, width: int = 3, bias: bool = true, pad: int = (width - 1) / 2)(x: [t, c]) -> [t, out] {
  param w: [width, c, out] = glorot_uniform(fan_in = c * width)
  param b: [out] = zeros()
  y[j: t, o] =
    sum[k, p](w[k, p, o] * x[j + k - pad, p])
      + (if bias then b[o] else 0)
  return y
}

block Norm(momentum: real = 0.1)(x: [batch, c]) -> [batch, c] {
  state m: [c] = zeros()
  now[p] = mean[n](x[n, p])
  update m = (1 - momentum) * m + momentum * now
  used = if training then now else m
  y[n, p] = x[n, p] - used[p]
  return y
}

block Attend(heads: int = 4)(s: [n, c], t: [m, c]) -> ([m, c], []) {
  require c mod heads == 0, "the heads share the channels"
  dh = c / heads
  a[h: heads, j, i] = sum[e: dh](s[i, h * dh + e] * t[j, h * dh + e])
  w[h, j, i] = softmax[i if i <= j or not (i != j and i > j)](a[h, j, i])
  z[j, h: heads, e: dh] = sum[i](w[h, j, i] * s[i, h * dh + e])
  o[j] = flatten(z[j])
  return (o, mean[j, p](o[j, p] ^ 2))
}

block Deep(rounds: int)(x: [t, c]) -> [t, c] {
  (y, total) = repeat rounds as k from (h, sum_) = (x, 0) {
    next = h |> Conv(c) |> Norm()
    return (next, sum_ + k)
  }
  return y
}

model Fusion {
  hyper d: int = 64 in 1..512 grid 32, 64,
    128
  hyper alpha: real = 0.5 in 0..1; hyper plain: bool = false
  beta = 1 - alpha
  require alpha >= 0 and beta >= 0
  seq samples in 400..480000, words
  input wave: [samples]
  input ids: [words] of 1000
  target mood: [] of moods
  x = wave |> Frames() |> Conv(d) |> Deep(2)
  param E: [1000, d] = glorot_uniform()
  e[j] = E[ids[j]]
  (z, penalty) = Attend(heads = 4)(x, e)
  logits = (z |> MeanPool()) |> Dense(moods)
  predict mood = softmax(logits)
  loss ce weight alpha = CrossEntropy()(logits, mood)
  loss shrink = penalty
  output pooled = concat(MeanPool()(x), MeanPool()(z))
}

variant "w/o deep" of Fusion { Deep = Identity; alpha = 1 }
variant "other" of Fusion {
  labels moods = ["a", "b", "c"]
  Attend.Dense = Dense(out, bias = false)
  (z, penalty) = (e, 0)
  new input extra: [3]
  drop loss shrink; drop output pooled
}
`

describe('a file in every form', () => {
  it('has no errors', () => {
    expect(parsed(network).items).toHaveLength(11)
  })
  it('is the same tree with Windows line ends, other indentation and blank lines', () => {
    const tree = (text: string): string => JSON.stringify(printAst(parsed(text)))
    const whole = tree(network)
    expect(tree(network.replaceAll('\n', '\r\n')) === whole).toBe(true)
    expect(tree(network.replaceAll(/^ +/gm, '\t\t')) === whole).toBe(true)
    expect(tree(network.replaceAll(/(?<=[)\]])\n(?! )/g, '  // why\n\n\n')) === whole).toBe(true)
  })
  it('has an error wherever a line loses its last bracket', () => {
    const lines = network.split('\n')
    const broken = lines.flatMap((line, i) => {
      const at = Math.max(line.lastIndexOf(')'), line.lastIndexOf(']'))
      if (at < 0 || line.includes('//')) return []
      const text = lines.with(i, line.slice(0, at) + line.slice(at + 1)).join('\n')
      return [{ line, count: parse(text, 'a').diagnostics.length }]
    })
    expect(broken.length).toBeGreaterThan(40)
    expect(broken.filter(({ count }) => count !== 1)).toEqual([])
  })
})

describe('the shipped specs', () => {
  const root = fileURLToPath(new URL('../../../specs/', import.meta.url))
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.model'))
  it.each(files.map((file) => [file]))('%s', (file) => {
    expect(parse(readFileSync(`${root}${file}`, 'utf8'), file).diagnostics).toEqual([])
  })
})
