/** `mcfnc variants`: what each variant of a model has that the model has not, and what it has not. */

import type { Program } from '../../compiler/artefact.ts'
import { check } from '../../compiler/compile.ts'
import type { Diagnostic } from '../../compiler/diagnostics/diagnostic.ts'
import { formatDim } from '../../compiler/shapes/dim.ts'
import { makeNodeReader } from '../../compiler/source/node-reader.ts'
import { countFlops, countParameters, formatCount, formatFlops } from '../../runtime/report/summary.ts'
import { formatTable } from '../../runtime/report/table.ts'
import { exitCodes, printDiagnostics } from '../failure.ts'
import { checkLengths, completeLengths } from '../lengths.ts'
import { compileFile, compileOptions, loadProgram, type SpecOptions } from '../spec.ts'

interface VariantsOptions extends SpecOptions {
  readonly length: Readonly<Record<string, number>>
  readonly json?: boolean
}

/** One row: a variant, or the model itself under its own name. */
interface Row {
  readonly name: string
  readonly parameters: number
  readonly flops: number
  readonly inputs: readonly string[]
  readonly losses: readonly string[]
  /** Against the model. */
  readonly difference: {
    readonly parameters: number
    readonly flops: number
    readonly inputs: readonly string[]
  }
}

export async function variants(file: string, options: VariantsOptions): Promise<number> {
  const { program: base } = loadProgram(file, options)
  const found = variantsOf(file, options, base.signature.model)
  const wrong: Diagnostic[] = []
  const programs: [name: string, program: Program][] = [[base.signature.model, base]]
  for (const name of found) {
    const { program, diagnostics, texts } = compileFile(file, { ...options, variant: [name] })
    if (program) programs.push([name, program])
    else {
      wrong.push(...diagnostics)
      printDiagnostics(diagnostics, texts)
    }
  }
  // A variant may have lengths that the model has not, and the other way round.
  checkLengths(options.length, Object.assign({}, ...programs.map(([, { signature }]) => signature.bounds)))
  const rows = programs.map(([name, program]) => describe(name, program, base, options.length))
  process.stdout.write(options.json ? `${JSON.stringify(rows, undefined, 2)}\n` : `${format(rows).join('\n')}\n`)
  return wrong.length > 0 ? exitCodes.wrong : exitCodes.fine
}

/** The names of a model's variants, in the order of the file. */
function variantsOf(file: string, options: VariantsOptions, model: string): string[] {
  const { sources } = check(file, makeNodeReader(), compileOptions(options))
  return (sources.entry?.items ?? []).flatMap((item) =>
    item.kind === 'variant' && item.base.name === model ? [item.name.value] : [],
  )
}

function describe(name: string, program: Program, base: Program, given: Readonly<Record<string, number>>): Row {
  const measure = ({ inference, signature }: Program): number =>
    countFlops(inference, { batch: 1, lengths: completeLengths(given, signature.bounds) })
  const inputsOf = ({ signature }: Program): string[] =>
    signature.inputs.map((input) => `${input.name}: [${input.dims.map(formatDim).join(', ')}]`)
  const mine = inputsOf(program)
  const theirs = inputsOf(base)
  const parameters = countParameters(program.inference)
  const flops = measure(program)
  return {
    name,
    parameters,
    flops,
    inputs: mine,
    losses: program.signature.losses.map((loss) => loss.name),
    difference: {
      parameters: parameters - countParameters(base.inference),
      flops: flops - measure(base),
      inputs: [
        ...mine.filter((i) => !theirs.includes(i)).map((i) => `+${i}`),
        ...theirs.filter((i) => !mine.includes(i)).map((i) => `-${i}`),
      ],
    },
  }
}

function format(rows: readonly Row[]): string[] {
  const signed = (n: number, text: string): string => (n === 0 ? '' : `${n > 0 ? '+' : '-'}${text}`)
  return formatTable(
    ['variant', 'parameters', 'difference', 'arithmetic', 'difference', 'inputs'],
    rows.map(({ name, parameters, flops, difference }) => [
      name,
      formatCount(parameters),
      signed(difference.parameters, formatCount(Math.abs(difference.parameters))),
      formatFlops(flops),
      signed(difference.flops, formatFlops(Math.abs(difference.flops))),
      difference.inputs.join('  '),
    ]),
    'lrrrrl',
  )
}
