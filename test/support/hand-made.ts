/** MCFN built by hand with the graph builder, for tests of what comes after the checker. */
import type { Program } from '../../compiler/artefact.ts'
import { type Builder, createBuilder } from '../../compiler/ir/builder.ts'
import type {
  Graph,
  GraphOutput,
  Initialiser,
  SeqInfo,
  TensorType,
  ValueId,
  Variable,
} from '../../compiler/ir/graph.ts'
import { batchDim, constantDim, type Dim, seqDim } from '../../compiler/shapes/dim.ts'

const f32 = (...dims: (Dim | number)[]): TensorType => ({
  dtype: 'f32',
  dims: dims.map((dim) => (typeof dim === 'number' ? constantDim(dim) : dim)),
})

export interface Sizes {
  readonly d: number
  readonly audio: number
  readonly text: number
  readonly heads: number
  readonly hidden: number
  readonly classes: number
}

export const paperSizes: Sizes = { d: 256, audio: 120, text: 768, heads: 4, hidden: 128, classes: 4 }

const frames = seqDim('frames')
const words = seqDim('words')

/** The blocks of one graph, and the variables that they asked for. */
function blocks(b: Builder, training: boolean) {
  const variables: Variable[] = []
  const updates: GraphOutput[] = []
  const variable = (role: 'param' | 'state', path: string, shape: number[], init: Partial<Initialiser>): ValueId => {
    const fanOut = shape.at(-1) ?? 1
    const fanIn = shape.slice(0, -1).reduce((x, y) => x * y, 1)
    variables.push({
      path,
      role,
      shape,
      span: undefined,
      init: { kind: 'glorot_uniform', scale: 0, fanIn, fanOut, ...init },
    })
    return b.input(path, role, f32(...shape))
  }
  const size = (dim: Dim): number => Number(dim.terms[0]?.coefficient.n)
  const last = (x: ValueId): number => size(b.dimsOf(x).at(-1) as Dim)
  const rankOf = (x: ValueId): number => b.dimsOf(x).length
  const number = (n: number): ValueId => b.constant(n)
  const axes = (n: number): number[] => [...Array(n).keys()]

  const project = (x: ValueId, w: ValueId): ValueId => {
    const rank = rankOf(x)
    return b.contract(x, w, axes(rank), [rank - 1, rank], [...axes(rank - 1), rank])
  }
  const dense = (x: ValueId, path: string, out: number, bias = true): ValueId => {
    const y = project(x, variable('param', `${path}.w`, [last(x), out], {}))
    return bias ? b.add(y, variable('param', `${path}.b`, [out], { kind: 'zeros' })) : y
  }
  const conv = (x: ValueId, path: string, out: number): ValueId => {
    const w = variable('param', `${path}.w`, [3, last(x), out], {})
    const dim = b.dimsOf(x)[1] as Dim
    const taps = [0, 1, 2].map((k) => {
      const read = b.window(x, { axis: 1, offset: constantDim(2 * k - 2), dim })
      const tap = b.window(w, { axis: 0, offset: constantDim(k), dim: constantDim(1) })
      return project(read, b.reshape(tap, [constantDim(last(x)), constantDim(out)]))
    })
    return b.add(
      taps.reduce((x, y) => b.add(x, y)),
      variable('param', `${path}.b`, [out], { kind: 'zeros' }),
    )
  }
  const batchNorm = (x: ValueId, path: string): ValueId => {
    const c = last(x)
    const scale = variable('param', `${path}.scale`, [c], { kind: 'ones' })
    const shift = variable('param', `${path}.shift`, [c], { kind: 'zeros' })
    const runMean = variable('state', `${path}.run_mean`, [c], { kind: 'zeros' })
    const runVar = variable('state', `${path}.run_var`, [c], { kind: 'ones' })
    let [m, v] = [runMean, runVar]
    if (training) {
      const count = b.sum(b.length(b.dimsOf(x)[1] as Dim), [0])
      m = b.div(b.sum(x, [0, 1]), count)
      const off = b.sub(x, m)
      v = b.div(b.sum(b.mul(off, off), [0, 1]), count)
      const blend = (old: ValueId, fresh: ValueId): ValueId => b.add(b.mul(number(0.9), old), b.mul(number(0.1), fresh))
      updates.push({ name: `${path}.run_mean`, role: 'update', value: blend(runMean, m) })
      const unbiased = b.mul(v, b.div(count, b.max(b.sub(count, number(1)), number(1))))
      updates.push({ name: `${path}.run_var`, role: 'update', value: blend(runVar, unbiased) })
    }
    const z = b.div(b.sub(x, m), b.sqrt(b.add(v, number(1e-5))))
    return b.add(b.mul(z, scale), shift)
  }
  const leaky = (x: ValueId, slope: number): ValueId => b.select(b.less(number(0), x), x, b.mul(number(slope), x))
  const uflb = (x: ValueId, path: string, out: number): ValueId => {
    const h = leaky(batchNorm(conv(x, `${path}.conv`, out), `${path}.bn`), 0.01)
    return b.add(h, last(x) === out ? x : dense(x, `${path}.skip`, out, false))
  }
  const tab = (x: ValueId, path: string): ValueId => {
    const c = last(x)
    const t1 = dense(x, `${path}.t1`, c / 8)
    const t2 = dense(x, `${path}.t2`, c / 8)
    const t3 = dense(x, `${path}.t3`, c)
    // F[j, i] = softmax over i of T1[i] . T2[j]; y[j] = x[j] + sum over i of F[j, i] T3[i]
    const attention = b.softmax(b.contract(t1, t2, [0, 2, 3], [0, 1, 3], [0, 1, 2]), 2)
    return b.add(x, b.contract(attention, t3, [0, 1, 2], [0, 2, 3], [0, 1, 3]))
  }
  const cab = (x: ValueId): ValueId => {
    const attention = b.softmax(b.contract(x, x, [0, 1, 3], [0, 1, 2], [0, 2, 3]), 2)
    return b.add(x, b.contract(attention, x, [0, 2, 3], [0, 1, 3], [0, 1, 2]))
  }
  const dab = (x: ValueId, path: string): ValueId => b.add(tab(x, `${path}.tab`), cab(x))
  const coAttention = (s: ValueId, t: ValueId, path: string, heads: number, hidden: number): ValueId => {
    const c = last(s)
    const dh = hidden / heads
    const u = variable('param', `${path}.U`, [heads, c], { fanIn: c, fanOut: 1 })
    const w = variable('param', `${path}.V`, [heads, c], { fanIn: c, fanOut: 1 })
    const bias = variable('param', `${path}.b`, [heads], { kind: 'zeros' })
    const value = dense(s, `${path}.val`, hidden, false)
    const us = b.contract(u, s, [1, 3], [0, 2, 3], [0, 1, 2])
    const vt = b.contract(w, t, [1, 3], [0, 2, 3], [0, 1, 2])
    const [batch, n] = b.dimsOf(s) as [Dim, Dim]
    const m = b.dimsOf(t)[1] as Dim
    const one = constantDim(1)
    const h = constantDim(heads)
    const sum = b.add(
      b.add(b.reshape(us, [batch, h, one, n]), b.reshape(vt, [batch, h, m, one])),
      b.reshape(bias, [h, one, one]),
    )
    const weights = b.softmax(b.tanh(sum), 3)
    const split = b.reshape(value, [batch, n, h, constantDim(dh)])
    const z = b.contract(weights, split, [0, 1, 2, 3], [0, 3, 1, 4], [0, 2, 1, 4])
    return dense(b.reshape(z, [batch, m, constantDim(hidden)]), `${path}.out`, c)
  }
  const meanPool = (x: ValueId): ValueId => {
    const dim = b.dimsOf(x)[1] as Dim
    const count = b.max(b.length(dim), number(1))
    return b.div(b.sum(x, [1]), b.reshape(count, [batchDim, constantDim(1)]))
  }
  const adjust = (a: ValueId, c: ValueId): [ValueId, ValueId] => {
    const [pa, pc] = [meanPool(a), meanPool(c)]
    const off = b.sub(pa, pc)
    return [b.add(pa, pc), b.div(b.sum(b.mul(off, off), [1]), number(last(off)))]
  }
  const classifier = (x: ValueId, path: string, classes: number): ValueId => {
    const h = leaky(dense(x, `${path}.hidden`, last(x)), 0)
    const noise = training ? b.input(`${path}.noise`, 'noise', b.typeOf(h)) : h
    const dropped = training ? b.select(b.less(noise, number(0.5)), number(0), b.div(h, number(0.5))) : h
    return dense(dropped, `${path}.out`, classes)
  }
  const crossEntropy = (z: ValueId, y: ValueId): ValueId => {
    const top = b.stopGradient(b.maximum(z, [1], true))
    const lse = b.add(b.log(b.sum(b.exp(b.sub(z, top)), [1], true)), top)
    return b.sub(b.reshape(lse, [batchDim]), b.gather(z, y, 1))
  }
  return { variables, updates, dense, uflb, dab, coAttention, adjust, classifier, crossEntropy, number }
}

