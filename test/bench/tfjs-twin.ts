/**
 * MCFN's training step as a user of tfjs writes it by hand: the forward pass of specs/mcfn.model with masks, the gradient by
 * `tf.variableGrads`, and Adam. The compiled step is measured against it. Some of it is as it is because of tfjs 4.22: a
 * dilated convolution has no gradient (on wasm none has), so its taps are sliced and multiplied; `tf.moments` takes no mask,
 * so statistics are sums; the gradient of a product that broadcasts batch axes throws, so rows are made flat before they meet
 * weights.
 */
// What Node.js loads of tfjs-core has no gradients; these register themselves with it, and it must be there before.
import '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-core/dist/register_all_gradients.js'
import type * as tfjs from '@tensorflow/tfjs-core'
import type { Value } from '../../runtime/engines/value.ts'

/** `@tensorflow/tfjs-core`, with a backend chosen. */
export type Tf = typeof tfjs

type Tensor = tfjs.Tensor

/** Where parameters and states start, by the compiler's paths. */
export type StartValues = ReadonlyMap<string, { readonly shape: readonly number[]; readonly values: Float32Array }>

/** Inputs, their lengths, the target and the noise, under the names that the compiled step gives them. */
export type TwinBatch = Readonly<Record<string, Tensor>>

export interface Twin {
  /** By path; parameters are trainable, states are not. */
  readonly variables: ReadonlyMap<string, tfjs.Variable>
  /** The weighted total and each loss unweighted, f32 [], means over the batch; no state changes. */
  readonly losses: (batch: TwinBatch) => Readonly<Record<LossName | 'total', tfjs.Scalar>>
  /** The total alone. */
  readonly loss: (batch: TwinBatch) => tfjs.Scalar
  /** The total, and its gradient by each parameter, by path; no state changes. */
  readonly gradients: (batch: TwinBatch) => { readonly value: tfjs.Scalar; readonly grads: tfjs.NamedTensorMap }
  /** One step of Adam, and of the states; gives the total before it. */
  readonly trainStep: (batch: TwinBatch, options: { readonly learningRate: number }) => tfjs.Scalar
  /** Frees the variables and the optimiser's; names of variables are global in tfjs, so one twin lives at a time. */
  readonly dispose: () => void
}

type LossName = 'speech_ce' | 'text_ce' | 'fusion_ce' | 'adjustment'

/** What is not told by the shapes of the weights; defaults of the spec. */
const dilation = 2
const dropout = 0.5
const momentum = 0.1
const epsilon = 1e-5
const spectrogram = { streams: 3, time: 40, band: 8 }

const isState = (path: string): boolean => /\.(seen|mu|va|run_mean|run_var)$/.test(path)

/** MCFN with its variables; widths are those of the values. */
export function createTwin(tf: Tf, starts: StartValues): Twin {
  const variables = new Map<string, tfjs.Variable>()
  for (const [path, { shape, values }] of starts) {
    const start = tf.tensor(values, [...shape], 'float32')
    variables.set(path, tf.variable(start, !isState(path), path))
    start.dispose()
  }
  const parameters = [...variables.values()].filter(({ trainable }) => trainable)
  const optimiser = tf.train.adam(0.001, 0.9, 0.999, 1e-8)
  const forward = forwardPass(tf, (path) => {
    const variable = variables.get(path)
    if (!variable) throw new Error(`no value is given for ${path}`)
    return variable
  })
  const loss = (batch: TwinBatch): tfjs.Scalar => tf.tidy(() => forward(batch).losses.total)
  return {
    variables,
    losses: (batch) => tf.tidy(() => forward(batch).losses),
    loss,
    gradients: (batch) => tf.variableGrads(() => loss(batch), parameters),
    trainStep(batch, { learningRate }) {
      // Adam's rate is protected in the types, and there is no setter.
      Object.assign(optimiser, { learningRate })
      const total = (): tfjs.Scalar => {
        const { losses, updates } = forward(batch)
        for (const [path, next] of updates) variables.get(path)?.assign(next)
        return losses.total
      }
      return tf.tidy(() => optimiser.minimize(total, true, parameters) as tfjs.Scalar)
    },
    dispose() {
      tf.dispose([...variables.values()])
      optimiser.dispose()
    },
  }
}

