/** `mcfnc doctor`: the engines and backends of this machine, what each finds, how fast it is, how to get what is missing. */
import { shippedFile } from '../../runtime/formats/shipped.ts'
import { type DoctorRow, formatChoice, formatRows, nameAdapters, rowOf, works } from '../../runtime/report/doctor.ts'
import { type Finding, nameOf, probe, probeBest, targets } from '../../runtime/report/probe.ts'
import type { StepSize } from '../../runtime/report/step-time.ts'
import { exitCodes } from '../failure.ts'
import { type ProbeLimits, runProbe } from '../probes.ts'
import { loadProgram } from '../spec.ts'

interface DoctorOptions {
  readonly json?: boolean
  /** A target's name, or `best`: this process tries that alone, and tells the one that started it. */
  readonly probe?: string
}

const size: StepSize = { batch: 4, lengths: { frames: 40, words: 8 } }
const limits: ProbeLimits = { find: 60_000, step: 60_000 }
const best = 'best'

export async function doctor(options: DoctorOptions): Promise<number> {
  if (options.probe !== undefined) return await tryOne(options.probe)
  const program = process.argv[1] ?? ''
  const found: DoctorRow[] = []
  // One after another: two at a time would slow each other down.
  for (const target of targets) {
    say(`trying ${nameOf(target)}`)
    found.push(rowOf(target, await runProbe(program, nameOf(target), limits)))
  }
  const rows = nameAdapters(found)
  const { findings } = await runProbe(program, best, limits)
  const auto = findings.find((finding) => finding.kind === 'best')
  say('')
  const [chosen] = rows
  if (options.json) process.stdout.write(`${JSON.stringify(rows.map(markChoice(auto?.backend)), undefined, 2)}\n`)
  else {
    const { batch, lengths } = size
    const what = `the second training step of MCFN, a batch of ${batch}, ${lengths.frames} frames, ${lengths.words} words`
    const choice = chosen ? formatChoice(chosen, auto) : []
    process.stdout.write(`${[...formatRows(rows, what), '', ...choice].join('\n')}\n`)
  }
  return chosen && works(chosen) ? exitCodes.fine : exitCodes.wrong
}

/** A line on a terminal that the next one takes the place of: some backends take their time. */
function say(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}

/** For `--json`: whether a row is what is taken by default, and by `--backend auto`. */
const markChoice =
  (auto: string | undefined) =>
  (row: DoctorRow, index: number): object => ({
    ...row,
    default: index === 0,
    auto: row.engine === 'tfjs' && row.backend === auto,
  })

async function tryOne(name: string): Promise<number> {
  // Where the one that asks is gone, nobody waits for the answer; being able to hear of it must not keep this process.
  process.on('disconnect', () => process.exit())
  process.channel?.unref()
  const tell = (finding: Finding): Promise<void> =>
    new Promise((resolve, reject) => {
      const told = (failure: Error | null | undefined): void => (failure ? reject(failure) : resolve())
      if (process.send) process.send(finding, undefined, {}, told)
      else process.stdout.write(`${JSON.stringify(finding)}\n`, told)
    })
  const target = targets.find((one) => nameOf(one) === name)
  const trial = {
    ...size,
    program: () => loadProgram(shippedFile('mcfn.model'), {}).program,
    now: () => performance.now(),
  }
  if (target) await probe(target, trial, tell)
  else if (name === best) await probeBest(tell)
  else return exitCodes.usage
  return exitCodes.fine
}
