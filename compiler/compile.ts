/** The whole pipeline on one screen: text -> syntax tree -> names -> elaborated model -> graphs. */
import type { Program, Signature } from './artefact.ts'
import type { FileScope } from './check/context.ts'
import { type Elaborated, elaborate, type ModelRequest } from './check/model.ts'
import { names } from './diagnostics/catalogue/names.ts'
import { type Diagnostic, diagnose } from './diagnostics/diagnostic.ts'
import { sortDiagnostics } from './diagnostics/sort.ts'
import { suggest } from './diagnostics/suggest.ts'
import type { Graph } from './ir/graph.ts'
import { lengthsRead } from './ir/lengths.ts'
import { leavesOf, lowerModel } from './lower/program.ts'
import { fileScopes } from './names/file-scope.ts'
import { withLibraryHelp } from './names/library.ts'
import { resolveNames } from './names/resolve.ts'
import { loadSources, type Sources } from './source/load.ts'
import { entryKey } from './source/paths.ts'
import type { Model, Variant } from './syntax/ast.ts'

/** Reads a source file by its path; `std/…` is the shipped library. Undefined where there is none. */
export type ReadSource = (path: string) => string | undefined

export interface CompileOptions {
  /** Needed where the file has more than one model. */
  readonly model?: string | undefined
  /** Names of variants, applied in order. */
  readonly variants?: readonly string[]
  /** Values of hypers and labels as text, as `-D name=value` gives them. */
  readonly overrides?: Readonly<Record<string, string>> | undefined
  /** SHA-256 as hex, for the signature; without it the hash is empty. */
  readonly hash?: (text: string) => string
}

/** What is known of a spec before it is lowered. */
export interface Checked {
  readonly sources: Sources
  readonly model: Model | undefined
  readonly variants: readonly Variant[]
  /** Absent where there are errors. */
  readonly inference: Elaborated | undefined
  readonly training: Elaborated | undefined
  readonly diagnostics: readonly Diagnostic[]
  readonly texts: ReadonlyMap<string, string>
}

/** What is known of a whole file. */
export type CheckedAll = Pick<Checked, 'sources' | 'diagnostics' | 'texts'>

export interface Compilation {
  /** Absent where there are errors. */
  readonly program: Program | undefined
  readonly diagnostics: readonly Diagnostic[]
  readonly texts: ReadonlyMap<string, string>
}

const hasErrors = (diagnostics: readonly Diagnostic[]): boolean => diagnostics.some((d) => d.severity === 'error')

/** Each fault once: blocks are checked at every use, training and inference apart. */
const keyOf = (d: Diagnostic): string => {
  const inner = d.labels.at(-1)?.span ?? d.span
  return `${d.code} ${d.message} ${inner?.file} ${inner?.start}`
}

/** The faults in the order of the text, the same one once; those that only variants have say which. */
function distinct(
  base: readonly Diagnostic[],
  byVariant: ReadonlyMap<string, readonly Diagnostic[]> = new Map(),
): Diagnostic[] {
  const found = new Map<string, Diagnostic>()
  for (const d of base) if (!found.has(keyOf(d))) found.set(keyOf(d), d)
  const variantsOf = new Map<string, { readonly first: Diagnostic; readonly variants: Set<string> }>()
  for (const [variant, diagnostics] of byVariant)
    for (const d of diagnostics) {
      const key = keyOf(d)
      if (found.has(key)) continue
      const seen = variantsOf.get(key)
      if (seen) seen.variants.add(variant)
      else variantsOf.set(key, { first: d, variants: new Set([variant]) })
    }
  for (const [key, { first, variants }] of variantsOf) {
    const names_ = [...variants].map((name) => `"${name}"`).join(', ')
    found.set(key, { ...first, notes: [...first.notes, `with the variant${variants.size > 1 ? 's' : ''} ${names_}`] })
  }
  const all = sortDiagnostics([...found.values()])
  // What seems to be used nowhere may be what a mistake stands for; a library of blocks has no model.
  const mistaken = hasErrors(all.filter(({ code }) => code !== names.noModel.code))
  return mistaken ? all.filter(({ code }) => code !== names.unusedName.code) : all
}

/** What is known once the files are read and their names are resolved. */
interface Prepared {
  readonly sources: Sources
  readonly entry: string
  readonly scopes: ReadonlyMap<string, FileScope>
  readonly chosen: { readonly model: Model; readonly variants: readonly Variant[] } | undefined
  readonly diagnostics: Diagnostic[]
}

function prepare(path: string, read: ReadSource, options: CompileOptions): Prepared {
  const sources = loadSources(path, read)
  const entry = entryKey(path)
  const { scopes, diagnostics: clashes } = fileScopes(sources.files, sources.uses)
  const diagnostics = [...sources.diagnostics, ...clashes, ...resolveNames(sources.files, scopes)]
  return { sources, entry, scopes, chosen: chooseModel(sources, entry, options, diagnostics), diagnostics }
}

