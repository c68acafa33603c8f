/** The page: it shows what the worker tells, and asks for what the reader wants. */
import { brief, createPlot } from './plot.js'
import { createPredictions } from './predictions.js'

const byId = (id) => document.getElementById(id)
const say = (id, text) => {
  byId(id).textContent = text
}

let isReady = false
let isTraining = false
let backend = ''
let step = 0
/** When the last steps were told of, in ms. */
let times = []

const corpus = await readCorpus()
const title = [corpus.model, ...corpus.variants].join(' + ')
describeModel()
const plot = createPlot(byId('plot'))
const predictions = createPredictions(corpus, (index) => {
  if (isReady) ask('predict', { index })
})

const heard = {
  opened({ backends, name }) {
    backend = name
    times = []
    showBackends(backends)
    if (isReady) say('status', isTraining ? `Training on ${name}` : `On ${name} now, at step ${step}`)
  },
  ready() {
    isReady = true
    for (const id of ['train', 'restart', 'download', 'backends', 'samples']) byId(id).disabled = false
    say('status', `Ready, on ${backend}`)
    ask('predict', { index: 0 })
  },
  step({ step: at, epoch, loss, numTensors, numBytes }) {
    step = at
    times = [...times.slice(-19), performance.now()]
    plot.take(at, loss)
    say('step', at)
    say('epoch', epoch)
    say('loss', brief(loss))
    say('memory', `Memory between steps: ${numTensors} tensors, ${(numBytes / 2 ** 20).toFixed(1)} MiB`)
    if (times.length > 1) say('speed', showSpeed((1000 * (times.length - 1)) / (times.at(-1) - times[0])))
  },
  evaluated({ loss, probabilities }) {
    plot.hold(loss)
    const { right, of } = predictions.showAll(probabilities)
    say('held-loss', brief(loss))
    say('accuracy', `${Math.round((100 * right) / of)} %`)
  },
  predicted: ({ index, probabilities }) => predictions.show(index, probabilities),
  paused: () => say('status', `Paused at step ${step}`),
  restarted() {
    plot.clear()
    predictions.clear()
    step = 0
    say('step', 0)
    for (const id of ['epoch', 'speed', 'loss', 'held-loss', 'accuracy']) say(id, '–')
    say('memory', '')
    say('status', 'Back at the start weights')
  },
  saved({ bytes }) {
    const link = document.createElement('a')
    link.href = URL.createObjectURL(new Blob([bytes], { type: 'application/octet-stream' }))
    link.download = `${title.toLowerCase().replace(/[^a-z0-9]+/g, '-')}-step-${step}.safetensors`
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 1000)
  },
  failed: ({ why }) => fail(why),
}

// It begins at once, so all that it tells must find its hearer.
const worker = new Worker(new URL('worker.js', import.meta.url), { type: 'module' })
const ask = (what, more = {}) => worker.postMessage({ do: what, ...more })
worker.addEventListener('message', ({ data }) => heard[data.kind](data))
worker.addEventListener('error', (event) => {
  event.preventDefault()
  fail(event.message ?? 'a script does not load: does the server give .js and .mjs files as JavaScript?')
})

byId('train').addEventListener('click', () => {
  setTraining(!isTraining)
  byId('alert').hidden = true
  say('status', isTraining ? `Training on ${backend}` : 'Pausing after this step')
  ask(isTraining ? 'train' : 'pause')
})
byId('restart').addEventListener('click', () => {
  setTraining(false)
  ask('restart')
})
byId('download').addEventListener('click', () => ask('save'))

function setTraining(value) {
  isTraining = value
  times = []
  say('train', value ? 'Pause' : 'Train')
}

function fail(why) {
  setTraining(false)
  say('status', 'Stopped')
  say('alert', why)
  byId('alert').hidden = false
}

const showSpeed = (rate) => (rate >= 1 ? `${rate.toFixed(1)} steps/s` : `${(1 / rate).toFixed(1)} s/step`)

async function readCorpus() {
  const response = await fetch(new URL('corpus.json', import.meta.url))
  if (response.ok) return await response.json()
  fail(`demo/corpus.json does not load: the server says ${response.status}`)
  throw new Error('nothing to show')
}

function describeModel() {
  const { model, variants, parameters, inputs, samples, training, module } = corpus
  document.title = `${title}, trained here`
  say('title', model)
  for (const name of variants) {
    const chip = Object.assign(document.createElement('span'), { className: 'variant', textContent: name })
    byId('title').append(' ', chip)
  }
  say('inputs', inputs.map(({ name }) => name).join(' and '))
  const count = samples.filter(({ heldOut }) => !heldOut).length
  const size = parameters.toLocaleString('en-GB')
  say('facts', `${size} parameters, ${count} training samples in batches of ${training.batchSize}`)
  byId('module').href = module
}

function showBackends(backends) {
  const legend = byId('backends').querySelector('legend')
  const hadFocus = byId('backends').contains(document.activeElement)
  const labels = backends.map(({ name, usable, detail }) => {
    const input = Object.assign(document.createElement('input'), { type: 'radio', name: 'backend', value: name })
    Object.assign(input, { disabled: !usable, checked: name === backend })
    input.addEventListener('change', () => {
      say('status', `Moving to ${name}`)
      ask('open', { name })
    })
    const label = document.createElement('label')
    const title = Object.assign(document.createElement('b'), { textContent: name })
    label.append(input, title, Object.assign(document.createElement('small'), { textContent: detail }))
    return label
  })
  byId('backends').replaceChildren(legend, ...labels)
  if (hadFocus) byId('backends').querySelector(':checked').focus()
}
