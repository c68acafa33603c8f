/** A compiled model as an ES module for `@tensorflow/tfjs-core`: forward pass, losses and a training step, written out. */
import type { FlatLayout, OptimiserKind, Program, TrainingLayout } from '../../artefact.ts'
import { lossCalledTotal } from '../../diagnostics/catalogue/targets.ts'
import { DiagnosticError, diagnose } from '../../diagnostics/diagnostic.ts'
import type { Graph } from '../../ir/graph.ts'
import { branchless } from '../../passes/branchless.ts'
import { foldConstants } from '../../passes/fold-constants.ts'
import { layout } from '../../passes/layout.ts'
import { padding } from '../../passes/padding.ts'
import { type Pass, type PassOptions, runPasses } from '../../passes/pass.ts'
import { batchDim } from '../../shapes/dim.ts'
import { buildTrainingGraph, readFromFlat } from '../../train/training-graph.ts'
import { createConstants } from './constants.ts'
import { declareModule } from './declarations.ts'
import { type FunctionParts, objectOf, type WrittenFunction, writeFunction } from './function.ts'
import { findHighRanks } from './legal.ts'
import type { Result } from './listing.ts'
import { peakOf } from './memory.ts'
import type { PrintOptions } from './print.ts'
import { type SupportName, support } from './support.ts'
import { comment, quote } from './text.ts'

export interface TfjsOptions extends PrintOptions {
  readonly optimiser: OptimiserKind
  readonly passes?: PassOptions
  /** Of mcfnc, for the module's first line. */
  readonly producerVersion?: string
}

/** The functions of a module that compute. */
export type FunctionName = 'forward' | 'loss' | 'trainStep'

/** A module, and what the runtime must know of it. */
export interface TfjsModule extends TrainingLayout {
  /** JavaScript. */
  readonly text: string
  /** TypeScript's declarations of it. */
  readonly declarations: string
  /**
   * The most bytes of tensors that a call makes and has alive at once, as `tf.memory().numBytes` counts them: beside the
   * state, and the batch that the caller gives.
   */
  readonly peakBytes: (name: FunctionName, sizeOf: (seq: string) => number) => number
}

/** From a ragged graph to one that can be written; callers pad with anything. */
export const tfjsPasses: readonly Pass[] = [branchless, layout, padding({ inputs: 'any' }), foldConstants()]

/** Throws a DiagnosticError where the model has no loss, parameter or input, or what a module cannot hold. */
export function emitTfjs(program: Program, options: TfjsOptions): TfjsModule {
  const { signature } = program
  if (signature.losses.some(({ name }) => name === 'total'))
    throw new DiagnosticError([diagnose(lossCalledTotal, undefined, {})])
  const { graph, params, states, slots } = buildTrainingGraph(program, options.optimiser)
  const ready = (ragged: Graph): Graph => runPasses(ragged, tfjsPasses, options.passes)
  const fromFlat = (ragged: Graph): Graph => ready(readFromFlat(ragged, params, states))
  const constants = createConstants()
  const facts = {
    inputs: signature.inputs.map(({ name, dims }) => ({ name, dims: [batchDim, ...dims] })),
    requires: signature.requires,
  }
  const write = (parts: Omit<FunctionParts, 'facts'>): WrittenFunction =>
    writeFunction({ ...parts, facts }, constants, options)
  const vectors = ['params', ...(states.size > 0 ? ['states'] : []), ...slots]
  const refOf =
    (results: readonly Result[]) =>
    (name: string): string =>
      results.find((result) => result.name === name)?.ref.name ?? ''
  const named = (results: readonly Result[], role: Result['role'], prefix = ''): (readonly [string, string])[] =>
    results.filter((result) => result.role === role).map(({ name, ref }) => [name.slice(prefix.length), ref.name])

  const functions: Readonly<Record<FunctionName, WrittenFunction>> = {
    forward: write({
      name: 'forward',
      doc: [
        "The predictions and outputs of the model in use (training = false). They are the caller's, to dispose of.",
      ],
      graph: fromFlat(program.inference),
      end: (results) => [`return ${objectOf([...named(results, 'prediction'), ...named(results, 'output')])}`],
    }),
    loss: write({
      name: 'loss',
      doc: [
        'The losses of a batch by the model in use (training = false): `total` is their weighted sum, the others are means over',
        "the batch. They are the caller's, to dispose of.",
      ],
      graph: fromFlat(program.evaluation()),
      end: (results) => [`return ${objectOf([['total', refOf(results)('total')], ...named(results, 'loss')])}`],
    }),
    trainStep: write({
      name: 'trainStep',
      doc: [
        `One step of ${titles[options.optimiser]} (training = true); the state changes in place.`,
        '',
        "What it returns is of the model before the step, and the caller's, to dispose of: `tf.dispose(result)`.",
      ],
      graph: ready(graph),
      options: '{ learningRate, learningRateScale = 1, weightDecay = 0, clipNorm = Infinity, seed = 0 } = {}',
      end: (results) => {
        const ref = refOf(results)
        const next = objectOf(vectors.map((name) => [name, ref(`next.${name}`)]))
        const parts: [string, string][] = [
          ['loss', ref('loss')],
          ['losses', objectOf(named(results, 'loss', 'loss.'))],
          ['gradientNorm', ref('gradient_norm')],
          ['predictions', objectOf(named(results, 'prediction', 'predict.'))],
        ]
        return [`replace(tf, state, ${next})`, 'state.step += 1', `return ${objectOf(parts)}`]
      },
    }),
  }

  const problems = findHighRanks(Object.values(functions).flatMap(({ listing }) => listing.statements))
  if (problems.length > 0) throw new DiagnosticError(problems)
  const calls = new Set<SupportName>(['checkState', 'readSafetensors', 'writeSafetensors', 'flatten', 'unflatten'])
  for (const { listing } of Object.values(functions)) {
    for (const name of listing.calls) calls.add(name)
    if (listing.done.some((names) => names.length > 0)) calls.add('free')
  }
  calls.add('replace')
  const noise = graph.nodes.flatMap((node) =>
    node.op === 'input' && node.attributes.role === 'noise'
      ? [{ name: node.attributes.name, dims: node.type.dims }]
      : [],
  )
  const title = comment([signature.model, ...signature.variants].join(' + '))
  const text = [
    `// ${title}, compiled by mcfnc${options.producerVersion ? ` ${options.producerVersion}` : ''}. Change the spec, not this file.`,
    '// It needs @tensorflow/tfjs-core alone, which `load` is given, on any backend.',
    ...(signature.specHash ? [`// Spec: SHA-256 ${signature.specHash}`] : []),
    '',
    `/** Where each ${states.size > 0 ? 'parameter and state' : 'parameter'} lies in the vectors of the state. */`,
    ...printLayout('paramsLayout', params),
    ...printLayout('statesLayout', states),
    '',
    '/** The numbers of the model, made once for a state. */',
    'const constants = (tf) => ({',
    ...constants.print(),
    '})',
    '',
    loadText(vectors, slots, states.size > 0),
    '',
    functions.forward.text,
    '',
    functions.loss.text,
    '',
    functions.trainStep.text,
    '',
    ...(Object.keys(support) as SupportName[]).filter((name) => calls.has(name)).flatMap((name) => [support[name], '']),
  ]
  return {
    text: text.join('\n'),
    declarations: declareModule({
      signature,
      noise,
      slots,
      hasStates: states.size > 0,
      results: { forward: functions.forward.listing.results, trainStep: functions.trainStep.listing.results },
    }),
    params,
    states,
    slots,
    noise,
    optimiser: options.optimiser,
    peakBytes: (name, sizeOf) => peakOf(functions[name].listing, sizeOf),
  }
}