/** Parses and checks a spec: one model with the variants asked for. Every fault of the files is reported. */
export function check(path: string, read: ReadSource, options: CompileOptions = {}): Checked {
  const prepared = prepare(path, read, options)
  const { sources, chosen, diagnostics } = prepared
  const run = (training: boolean): Elaborated | undefined =>
    chosen && elaborateOne(prepared, chosen, { overrides: options.overrides, training, checkOnly: false }, diagnostics)
  const [inference, training] = [run(false), run(true)]
  const all = withLibraryHelp(distinct(diagnostics), sources.texts, read)
  const fine = !hasErrors(all)
  return {
    sources,
    model: chosen?.model,
    variants: chosen?.variants ?? [],
    inference: fine ? inference : undefined,
    training: fine ? training : undefined,
    diagnostics: all,
    texts: sources.texts,
  }
}

/**
 * Checks every model of a file, bare and with each of its variants alone; or, where a model or variants are asked for,
 * only that. Nothing is built.
 */
export function checkAll(path: string, read: ReadSource, options: CompileOptions = {}): CheckedAll {
  const prepared = prepare(path, read, options)
  const { sources, entry, chosen, diagnostics } = prepared
  const drawn = new Set<string>()
  // Draws may not reach what a model in use gives out: that is told from what is built, where a new draw stands.
  const look = (model: Model, variants: readonly Variant[], into: Diagnostic[]): void => {
    const overrides = chosen?.model === model ? options.overrides : undefined
    const both = { model, variants }
    const { dependsOnTraining, draws } = elaborateOne(
      prepared,
      both,
      { overrides, training: true, checkOnly: true },
      into,
    )
    const isNew = [...draws].some((place) => !drawn.has(place))
    for (const place of draws) drawn.add(place)
    if (dependsOnTraining || isNew)
      elaborateOne(prepared, both, { overrides, training: false, checkOnly: !isNew }, into)
  }
  if (chosen) look(chosen.model, chosen.variants, diagnostics)
  if (options.model !== undefined || (options.variants ?? []).length > 0)
    return {
      sources,
      diagnostics: withLibraryHelp(distinct(diagnostics), sources.texts, read),
      texts: sources.texts,
    }

  const items = sources.files.get(entry)?.items ?? []
  const models = items.filter((item): item is Model => item.kind === 'model')
  if (!chosen) for (const model of models) look(model, [], diagnostics)
  const byVariant = new Map<string, Diagnostic[]>()
  for (const variant of items) {
    if (variant.kind !== 'variant') continue
    const model = models.find((m) => m.name.name === variant.base.name)
    if (!model) {
      const [name, base] = [variant.name.value, variant.base.name]
      const suggestion = suggest(
        base,
        models.map((m) => m.name.name),
      )
      diagnostics.push(diagnose(names.variantBase, variant.base.span, { variant: name, base, suggestion }))
      continue
    }
    const found: Diagnostic[] = []
    look(model, [variant], found)
    const isInside = ({ span }: Diagnostic): boolean =>
      span !== undefined && span.file === entry && span.start >= variant.span.start && span.end <= variant.span.end
    diagnostics.push(...found.filter(isInside))
    byVariant.set(
      variant.name.value,
      found.filter((d) => !isInside(d)),
    )
  }
  const needless = models.length > 1 ? names.severalModels.code : undefined
  const all = distinct(
    diagnostics.filter((d) => d.code !== needless),
    byVariant,
  )
  return { sources, diagnostics: withLibraryHelp(all, sources.texts, read), texts: sources.texts }
}

function elaborateOne(
  { sources, entry, scopes }: Prepared,
  chosen: { readonly model: Model; readonly variants: readonly Variant[] },
  how: Pick<ModelRequest, 'training' | 'checkOnly'> & { readonly overrides: CompileOptions['overrides'] },
  diagnostics: Diagnostic[],
): Elaborated {
  return elaborate({
    ...chosen,
    ...how,
    file: entry,
    scopes,
    overrides: how.overrides ?? {},
    complete: !hasErrors(sources.diagnostics),
    sourceOf: (path) => sources.texts.get(path),
    report: (d) => diagnostics.push(d),
  })
}

