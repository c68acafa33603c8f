/** The loss as it falls: each step, a running mean, and the held-out samples at each epoch's end. */
/* global uPlot */

/** How much of the running mean a new step makes up, once there are enough. */
const share = 0.15

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name)

/** A number as people write it: three digits or so. */
export const brief = (x) =>
  Math.abs(x) >= 1e5 || (x !== 0 && Math.abs(x) < 1e-3) ? x.toExponential(1) : `${Number(x.toPrecision(3))}`

/** Fills an element. `take` adds a step, `hold` a held-out loss at the last step, `clear` empties it. */
export function createPlot(element) {
  let [steps, losses, means, held] = [[], [], [], []]
  let isDue = false
  let plot
  /** Losses fall by powers of ten at first; one of 0 or less has no logarithm. */
  let logarithmic = true
  let least = Infinity

  function make() {
    plot?.destroy()
    const font = '12px system-ui, sans-serif'
    const axis = {
      stroke: () => colour('--muted'),
      grid: { stroke: () => colour('--line'), width: 1 },
      ticks: { show: false },
    }
    const options = {
      width: element.clientWidth,
      height: element.clientHeight,
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false }, y: { distr: logarithmic ? 3 : 1 } },
      axes: [
        {
          ...axis,
          label: 'step',
          labelFont: font,
          labelSize: 20,
          labelGap: 2,
          size: 26,
          font,
          incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 1e5],
        },
        { ...axis, size: 52, font, values: (_, splits) => splits.map((x) => (x === null ? '' : brief(x))) },
      ],
      series: [
        {},
        { stroke: () => colour('--train'), alpha: 0.5, width: 1, points: { show: false } },
        { stroke: () => colour('--train'), width: 2.5, points: { show: false } },
        {
          stroke: () => colour('--held'),
          width: 2,
          dash: [2, 4],
          spanGaps: true,
          points: { show: true, size: 7, fill: () => colour('--held') },
        },
      ],
    }
    plot = new uPlot(options, [steps, losses, means, held], element)
  }

  function draw() {
    isDue = false
    if (least > 0 !== logarithmic) {
      logarithmic = least > 0
      make()
    } else plot.setData([steps, losses, means, held])
    const last = means.at(-1)
    element.toggleAttribute('data-empty', last === undefined)
    const label =
      last === undefined
        ? 'no step was taken yet'
        : `${steps.length} steps, from ${brief(losses[0])} at first to about ${brief(last)}`
    element.setAttribute('aria-label', `Loss: ${label}`)
  }
  const drawSoon = () => {
    if (!isDue) requestAnimationFrame(draw)
    isDue = true
  }

  make()
  new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: element.clientHeight })).observe(element)
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => plot.redraw())

  return {
    take(step, loss) {
      const before = means.at(-1) ?? loss
      steps.push(step)
      losses.push(loss)
      means.push(before + Math.max(share, 1 / steps.length) * (loss - before))
      held.push(null)
      least = Math.min(least, loss)
      drawSoon()
    },
    hold(loss) {
      held[held.length - 1] = loss
      least = Math.min(least, loss)
      drawSoon()
    },
    clear() {
      ;[steps, losses, means, held] = [[], [], [], []]
      least = Infinity
      drawSoon()
    },
  }
}
