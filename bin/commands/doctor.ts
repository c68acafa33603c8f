/** `mcfnc doctor`: the engines and backends of this machine, what each finds, how fast it is, how to get what is missing. */
import { shippedFile } from '../../runtime/formats/shipped.ts'
import { type DoctorRow, formatChoice, formatRows, works } from '../../runtime/report/doctor.ts'
import { type Finding, nameOf, probe, probeBest, type Subject, targets } from '../../runtime/report/probe.ts'
import { smallSize as size } from '../../runtime/report/rates.ts'
import { exitCodes } from '../failure.ts'
import { openTelling, type ProbeLimits, probeAll, runProbe } from '../probes.ts'
import { loadProgram } from '../spec.ts'

interface DoctorOptions {
  readonly json?: boolean
  /** A target's name, or `best`: this process tries that alone, and tells the one that started it. */
  readonly probe?: string
}

const limits: ProbeLimits = { find: 60_000, step: 60_000 }
const best = 'best'

export async function doctor(options: DoctorOptions): Promise<number> {
  if (options.probe !== undefined) return await tryOne(options.probe)
  const argsOf = (name: string): string[] => ['doctor', '--probe', name]
  const rows = await probeAll(argsOf, limits)
  const { findings } = await runProbe<Finding>(process.argv[1] ?? '', argsOf(best), limits)
  const auto = findings.find((finding) => finding.kind === 'best')
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

/** For `--json`: whether a row is what is taken by default, and by `--backend auto`. */
const markChoice =
  (auto: string | undefined) =>
  (row: DoctorRow, index: number): object => ({
    ...row,
    default: index === 0,
    auto: row.engine === 'tfjs' && row.backend === auto,
  })

async function tryOne(name: string): Promise<number> {
  const tell = openTelling()
  const target = targets.find((one) => nameOf(one) === name)
  const program = () => loadProgram(shippedFile('mcfn.model'), {}).program
  if (target) await probe(target, { program, measure: timeSecond, now: () => performance.now() }, tell)
  else if (name === best) await probeBest(tell)
  else return exitCodes.usage
  return exitCodes.fine
}

/** The first step compiles. */
async function timeSecond({ stepper }: Subject): Promise<Extract<Finding, { readonly kind: 'step' }>> {
  await stepper.take(size)
  return { kind: 'step', ms: await stepper.take(size) }
}
