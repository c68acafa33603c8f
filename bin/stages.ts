/** Prints what the stages of the compiler make of a spec: `--emit`, `--print-after`, `--verify-ir`. */
import type { Program } from '../compiler/artefact.ts'
import { check } from '../compiler/compile.ts'
import { unknownPass } from '../compiler/diagnostics/catalogue/commands.ts'
import { diagnose } from '../compiler/diagnostics/diagnostic.ts'
import { inferencePasses } from '../compiler/emit/onnx/export.ts'
import { printGraph } from '../compiler/ir/text.ts'
import { verifyGraph } from '../compiler/ir/verify.ts'
import { type Pass, runPasses } from '../compiler/passes/pass.ts'
import { makeNodeReader } from '../compiler/source/node-reader.ts'
import { buildTrainingGraph, trainingPasses } from '../compiler/train/training-graph.ts'
import { CallError } from './failure.ts'
import { compileOptions, loadProgram, type SpecOptions } from './spec.ts'

export interface StageOptions extends SpecOptions {
  readonly emit?: 'ast' | 'types' | 'ir' | 'train-ir'
  readonly printAfter: readonly string[]
  readonly verifyIr?: boolean
}

/** Writes the stage asked for to stdout. Throws a CallError for a pass that is not there. */
export function emitStage(file: string, options: StageOptions): void {
  const { emit } = options
  if (emit === 'ast' || emit === 'types') {
    process.stdout.write(emit === 'ast' ? formatTree(file, options) : formatTypes(file, options))
    if (options.printAfter.length === 0 && !options.verifyIr) return
  }
  const { program } = loadProgram(file, options)
  if (emit === 'ir') process.stdout.write(`${printGraph(program.inference)}\n`)
  if (emit === 'train-ir') process.stdout.write(`${printGraph(buildTrainingGraph(program, 'adam').graph)}\n`)
  runThrough(program, options)
}

/** The entry's syntax tree as JSON; exact numbers as the spec writes them. */
function formatTree(file: string, options: StageOptions): string {
  const { sources } = check(file, makeNodeReader(), compileOptions(options))
  const text = JSON.stringify(
    sources.entry,
    (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value),
    2,
  )
  return `${text}\n`
}

/** A line for each name: `speech: [frames, 120]`. */
function formatTypes(file: string, options: StageOptions): string {
  const { inference } = check(file, makeNodeReader(), compileOptions(options))
  const lines = (inference?.types ?? []).map(
    ({ path, name, type }) => `${path === '' ? name : `${path}.${name}`}: ${type}`,
  )
  return `${lines.join('\n')}\n`
}

function runThrough(program: Program, { printAfter, verifyIr }: StageOptions): void {
  if (printAfter.length === 0 && !verifyIr) return
  const lists: readonly [title: string, passes: readonly Pass[]][] = [
    ['inference', inferencePasses()],
    ['training', trainingPasses],
  ]
  const known = [...new Set(lists.flatMap(([, passes]) => passes.map(({ name }) => name)))]
  const unknown = printAfter.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new CallError([diagnose(unknownPass, undefined, { name: unknown, known })])
  const graphs = [program.inference, buildTrainingGraph(program, 'adam').graph]
  for (const [k, [title, passes]] of lists.entries()) {
    const graph = graphs[k]
    if (!graph) continue
    runPasses(graph, passes, {
      ...(verifyIr ? { verify: verifyGraph } : {}),
      onAfter: (pass, after) => {
        if (printAfter.includes(pass.name))
          process.stdout.write(`// ${title}, after ${pass.name}\n${printGraph(after)}\n`)
      },
    })
  }
}
