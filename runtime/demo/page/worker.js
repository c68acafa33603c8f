/**
 * Computes beside the page, so that the page answers while a step takes its time. Hears `{ do, … }`: `open` with a backend's name,
 * `train`, `pause`, `restart`, `predict` with the place of a held-out sample, `save`. Tells `{ kind, … }`.
 */
import './tf-core.min.js'
import { chooseBackend, findBackends, openBackend } from './backends.js'
import { fetchFile, loadCorpus } from './corpus.js'
import { createTrainer } from './trainer.js'

const { tf } = globalThis
let backends = []
let current
let trainer
let running = false
/** One job after another: nothing is computed while the backend changes. */
let tail = Promise.resolve()

const tell = (kind, content) => postMessage({ kind, ...content })
const reasonOf = (cause) => cause?.message ?? String(cause)

function fail(cause) {
  running = false
  tell('failed', { why: reasonOf(cause) })
}

function enqueue(job) {
  tail = tail.then(job).catch(fail)
}

/** Lets messages in. */
const breathe = () => new Promise((resolve) => setTimeout(resolve))

async function start() {
  backends = await findBackends()
  const corpus = await loadCorpus()
  const weights = await (await fetchFile(corpus.weights)).arrayBuffer()
  const module = await import(`../${corpus.module}`)
  await open(chooseBackend(backends))
  trainer = createTrainer(tf, module, corpus, weights)
  tell('ready')
}

/** Changes to a backend; where it does not start, stays with the one before, or takes the next. */
async function open(name) {
  const backend = backends.find((one) => one.name === name)
  const kept = await trainer?.save()
  try {
    await openBackend(tf, backend, fail)
    current = backend
    trainer?.load(kept)
  } catch (cause) {
    if (name === 'cpu') throw cause
    backend.usable = false
    backend.detail = `does not start: ${reasonOf(cause)}`
    if (!current) return await open(chooseBackend(backends))
    await tf.setBackend(current.name)
  }
  tell('opened', { backends, name: current.name })
}

async function step() {
  if (!running) return
  const taken = await trainer.step()
  if (!Number.isFinite(taken.loss)) throw new Error(`the loss of step ${taken.step} is ${taken.loss}: start over`)
  tell('step', taken)
  if (taken.isLastOfEpoch) tell('evaluated', await trainer.evaluate())
  await breathe()
  if (running) enqueue(step)
}

const jobs = {
  open: ({ name }) => enqueue(() => open(name)),
  train() {
    if (running) return
    running = true
    enqueue(step)
  },
  pause() {
    running = false
    enqueue(() => tell('paused'))
  },
  restart() {
    running = false
    enqueue(() => {
      trainer.restart()
      tell('restarted')
    })
  },
  predict: ({ index }) =>
    enqueue(async () => tell('predicted', { index, probabilities: await trainer.predict(index) })),
  save: () => enqueue(async () => tell('saved', { bytes: await trainer.save() })),
}

addEventListener('message', ({ data }) => jobs[data.do](data))
enqueue(start)
