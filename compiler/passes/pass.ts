/** What a pass is, and how a list of them is run over a graph. */
import type { Graph } from '../ir/graph.ts'

/** A named, pure step from graph to graph. */
export interface Pass {
  /** Lower case with dashes; `--print-after` and errors name it. */
  readonly name: string
  /** One line: what it does. */
  readonly description: string
  readonly run: (graph: Graph) => Graph
}

export interface PassOptions {
  /** What is wrong with a graph, one line a problem; called after each pass where given. */
  readonly verify?: (graph: Graph) => readonly string[]
  /** Sees each graph as a pass left it. */
  readonly onAfter?: (pass: Pass, graph: Graph) => void
}

/** A pass left an ill-formed graph, or failed on a well-formed one: a fault of the compiler, never of a spec. */
export class PassError extends Error {
  readonly pass: string
  constructor(pass: string, problem: string, cause?: unknown) {
    super(`pass ${pass}: ${problem}`, { cause })
    this.name = 'PassError'
    this.pass = pass
  }
}

/** The graph after all passes, in order. Throws a PassError that names the guilty pass. */
export function runPasses(graph: Graph, passes: readonly Pass[], { verify, onAfter }: PassOptions = {}): Graph {
  let current = graph
  for (const pass of passes) {
    try {
      current = pass.run(current)
    } catch (error) {
      if (error instanceof PassError) throw error
      throw new PassError(pass.name, error instanceof Error ? error.message : String(error), error)
    }
    onAfter?.(pass, current)
    const problems = verify?.(current) ?? []
    if (problems.length > 0) throw new PassError(pass.name, problems.join('\n'))
  }
  return current
}
