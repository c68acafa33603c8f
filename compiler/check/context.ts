/** Where an expression is evaluated: its names, indices, instance path, and the uses that led there. */
import { type Diagnostic, diagnose, type Row } from '../diagnostics/diagnostic.ts'
import { type Dim, isBatch, isRagged } from '../shapes/dim.ts'
import { type Facts, normaliseDim } from '../shapes/facts.ts'
import type { Block, Const, Expr, Labels, Span } from '../syntax/ast.ts'
import type { Core, Def, IndexVar, Leaf } from './core.ts'
import type { Value } from './value.ts'

/** A name's value, found when it is first asked for. */
export interface Binding {
  state: 'todo' | 'busy' | 'done'
  value: Value | undefined
  readonly evaluate: () => Value
  readonly span: Span | undefined
}

export interface Scope {
  readonly parent: Scope | undefined
  readonly bindings: Map<string, Binding>
}

/** The blocks, constants and labels that a file's text can name. */
export interface FileScope {
  readonly file: string
  /** False where a `use` failed: an unknown name may be one that it would have brought in. */
  readonly complete: boolean
  readonly items: ReadonlyMap<string, { readonly item: Block | Const | Labels; readonly file: string }>
}

/** A name that stands for an index: variables are made when its range is first known or it is first used. */
export interface IndexSlot {
  readonly name: string
  readonly span: Span
  vars: IndexVar[] | undefined
  /** True where it runs over a batch axis. */
  batch: boolean
  ranged: { readonly span: Span; readonly stated: boolean } | undefined
  readonly sample: IndexVar | undefined
  /** Where it was first used as a number, which an index of the batch is not. */
  asNumber: Span | undefined
  /** True where an error about its name has been reported. */
  quiet: boolean
}

/** Edits of block names by variants: those for uses right here, and those further inside, by block. */
export interface Replacements {
  readonly here: ReadonlyMap<string, { readonly value: Expr; readonly context: Context; readonly used: () => void }>
  readonly inside: ReadonlyMap<string, Replacements>
}
export const noReplacements: Replacements = { here: new Map(), inside: new Map() }

/** Gives unnamed instances of one statement their names. */
export interface Naming {
  readonly base: string
  readonly counts: Map<string, number>
}

/** A type that `--emit types` shows. */
export interface TypeEntry {
  readonly path: string
  readonly name: string
  readonly type: string
  readonly span: Span
}

/** One elaboration: what it gathers. */
export interface Run {
  /** True where nothing is made but diagnostics: both sides of an `if training` are looked at. */
  readonly checkOnly: boolean
  /** How often `training` was asked for elsewhere than by an `if` of which both sides were looked at. */
  trainingReads: number
  readonly files: ReadonlyMap<string, FileScope>
  facts: Facts
  readonly report: (diagnostic: Diagnostic) => void
  readonly defs: Def[]
  readonly types: TypeEntry[]
  nextId: number
  readonly noiseNames: Map<string, number>
  /** Checks that wait until every index has its range. */
  readonly deferred: (() => void)[]
  /** What each state becomes: the last of its updates. */
  readonly updates: Map<Def, Core>
  /** Where a length's name was declared or bound, for notes. */
  readonly origins: Map<string, { readonly text: string; readonly span: Span }>
  /** The constants of the files' top levels, as they are asked for. */
  readonly globals: Map<Const, Value | 'busy'>
  /** What a `require` states of lengths: a condition, and the dim that it makes 0 in every sample. */
  readonly assumed: { readonly condition: string; readonly dims: readonly Dim[] }[]
  /** How many block applications have run; a spec that explodes is stopped. */
  applications: number
  /** The names whose values are being found, outermost first: what a cycle is made of. */
  readonly pendingNames: string[]
  /** Definitions that wait to be made. */
  readonly unsettled: (() => unknown)[]
  /** The places of draws. */
  readonly draws: Set<string>
  readonly sourceOf: (file: string) => string | undefined
}

/** One application of a block, for errors inside it. */
export interface Use {
  readonly block: Block
  readonly span: Span
}

export interface Context {
  readonly run: Run
  /** What the name `training` stands for. */
  readonly training: boolean
  readonly scope: Scope
  readonly file: string
  readonly indices: ReadonlyMap<string, IndexSlot>
  /** Every index in scope, the sample's first: what a random draw is drawn for. */
  readonly around: readonly IndexSlot[]
  readonly sample: IndexVar | undefined
  /** The dims that `batch` stands for in a block on the whole batch. */
  readonly batch: readonly Dim[] | undefined
  readonly path: string
  readonly naming: Naming
  readonly uses: readonly Use[]
  readonly replacements: Replacements
  /** States at their pending values, inside an `update`. */
  readonly pending: ReadonlyMap<string, Value>
}

