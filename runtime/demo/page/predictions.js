/** The held-out samples to choose from, and what the model makes of the chosen one. */

const byId = (id) => document.getElementById(id)
const make = (tag, attributes = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), attributes)
  element.append(...children)
  return element
}
const percent = (p) => `${(100 * p).toFixed(1)} %`
const argmax = (values) => values.indexOf(Math.max(...values))

/** `chosen` is told the place of the sample that the reader chooses. */
export function createPredictions({ classes, samples }, chosen) {
  const held = samples.filter(({ heldOut }) => heldOut)
  let current = 0

  const choices = held.map((sample, index) => {
    const input = make('input', { type: 'radio', name: 'sample', value: index, checked: index === 0 })
    input.addEventListener('change', () => choose(index))
    const mark = make('span', { textContent: `${index + 1}` })
    mark.setAttribute('aria-hidden', 'true')
    const label = make('label', {}, input, mark)
    byId('samples').append(label)
    return { sample, input, mark, label }
  })
  const bars = classes.map((name) => {
    const fill = make('div', { className: 'fill' })
    const value = make('span', { className: 'value', textContent: '–' })
    const tag = make('span', { className: 'tag', textContent: 'true class', hidden: true })
    const title = make('span', {}, make('span', { className: 'name', textContent: name }), ' ', tag)
    const row = make('li', {}, title, value, make('div', { className: 'track' }, fill))
    byId('bars').append(row)
    return { row, fill, value, tag }
  })
  byId('held-note').textContent =
    `The ${held.length} samples of the voices of session 5, which training never sees. Choose one to read, hear and classify it; guessing is right for one in ${classes.length}.`

  function choose(index) {
    current = index
    const { text, label, id, hasAudio } = held[index]
    byId('sentence').textContent = `“${text}”`
    const audio = byId('audio')
    audio.hidden = !hasAudio
    if (hasAudio) audio.src = `demo/audio/${id}.wav`
    bars.forEach(({ tag }, k) => {
      tag.hidden = k !== label
    })
    chosen(index)
  }

  function nameChoice({ sample, input }, found) {
    const verdict = found === undefined ? '' : `, predicted ${classes[found]}`
    const name = `${sample.text} (${classes[sample.label]}${verdict})`
    input.setAttribute('aria-label', name)
    input.parentElement.title = name
  }

  function show(index, probabilities) {
    if (index !== current) return
    const top = argmax(probabilities)
    bars.forEach(({ row, fill, value }, k) => {
      fill.style.width = `${100 * probabilities[k]}%`
      value.textContent = percent(probabilities[k])
      row.className = k === top ? 'top' : ''
    })
    const { label } = held[index]
    byId('verdict').textContent =
      top === label ? `Right: it is ${classes[top]}.` : `Wrong: it is ${classes[label]}, not ${classes[top]}.`
  }

  for (const choice of choices) nameChoice(choice)
  choose(0)

  return {
    show,
    /** Marks each sample as right or wrong. Gives how many are right, and of how many. */
    showAll(probabilities) {
      const right = choices.filter((choice, index) => {
        const found = argmax(probabilities[index])
        const isRight = found === choice.sample.label
        choice.label.dataset.outcome = isRight ? 'right' : 'wrong'
        choice.mark.textContent = isRight ? '✓' : '✗'
        nameChoice(choice, found)
        return isRight
      })
      show(current, probabilities[current])
      return { right: right.length, of: held.length }
    },
    clear() {
      choices.forEach((choice, index) => {
        delete choice.label.dataset.outcome
        choice.mark.textContent = `${index + 1}`
        nameChoice(choice)
      })
      chosen(current)
    },
  }
}
