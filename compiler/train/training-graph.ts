/** The joint graph of a training step: forward, derivatives, optimiser and state updates over flat vectors. */
import type { FlatLayout, OptimiserKind, Program, TrainingArtefact } from '../artefact.ts'
import { differentiate } from '../autodiff/differentiate.ts'
import { noInput, noLoss, noParameter, reservedName } from '../diagnostics/catalogue/targets.ts'
import { DiagnosticError, diagnose } from '../diagnostics/diagnostic.ts'
import { emitOnnx, type OnnxOptions, signatureInputs } from '../emit/onnx/emit.ts'
import { type Builder, createBuilder, mapGraph } from '../ir/builder.ts'
import type { Graph, GraphOutput, ValueId, Variable } from '../ir/graph.ts'
import type { InputRole } from '../ops/op.ts'
import { branchless } from '../passes/branchless.ts'
import { centre } from '../passes/centre.ts'
import { foldConstants } from '../passes/fold-constants.ts'
import { layout } from '../passes/layout.ts'
import { padding } from '../passes/padding.ts'
import { type Pass, type PassOptions, runPasses } from '../passes/pass.ts'
import { shifts } from '../passes/shifts.ts'
import { taps } from '../passes/taps.ts'
import { batchDim, constantDim, staticSize } from '../shapes/dim.ts'
import { layoutOf } from './initialise.ts'
import { clipByNorm, optimisers, slotsOf } from './optimisers.ts'

export interface TrainingOptions extends Pick<OnnxOptions, 'opset' | 'metadata' | 'positionOf' | 'producerVersion'> {
  readonly optimiser: OptimiserKind
  /** Where the step will be taken; both take it, but each has its own way to be fast. The CPU unless given. */
  readonly on?: 'cpu' | 'gpu'
  readonly passes?: PassOptions
}

/** A training step before it is written: the ragged joint graph and where each variable lies. */
export interface TrainingGraph {
  readonly graph: Graph
  readonly params: FlatLayout
  readonly states: FlatLayout
  readonly slots: readonly string[]
}

/**
 * The joint graph of a program, with the inputs and outputs that `TrainingArtefact` states; ragged, no masks. Throws a
 * DiagnosticError where the model has no loss, no parameter or no input.
 */
export function buildTrainingGraph(
  program: Program,
  optimiser: OptimiserKind,
  verify: PassOptions = {},
): TrainingGraph {
  const training = runPasses(program.training, forwardPasses, verify)
  const total = training.outputs.find((output) => output.role === 'total')
  if (!total) throw new DiagnosticError([diagnose(noLoss, undefined, { model: program.signature.model })])
  if (program.signature.inputs.length === 0)
    throw new DiagnosticError([diagnose(noInput, undefined, { model: program.signature.model })])
  const { params, states } = layoutsOf(program)
  if (params.size === 0)
    throw new DiagnosticError([diagnose(noParameter, undefined, { model: program.signature.model })])
  const slots = slotsOf(optimiser)
  checkNames(program, ['params', 'states', ...slots, ...scalars, ...vectors])

  const b = createBuilder(training)
  const inputs = new Map<string, ValueId>()
  for (const node of training.nodes) if (node.op === 'input') inputs.set(node.attributes.name, node.id)
  const loss = batchMean(b, total.value)
  const trained = params.entries.flatMap(({ variable }) => inputs.get(variable.path) ?? [])
  const gradients = new Map(differentiate(b, loss, trained).map((gradient, i) => [trained[i], gradient]))

  const here = b.in({ scope: 'optimiser' })
  const vector = constantDim(params.size)
  const flat = (name: string): ValueId => here.input(name, 'optimiser', { dtype: 'f32', dims: [vector] })
  const scalar = (name: string): ValueId => here.input(name, 'optimiser', { dtype: 'f32', dims: [] })
  const gradient = here.concat(
    params.entries.map(({ variable }) => {
      const size = constantDim(sizeOf(variable))
      const own = gradients.get(inputs.get(variable.path))
      const named = here.in({ scope: 'gradient', label: variable.path })
      return own === undefined ? named.constant(0, { dtype: 'f32', dims: [size] }) : named.reshape(own, [size])
    }),
    0,
  )
  const scale = flat('learning_rate_scale')
  // A frozen parameter's gradient counts for nothing, as torch has it where no gradient is required.
  const free = here.cast(here.less(here.constant(0), scale), 'f32')
  const clipped = clipByNorm(here, here.mul(gradient, free), scalar('clip_norm'))
  const next = optimisers[optimiser](here, {
    params: flat('params'),
    gradient: clipped.gradient,
    slots: Object.fromEntries(slots.map((slot) => [slot, flat(slot)])),
    step: scalar('step'),
    rate: here.mul(scalar('learning_rate'), scale),
    decay: flat('weight_decay'),
  })

  const updates = new Map(training.outputs.filter((o) => o.role === 'update').map((o) => [o.name, o.value]))
  const nextStates = states.entries.map(({ variable }) => {
    const value =
      updates.get(variable.path) ?? inputs.get(variable.path) ?? here.input(variable.path, 'state', typeOf(variable))
    return here.reshape(value, [constantDim(sizeOf(variable))])
  })
  const outputs: GraphOutput[] = [
    { name: 'next.params', role: 'optimiser', value: next.params },
    ...(nextStates.length === 0
      ? []
      : [{ name: 'next.states', role: 'optimiser', value: here.concat(nextStates, 0) } as const]),
    ...slots.map((slot) => ({ name: `next.${slot}`, role: 'optimiser', value: next.slots[slot] as ValueId }) as const),
    { name: 'loss', role: 'total', value: loss },
    ...training.outputs.flatMap((output): GraphOutput[] => {
      if (output.role === 'loss') return [{ ...output, name: `loss.${output.name}`, value: batchMean(b, output.value) }]
      return output.role === 'prediction' ? [{ ...output, name: `predict.${output.name}` }] : []
    }),
    { name: 'gradient_norm', role: 'optimiser', value: clipped.norm },
  ]
  const joint = b.finish({ outputs, variables: allVariables(program) })
  return { graph: readFromFlat(joint, params, states), params, states, slots }
}

