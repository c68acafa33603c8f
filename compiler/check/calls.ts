/** Calls: functions, instances of blocks, and the application of an instance to tensors with mapping over extra axes. */
import { names } from '../diagnostics/catalogue/names.ts'
import { shapes } from '../diagnostics/catalogue/shapes.ts'
import { diagnose } from '../diagnostics/diagnostic.ts'
import { suggest } from '../diagnostics/suggest.ts'
import type { Dim } from '../shapes/dim.ts'
import type { Block, CallExpr, Expr, Span } from '../syntax/ast.ts'
import { builtinNames, callBuiltin, type Given, isBuiltin } from './builtins.ts'
import {
  bindValue,
  type Context,
  childScope,
  fixedSlot,
  lookup,
  newVars,
  noReplacements,
  report,
  reportPlain,
  type Scope,
  textAt,
  visibleNames,
} from './context.ts'
import { type Core, freeVars, type IndexVar, readIndex, substitute } from './core.ts'
import { evaluate } from './expressions.ts'
import { bindDims, bindStatics, checkResults, headerOf, startsWithBatch } from './headers.ts'
import { evaluateBody } from './statements.ts'
import { compareAxes, materialise, poolBoth, pooledAxes, toTensor } from './tensors.ts'
import {
  type Axis,
  describe,
  describeAxes,
  flatDims,
  type Instance,
  poison,
  type StaticArgument,
  type TensorValue,
  type Value,
} from './value.ts'

/** A spec whose blocks multiply beyond this many applications is stopped. */
const MAX_APPLICATIONS = 20_000
const MAX_NESTING = 64

/** Counts one more use of a block or round of a `repeat`; false, and reported once, where there are too many. */
export function spend({ run, uses }: Context, span: Span): boolean {
  const tooMany = ++run.applications > MAX_APPLICATIONS
  const first = run.applications === MAX_APPLICATIONS + 1
  if (!tooMany && uses.length <= MAX_NESTING) return true
  if (first || !tooMany) {
    const [what, limit] = tooMany
      ? ['the number of uses of blocks', MAX_APPLICATIONS]
      : ['the nesting of blocks in blocks', MAX_NESTING]
    run.report(diagnose(shapes.tooLarge, uses[0]?.span ?? span, { what, limit: `${limit}` }))
  }
  return false
}

export function evaluateCall(context: Context, expr: CallExpr): Value {
  const { callee } = expr
  if (callee.kind === 'name' && !context.indices.has(callee.name) && !lookup(context.scope, callee.name)) {
    const found = context.run.files.get(context.file)?.items.get(callee.name)
    if (found?.item.kind === 'block') {
      const statics: StaticArgument[] = expr.args.map((arg) => ({
        name: arg.name?.name,
        value: evaluate(context, arg.value),
        span: arg.span,
        text: textAt(context.run, arg.value.span),
      }))
      const instance = instantiate(context, found.item, found.file, statics, expr.span)
      return instance ? { kind: 'instance', instance } : poison
    }
    if (!found && isBuiltin(callee.name)) {
      if (namedArguments(context, callee.name, expr)) return poison
      return callBuiltin(context, callee.name, evaluateAll(context, expr), expr.span)
    }
    if (!found) {
      evaluateAll(context, expr)
      if (context.run.files.get(context.file)?.complete === false) return poison
      reportPlain(context, names.unknownName, callee.span, {
        name: callee.name,
        what: 'block or function',
        suggestion: suggest(callee.name, [...visibleNames(context), ...builtinNames]),
      })
      return poison
    }
  }
  const value = evaluate(context, callee)
  const args = evaluateAll(context, expr)
  if (value.kind === 'poison') return poison
  if (value.kind !== 'instance') {
    report(context, shapes.notABlock, callee.span, { got: describe(value) })
    return poison
  }
  if (namedArguments(context, value.instance.block.name.name, expr)) return poison
  return applyInstance(context, value.instance, args, expr.span)
}

/** Whether arguments are named that cannot be; they are reported. */
function namedArguments(context: Context, callee: string, expr: CallExpr): boolean {
  const named = expr.args.filter((arg) => arg.name)
  for (const { name } of named) if (name) report(context, shapes.namedArgument, name.span, { callee })
  return named.length > 0
}

/** The arguments, a tuple spread out. */
function evaluateAll(context: Context, expr: CallExpr): Given[] {
  return expr.args.flatMap((arg): Given[] => {
    const value = evaluate(context, arg.value)
    return value.kind === 'tuple'
      ? value.items.map((item) => ({ value: item, span: arg.value.span }))
      : [{ value, span: arg.value.span }]
  })
}

