/** The model in training on the backend of the moment. Runs in the worker. */
import { cut, makeBatch, shuffled } from './corpus.js'

/** Of held-out samples at once. */
const most = 8

/** @returns what the worker asks for, one thing at a time. */
export function createTrainer(tf, module, corpus, weights) {
  const { target, classes, training, samples } = corpus
  const seen = samples.filter(({ heldOut }) => !heldOut)
  const held = samples.filter(({ heldOut }) => heldOut)
  let state = module.load(tf, weights)
  let epoch = 0
  let waiting = []

  const number = async (tensor) => (await tensor.data())[0]

  /** Runs on a batch of samples, and disposes of all that was made for it. */
  async function withBatch(list, run, read) {
    const batch = makeBatch(tf, corpus, list)
    const result = run(batch)
    try {
      return await read(result)
    } finally {
      tf.dispose([batch, result])
    }
  }

  const predict = (list) =>
    withBatch(
      list,
      (batch) => module.forward(state, batch),
      (result) => result[target].data(),
    )

  return {
    /** One step on the next samples. */
    async step() {
      if (waiting.length === 0) {
        epoch += 1
        waiting = cut(shuffled(seen, training.seed + epoch), training.batchSize)
      }
      const list = waiting.shift()
      const { learningRate, clipNorm, seed } = training
      const loss = await withBatch(
        list,
        (batch) => module.trainStep(state, batch, { learningRate, clipNorm, seed }),
        (result) => number(result.loss),
      )
      const { numTensors, numBytes } = tf.memory()
      return { step: state.step, epoch, loss, numTensors, numBytes, isLastOfEpoch: waiting.length === 0 }
    },

    /** The mean loss of the held-out samples, and their classes' probabilities, sample by sample. */
    async evaluate() {
      let loss = 0
      const probabilities = []
      for (const list of cut(held, most)) {
        const mean = await withBatch(
          list,
          (batch) => module.loss(state, batch),
          (result) => number(result.total),
        )
        loss += (mean * list.length) / held.length
        probabilities.push(...cut([...(await predict(list))], classes.length))
      }
      return { step: state.step, epoch, loss, probabilities }
    },

    /** The probabilities of one held-out sample. */
    predict: async (index) => [...(await predict([held[index]]))],

    /** The weights as a safetensors file. */
    save: () => module.save(state),

    /** Goes on from the bytes of a weights file, on the backend that is current now. */
    load(bytes) {
      module.dispose(state)
      state = module.load(tf, bytes)
    },

    /** Back to the start weights. */
    restart() {
      module.dispose(state)
      state = module.load(tf, weights)
      epoch = 0
      waiting = []
    },
  }
}
