/** What leaves a model: predictions, outputs and losses. */
import { names } from '../diagnostics/catalogue/names.ts'
import { shapes } from '../diagnostics/catalogue/shapes.ts'
import { suggest } from '../diagnostics/suggest.ts'
import { constantDim } from '../shapes/dim.ts'
import type { Loss, Output, Predict, Span, Statement } from '../syntax/ast.ts'
import { type Context, newVars, report } from './context.ts'
import { asNumber, freeVars, number, readIndex } from './core.ts'
import type { Gathered } from './declarations.ts'
import { evaluate } from './expressions.ts'
import type { Elaborated, ModelRequest, Root } from './model.ts'
import { staticNumber } from './numbers.ts'
import { clashNotes, compareAxes, materialise, missingPooling, pooledAxes, poolingHelp, toTensor } from './tensors.ts'
import { type Axis, axisOf, describe, describeAxes, flatDims, type TensorValue } from './value.ts'

export type Roots = Pick<Elaborated, 'predictions' | 'outputs' | 'losses'>

export function evaluateRoots(
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

export function rootOf(context: Context, name: string, tensor: TensorValue, span: Span): Root {
  const bound = materialise(context, tensor, span, name)
  const own = newVars(context.run, 'i', flatDims(tensor.axes), context.sample)
  return {
    name,
    axes: [...(context.sample ? [context.sample] : []), ...own],
    body: context.run.checkOnly ? number(0) : asNumber(bound.at(own.map(readIndex))),
    span,
  }
}

export function evaluatePredict(
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
      help: poolingHelp(context, wanted, tensor.axes),
    })
    return undefined
  }
  const kind = target.below !== undefined ? 'distribution' : target.dims.length > 0 ? 'probabilities' : 'real'
  return { ...rootOf(context, name, tensor, statement.span), kind }
}

export function evaluateLoss(context: Context, statement: Loss): Elaborated['losses'][number] | undefined {
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
    const mapped = tensor.axes.some((axis) => axis.mappedBy)
    const ragged = pooledAxes(tensor.axes).length < tensor.axes.length
    report(context, shapes.scalarWanted, statement.value.span, {
      what: `the loss \`${name}\``,
      got: describe(tensor),
      notes: clashNotes(context, [], tensor.axes).slice(1),
      help: [ragged && mapped ? missingPooling(tensor.axes) : 'reduce it: `mean[i](…)`'],
    })
    return undefined
  }
  if (weight === 0) return undefined
  const root = rootOf(context, name, tensor, statement.span)
  const perSample = context.sample !== undefined && freeVars(root.body).has(context.sample)
  return { ...root, axes: perSample ? root.axes : [], weight, perSample }
}

export function evaluateOutput(context: Context, statement: Output): Root | undefined {
  const tensor = toTensor(context, evaluate(context, statement.value), statement.value.span)
  return tensor && rootOf(context, statement.name.name, tensor, statement.span)
}