function graphOf(sizes: Sizes, training: boolean): Graph {
  const b = createBuilder()
  const n = blocks(b, training)
  const { d } = sizes
  const speech = b.input('speech', 'data', f32(batchDim, frames, sizes.audio))
  const text = b.input('text', 'data', f32(batchDim, words, sizes.text))
  const os = ['0', '1', '2'].reduce((x, k) => n.uflb(x, `Os.uflb${k}`, d), speech)
  const ot = n.dense(text, 'Ot', d)
  const s = n.dab(os, 'S')
  const t = n.dab(ot, 'T')
  const sa = n.coAttention(s, t, 'Sa', sizes.heads, sizes.hidden)
  const es = b.sigmoid(n.dense(t, 'cmi.es', d))
  const et = b.sigmoid(n.dense(sa, 'cmi.et', d))
  const sc = b.add(sa, b.mul(sa, es))
  const tc = b.add(t, b.mul(t, et))
  const [sf, ls] = n.adjust(s, sc)
  const [tf, lt] = n.adjust(t, tc)
  const zs = n.classifier(sf, 'zs', sizes.classes)
  const zt = n.classifier(tf, 'zt', sizes.classes)
  const zst = n.classifier(b.concat([sf, tf], 1), 'zst', sizes.classes)
  const weighted = [zs, zt, zst].map((z, i) => b.mul(b.softmax(z, 1), n.number([0.3, 0.3, 0.4][i] as number)))
  const outputs: GraphOutput[] = [
    { name: 'emotion', role: 'prediction', value: weighted.reduce((x, y) => b.add(x, y)) },
  ]
  if (training) {
    const y = b.input('emotion', 'target', { dtype: 'i64', dims: [batchDim] })
    const losses = [n.crossEntropy(zs, y), n.crossEntropy(zt, y), n.crossEntropy(zst, y), b.add(ls, lt)]
    const means = losses.map((loss) => b.div(b.sum(loss, [0]), b.length(batchDim)))
    const names = ['speech_ce', 'text_ce', 'fusion_ce', 'adjustment']
    outputs.push(...means.map((value, i) => ({ name: names[i] as string, role: 'loss', value }) as const))
    outputs.push({ name: 'total', role: 'total', value: means.reduce((x, y) => b.add(x, y)) }, ...n.updates)
  }
  const seq = (name: string, input: string): SeqInfo => ({
    name,
    low: 1,
    high: undefined,
    sources: [{ input, axis: 1, lengths: `${input}_lengths` }],
  })
  return b.finish({
    name: 'MCFN',
    outputs,
    seqs: [seq('frames', 'speech'), seq('words', 'text')],
    variables: n.variables,
    padded: false,
  })
}

/** The paper's network at given sizes. */
export function handMadeMcfn(sizes: Sizes = paperSizes): Program {
  return {
    signature: {
      model: 'MCFN',
      variants: [],
      inputs: [
        {
          name: 'speech',
          dtype: 'f32',
          dims: [frames, constantDim(sizes.audio)],
          below: undefined,
          lengths: 'speech_lengths',
        },
        {
          name: 'text',
          dtype: 'f32',
          dims: [words, constantDim(sizes.text)],
          below: undefined,
          lengths: 'text_lengths',
        },
      ],
      targets: [{ name: 'emotion', dims: [], dtype: 'i64', below: sizes.classes, classes: undefined }],
      predictions: [{ name: 'emotion', kind: 'distribution' }],
      outputs: [],
      losses: ['speech_ce', 'text_ce', 'fusion_ce', 'adjustment'].map((name) => ({ name, weight: 1 })),
      hypers: {},
      labels: {},
      bounds: {},
      requires: [],
      specHash: '',
    },
    inference: graphOf(sizes, false),
    training: graphOf(sizes, true),
    evaluation: () => graphOf(sizes, false),
  }
}