const sizeOf = (variable: Variable): number => variable.shape.reduce((a, b) => a * b, 1)
const typeOf = (variable: Variable) =>
  ({ dtype: 'f32', dims: variable.shape.map((size) => constantDim(size)) }) as const

const scalars = ['step', 'learning_rate', 'clip_norm']
const vectors = ['learning_rate_scale', 'weight_decay']

/** Throws a DiagnosticError where an input of the model has the name of one of the step's own. */
function checkNames({ training }: Program, reserved: readonly string[]): void {
  const clashes = training.nodes.flatMap((node) =>
    node.op === 'input' && isGiven(node.attributes.role) && reserved.includes(node.attributes.name)
      ? [diagnose(reservedName, node.span, { name: node.attributes.name, use: 'an input of the training step' })]
      : [],
  )
  if (clashes.length > 0) throw new DiagnosticError(clashes)
}

const isGiven = (role: InputRole): boolean => role === 'data' || role === 'target' || role === 'noise'

/** Where each variable of a program lies in the flat vectors. */
export function layoutsOf(program: Program): { readonly params: FlatLayout; readonly states: FlatLayout } {
  const variables = allVariables(program)
  const layout = (role: Variable['role']): FlatLayout =>
    layoutOf(variables.filter((variable) => variable.role === role))
  return { params: layout('param'), states: layout('state') }
}

/** The variables of every graph; those that only a model in use reads come last. */
function allVariables({ training, inference, evaluation }: Program): Variable[] {
  const seen = new Map<string, Variable>()
  for (const variable of [...training.variables, ...inference.variables, ...evaluation().variables]) {
    if (!seen.has(variable.path)) seen.set(variable.path, variable)
  }
  return [...seen.values()]
}

/** The mean over the batch of what is one number a sample; a number for the whole batch stays as it is. */
function batchMean(b: Builder, value: ValueId): ValueId {
  if (b.dimsOf(value).length === 0) return value
  return b.div(b.sum(value, [0]), b.length(batchDim))
}

/** The graph with each variable's input read out of the flat vectors `params` and `states`. */
export function readFromFlat(graph: Graph, params: FlatLayout, states: FlatLayout): Graph {
  const places = new Map<string, { flat: string; size: number; offset: number }>()
  for (const [flat, layout] of [
    ['params', params],
    ['states', states],
  ] as const) {
    for (const { variable, offset } of layout.entries) places.set(variable.path, { flat, size: layout.size, offset })
  }
  return mapGraph(graph, (node, _, b) => {
    if (node.op !== 'input' || (node.attributes.role !== 'param' && node.attributes.role !== 'state')) return undefined
    const place = places.get(node.attributes.name)
    if (!place) return undefined
    const size = node.type.dims.reduce((n, dim) => n * (staticSize(dim) ?? 0), 1)
    const whole = b.input(place.flat, 'optimiser', { dtype: 'f32', dims: [constantDim(place.size)] })
    const part = b.window(whole, { axis: 0, offset: constantDim(place.offset), dim: constantDim(size) })
    return b.reshape(part, node.type.dims)
  })
}

/** Writes a program's training step as one ONNX graph. Throws a DiagnosticError where the model has no loss. */
export function emitTraining(program: Program, options: TrainingOptions): TrainingArtefact {
  const { graph, params, states, slots } = buildTrainingGraph(program, options.optimiser)
  const noise = graph.nodes.flatMap((node) =>
    node.op === 'input' && node.attributes.role === 'noise'
      ? [{ name: node.attributes.name, dims: node.type.dims }]
      : [],
  )
  const { optimiser, passes, on = 'cpu', ...rest } = options
  const { signature } = program
  const batched = signature.targets.map(({ name, dtype, dims }) => ({ name, dtype, dims: [batchDim, ...dims] }))
  const inputs = [...signatureInputs(signature), ...batched]
  const padded = runPasses(graph, trainingPasses, passes)
  return { onnx: emitOnnx(padded, { ...rest, inputs, onnxRuntime: on }), params, states, slots, noise, optimiser }
}

/** What the forward graph goes through before it is differentiated. */
export const forwardPasses: readonly Pass[] = [centre, layout]

/** From the joint graph to one that can be emitted; our own loader fills padding with zeros. */
export const trainingPasses: readonly Pass[] = [
  branchless,
  shifts,
  taps,
  layout,
  padding({ inputs: 'zero' }),
  foldConstants(),
]
