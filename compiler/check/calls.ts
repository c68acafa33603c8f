/** Calls: functions, instances of blocks, and the application of an instance to tensors with mapping over extra axes. */
import { names } from '../diagnostics/catalogue/names.ts'
import { shapes } from '../diagnostics/catalogue/shapes.ts'
import { diagnose } from '../diagnostics/diagnostic.ts'
import { suggest } from '../diagnostics/suggest.ts'
import { BATCH, type Dim, formatDim, isRagged } from '../shapes/dim.ts'
import { compareDims } from '../shapes/facts.ts'
import type { Block, CallExpr, Expr, Span, StaticType, TypeExpr } from '../syntax/ast.ts'
import { namesIn } from '../syntax/names-in.ts'
import { builtinNames, callBuiltin, type Given, isBuiltin } from './builtins.ts'
import {
  bindValue,
  type Context,
  childScope,
  fixedSlot,
  lookup,
  newVars,
  noReplacements,
  type Run,
  report,
  reportPlain,
  type Scope,
  textAt,
  visibleNames,
} from './context.ts'
import { type Core, freeVars, type IndexVar, readIndex, substitute } from './core.ts'
import { evaluate } from './expressions.ts'
import { staticNumber, toDim } from './numbers.ts'
import { evaluateBody, returnOf } from './statements.ts'
import { clashNotes, compareAxes, dimOrigin, materialise, reportCannotTell, toTensor } from './tensors.ts'
import {
  type Axis,
  axisOf,
  describe,
  describeAxes,
  flatDims,
  type Instance,
  numberValue,
  poison,
  type StaticArgument,
  type TensorValue,
  type Value,
} from './value.ts'

