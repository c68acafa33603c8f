/** How fast each engine takes training steps, and the memory that it needs for them. */
import type { DoctorRow } from './doctor.ts'
import { formatTime, titleOf, works } from './doctor.ts'
import { nameOf, type Stepped, type Subject } from './probe.ts'
import type { StepSize } from './step-feeds.ts'
import { formatTable } from './table.ts'

/** What was stepped, and the peaks of its process. */
export interface Load {
  readonly size: StepSize
  /** Of resident memory, all that the process has; MiB. */
  readonly rss_mib: number
  /** Of `tf.memory().numBytes` in a step, as `tf.profile` tells it: weights, batch and all; MiB. tfjs alone knows. */
  readonly tensors_mib?: number
}

/** What engines that are slow take a step of. */
export const smallSize: StepSize = { batch: 4, lengths: { frames: 40, words: 8 } }

/** The longest step of the small size, in milliseconds, after which the full one is tried: that is 60 times as much. */
const quick = 600

/** Steps go on for so many milliseconds, and are at least and at most so many. */
const patience = { ms: 4000, least: 3, most: 9 }

export const best = (times: readonly number[]): number => Math.min(...times)
export const median = (times: readonly number[]): number => [...times].sort((a, b) => a - b)[times.length >> 1] ?? 0

/** Takes steps until they are enough. */
export async function repeat(take: () => Promise<number>): Promise<number[]> {
  const times: number[] = []
  let sum = 0
  while (times.length < patience.least || (times.length < patience.most && sum < patience.ms)) {
    const time = await take()
    times.push(time)
    sum += time
  }
  return times
}

/** No larger than the other in anything. */
export const within = (size: StepSize, most: StepSize): StepSize => ({
  batch: Math.min(size.batch, most.batch),
  lengths: Object.fromEntries(
    Object.entries(most.lengths).map(([name, length]) => [name, Math.min(size.lengths[name] ?? 1, length)]),
  ),
})

/**
 * The full size where the engine is quick, else the small one; `take` gives a step's time. `slow` is true of those that are
 * known to take minutes: plain JavaScript, and adapters in software, which not every engine tells from others.
 */
export async function chooseSize(
  slow: boolean,
  full: StepSize,
  take: (size: StepSize) => Promise<number>,
): Promise<StepSize> {
  const small = within(smallSize, full)
  if (slow) return small
  await take(small)
  return (await take(small)) < quick ? full : small
}

/** The most resident memory that this process has had, in MiB. */
export const peakMemory = (): number => process.resourceUsage().maxRSS / 1024

/** The middle one of several steps after a first that compiles, and the peaks. Belongs in a process of its own. */
export async function measureRate({ target, found, stepper, watch }: Subject, full: StepSize): Promise<Stepped> {
  const slow = found.state === 'software' || nameOf(target) === 'tfjs/cpu'
  const size = await chooseSize(slow, full, stepper.take)
  const first = (): Promise<number> => stepper.take(size)
  const bytes = await (watch ? watch(first) : first().then(() => undefined))
  const ms = median(await repeat(() => stepper.take(size)))
  const tensors = bytes === undefined ? {} : { tensors_mib: bytes / 2 ** 20 }
  return { kind: 'step', ms, load: { size, rss_mib: peakMemory(), ...tensors } }
}

export const formatSize = ({ batch, lengths }: StepSize): string => [batch, ...Object.values(lengths)].join(' / ')
export const sizeTitle = ({ lengths }: StepSize): string => ['batch', ...Object.keys(lengths)].join(' / ')
export const formatMemory = (mib: number | undefined): string => (mib === undefined ? '' : `${mib.toFixed(0)} MiB`)

/** A row for each engine and backend that works or ought to; `full` is the size that was asked for. */
export function formatRates(rows: readonly DoctorRow[], full: StepSize): string[] {
  return formatTable(
    ['engine and backend', sizeTitle(full), 'a step', 'steps / s', 'resident', 'tensors', ''],
    rows
      .filter(({ state }) => state !== 'absent')
      .map((row) => {
        const { step_ms: ms, load, state } = row
        return [
          titleOf(row),
          load ? formatSize(load.size) : '',
          ms === undefined ? '' : formatTime(ms),
          ms === undefined ? '' : (1000 / ms).toPrecision(3),
          formatMemory(load?.rss_mib),
          formatMemory(load?.tensors_mib),
          works(row) && ms !== undefined
            ? state === 'software'
              ? 'software adapter'
              : ''
            : (row.no_step ?? row.why ?? ''),
        ]
      }),
    'lrrrrrl',
  )
}