/** An instance of a block with its static arguments checked by name and count; its path follows its statement. */
export function instantiate(
  context: Context,
  block: Block,
  file: string,
  statics: readonly StaticArgument[],
  span: Span,
): Instance | undefined {
  const name = block.name.name
  let failed = false
  const seen = new Set<string>()
  for (const [k, arg] of statics.entries()) {
    const param = arg.name === undefined ? block.statics[k] : block.statics.find((p) => p.name.name === arg.name)
    if (arg.value.kind === 'poison') failed = true
    else if (arg.value.kind === 'tensor' || arg.value.kind === 'tuple') {
      // A length inside `sqrt` and the like is a scalar tensor: it is no static number either.
      report(context, shapes.tensorInStaticList, arg.span, {
        block: name,
        ...twoLists(block, statics),
        got: describe(arg.value),
      })
      return undefined
    }
    if (arg.value.kind === 'instance') {
      report(context, shapes.notStatic, arg.span, {
        what: `a static parameter of \`${name}\``,
        got: describe(arg.value),
      })
      failed = true
    }
    if (!param) {
      failed = true
      const available = block.statics.map((p) => p.name.name)
      if (arg.name === undefined)
        report(context, shapes.argumentCount, arg.span, {
          callee: name,
          wants: `${available.length} static argument${available.length === 1 ? '' : 's'}`,
          got: statics.length,
          help: available.length
            ? [`they are: ${available.join(', ')}`]
            : [`tensors go into a second list: \`${name}()(…)\``],
        })
      else
        report(context, shapes.unknownStatic, arg.span, {
          block: name,
          name: arg.name,
          available,
          suggestion: suggest(arg.name, available),
        })
    } else if (seen.has(param.name.name)) {
      report(context, names.duplicateName, arg.span, { name: param.name.name, first: undefined })
      failed = true
    } else seen.add(param.name.name)
  }
  if (failed) return undefined
  const edit = context.replacements.here.get(name)
  edit?.used()
  const shown = edit ? (blockNameOf(edit.value) ?? name) : name
  const { base, counts } = context.naming
  const lower = shown.toLowerCase()
  const count = (counts.get(lower) ?? 0) + 1
  counts.set(lower, count)
  return {
    block,
    file,
    path: [base, count === 1 ? lower : `${lower}${count}`].filter(Boolean).join('.'),
    statics,
    span,
    edit: edit && { value: edit.value, context: edit.context },
    inner: context.replacements.inside.get(name) ?? noReplacements,
    resolved: undefined,
    variables: new Map(),
  }
}

/** What was given in one list, as the two lists that were meant. */
function twoLists(block: Block, given: readonly StaticArgument[]): { tensors: string[]; statics: string } {
  const isTensor = ({ value }: StaticArgument): boolean => value.kind === 'tensor' || value.kind === 'tuple'
  const fitsSecond = given.length === block.params.length && given.every(({ name }) => name === undefined)
  const first = fitsSecond ? [] : given.filter((arg) => !isTensor(arg))
  const named = new Set(first.map(({ name }) => name))
  const positional = first.filter(({ name }) => name === undefined).length
  const lacks = block.statics.slice(positional).some((p) => !p.default && !named.has(p.name.name))
  const texts = first.map(({ name, text }) => (name === undefined ? text : `${name} = ${text}`))
  return {
    tensors: given.filter((arg) => !first.includes(arg)).map(({ text }) => text),
    statics: [...texts, ...(lacks ? ['…'] : [])].join(', '),
  }
}

const blockNameOf = (expr: Expr): string | undefined =>
  expr.kind === 'name' ? expr.name : expr.kind === 'call' ? blockNameOf(expr.callee) : undefined

