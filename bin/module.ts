/** `mcfnc build --target tfjs`: a folder with the module and what belongs to it. */
import { join } from 'node:path'
import type { OptimiserKind, Program } from '../compiler/artefact.ts'
import { fileUnwritable } from '../compiler/diagnostics/catalogue/commands.ts'
import { DiagnosticError, diagnose } from '../compiler/diagnostics/diagnostic.ts'
import { linesOf } from '../compiler/diagnostics/position.ts'
import type { SourceLine } from '../compiler/emit/tfjs/print.ts'
import { BATCH } from '../compiler/shapes/dim.ts'
import type { Span } from '../compiler/syntax/ast.ts'
import { layoutsOf } from '../compiler/train/training-graph.ts'
import { defaultThreads } from '../runtime/engines/ort/threads.ts'
import { moduleFiles } from '../runtime/engines/tfjs/files.ts'
import { writeFolder } from '../runtime/formats/atomic.ts'
import { explainFileError } from '../runtime/formats/file-error.ts'
import { ownLength } from '../runtime/report/step-feeds.ts'
import { flatVectors, readWeights, startVectors } from '../runtime/train/weights.ts'
import { compileFrontEnd } from './data.ts'
import type { Texts } from './failure.ts'
import { checkLengths, completeLengths } from './lengths.ts'
import { fileName, refuseReplacing } from './output.ts'

export interface ModuleOptions {
  readonly output?: string
  readonly weights?: string
  readonly seed: number
  readonly optimiser: OptimiserKind
  /** The sizes at which memory is told. */
  readonly length: Readonly<Record<string, number>>
  readonly batch: number
  readonly demo?: boolean
}

/** The module and what belongs to it, in a folder; says how much memory its functions take. */
export async function buildModule(program: Program, texts: Texts, options: ModuleOptions): Promise<undefined> {
  const { signature } = program
  checkLengths(options.length, signature.bounds)
  const name = fileName(signature.model)
  const folder = options.output ?? name
  const { params, states } = layoutsOf(program)
  const variables = [...params.entries, ...states.entries].map(({ variable }) => variable)
  const given = options.weights === undefined ? undefined : await readWeights(options.weights, variables)
  const { module, files } = await moduleFiles({
    program,
    name,
    features: {},
    weights: (layout) => (given ? flatVectors(layout, given) : startVectors(layout, options.seed)),
    options: { optimiser: options.optimiser, lineOf: lineReader(texts) },
  })
  const page = options.demo
    ? await (await import('../runtime/demo/demo.ts')).makeDemo({
        program,
        module: name,
        frontEnd: () => compileFrontEnd(undefined),
        threads: defaultThreads(),
      })
    : []
  const all = new Map([...files, ...page])
  for (const file of all.keys()) await refuseReplacing(join(folder, file), [...texts.keys()], options.weights)
  try {
    await writeFolder(folder, all)
  } catch (failure) {
    throw new DiagnosticError([
      diagnose(fileUnwritable, undefined, { path: folder, reason: explainFileError(failure) }),
    ])
  }
  const lengths = completeLengths(options.length, signature.bounds)
  const sizeOf = (seq: string): number => (seq === BATCH ? options.batch : (ownLength(lengths, seq) ?? 1))
  const at = [`a batch of ${options.batch}`, ...Object.entries(lengths).map(([seq, n]) => `${n} ${seq}`)].join(', ')
  const size = (bytes: number): string =>
    bytes < 2 ** 20 ? `${(bytes / 2 ** 10).toFixed(1)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`
  const kept = 4 * (module.params.size * (1 + module.slots.length) + module.states.size)
  if (options.demo)
    process.stderr.write(`${join(folder, 'index.html')}: serve the folder, with python3 -m http.server say\n`)
  process.stderr.write(
    `${[...files].map(([file, bytes]) => `${join(folder, file)}: ${size(bytes.length)}`).join('\n')}\n` +
      `${module.params.size.toLocaleString('en-GB')} parameters; ${size(kept)} with the optimiser's vectors\n` +
      `at most ${size(module.peakBytes('trainStep', sizeOf))} more in a training step, ` +
      `${size(module.peakBytes('forward', sizeOf))} in use, at ${at}\n`,
  )
}

/** A line without its comment. */
const code = (line: string): string => line.replace(/\s*\/\/.*$/, '').trim()
/** How a line ends that the next one continues. */
const goesOn = /(?:[-=+*/.,(|[{]|\|>|\b(?:div|mod|and|or|not|then|else))$/

/** The line of a spec that a span begins on, with those that continue it. */
function lineReader(texts: Texts): (span: Span) => SourceLine {
  const lines = new Map([...texts].map(([file, text]) => [file, linesOf(text)]))
  return ({ file, start }) => {
    const found = lines.get(file)
    const line = found?.at(start).line ?? 0
    let text = code(found?.text(line) ?? '')
    for (let next = line + 1; goesOn.test(text) && next <= (found?.count ?? 0); next++)
      text += ` ${code(found?.text(next) ?? '')}`
    return { where: `${file}:${line}`, text }
  }
}
