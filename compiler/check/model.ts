/** Elaborates a model: its statements are checked, its blocks unfolded, and what is left is core definitions. */
import { graph } from '../diagnostics/catalogue/graph.ts'
import { names } from '../diagnostics/catalogue/names.ts'
import { shapes } from '../diagnostics/catalogue/shapes.ts'
import { type Diagnostic, diagnose } from '../diagnostics/diagnostic.ts'
import { suggest } from '../diagnostics/suggest.ts'
import type { SeqInfo } from '../ir/graph.ts'
import { applyVariants, type BlockEdit, boundNames } from '../names/variants.ts'
import {
  BATCH,
  batchDim,
  constantDim,
  constantOf,
  type Dim,
  formatDim,
  isRagged,
  lengthNames,
  seqDim,
  staticSize,
} from '../shapes/dim.ts'
import { noFacts, withBounds } from '../shapes/facts.ts'
import { compareRational, parseRational, type Rational, toNumber } from '../shapes/rational.ts'
import type {
  Expr,
  Hyper,
  Input,
  Labels,
  Loss,
  Model,
  Output,
  Predict,
  Seq,
  Span,
  Statement,
  Target,
  Variant,
} from '../syntax/ast.ts'
import { checkStatic, isOfType } from './calls.ts'
import {
  type Context,
  childScope,
  type FileScope,
  fixedSlot,
  newVar,
  newVars,
  noReplacements,
  type Replacements,
  type Run,
  report,
  type TypeEntry,
} from './context.ts'
import { asNumber, type Core, type Def, eachChild, freeVars, type IndexVar, isLeaf, number, readIndex } from './core.ts'
import { evaluate } from './expressions.ts'
import { staticNumber, toDim } from './numbers.ts'
import { checkRequire, declare, declareStatement, force, runDeferred } from './statements.ts'
import { clashNotes, compareAxes, leafTensor, materialise, settleAll, toTensor } from './tensors.ts'
import {
  type Axis,
  axisOf,
  describe,
  describeAxes,
  flatDims,
  numberValue,
  poison,
  type TensorValue,
  type Value,
} from './value.ts'

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
  const fileScope = request.scopes.get(file) ?? { file, items: new Map() }
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
    seqs: seqInfos(context, gathered.result().inputs, gathered.seqs),
    defs: run.defs,
    types: run.types,
  }
}

const declarations: ReadonlySet<Statement['kind']> = new Set(['hyper', 'seq', 'input', 'target', 'labels'])

