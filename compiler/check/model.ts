/** Elaborates a model: its statements are checked, its blocks unfolded, and what is left is core definitions. */
import { graph } from '../diagnostics/catalogue/graph.ts'
import { names } from '../diagnostics/catalogue/names.ts'
import type { Diagnostic } from '../diagnostics/diagnostic.ts'
import type { SeqInfo } from '../ir/graph.ts'
import { applyVariants, type BlockEdit, boundNames } from '../names/variants.ts'
import { BATCH, batchDim, type Dim, isRagged, lengthNames, seqDim } from '../shapes/dim.ts'
import { noFacts } from '../shapes/facts.ts'
import { toNumber } from '../shapes/rational.ts'
import type { Expr, Model, Span, Statement, Variant } from '../syntax/ast.ts'
import {
  type Context,
  childScope,
  type FileScope,
  fixedSlot,
  newVar,
  noReplacements,
  type Replacements,
  type Run,
  report,
  type TypeEntry,
} from './context.ts'
import { type Core, type Def, eachChild, type IndexVar, isLeaf } from './core.ts'
import { declareModel, type Gathered } from './declarations.ts'
import { checkRequire } from './requires.ts'
import { evaluateRoots } from './roots.ts'
import { force, runDeferred } from './statements.ts'
import { settleAll } from './tensors.ts'

/** A value that leaves the model: its axes, the sample's first where it has one, and one element. */
export interface Root {
  readonly name: string
  readonly axes: readonly IndexVar[]
  readonly body: Core
  readonly span: Span
}

export interface ElaboratedInput {
  readonly name: string
  readonly dims: readonly Dim[]
  readonly below: number | undefined
  readonly span: Span
}

export interface Elaborated {
  readonly name: string
  /** Where only diagnostics were wanted: whether what is wrong may differ outside training. */
  readonly dependsOnTraining: boolean
  /** The places at which something is drawn at random. */
  readonly draws: ReadonlySet<string>
  readonly sample: IndexVar
  readonly inputs: readonly ElaboratedInput[]
  readonly targets: readonly (ElaboratedInput & { readonly classes: readonly string[] | undefined })[]
  readonly predictions: readonly (Root & { readonly kind: 'distribution' | 'probabilities' | 'real' })[]
  readonly outputs: readonly Root[]
  /** A loss with weight 0 is left out. */
  readonly losses: readonly (Root & { readonly weight: number; readonly perSample: boolean })[]
  readonly updates: ReadonlyMap<Def, Core>
  readonly hypers: Readonly<Record<string, number>>
  readonly labels: Readonly<Record<string, readonly string[]>>
  readonly seqs: readonly SeqInfo[]
  /** What each `require` over lengths states: a dim that is 0 in every sample. */
  readonly assumed: Run['assumed']
  readonly defs: readonly Def[]
  readonly types: readonly TypeEntry[]
}

export interface ModelRequest {
  readonly model: Model
  readonly file: string
  readonly scopes: ReadonlyMap<string, FileScope>
  readonly variants: readonly Variant[]
  /** `-D` values as text: hypers, and labels as `a,b,c`. */
  readonly overrides: Readonly<Record<string, string>>
  readonly training: boolean
  /** True where only diagnostics are wanted: nothing else of the result is to be used. */
  readonly checkOnly: boolean
  /** False where a file could not be parsed whole, so that what seems to be missing may be there. */
  readonly complete: boolean
  readonly sourceOf: (file: string) => string | undefined
  readonly report: (diagnostic: Diagnostic) => void
}