export { callBuiltin, isBuiltin }

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
      const needs = block.statics.some((p) => !p.default)
      report(context, shapes.tensorInStaticList, arg.span, {
        block: name,
        text: arg.text,
        statics: needs ? '…' : '',
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
      report(context, shapes.mappedAxes, span, { block: name, left: extraFrom, right: describeAxes(mine) })
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

/** `block NAME(…)(x: […]) -> […]` in short. */
const headerOf = (run: Run, block: Block): string =>
  `${block.name.name}(${block.statics.map((s) => s.name.name).join(', ')})(${block.params.map((p) => textAt(run, p.span)).join(', ')})`

const startsWithBatch = (type: TypeExpr): boolean => type.dims[0]?.kind === 'name' && type.dims[0].name === BATCH

function bindStatics(context: Context, inside: Context, header: Scope, instance: Instance, span: Span): void {
  const { block } = instance
  block.statics.forEach((param, k) => {
    const name = param.name.name
    const given = instance.statics.find((arg, at) => (arg.name === undefined ? at === k : arg.name === name))
    if (given) {
      bindValue(header, name, checkStatic(context, `\`${name}\``, param.type, given.value, given.span), param.name.span)
      return
    }
    const fallback = param.default
    if (!fallback) {
      const type = { int: 'a whole number', real: 'a number', bool: 'true or false' }[param.type]
      report(context, shapes.missingStatic, span, { block: block.name.name, name, type })
      bindValue(header, name, poison, param.name.span)
      return
    }
    header.bindings.set(name, {
      state: 'todo',
      value: undefined,
      span: param.name.span,
      evaluate() {
        this.state = 'busy'
        this.value = checkStatic(inside, `\`${name}\``, param.type, evaluate(inside, fallback), fallback.span)
        this.state = 'done'
        return this.value
      },
    })
  })
}

/** Whether a static value is of a declared type; a length is a whole number. */
export function isOfType(type: StaticType, value: Value): boolean {
  const known = staticNumber(value)
  if (known === undefined) return type !== 'bool' && value.kind === 'number' && isRagged(value.dim)
  return type === 'int' ? Number.isInteger(known) : type === 'real' || known === 0 || known === 1
}

/** A static value as its declared type, or a report and poison. */
export function checkStatic(context: Context, what: string, type: StaticType, value: Value, span: Span): Value {
  if (value.kind === 'poison' || isOfType(type, value)) return value
  const wants = { int: 'a whole number', real: 'a number', bool: 'true or false' }[type]
  report(context, shapes.staticType, span, { name: what, wants, got: describe(value) })
  return poison
}

/** Binds the dims of the header and compares every axis; false where something was reported. */
function bindDims(
  inside: Context,
  header: Scope,
  block: Block,
  args: readonly TensorValue[],
  given: readonly Given[],
): boolean {
  const globals = inside.run.files.get(inside.file)?.items
  const visible = (name: string): boolean =>
    block.statics.some((s) => s.name.name === name) ||
    name === BATCH ||
    globals?.get(name)?.item.kind === 'const' ||
    globals?.get(name)?.item.kind === 'labels'
  const boundBy = new Map<string, string>()
  block.params.forEach((param, k) => {
    const arg = args[k] as TensorValue
    param.type.dims.forEach((dim, at) => {
      const axis = arg.axes[at]
      if (dim.kind !== 'name' || !axis || axis.batch || visible(dim.name) || header.bindings.has(dim.name)) return
      bindValue(header, dim.name, numberValue(axis.dims[0] as Dim), dim.span)
      boundBy.set(dim.name, param.name.name)
    })
    const of = param.type.of
    if (of?.kind === 'name' && arg.below && !visible(of.name) && !header.bindings.has(of.name)) {
      bindValue(header, of.name, numberValue(arg.below), of.span)
      boundBy.set(of.name, param.name.name)
    }
  })
  let fine = true
  block.params.forEach((param, k) => {
    const arg = args[k] as TensorValue
    const where = (given[k] as Given).span
    const declared = param.type.dims.map((dim, at): Axis | undefined => {
      const axis = arg.axes[at] as Axis
      if (dim.kind === 'name' && dim.name === BATCH) return axis
      if (namesIn(dim).some(({ name }) => !isBound(inside, header, name))) return undefined
      const value = toDim(inside, evaluate(inside, dim), dim.span, 'a dim')
      return value && axisOf(value)
    })
    if (declared.some((axis) => !axis)) {
      fine = false
      return
    }
    const axes = declared as Axis[]
    const compared = compareAxes(inside, axes, arg.axes)
    if (compared.kind !== 'equal') {
      fine = false
      const outside = { ...inside, uses: inside.uses.slice(0, -1) }
      if (compared.kind === 'unknown') {
        const at = compared.axis
        reportCannotTell(outside, where, (axes[at] as Axis).dims[0] as Dim, (arg.axes[at] as Axis).dims[0] as Dim)
      } else {
        const notes = clashNotes(inside, axes, arg.axes)
        const clash = compared.kind === 'rank' ? undefined : param.type.dims[compared.axis]
        for (const { name } of clash ? namesIn(clash) : []) {
          const value = header.bindings.get(name)?.value
          const by = boundBy.get(name)
          if (value?.kind === 'number' && by !== undefined)
            notes.push(`\`${name}\` is ${dimOrigin(inside, value.dim)}, bound by \`${by}\``)
        }
        const written = textAt(inside.run, param.type.span)
        const here = describeAxes(axes)
        report(outside, shapes.argumentShape, where, {
          block: block.name.name,
          param: param.name.name,
          wants: written === here ? here : `${written}, here ${here}`,
          got: describe(arg),
          declared: param.span,
          notes,
          help: [],
        })
      }
    }
    if (param.type.of) {
      const below = toDim(inside, evaluate(inside, param.type.of), param.type.of.span, 'the bound of ids')
      if (!below) fine = false
      else if (!arg.below || compareDims(below, arg.below, inside.run.facts) !== 'equal') {
        fine = false
        report({ ...inside, uses: inside.uses.slice(0, -1) }, shapes.notIds, where, {
          param: param.name.name,
          below: formatDim(below),
          got: describe(arg),
        })
      }
    }
  })
  // Defaults that nothing asked for are still checked.
  for (const binding of header.bindings.values()) if (binding.state === 'todo') binding.evaluate()
  return fine && [...header.bindings.values()].every((binding) => binding.value?.kind !== 'poison')
}

/** Whether a name of a header means something; one that does not has been reported by the resolver. */
const isBound = (inside: Context, header: Scope, name: string): boolean =>
  name === BATCH ||
  name === 'pi' ||
  header.bindings.has(name) ||
  inside.run.files.get(inside.file)?.items.has(name) === true

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

interface Application {
  readonly extra: readonly Axis[]
  readonly extraVars: readonly IndexVar[]
  /** The caller's variables that the batch joined. */
  readonly outer: readonly IndexVar[]
  readonly batch: boolean
  readonly span: Span
}

/** Compares what the body returned with the header, and gives the mapped axes back to the caller. */
function checkResults(body: Context, instance: Instance, result: Value, how: Application): Value {
  if (result.kind === 'poison') return poison
  const { block } = instance
  const header: Context = { ...body, scope: body.scope.parent ?? body.scope }
  const returned = returnOf(block.body)?.value.span ?? block.name.span
  const items = result.kind === 'tuple' ? result.items : [result]
  if (items.length !== block.results.length) {
    const [first, last] = [block.results[0], block.results.at(-1)]
    report(body, shapes.resultShape, returned, {
      block: block.name.name,
      declared: block.results.length === 1 ? 'one value' : `a tuple of ${block.results.length}`,
      got: describe(result),
      declaredSpan: first && last ? { ...first.span, end: last.span.end } : block.name.span,
      notes: [],
    })
    return poison
  }
  const checked = items.map((item, k): Value => {
    const type = block.results[k] as TypeExpr
    const tensor = toTensor(body, item, returned)
    if (!tensor) return poison
    const declared: Axis[] = []
    for (const dim of type.dims) {
      if (dim.kind === 'name' && dim.name === BATCH && how.batch && body.batch) {
        declared.push({ dims: body.batch, batch: true, mappedBy: undefined })
        continue
      }
      if (namesIn(dim).some(({ name }) => !isBound(header, header.scope, name))) return poison
      const value = toDim(header, evaluate(header, dim), dim.span, 'a dim')
      if (!value) return poison
      declared.push(axisOf(value))
    }
    const compared = compareAxes(body, declared, tensor.axes)
    if (compared.kind === 'unknown') {
      const at = compared.axis
      reportCannotTell(body, type.span, (declared[at] as Axis).dims[0] as Dim, (tensor.axes[at] as Axis).dims[0] as Dim)
      return poison
    }
    if (compared.kind !== 'equal') {
      report(body, shapes.resultShape, returned, {
        block: block.name.name,
        declared: describeAxes(declared),
        got: describe(tensor),
        declaredSpan: type.span,
        notes: clashNotes(body, declared, tensor.axes),
      })
      return poison
    }
    const defined = materialise(body, tensor, how.span, block.name.name)
    const hasBatch = how.batch && tensor.axes[0]?.batch === true
    const own = hasBatch ? tensor.axes.slice(1) : tensor.axes
    const mapped = how.batch && !hasBatch ? [] : how.extra
    const axes = [...mapped.map((axis) => ({ ...axis, mappedBy: axis.mappedBy ?? { block, span: how.span } })), ...own]
    return {
      kind: 'tensor',
      axes,
      below: tensor.below,
      at: (indices) => {
        if (how.batch) return defined.at(hasBatch ? [...how.outer.map(readIndex), ...indices] : indices)
        const count = how.extraVars.length
        const by = new Map(how.extraVars.map((v, at) => [v, indices[at] as Core]))
        return substitute(defined.at(indices.slice(count)), by)
      },
    }
  })
  if (checked.some((value) => value.kind === 'poison')) return poison
  return result.kind === 'tuple' || block.tuple ? { kind: 'tuple', items: checked } : (checked[0] as Value)
}