/** Reports a fault; inside a block the use comes first, then the line in the block. */
export function report<P>(context: Context, row: Row<P>, span: Span, params: P): void {
  const diagnostic = diagnose(row, span, params)
  const [outer, ...inner] = context.uses
  if (!outer) {
    context.run.report(diagnostic)
    return
  }
  const trail = inner.map((use) => ({ span: use.span, text: `uses \`${use.block.name.name}\`` }))
  context.run.report({
    ...diagnostic,
    span: outer.span,
    caption: `in this use of \`${outer.block.name.name}\``,
    labels: [...trail, { span, text: diagnostic.caption ?? 'here' }, ...diagnostic.labels],
  })
}

/** Reports a fault of the text itself, whatever use led to it. */
export function reportPlain<P>(context: Context, row: Row<P>, span: Span, params: P): void {
  context.run.report(diagnose(row, span, params))
}

/** What was written at a place, on one line. */
export function textAt(run: Run, span: Span): string {
  return (run.sourceOf(span.file) ?? '').slice(span.start, span.end).replace(/\s+/g, ' ')
}

/** The line that a place is on, from 1. */
export const lineAt = (run: Run, span: Span): number => {
  const before = (run.sourceOf(span.file) ?? '').slice(0, span.start)
  return before.split(/\r\n?|\n/).length
}

export const childScope = (parent: Scope | undefined): Scope => ({ parent, bindings: new Map() })

export function lookup(scope: Scope, name: string): Binding | undefined {
  for (let s: Scope | undefined = scope; s; s = s.parent) {
    const found = s.bindings.get(name)
    if (found) return found
  }
  return undefined
}

/** All names that can be seen, for suggestions. */
export function visibleNames(context: Context): string[] {
  const names = new Set<string>(context.indices.keys())
  for (let s: Scope | undefined = context.scope; s; s = s.parent) for (const name of s.bindings.keys()) names.add(name)
  for (const name of context.run.files.get(context.file)?.items.keys() ?? []) names.add(name)
  return [...names]
}

/** Binds a value that is known already. */
export function bindValue(scope: Scope, name: string, value: Value, span?: Span): void {
  scope.bindings.set(name, { state: 'done', value, evaluate: () => value, span })
}

/** A new index variable. A ragged range belongs to `sample`. */
export function newVar(run: Run, name: string, dim: Dim | undefined, sample: IndexVar | undefined): IndexVar {
  const normal = dim && normaliseDim(dim, run.facts)
  return {
    id: run.nextId++,
    name,
    dim: normal,
    sample: normal && !isRagged(normal) ? undefined : sample,
    ranged: undefined,
  }
}

/** Variables for the dims of consecutive axes; the ragged ones belong to the `batch` among them, or to `sample`. */
export function newVars(run: Run, name: string, dims: readonly Dim[], sample: IndexVar | undefined): IndexVar[] {
  let owner = sample
  return dims.map((dim) => {
    const v = newVar(run, name, dim, owner)
    if (isBatch(dim)) owner = v
    return v
  })
}

export function newDef(
  context: Context,
  parts: {
    label?: string | undefined
    axes: readonly IndexVar[]
    below?: Dim | undefined
    body: Core | Leaf
    span: Span | undefined
  },
): Def {
  const def: Def = {
    id: context.run.nextId++,
    label: parts.label,
    scope: context.path,
    span: parts.span,
    axes: parts.axes,
    below: parts.below,
    body: parts.body,
  }
  context.run.defs.push(def)
  return def
}

/** The variables of an index name, made now if it has none yet. */
export function slotVars(run: Run, slot: IndexSlot): IndexVar[] {
  if (!slot.vars) slot.vars = [newVar(run, slot.name, undefined, slot.sample)]
  return slot.vars
}

export const newSlot = (name: string, span: Span, sample: IndexVar | undefined): IndexSlot => ({
  name,
  span,
  vars: undefined,
  batch: false,
  ranged: undefined,
  sample,
  asNumber: undefined,
  quiet: false,
})

/** A slot over known variables. */
export const fixedSlot = (name: string, span: Span, vars: IndexVar[], batch: boolean): IndexSlot => ({
  name,
  span,
  vars,
  batch,
  ranged: { span, stated: true },
  sample: undefined,
  asNumber: undefined,
  quiet: false,
})