/** A model in use draws nothing: whatever its outputs are made of is followed down to the draws. */
function refuseDraws(context: Context, roots: readonly Root[]): void {
  const seen = new Set<Def>()
  const visit = (core: Core): void => {
    if (core.kind === 'read' && !seen.has(core.def)) {
      const { body, span } = core.def
      seen.add(core.def)
      if (!isLeaf(body)) visit(body)
      else if (body.kind === 'noise' && span) report(context, graph.drawOutsideTraining, span, {})
    }
    eachChild(core, visit)
  }
  for (const root of roots) visit(root.body)
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

interface Gathered {
  readonly seqs: Map<string, { low: number; high: number | undefined }>
  readonly targets: Map<string, Elaborated['targets'][number]>
  readonly result: () => Pick<Elaborated, 'inputs' | 'targets' | 'hypers' | 'labels'>
}

/** Binds what a model declares. */
function declareModel(
  context: Context,
  statements: readonly Statement[],
  overrides: Readonly<Record<string, string>>,
): Gathered {
  const inputs: ElaboratedInput[] = []
  const targets = new Map<string, Elaborated['targets'][number]>()
  const hypers: Record<string, number> = {}
  const labels: Record<string, readonly string[]> = {}
  const seqs: Gathered['seqs'] = new Map()
  const variables = new Map<string, Def>()
  checkOverrides(context, statements, overrides)
  for (const statement of statements) {
    switch (statement.kind) {
      case 'seq':
        declareSeq(context, statement, seqs)
        break
      case 'labels':
        declare(context, context.scope, statement.name, () => {
          const value = labelsValue(context, statement, overrides[statement.name.name])
          labels[statement.name.name] = value.labels ?? []
          return value
        })
        break
      case 'hyper':
        declare(context, context.scope, statement.name, () => {
          const value = hyperValue(context, statement, overrides[statement.name.name])
          const known = staticNumber(value)
          if (known !== undefined) hypers[statement.name.name] = known
          return value
        })
        break
      case 'input':
      case 'target':
        declare(context, context.scope, statement.name, () => {
          const made = declareInput(context, statement)
          if (!made) return poison
          if (statement.kind === 'input') inputs.push(made.info)
          else targets.set(made.info.name, { ...made.info, classes: made.classes })
          return made.tensor
        })
        break
      case 'predict':
      case 'loss':
      case 'output':
        break
      case 'return':
        break
      default:
        declareStatement(context, statement, undefined, variables)
    }
  }
  return {
    seqs,
    targets,
    result: () => ({ inputs, targets: [...targets.values()], hypers, labels }),
  }
}

function checkOverrides(
  context: Context,
  statements: readonly Statement[],
  overrides: Readonly<Record<string, string>>,
): void {
  const available = statements.flatMap((s) => (s.kind === 'hyper' || s.kind === 'labels' ? [s.name.name] : []))
  for (const name of Object.keys(overrides))
    if (!available.includes(name))
      context.run.report(
        diagnose(names.unknownHyper, undefined, { name, available, suggestion: suggest(name, available) }),
      )
}

function declareSeq(context: Context, statement: Seq, seqs: Gathered['seqs']): void {
  for (const item of statement.names) {
    const name = item.name.name
    declare(context, context.scope, item.name, () => numberValue(seqDim(name)))
    context.run.origins.set(name, { text: 'seq', span: item.name.span })
    const bound = (expr: Expr | undefined): Rational | undefined => {
      if (!expr) return undefined
      const dim = toDim(context, evaluate(context, expr), expr.span, `a bound of \`${name}\``)
      const value = dim && constantOf(dim)
      if (dim && !value)
        report(context, shapes.notStatic, expr.span, { what: `a bound of \`${name}\``, got: formatDim(dim) })
      return value
    }
    const low = bound(item.low)
    const high = bound(item.high)
    if (low && high && compareRational(low, high) > 0)
      report(context, shapes.badBounds, item.span, {
        what: `\`${name}\``,
        low: String(toNumber(low)),
        high: String(toNumber(high)),
      })
    context.run.facts = withBounds(context.run.facts, name, { low: low ?? { n: 0n, d: 1n }, high })
    seqs.set(name, { low: low ? toNumber(low) : 0, high: high && toNumber(high) })
  }
}

export function labelsValue(
  context: Context,
  statement: Labels,
  override: string | undefined,
): ReturnType<typeof numberValue> {
  const values =
    override === undefined ? statement.values.map((v) => v.value) : override.split(',').map((part) => part.trim())
  const repeated = values.find((value, k) => values.indexOf(value) !== k || value === '')
  if (repeated !== undefined) report(context, names.duplicateLabel, statement.span, { label: repeated })
  return numberValue(constantDim(values.length), values)
}

const wanted = { int: 'a whole number', real: 'a number', bool: 'true or false' } as const

/** The number that a text gives, or undefined. */
function overrideValue(text: string): Value | undefined {
  const literal = text === 'true' ? '1' : text === 'false' ? '0' : text
  if (!/^[+-]?\d{1,400}(\.\d{1,400})?([eE][+-]?\d{1,3})?$/.test(literal)) return undefined
  return numberValue(constantDim(parseRational(literal)))
}

/** The value of a hyper: `-D`, else its default; checked against its type and domain. */
function hyperValue(context: Context, statement: Hyper, override: string | undefined): Value {
  const name = statement.name.name
  let checked: Value
  if (override === undefined)
    checked = checkStatic(
      context,
      `\`${name}\``,
      statement.type,
      evaluate(context, statement.default),
      statement.default.span,
    )
  else {
    const value = overrideValue(override.trim())
    if (!value || !isOfType(statement.type, value)) {
      report(context, names.hyperValue, statement.span, { name, value: `"${override}"`, wants: wanted[statement.type] })
      return poison
    }
    checked = value
  }
  const known = staticNumber(checked)
  if (checked.kind !== 'poison' && known === undefined) {
    report(context, shapes.notStatic, statement.default.span, { what: `\`${name}\``, got: describe(checked) })
    return poison
  }
  const limit = (expr: Expr | undefined): number | undefined => {
    if (!expr) return undefined
    const value = evaluate(context, expr)
    const bound = staticNumber(value)
    if (bound === undefined && value.kind !== 'poison')
      report(context, shapes.notStatic, expr.span, { what: `a bound of \`${name}\``, got: describe(value) })
    return bound
  }
  const low = limit(statement.low)
  const high = limit(statement.high)
  if (low !== undefined && high !== undefined && low > high && statement.low) {
    report(context, shapes.badBounds, statement.low.span, { what: `\`${name}\``, low: String(low), high: String(high) })
    return checked
  }
  const outside = (x: number | undefined): boolean =>
    x !== undefined && ((low !== undefined && x < low) || (high !== undefined && x > high))
  const check = (x: number | undefined, span: Span): boolean => {
    if (!outside(x)) return true
    report(context, shapes.outOfDomain, span, { name, value: String(x), low: String(low), high: String(high) })
    return false
  }
  for (const item of statement.grid) {
    const value = checkStatic(context, `the grid of \`${name}\``, statement.type, evaluate(context, item), item.span)
    check(staticNumber(value), item.span)
  }
  return check(known, override === undefined ? statement.default.span : statement.span) ? checked : poison
}

function declareInput(
  context: Context,
  statement: Input | Target,
): { info: ElaboratedInput; tensor: TensorValue; classes: readonly string[] | undefined } | undefined {
  const name = statement.name.name
  const dims: Dim[] = []
  for (const expr of statement.type.dims) {
    const dim = toDim(context, evaluate(context, expr), expr.span, 'a dim')
    if (!dim) return undefined
    for (const length of lengthNames(dim)) {
      const known = context.run.origins.get(length)
      if (known?.text === 'seq')
        context.run.origins.set(length, { text: `${statement.kind} ${name}`, span: statement.span })
    }
    dims.push(dim)
  }
  let below: Dim | undefined
  let classes: readonly string[] | undefined
  if (statement.type.of) {
    const value = evaluate(context, statement.type.of)
    below = toDim(context, value, statement.type.of.span, 'the bound of ids')
    if (!below) return undefined
    if (staticSize(below) === undefined) {
      report(context, shapes.notStatic, statement.type.of.span, { what: 'the bound of ids', got: formatDim(below) })
      return undefined
    }
    classes = value.kind === 'number' ? value.labels : undefined
  }
  const lead = newVars(context.run, BATCH, [batchDim], undefined)
  const { def } = leafTensor(
    context,
    { kind: statement.kind, name },
    { label: name, dims, lead, below, span: statement.name.span },
  )
  const at = context.sample ? [readIndex(context.sample)] : []
  return {
    info: { name, dims, below: below && staticSize(below), span: statement.span },
    classes,
    tensor: {
      kind: 'tensor',
      axes: dims.map(axisOf),
      below,
      at: (indices) => ({ kind: 'read', def, at: [...at, ...indices] }),
    },
  }
}

type Roots = Pick<Elaborated, 'predictions' | 'outputs' | 'losses'>

function evaluateRoots(
  context: Context,
  { model, complete }: ModelRequest,
  statements: readonly Statement[],
  gathered: Gathered,
): Roots {
  const predictions: Elaborated['predictions'][number][] = []
  const outputs: Root[] = []
  const losses: Elaborated['losses'][number][] = []
  const seen = new Map<string, Span>()
  const once = (kind: string, name: string, span: Span): void => {
    const key = `${kind} ${name}`
    const before = seen.get(key)
    if (before) report(context, names.duplicateName, span, { name, first: before })
    seen.set(key, span)
  }
  for (const statement of statements) {
    if (statement.kind !== 'predict' && statement.kind !== 'loss' && statement.kind !== 'output') continue
    const { name, span } = statement.name
    // Predictions and outputs are outputs of one graph.
    once(statement.kind === 'loss' ? 'loss' : 'output', name, span)
    const named: Context = { ...context, naming: { base: `${statement.kind}.${name}`, counts: new Map() } }
    if (statement.kind === 'predict') {
      const root = evaluatePredict(named, statement, gathered)
      if (root) predictions.push(root)
    } else if (statement.kind === 'loss') {
      const root = evaluateLoss(named, statement)
      if (root) losses.push(root)
    } else {
      const root = evaluateOutput(named, statement)
      if (root) outputs.push(root)
    }
  }
  const has = (...kinds: readonly Statement['kind'][]): boolean => statements.some(({ kind }) => kinds.includes(kind))
  if (!complete) return { predictions, outputs, losses }
  if (!has('predict', 'output')) report(context, shapes.nothingToPredict, model.name.span, {})
  if (has('predict') && !has('loss')) report(context, shapes.nothingToTrain, model.name.span, {})
  return { predictions, outputs, losses }
}

function rootOf(context: Context, name: string, tensor: TensorValue, span: Span): Root {
  const bound = materialise(context, tensor, span, name)
  const own = newVars(context.run, 'i', flatDims(tensor.axes), context.sample)
  return {
    name,
    axes: [...(context.sample ? [context.sample] : []), ...own],
    body: context.run.checkOnly ? number(0) : asNumber(bound.at(own.map(readIndex))),
    span,
  }
}

function evaluatePredict(
  context: Context,
  statement: Predict,
  gathered: Gathered,
): Elaborated['predictions'][number] | undefined {
  const name = statement.name.name
  const value = evaluate(context, statement.value)
  const target = gathered.targets.get(name)
  if (!target) {
    const declared = context.scope.bindings.get(name)?.value
    if (declared?.kind !== 'poison')
      report(context, names.unknownTarget, statement.name.span, {
        name,
        suggestion: suggest(name, gathered.targets.keys()),
      })
    return undefined
  }
  const tensor = toTensor(context, value, statement.value.span)
  if (!tensor) return undefined
  const wanted: Axis[] = [...target.dims, ...(target.below === undefined ? [] : [constantDim(target.below)])].map(
    axisOf,
  )
  if (compareAxes(context, wanted, tensor.axes).kind !== 'equal') {
    const what =
      target.below === undefined
        ? describeAxes(wanted)
        : `${describeAxes(wanted)}, a probability for each of ${target.below}`
    report(context, shapes.predictionShape, statement.value.span, {
      target: name,
      wants: what,
      got: describe(tensor),
      notes: clashNotes(context, wanted, tensor.axes),
    })
    return undefined
  }
  const kind = target.below !== undefined ? 'distribution' : target.dims.length > 0 ? 'probabilities' : 'real'
  return { ...rootOf(context, name, tensor, statement.span), kind }
}

function evaluateLoss(context: Context, statement: Loss): Elaborated['losses'][number] | undefined {
  const name = statement.name.name
  let weight = 1
  if (statement.weight) {
    const value = evaluate(context, statement.weight)
    const known = staticNumber(value)
    if (known === undefined) {
      if (value.kind !== 'poison')
        report(context, shapes.notStatic, statement.weight.span, { what: 'the weight of a loss', got: describe(value) })
      return undefined
    }
    weight = known
  }
  const tensor = toTensor(context, evaluate(context, statement.value), statement.value.span)
  if (!tensor) return undefined
  if (tensor.axes.length > 0) {
    const mapped = tensor.axes.find((axis) => axis.mappedBy)
    const ragged = tensor.axes.some((axis) => axis.dims.some(isRagged))
    report(context, shapes.scalarWanted, statement.value.span, {
      what: `the loss \`${name}\``,
      got: describe(tensor),
      notes: clashNotes(context, [], tensor.axes).slice(1),
      help: [
        ragged && mapped
          ? `a pooling may be missing before \`${mapped.mappedBy?.block.name.name}\`: \`… |> MeanPool() |> …\``
          : 'reduce it: `mean[i](…)`',
      ],
    })
    return undefined
  }
  if (weight === 0) return undefined
  const root = rootOf(context, name, tensor, statement.span)
  const perSample = context.sample !== undefined && freeVars(root.body).has(context.sample)
  return { ...root, axes: perSample ? root.axes : [], weight, perSample }
}

function evaluateOutput(context: Context, statement: Output): Root | undefined {
  const tensor = toTensor(context, evaluate(context, statement.value), statement.value.span)
  return tensor && rootOf(context, statement.name.name, tensor, statement.span)
}

/** Which input's lengths tell each ragged length. */
function seqInfos(context: Context, inputs: readonly ElaboratedInput[], seqs: Gathered['seqs']): SeqInfo[] {
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
    infos.push({
      name,
      low: bounds?.low ? toNumber(bounds.low) : low,
      high: bounds?.high ? toNumber(bounds.high) : high,
      sources,
    })
  }
  return infos
}