/** The model and the variants that were asked for, or reports of why not. */
function chooseModel(
  sources: Sources,
  path: string,
  options: CompileOptions,
  diagnostics: Diagnostic[],
): { model: Model; variants: Variant[] } | undefined {
  const items = sources.files.get(path)?.items ?? []
  const models = items.filter((item) => item.kind === 'model')
  const variants = items.filter((item) => item.kind === 'variant')
  const seen = new Map<string, Variant>()
  for (const variant of variants) {
    const first = seen.get(variant.name.value)
    if (first)
      diagnostics.push(
        diagnose(names.duplicateVariant, variant.name.span, { name: variant.name.value, first: first.name.span }),
      )
    seen.set(variant.name.value, variant)
  }
  const available = models.map((model) => model.name.name)
  const wanted = options.variants ?? []
  const chosenVariants: Variant[] = []
  for (const name of wanted) {
    const variant = seen.get(name)
    if (variant) chosenVariants.push(variant)
    else
      diagnostics.push(
        diagnose(names.unknownVariant, undefined, {
          name,
          available: [...seen.keys()],
          suggestion: suggest(name, seen.keys()),
        }),
      )
  }
  const byVariant = options.model === undefined && models.length > 1 ? chosenVariants[0]?.base.name : undefined
  const name = options.model ?? byVariant
  const model = name === undefined ? models[0] : models.find((m) => m.name.name === name)
  if (!model) {
    // A file that could not be read or parsed has said so already.
    if (!hasErrors(diagnostics) || models.length > 0)
      diagnostics.push(diagnose(names.noModel, undefined, { available, wanted: name }))
    return undefined
  }
  if (name === undefined && models.length > 1) {
    diagnostics.push(diagnose(names.severalModels, model.name.span, { available }))
    return undefined
  }
  return chosenVariants.length === wanted.length ? { model, variants: chosenVariants } : undefined
}

/** Compiles a spec to its graphs. The program is absent where there are errors. */
export function compile(path: string, read: ReadSource, options: CompileOptions = {}): Compilation {
  const checked = check(path, read, options)
  const { inference, training, diagnostics, texts, model } = checked
  if (!inference || !training || !model) return { program: undefined, diagnostics, texts }
  const hash = options.hash?.([...texts.values()].join('\n')) ?? ''
  const used = lowerModel(inference, 'inference')
  const evaluated = leavesOf(inference, 'evaluation')
  let evaluation: Graph | undefined
  const program: Program = {
    signature: signatureOf(
      inference,
      training,
      checked.variants.map((v) => v.name.value),
      hash,
    ),
    inference: used,
    training: lowerModel(training, 'training', new Set([...used.variables.map(({ path }) => path), ...evaluated])),
    evaluation: () => (evaluation ??= lowerModel(inference, 'evaluation')),
  }
  return { program: withLiveInputs(program, evaluated), diagnostics, texts }
}

/**
 * The inputs that no graph reads are gone from the signature: a variant has cut them off. One stays where nothing else tells
 * a length that is read, or the size of the batch.
 */
function withLiveInputs(program: Program, evaluated: readonly string[]): Program {
  const read = new Set(evaluated)
  const lengths = new Set<string>()
  for (const graph of [program.inference, program.training]) {
    for (const node of graph.nodes) if (node.op === 'input') read.add(node.attributes.name)
    for (const name of lengthsRead(graph)) lengths.add(name)
  }
  for (const { name, sources } of program.inference.seqs) {
    const [first] = sources
    if (first && lengths.has(name) && !sources.some(({ input }) => read.has(input))) read.add(first.input)
  }
  const [first] = program.signature.inputs
  if (first && !program.signature.inputs.some(({ name }) => read.has(name))) read.add(first.name)
  const inputs = program.signature.inputs.filter((input) => read.has(input.name))
  const kept = new Set(inputs.map((input) => input.name))
  const seqs = program.inference.seqs.map((seq) => ({
    ...seq,
    sources: seq.sources.filter((source) => kept.has(source.input)),
  }))
  const used = seqs.filter((seq) => seq.sources.length > 0)
  return {
    signature: { ...program.signature, inputs },
    inference: { ...program.inference, seqs: used },
    training: { ...program.training, seqs: used },
    evaluation: () => ({ ...program.evaluation(), seqs: used }),
  }
}

function signatureOf(
  inference: Elaborated,
  training: Elaborated,
  variants: readonly string[],
  specHash: string,
): Signature {
  const lengthsOf = (name: string): string | undefined =>
    inference.seqs.flatMap((seq) => seq.sources).find((source) => source.input === name)?.lengths
  return {
    model: inference.name,
    variants,
    inputs: inference.inputs.map((input) => ({
      name: input.name,
      dtype: input.below === undefined ? 'f32' : 'i64',
      dims: input.dims,
      below: input.below,
      lengths: lengthsOf(input.name),
    })),
    targets: inference.targets.map((target) => ({
      name: target.name,
      dims: target.dims,
      dtype: target.below === undefined ? 'f32' : 'i64',
      below: target.below,
      classes: target.classes,
    })),
    predictions: inference.predictions.map(({ name, kind }) => ({ name, kind })),
    outputs: inference.outputs.map((output) => output.name),
    losses: training.losses.map(({ name, weight }) => ({ name, weight })),
    hypers: inference.hypers,
    labels: inference.labels,
    requires: [...new Map(inference.assumed.map((item) => [item.dims.map((dim) => dim.key).join(), item])).values()],
    bounds: Object.fromEntries(inference.seqs.map((seq) => [seq.name, { low: seq.low, high: seq.high }])),
    specHash,
  }
}