const titles: Readonly<Record<OptimiserKind, string>> = {
  adam: 'Adam, weight decay being added to the gradient',
  adamw: 'AdamW',
  sgd: 'gradient descent with momentum 0.9',
}

const printLayout = (name: string, { entries }: FlatLayout): string[] =>
  entries.length === 0
    ? [`const ${name} = []`]
    : [
        `const ${name} = [`,
        ...entries.map(
          ({ variable: { path, shape }, offset }) =>
            `  { path: ${quote(path)}, shape: [${shape.join(', ')}], offset: ${offset} },`,
        ),
        ']',
      ]

/** The functions that make, keep and end a state. */
const loadText = (vectors: readonly string[], slots: readonly string[], hasStates: boolean): string => `/**
 * A state from the bytes of a safetensors file: parameters${hasStates ? ', states' : ''}, the optimiser's vectors where the file has them. \`tf\` is
 * @tensorflow/tfjs-core with a backend; tensors are made on the backend of the moment. An Error says what the file lacks.
 */
export function load(tf, weights) {
  const { tensors, metadata } = readSafetensors(weights)
  const step = Number(metadata.step ?? 0)
  const slot = (name) => (step > 0 ? flatten(paramsLayout, tensors, \`\${name}/\`) : flatten(paramsLayout, tensors).fill(0))
  const vectors = {
    params: flatten(paramsLayout, tensors),${hasStates ? '\n    states: flatten(statesLayout, tensors),' : ''}${slots.map((name) => `\n    ${name}: slot('${name}'),`).join('')}
  }
  const state = { tf, k: constants(tf), step }
  for (const [name, values] of Object.entries(vectors)) state[name] = tf.tensor1d(values)
  for (const tensor of [...Object.values(state.k), ...Object.keys(vectors).map((name) => state[name])]) tf.keep(tensor)
  return state
}

/** The state as the bytes of a safetensors file: parameters and states by their paths, the optimiser's vectors beside them. */
export async function save(state) {
  checkState(state)
  const [${vectors.join(', ')}] = await Promise.all([${vectors.map((name) => `state.${name}.data()`).join(', ')}])
  const tensors = {
    ...unflatten(paramsLayout, params),${hasStates ? '\n    ...unflatten(statesLayout, states),' : ''}${slots.map((name) => `\n    ...unflatten(paramsLayout, ${name}, '${name}/'),`).join('')}
  }
  return writeSafetensors(tensors, { step: String(state.step) })
}

/** Disposes of all that a state holds. */
export function dispose(state) {
  for (const tensor of [...Object.values(state.k), ${vectors.map((name) => `state.${name}`).join(', ')}]) tensor.dispose()
}`