/** The result of an instance on tensors. Extra leading axes of the arguments are mapped over, parameters shared. */
export function applyInstance(context: Context, instance: Instance, given: readonly Given[], span: Span): Value {
  const { block } = instance
  const name = block.name.name
  const { run } = context
  if (given.some(({ value }) => value.kind === 'poison')) return poison
  if (!spend(context, span)) return poison
  const again = context.uses.findIndex((use) => use.block === block)
  if (again >= 0) {
    const trail = context.uses.slice(again).map((use) => use.block.name.name)
    reportPlain(context, names.recursiveBlock, span, { names: [...trail, name] })
    return poison
  }
  if (given.length !== block.params.length) {
    report(context, shapes.argumentCount, span, {
      callee: name,
      wants: `${block.params.length} tensor${block.params.length === 1 ? '' : 's'}`,
      got: given.length,
      help: [`it is \`${headerOf(run, block)}\``],
    })
    return poison
  }
  const tensors: TensorValue[] = []
  for (const { value, span: where } of given) {
    const tensor = toTensor(context, value, where)
    if (!tensor) return poison
    tensors.push(tensor)
  }
  const wholeBatch = block.params.some((param) => startsWithBatch(param.type))
  if (wholeBatch && !block.params.every((param) => startsWithBatch(param.type))) {
    reportPlain(context, shapes.mixedBatch, block.name.span, { block: name })
    return poison
  }

  // Extra leading axes.
  let extra: readonly Axis[] = []
  let extraFrom: string | undefined
  for (let k = 0; k < tensors.length; k++) {
    const tensor = tensors[k] as TensorValue
    const param = block.params[k] as Block['params'][number]
    const want = param.type.dims.length - (wholeBatch ? 1 : 0)
    const more = tensor.axes.length - want
    if (more < 0) {
      report(context, shapes.argumentShape, (given[k] as Given).span, {
        block: name,
        param: param.name.name,
        wants: textAt(run, param.type.span),
        got: describe(tensor),
        declared: param.span,
        notes: [`it needs ${want} axes or more, and has ${tensor.axes.length}`],
        help: [],
      })
      return poison
    }
    if (more === 0) continue
    const mine = tensor.axes.slice(0, more)
    if (extraFrom === undefined) {
      extra = mine
      extraFrom = describeAxes(mine)
    } else if (compareAxes(context, extra, mine).kind !== 'equal') {
      const help = [extra, mine].every((axes) => pooledAxes(axes).length < axes.length) ? [poolBoth] : []
      report(context, shapes.mappedAxes, span, { block: name, left: extraFrom, right: describeAxes(mine), help })
      return poison
    }
  }
  const extraVars = newVars(run, 'u', flatDims(extra), context.sample)
  const extraAt = extraVars.map(readIndex)
  const sources = tensors.map((tensor, k) => materialise(context, tensor, (given[k] as Given).span))
  const isMapped = (k: number): boolean =>
    (tensors[k] as TensorValue).axes.length >
    (block.params[k] as Block['params'][number]).type.dims.length - (wholeBatch ? 1 : 0)

  // What the parameters see: their own axes, at the mapped variables.
  let args: TensorValue[] = sources.map((source, k) => {
    const lead = isMapped(k) ? extraAt : []
    return {
      ...source,
      axes: isMapped(k) ? source.axes.slice(extra.length) : source.axes,
      at: (indices: readonly Core[]) => source.at([...lead, ...indices]),
    }
  })
  let outer: IndexVar[] = []
  if (wholeBatch) {
    // The batch is every index in scope that an argument depends on, and the mapped axes.
    const used = new Set<IndexVar>()
    if (context.sample) used.add(context.sample)
    for (const source of context.around.length > 1 ? sources : []) {
      const probe = newVars(run, 'i', flatDims(source.axes), context.sample)
      for (const v of freeVars(source.at(probe.map(readIndex)))) if (!probe.includes(v)) used.add(v)
    }
    outer = [...used].sort((a, b) => a.id - b.id)
    if (context.sample) outer = [context.sample, ...outer.filter((v) => v !== context.sample)]
    const group = [...outer, ...extraVars]
    const dims = group.map((v) => v.dim as Dim)
    args = args.map((arg) => ({
      ...arg,
      axes: [{ dims, batch: true, mappedBy: undefined }, ...arg.axes],
      at: (indices: readonly Core[]) => {
        const by = new Map(group.map((v, k) => [v, indices[k] as Core]))
        return substitute(arg.at(indices.slice(group.length)), by)
      },
    }))
  }
  const batch = wholeBatch ? [...outer, ...extraVars].map((v) => v.dim as Dim) : undefined
  const groupSample = extra.some((axis) => axis.batch) ? extraVars[0] : undefined

  // The header: dims are bound by the arguments, statics by the use, defaults in the header's own scope.
  const header = childScope(undefined)
  const inside: Context = {
    run,
    training: context.training,
    scope: header,
    file: instance.file,
    indices: new Map(),
    around: wholeBatch ? [] : [...context.around, ...extraVars.map((v) => fixedSlot(v.name, span, [v], false))],
    sample: wholeBatch ? undefined : (groupSample ?? context.sample),
    batch: batch ?? context.batch,
    path: instance.path,
    naming: { base: instance.path, counts: new Map() },
    uses: [...context.uses, { block, span }],
    replacements: instance.inner,
    pending: new Map(),
  }
  bindStatics(context, inside, header, instance, span)
  if (!bindDims(inside, header, block, args, given)) return poison

  if (instance.edit) {
    const replaced = resolveEdit(inside, header, instance)
    return replaced ? applyInstance(context, replaced, given, span) : poison
  }
  block.params.forEach((param, k) => {
    bindValue(header, param.name.name, args[k] as TensorValue, param.name.span)
  })
  const body: Context = { ...inside, scope: childScope(header) }
  const result = evaluateBody(body, block.body, instance)
  return checkResults(body, instance, result, { extra, extraVars, outer, batch: wholeBatch, span })
}

/** The instance that a variant puts in a block's place; the old block's static parameters stand for their values. */
function resolveEdit(inside: Context, header: Scope, instance: Instance): Instance | undefined {
  if (instance.resolved) return instance.resolved
  const edit = instance.edit as NonNullable<Instance['edit']>
  const scope: Scope = { parent: edit.context.scope, bindings: header.bindings }
  const value = evaluate(
    {
      ...edit.context,
      scope,
      uses: inside.uses.slice(0, -1),
      replacements: { here: new Map(), inside: new Map() },
      naming: { base: '', counts: new Map() },
    },
    edit.value,
  )
  if (value.kind !== 'instance') {
    const wants = `a block in the place of \`${instance.block.name.name}\``
    if (value.kind !== 'poison') reportPlain(inside, shapes.notAValue, edit.value.span, { got: describe(value), wants })
    return undefined
  }
  value.instance.path = instance.path
  instance.resolved = value.instance
  return value.instance
}
