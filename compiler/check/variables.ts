/** Parameters and states of an instance, and the updates of states. */
import { names } from '../diagnostics/catalogue/names.ts'
import { shapes } from '../diagnostics/catalogue/shapes.ts'
import { suggest } from '../diagnostics/suggest.ts'
import { constantOf, type Dim, formatDim, productDims, staticSize } from '../shapes/dim.ts'
import type { Param, State, Update } from '../syntax/ast.ts'
import { type Context, report, reportPlain } from './context.ts'
import { type Core, type Def, freeVars, substitute } from './core.ts'
import { evaluate } from './expressions.ts'
import { readInitialiser } from './initialisers.ts'
import { toDim } from './numbers.ts'
import { namingFor } from './statements.ts'
import { compareAxes, leafTensor, materialise, toTensor } from './tensors.ts'
import { axisOf, describe, describeAxes, type Instance, poison, type TensorValue, type Value } from './value.ts'

/** `param w: […] = init`, `state m: […] = init`: one per instance, shared by all its uses. */
export function evaluateVariable(
  context: Context,
  statement: Param | State,
  instance: Instance | undefined,
  variables: Map<string, Def>,
): Value {
  const name = statement.name.name
  const dims: Dim[] = []
  for (const expr of statement.type.dims) {
    const dim = toDim(context, evaluate(context, expr), expr.span, 'a dim')
    if (!dim) return poison
    if (staticSize(dim) === undefined) {
      report(context, shapes.variableShape, expr.span, { name, got: formatDim(dim) })
      return poison
    }
    dims.push(dim)
  }
  const size = constantOf(productDims(dims))
  if (size && size.n > 500_000_000n) {
    report(context, shapes.tooLarge, statement.span, { what: `\`${name}\``, limit: '500,000,000 numbers' })
    return poison
  }
  const known = variables.get(name)
  const asTensor = (def: Def): TensorValue => ({
    kind: 'tensor',
    axes: dims.map(axisOf),
    below: undefined,
    at: (indices) => ({ kind: 'read', def, at: indices }),
  })
  if (known) {
    const before = known.axes.map((v) => axisOf(v.dim as Dim))
    if (compareAxes(context, before, dims.map(axisOf)).kind === 'equal') return asTensor(known)
    report(context, shapes.sharedShape, statement.span, {
      name,
      first: describeAxes(before),
      now: describeAxes(dims.map(axisOf)),
      block: instance?.block.name.name ?? 'the model',
    })
    return poison
  }
  const init = readInitialiser(
    context,
    statement.init,
    dims.map((dim) => staticSize(dim) as number),
  )
  if (!init) return poison
  const path = [context.path, name].filter(Boolean).join('.')
  const { def, tensor } = leafTensor(
    context,
    { kind: statement.kind, path, init },
    { label: name, dims, lead: [], span: statement.name.span },
  )
  variables.set(name, def)
  return tensor
}

/** `update m = expr`: m on the right is its value after the updates before. Only training has any. */
export function evaluateUpdate(context: Context, statement: Update): void {
  const { name } = statement.name
  const binding = context.scope.bindings.get(name)
  const state = binding?.value
  const def = state?.kind === 'tensor' ? defOf(state) : undefined
  if (!binding || (state?.kind !== 'poison' && def?.body.kind !== 'state')) {
    reportPlain(context, names.unknownName, statement.name.span, {
      name,
      what: 'state',
      suggestion: suggest(name, context.scope.bindings.keys()),
    })
    return
  }
  if (!def || state?.kind !== 'tensor') return
  const before = context.run.updates.get(def)
  const pending = before
    ? new Map([
        [
          name,
          {
            ...state,
            at: (indices: readonly Core[]) =>
              substitute(before, new Map(def.axes.map((v, k) => [v, indices[k] as Core]))),
          },
        ],
      ])
    : context.pending
  const value = evaluate({ ...context, pending, naming: namingFor(context, name) }, statement.value)
  const tensor = toTensor(context, value, statement.value.span)
  if (!tensor) return
  if (tensor.axes.length > 0 && compareAxes(context, state.axes, tensor.axes).kind !== 'equal') {
    report(context, shapes.updateShape, statement.value.span, { name, wants: describe(state), got: describe(tensor) })
    return
  }
  const full: TensorValue = {
    ...tensor,
    axes: state.axes,
    at: (indices) => tensor.at(tensor.axes.length > 0 ? indices : []),
  }
  const bound = materialise(context, full, statement.span, `${name}'`)
  const probe = bound.at(def.axes.map((of) => ({ kind: 'index', of })))
  for (const v of freeVars(probe))
    if (!def.axes.includes(v)) {
      report(context, shapes.updatePerSample, statement.value.span, { name })
      return
    }
  if (context.training) context.run.updates.set(def, probe)
}

export const defOf = (tensor: TensorValue): Def | undefined => {
  const probe = tensor.at(tensor.axes.map(() => ({ kind: 'number', value: 0 })))
  return probe.kind === 'read' ? probe.def : undefined
}