/** Elaborates a model for training or for inference. The result is to be used only where no error was reported. */
export function elaborate(request: ModelRequest): Elaborated {
  const { model, file } = request
  const fileScope = request.scopes.get(file) ?? { file, complete: true, items: new Map() }
  const edited = applyVariants(model, request.variants, fileScope, file)
  for (const diagnostic of edited.diagnostics) request.report(diagnostic)

  const run: Run = {
    checkOnly: request.checkOnly,
    trainingReads: 0,
    files: request.scopes,
    facts: noFacts,
    report: request.report,
    defs: [],
    types: [],
    nextId: 1,
    noiseNames: new Map(),
    deferred: [],
    updates: new Map(),
    origins: new Map(),
    globals: new Map(),
    assumed: [],
    applications: 0,
    pendingNames: [],
    unsettled: [],
    draws: new Set(),
    sourceOf: request.sourceOf,
  }
  const sample = newVar(run, BATCH, batchDim, undefined)
  const scope = childScope(undefined)
  const base: Context = {
    run,
    training: request.training,
    scope,
    file,
    indices: new Map(),
    around: [fixedSlot(BATCH, model.name.span, [sample], false)],
    sample,
    batch: undefined,
    path: '',
    naming: { base: '', counts: new Map() },
    uses: [],
    replacements: noReplacements,
    pending: new Map(),
  }
  const unused = new Set(edited.blocks)
  const context: Context = { ...base, replacements: replacementsOf(edited.blocks, base, unused) }
  const gathered = declareModel(context, edited.statements, request.overrides)

  for (const statement of edited.statements) if (statement.kind === 'require') checkRequire(context, statement)
  for (const statement of edited.statements) {
    force(context, statement)
    if (declarations.has(statement.kind))
      for (const ident of boundNames(statement)) {
        const binding = scope.bindings.get(ident.name)
        if (binding?.state === 'todo') binding.evaluate()
      }
  }
  const roots = evaluateRoots(context, request, edited.statements, gathered)
  runDeferred(context)
  if (!request.checkOnly) settleAll(run)
  if (!request.training) refuseDraws(context, [...roots.predictions, ...roots.outputs])
  // Composed with others an edit may have lost what it edited; alone it must change something.
  if (request.variants.length === 1)
    for (const edit of unused)
      report(context, names.editUnused, edit.span, {
        name: edit.path.join('.'),
        where:
          edit.path.length > 1
            ? `\`${edit.path.slice(0, -1).join('.')}\` as the model uses it`
            : `\`${model.name.name}\` itself`,
      })
  return {
    name: model.name.name,
    dependsOnTraining: run.trainingReads > 0,
    draws: run.draws,
    sample,
    ...gathered.result(),
    ...roots,
    updates: run.updates,
    seqs: seqInfos(context, gathered.result(), gathered.seqs),
    assumed: run.assumed,
    defs: run.defs,
    types: run.types,
  }
}

const declarations: ReadonlySet<Statement['kind']> = new Set(['hyper', 'seq', 'input', 'target', 'labels'])

/** A model in use draws nothing: whatever its outputs are made of is followed down to the draws. */
function refuseDraws(context: Context, roots: readonly Root[]): void {
  const seen = new Set<Def>()
  // By a list and not by recursion, as one definition may read the next a thousand times over.
  const open = roots.map(({ body }) => body)
  const visit = (core: Core): void => {
    if (core.kind === 'read' && !seen.has(core.def)) {
      const { body, span } = core.def
      seen.add(core.def)
      if (!isLeaf(body)) open.push(body)
      else if (body.kind === 'noise' && span) report(context, graph.drawOutsideTraining, span, {})
    }
    eachChild(core, visit)
  }
  for (let body = open.pop(); body; body = open.pop()) visit(body)
}

/** Nested maps of the edits by path; an edit that is reached is taken out of `unused`. */
function replacementsOf(edits: readonly BlockEdit[], context: Context, unused: Set<BlockEdit>): Replacements {
  const here: Map<string, { value: Expr; context: Context; used: () => void }> = new Map()
  const groups = new Map<string, BlockEdit[]>()
  for (const edit of edits) {
    const [head, ...rest] = edit.path
    if (head === undefined) continue
    if (rest.length === 0)
      here.set(head, {
        value: edit.value,
        context: { ...context, file: edit.file },
        used: () => unused.delete(originalOf(edit)),
      })
    else
      groups.set(head, [...(groups.get(head) ?? []), Object.assign({}, edit, { path: rest, origin: originalOf(edit) })])
  }
  const inside = new Map([...groups].map(([name, group]) => [name, replacementsOf(group, context, unused)]))
  return { here, inside }
}

const originalOf = (edit: BlockEdit & { readonly origin?: BlockEdit }): BlockEdit => edit.origin ?? edit

/** Which input's lengths tell each ragged length. */
function seqInfos(
  context: Context,
  { inputs, targets }: Pick<Elaborated, 'inputs' | 'targets'>,
  seqs: Gathered['seqs'],
): SeqInfo[] {
  const infos: SeqInfo[] = []
  const used = new Set(inputs.flatMap((input) => input.dims.flatMap(lengthNames)))
  for (const [name, { low, high }] of seqs) {
    // A `require` may have made one length another, or tightened its bounds.
    const bounds = context.run.facts.bounds.get(name)
    const sources = inputs.flatMap((input) => {
      const first = input.dims.findIndex(isRagged)
      return input.dims[first]?.key === seqDim(name).key
        ? [{ input: input.name, axis: first + 1, lengths: `${input.name}_lengths` }]
        : []
    })
    const declared = context.scope.bindings.get(name)?.span
    if (sources.length === 0 && used.has(name) && declared)
      report(context, graph.lengthWithoutSource, declared, { name })
    for (const { input, lengths } of sources)
      for (const { name, span } of [...inputs, ...targets])
        if (name === lengths) report(context, graph.lengthsName, span, { name, input })
    infos.push({
      name,
      low: bounds?.low ? toNumber(bounds.low) : low,
      high: bounds?.high ? toNumber(bounds.high) : high,
      sources,
    })
  }
  return infos
}
