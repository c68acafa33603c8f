/** Shows a run as it goes: a bar on a terminal, plain lines elsewhere. */
import type { EpochRecord, Reporter } from './loop.ts'

export interface ProgressOptions {
  /** Where it is written, stderr as a rule. */
  readonly stream: { readonly isTTY?: boolean; write(text: string): unknown }
  readonly colour: boolean
  /** Milliseconds. */
  readonly now: () => number
}

/** A reporter for people. */
export async function createReporter({ stream, colour, now }: ProgressOptions): Promise<Reporter> {
  const { default: picocolors } = await import('picocolors')
  const paint = picocolors.createColors(colour)
  const line = (text: string): void => {
    stream.write(`${text}\n`)
  }
  let started = now()
  let epochs = 0
  const summary = (record: EpochRecord): string => {
    const { epoch, train, validation, best } = record
    const seconds = ((now() - started) / 1000).toFixed(1)
    const width = String(epochs).length
    const scores = Object.entries(validation)
      .filter(([name]) => /\.(ua|wa|loss)$/.test(name))
      .map(([name, value]) => `${name.split('.').at(-1)} ${value.toFixed(name.endsWith('.loss') ? 4 : 3)}`)
    return (
      `epoch ${String(epoch).padStart(width)}/${epochs}  loss ${(train.loss ?? 0).toFixed(4)}  ` +
      `${paint.dim('validation')} ${scores.join(' ')}  ${paint.dim(`${seconds} s`)}${best ? paint.green('  best') : ''}`
    )
  }

  if (!stream.isTTY) {
    return {
      note: line,
      beginEpoch: (_, of) => {
        epochs = of
        started = now()
      },
      endStep: () => {},
      endEpoch: (record) => line(summary(record)),
      close: () => {},
    }
  }
  const { default: progress } = await import('cli-progress')
  let bar: InstanceType<typeof progress.SingleBar> | undefined
  let done = 0
  const stop = (): void => {
    bar?.stop()
    bar = undefined
  }
  return {
    note(text) {
      stop()
      line(text)
    },
    beginEpoch(epoch, of, batches, start) {
      epochs = of
      started = now()
      done = start
      bar = new progress.SingleBar({
        format: `epoch ${epoch}/${of} ${paint.cyan('{bar}')} {value}/{total}  loss {loss}`,
        barCompleteChar: '█',
        barIncompleteChar: '░',
        barsize: 30,
        clearOnComplete: true,
        hideCursor: true,
        // Steps block the event loop, so the bar is drawn as they end and not by a timer.
        noTTYOutput: false,
      })
      bar.start(batches, start, { loss: '' })
    },
    endStep: (loss) => bar?.update(++done, { loss: loss.toFixed(4) }),
    endEpoch(record) {
      stop()
      line(summary(record))
    },
    close: stop,
  }
}