/** Feeds of the compiled step as tensors; class ids and lengths become i32. */
export const batchTensors = (tf: Tf, feeds: Readonly<Record<string, Value>>): TwinBatch =>
  Object.fromEntries(
    Object.entries(feeds).map(([name, { dtype, dims, data }]) => [
      name,
      dtype === 'f32'
        ? tf.tensor(Float32Array.from(data, Number), [...dims], 'float32')
        : tf.tensor(Int32Array.from(data, Number), [...dims], 'int32'),
    ]),
  )

/** A batch's losses, and the next value of each state. */
interface Forward {
  readonly losses: Readonly<Record<LossName | 'total', tfjs.Scalar>>
  readonly updates: ReadonlyMap<string, Tensor>
}

/** Which positions of [batch, time, …] lie inside their samples. */
interface Mask {
  /** 1 inside, 0 in the padding; f32 [batch, time, 1]. */
  readonly inside: Tensor
  /** 0 inside, -1e30 in the padding; f32 [batch, 1, time], added to scores. */
  readonly bias: Tensor
  /** f32 [batch]. */
  readonly lengths: tfjs.Tensor1D
  /** How many positions lie inside; f32 []. */
  readonly count: Tensor
}

function forwardPass(tf: Tf, variable: (path: string) => tfjs.Variable): (batch: TwinBatch) => Forward {
  const size = (x: Tensor, axis: number): number => x.shape.at(axis) as number

  const maskOf = (lengths: Tensor, time: number): Mask => {
    const inside = tf.cast(tf.less(tf.range(0, time, 1, 'int32'), tf.expandDims(lengths, 1)), 'float32')
    return {
      inside: tf.expandDims(inside, 2),
      bias: tf.expandDims(tf.mul(tf.sub(inside, 1), 1e30), 1),
      lengths: tf.cast(lengths, 'float32') as tfjs.Tensor1D,
      count: tf.sum(inside),
    }
  }
  const meanPool = (x: Tensor, { inside, lengths }: Mask): tfjs.Tensor2D =>
    tf.div(tf.sum(tf.mul(x, inside), 1), tf.expandDims(lengths, 1))

  const project = (x: Tensor, w: Tensor): Tensor => {
    const rows = tf.reshape(x, [-1, size(x, -1)])
    return tf.reshape(tf.matMul(rows, w), [...x.shape.slice(0, -1), size(w, -1)])
  }
  const dense = (x: Tensor, path: string): Tensor =>
    tf.add(project(x, variable(`${path}.dense.w`)), variable(`${path}.dense.b`))

  /** Mean and variance are those of all positions so far, this batch's among them. */
  const standardise = (x: Tensor, { inside, count }: Mask, path: string, streams: number, updates: Updates): Tensor => {
    const [seen, mu, va] = [variable(`${path}.seen`), variable(`${path}.mu`), variable(`${path}.va`)]
    const values = (of: Tensor): Tensor =>
      tf.slice(
        of,
        of.shape.map(() => 0),
        [...of.shape.slice(0, -1), size(va, 0)],
      )
    const m = tf.div(tf.sum(tf.mul(x, inside), [0, 1]), count)
    const v = tf.div(tf.sum(tf.mul(tf.squaredDifference(values(x), values(m)), inside), [0, 1]), count)
    const total = tf.add(seen, count)
    const gap = tf.sub(m, mu)
    const nextMu = tf.add(mu, tf.mul(gap, tf.div(count, total)))
    const between = tf.mul(tf.square(values(gap)), tf.div(tf.mul(seen, count), total))
    const nextVa = tf.div(tf.addN([tf.mul(va, seen), tf.mul(v, count), between]), total)
    updates.set(`${path}.seen`, total).set(`${path}.mu`, nextMu).set(`${path}.va`, nextVa)
    return tf.div(tf.sub(x, nextMu), tf.tile(tf.sqrt(tf.add(nextVa, epsilon)), [streams]))
  }

  /** Which of `positions` lie in one of the sample's random spans; f32 [batch, positions]. `size` is a number or [batch, 1]. */
  const spans = (
    batch: TwinBatch,
    widths: string,
    starts: string,
    most: number,
    length: Tensor | number,
    positions: number,
  ) => {
    const noise = (name: string): Tensor => batch[`noise.Xa.specaugment.${name}.uniform`] as Tensor
    const width = tf.floor(tf.mul(noise(widths), most + 1))
    const start = tf.floor(tf.mul(noise(starts), tf.maximum(tf.add(tf.sub(length, width), 1), 0)))
    // The spans lie on the last axis: the webgpu backend cannot transpose truth values.
    const at = tf.expandDims(tf.range(0, positions), 1)
    const [from, to] = [tf.expandDims(start, 1), tf.expandDims(tf.add(start, width), 1)]
    return tf.cast(tf.any(tf.logicalAnd(tf.lessEqual(from, at), tf.less(at, to)), 2), 'float32')
  }
  /** Random frames and bands become 0, and so does the padding. */
  const augment = (x: Tensor, { inside, lengths }: Mask, batch: TwinBatch): Tensor => {
    const { streams, time, band } = spectrogram
    const bands = size(x, 2) / streams
    const frames = spans(batch, 'n', 'a', time, tf.expandDims(lengths, 1), size(x, 1))
    const mels = spans(batch, 'm', 'b', band, bands, bands)
    const keepFrames = tf.mul(tf.expandDims(tf.sub(1, frames), 2), inside)
    const keepMels = tf.expandDims(tf.tile(tf.sub(1, mels), [1, streams]), 1)
    return tf.mul(tf.mul(x, keepFrames), keepMels)
  }

  const conv1d = (x: Tensor, path: string): Tensor => {
    const kernels = tf.unstack(variable(`${path}.conv1d.w`))
    const reach = (dilation * (kernels.length - 1)) / 2
    const padded = tf.pad(x, [
      [0, 0],
      [reach, reach],
      [0, 0],
    ])
    const taps = kernels.map((w, k) => project(tf.slice(padded, [0, k * dilation, 0], x.shape), w))
    return tf.add(
      taps.reduce((sum, tap) => tf.add(sum, tap)),
      variable(`${path}.conv1d.b`),
    )
  }
  const batchNorm = (x: Tensor, { inside, count }: Mask, path: string, updates: Updates): Tensor => {
    const at = `${path}.batchnorm`
    const m = tf.div(tf.sum(tf.mul(x, inside), [0, 1]), count)
    const centred = tf.sub(x, m)
    const v = tf.div(tf.sum(tf.mul(tf.square(centred), inside), [0, 1]), count)
    const unbiased = tf.mul(v, tf.div(count, tf.maximum(tf.sub(count, 1), 1)))
    const blend = (old: Tensor, fresh: Tensor): Tensor => tf.add(tf.mul(old, 1 - momentum), tf.mul(fresh, momentum))
    updates.set(`${at}.run_mean`, blend(variable(`${at}.run_mean`), m))
    updates.set(`${at}.run_var`, blend(variable(`${at}.run_var`), unbiased))
    const scale = tf.div(variable(`${at}.scale`), tf.sqrt(tf.add(v, epsilon)))
    return tf.add(tf.mul(centred, scale), variable(`${at}.shift`))
  }
  /** Takes and gives zeros in the padding. */
  const uflb = (x: Tensor, mask: Mask, path: string, updates: Updates): Tensor => {
    const h = tf.leakyRelu(batchNorm(conv1d(x, `${path}.h`), mask, `${path}.h`, updates), 0.01)
    const skip = size(x, 2) === size(h, 2) ? x : project(x, variable(`${path}.skip.dense.w`))
    return tf.mul(tf.add(h, skip), mask.inside)
  }

  /** The sum of Eqs. 1 and 2; takes zeros in the padding, where it gives anything. */
  const dualAttention = (x: Tensor, { bias }: Mask, path: string): Tensor => {
    const [t1, t2, t3] = [1, 2, 3].map((n) => dense(x, `${path}.dab.tab.T${n}`)) as [Tensor, Tensor, Tensor]
    const temporal = tf.matMul(tf.softmax(tf.add(tf.matMul(t2, t1, false, true), bias)), t3)
    const channel = tf.matMul(x, tf.softmax(tf.matMul(x, x, true, false)), false, true)
    return tf.addN([tf.mul(x, 2), temporal, channel])
  }
  /** Eqs. 3 and 4: the speech aligned to the words; [batch, words, d]. */
  const coAttention = (s: Tensor, t: Tensor, { bias }: Mask): Tensor => {
    const path = 'Sa.coattention'
    const [u, v, b] = [variable(`${path}.U`), variable(`${path}.V`), variable(`${path}.b`)]
    const [batch = 0, frames = 0] = s.shape
    const heads = size(u, 0)
    const ofSpeech = tf.expandDims(tf.transpose(project(s, tf.transpose(u)), [0, 2, 1]), 2)
    const ofText = tf.expandDims(tf.transpose(tf.add(project(t, tf.transpose(v)), b), [0, 2, 1]), 3)
    const weights = tf.softmax(tf.add(tf.tanh(tf.add(ofSpeech, ofText)), tf.expandDims(bias, 1)))
    const values = tf.reshape(project(s, variable(`${path}.val.dense.w`)), [batch, frames, heads, -1])
    const z = tf.transpose(tf.matMul(weights, tf.transpose(values, [0, 2, 1, 3])), [0, 2, 1, 3])
    return dense(tf.reshape(z, [batch, size(t, 1), -1]), path)
  }
  /** x (1 + sigmoid(W y + b)), Eqs. 5 and 6. */
  const gated = (x: Tensor, y: Tensor, path: string): Tensor => tf.add(x, tf.mul(x, tf.sigmoid(dense(y, path))))

  const classify = (x: Tensor, name: string, batch: TwinBatch): Tensor => {
    const noise = batch[`noise.${name}.classifier.dropout.uniform`] as Tensor
    const kept = tf.div(tf.cast(tf.greaterEqual(noise, dropout), 'float32'), 1 - dropout)
    const hidden = tf.mul(tf.relu(dense(x, `${name}.classifier`)), kept)
    return tf.add(tf.matMul(hidden, variable(`${name}.classifier.dense2.w`)), variable(`${name}.classifier.dense2.b`))
  }

  return (batch) => {
    const fed = (name: string): Tensor => batch[name] as Tensor
    const [speech, text] = [fed('speech'), fed('text')]
    const frames = maskOf(fed('speech_lengths'), size(speech, 1))
    const words = maskOf(fed('text_lengths'), size(text, 1))
    const updates: Updates = new Map()

    // 2.1 Intra-modal learning
    let x = augment(standardise(speech, frames, 'Xs.standardise', spectrogram.streams, updates), frames, batch)
    for (const block of ['uflb', 'uflb2', 'uflb3']) x = uflb(x, frames, `Os.${block}`, updates)
    const s = dualAttention(x, frames, 'S')
    const standard = standardise(text, words, 'Ot.standardise', 1, updates)
    const t = dualAttention(tf.mul(dense(standard, 'Ot'), words.inside), words, 'T')

    // 2.2 Modality-collaborative learning
    const aligned = coAttention(s, t, frames)
    const pooled = { s: meanPool(s, frames), t: meanPool(t, words) }
    const collaborative = {
      s: meanPool(gated(aligned, t, 'Sc.cmi.Es'), words),
      t: meanPool(gated(t, aligned, 'Sc.cmi.Et'), words),
    }
    const spoken = tf.add(pooled.s, collaborative.s)
    const textual = tf.add(pooled.t, collaborative.t)

    // 2.3 Classifiers and losses
    // The wasm backend writes integers where one-hot rows are asked for as f32.
    const truth = tf.cast(tf.oneHot(fed('emotion'), size(variable('zs.classifier.dense2.b'), 0)), 'float32')
    const crossEntropy = (x: Tensor, name: string): tfjs.Scalar =>
      tf.losses.softmaxCrossEntropy(truth, classify(x, name, batch))
    const distance = (m: 's' | 't'): tfjs.Scalar => tf.mean(tf.squaredDifference(pooled[m], collaborative[m]))
    const losses = {
      speech_ce: crossEntropy(spoken, 'zs'),
      text_ce: crossEntropy(textual, 'zt'),
      fusion_ce: crossEntropy(tf.concat([spoken, textual], 1), 'zst'),
      adjustment: tf.add(distance('s'), distance('t')) as tfjs.Scalar,
    }
    return { losses: { ...losses, total: tf.addN(Object.values(losses)) }, updates }
  }
}

/** The next value of each state, by path. */
type Updates = Map<string, Tensor>
