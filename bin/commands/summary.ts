/** `mcfnc summary`: a model's blocks with their shapes, parameters and arithmetic. */
import { formatDim } from '../../compiler/shapes/dim.ts'
import { countParameters, formatCount, formatFlops, summarise } from '../../runtime/report/summary.ts'
import { formatTable } from '../../runtime/report/table.ts'
import { checkLengths, completeLengths } from '../lengths.ts'
import { loadProgram, type SpecOptions } from '../spec.ts'

interface SummaryOptions extends SpecOptions {
  readonly length: Readonly<Record<string, number>>
  readonly batch: number
  readonly json?: boolean
}

export async function summary(file: string, options: SummaryOptions): Promise<undefined> {
  const { program } = loadProgram(file, options)
  const { signature, inference } = program
  checkLengths(options.length, signature.bounds)
  const lengths = completeLengths(options.length, signature.bounds)
  const blocks = summarise(inference, { batch: options.batch, lengths })
  const inputs = signature.inputs.map(({ name, dims }) => ({ name, dims: dims.map(formatDim) }))
  const parameters = countParameters(inference)
  if (options.json) {
    const { model, variants, hypers } = signature
    const report = { model, variants, hypers, inputs, parameters, batch: options.batch, lengths, blocks }
    process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`)
    return
  }
  const at = [
    ...(options.batch > 1 ? [`a batch of ${options.batch}`] : []),
    ...Object.entries(lengths).map(([name, n]) => `${n} ${name}`),
  ]
  const rows = blocks.map(({ path, depth, shapes, parameters: count, flops }) => [
    path === '' ? signature.model : `${'  '.repeat(depth)}${path.split('.').at(-1)}`,
    shapes.join(', '),
    count === 0 ? '' : formatCount(count),
    flops === 0 ? '' : formatFlops(flops),
  ])
  process.stdout.write(
    `${[
      [signature.model, ...signature.variants].join(' + '),
      ...inputs.map(({ name, dims }) => `  ${name}: [${dims.join(', ')}]`),
      '',
      ...formatTable(
        ['block', 'shape', 'parameters', `arithmetic${at.length > 0 ? ` at ${at.join(', ')}` : ''}`],
        rows,
        'llrr',
      ),
    ].join('\n')}\n`,
  )
}
