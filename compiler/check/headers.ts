/** The header of a block at one use: its static parameters and dims are bound, its arguments and results compared. */
import { shapes } from '../diagnostics/catalogue/shapes.ts'
import { BATCH, type Dim, formatDim, isRagged } from '../shapes/dim.ts'
import { compareDims } from '../shapes/facts.ts'
import type { Block, Span, StaticType, TypeExpr } from '../syntax/ast.ts'
import { namesIn } from '../syntax/names-in.ts'
import type { Given } from './builtins.ts'
import { bindValue, type Context, type Run, report, type Scope, textAt } from './context.ts'
import { type Core, type IndexVar, readIndex, substitute } from './core.ts'
import { evaluate } from './expressions.ts'
import { staticNumber, toDim } from './numbers.ts'
import { returnOf } from './statements.ts'
import { clashNotes, compareAxes, dimOrigin, materialise, poolingHelp, reportCannotTell, toTensor } from './tensors.ts'
import {
  type Axis,
  axisOf,
  describe,
  describeAxes,
  type Instance,
  numberValue,
  poison,
  type TensorValue,
  type Value,
} from './value.ts'

/** `block NAME(…)(x: […]) -> […]` in short. */
export const headerOf = (run: Run, block: Block): string =>
  `${block.name.name}(${block.statics.map((s) => s.name.name).join(', ')})(${block.params.map((p) => textAt(run, p.span)).join(', ')})`

export const startsWithBatch = (type: TypeExpr): boolean => type.dims[0]?.kind === 'name' && type.dims[0].name === BATCH

export function bindStatics(context: Context, inside: Context, header: Scope, instance: Instance, span: Span): void {
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
export function bindDims(
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
export const isBound = (inside: Context, header: Scope, name: string): boolean =>
  name === BATCH ||
  name === 'pi' ||
  header.bindings.has(name) ||
  inside.run.files.get(inside.file)?.items.has(name) === true

export interface Application {
  readonly extra: readonly Axis[]
  readonly extraVars: readonly IndexVar[]
  /** The caller's variables that the batch joined. */
  readonly outer: readonly IndexVar[]
  readonly batch: boolean
  readonly span: Span
}

/** Compares what the body returned with the header, and gives the mapped axes back to the caller. */
export function checkResults(body: Context, instance: Instance, result: Value, how: Application): Value {
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
      help: [],
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
        help: poolingHelp(body, declared, tensor.axes),
      })
      return poison
    }
    const defined = materialise(body, tensor, how.span, block.name.name)
    const hasBatch = how.batch && tensor.axes[0]?.batch === true
    // What was mapped inside a block is not its user's concern.
    const own = (hasBatch ? tensor.axes.slice(1) : tensor.axes).map((axis) => ({ ...axis, mappedBy: undefined }))
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
