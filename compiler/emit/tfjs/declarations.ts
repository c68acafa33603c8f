/** TypeScript's declarations of an emitted module. */
import type { NoiseSignature, Signature } from '../../artefact.ts'
import { type Dim, formatDim } from '../../shapes/dim.ts'
import type { Result } from './listing.ts'
import { comment, key } from './text.ts'

export interface Declared {
  readonly signature: Signature
  readonly noise: readonly NoiseSignature[]
  readonly slots: readonly string[]
  readonly hasStates: boolean
  readonly results: Readonly<Record<'forward' | 'trainStep', readonly Result[]>>
}

const ranks = ['Scalar', 'Tensor1D', 'Tensor2D', 'Tensor3D', 'Tensor4D', 'Tensor5D', 'Tensor<Rank.R6>']
const tensorOf = (rank: number): string => ranks[rank] ?? 'Tensor'
const shapeText = (dims: readonly Dim[]): string => `[${dims.map(formatDim).join(', ')}]`

/** The text of the `.d.ts` file. */
export function declareModule({ signature, noise, slots, hasStates, results }: Declared): string {
  const { inputs, targets, bounds } = signature
  const field = (name: string, type: string, doc: string, optional = false): string[] => [
    `  /** ${doc} */`,
    `  readonly ${key(name)}${optional ? '?' : ''}: ${type}`,
  ]
  const tensor = (name: string, dtype: string, dims: readonly Dim[], more = ''): string[] =>
    field(
      name,
      tensorOf(dims.length + 1),
      `${dtype === 'i64' ? 'int32' : 'float32'} [batch${dims.map((dim) => `, ${formatDim(dim)}`).join('')}]${more}`,
    )
  const lengths = inputs.flatMap((input) => {
    if (input.lengths === undefined) return []
    const ranges = Object.entries(bounds).filter(([name]) => input.dims.some((dim) => formatDim(dim) === name))
    const range = ranges.map(([name, { low, high }]) => `${name} in ${low}..${high ?? ''}`).join(', ')
    return field(
      input.lengths,
      'Lengths',
      `The length of each sample of \`${input.name}\`${range ? `: ${range}` : ''}.`,
    )
  })
  const results_ = (list: readonly Result[], roles: readonly string[], prefix = ''): string[] =>
    list
      .filter(({ role }) => roles.includes(role))
      .map(
        ({ name, ref }) =>
          `  /** float32 ${shapeText(ref.type.dims)} */\n  readonly ${key(name.slice(prefix.length))}: ${tensorOf(ref.type.dims.length)}`,
      )
  const classes = targets.flatMap(({ name, classes: list }) => (list ? [`${name}: ${list.join(', ')}`] : []))
  const indent = (lines: readonly string[]): string[] =>
    lines.flatMap((line) => line.split('\n').map((part) => `  ${part}`))
  return [
    `/** ${comment([signature.model, ...signature.variants].join(' + ') + (classes.length > 0 ? `. Classes of ${classes.join('; ')}` : ''))}. */`,
    `import type * as tfjs from '@tensorflow/tfjs-core'`,
    `import type { Rank, Scalar, Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D, Tensor5D } from '@tensorflow/tfjs-core'`,
    '',
    '/** Whole numbers, one a sample. */',
    'export type Lengths = ArrayLike<number> | ArrayLike<bigint>',
    '',
    "/** What the model is applied to; samples are padded to one length with anything. The tensors stay the caller's. */",
    'export interface Inputs {',
    ...inputs.flatMap(({ name, dtype, dims, below }) =>
      tensor(name, dtype, dims, below === undefined ? '' : `, ids below ${below}`),
    ),
    ...lengths,
    '}',
    '',
    '/** Inputs, and what is to be predicted. */',
    'export interface Batch extends Inputs {',
    ...targets.flatMap(({ name, dtype, dims, below }) =>
      tensor(name, dtype, dims, below === undefined ? '' : `, ids below ${below}`),
    ),
    '}',
    '',
    '/** A batch to train on. Noise that it does not bring is drawn: numbers in [0, 1). */',
    'export interface TrainingBatch extends Batch {',
    ...noise.flatMap(({ name, dims }) => field(name, tensorOf(dims.length), `float32 ${shapeText(dims)}`, true)),
    '}',
    '',
    "/** The weights and the optimiser's vectors; a training step replaces them. */",
    'export interface State {',
    '  readonly tf: typeof tfjs',
    '  /** Steps taken. */',
    '  readonly step: number',
    '  /** Every parameter, one after another. */',
    '  readonly params: Tensor1D',
    ...(hasStates ? ['  /** Every state, one after another. */', '  readonly states: Tensor1D'] : []),
    ...slots.map((name) => `  readonly ${name}: Tensor1D`),
    '}',
    '',
    'export interface Predictions {',
    ...results_(results.forward, ['prediction', 'output']),
    '}',
    '',
    '/** The weighted sum of the losses, and each loss: means over the batch. */',
    'export interface Losses {',
    '  readonly total: Scalar',
    ...results_(results.trainStep, ['loss'], 'loss.'),
    '}',
    '',
    'export interface StepOptions {',
    '  readonly learningRate: number',
    '  /** A factor on the learning rate, or one for each element of the parameters, 0 for a frozen one; 1 unless given. */',
    '  readonly learningRateScale?: number | Tensor1D',
    '  /** The weight decay, or one for each element of the parameters; 0 unless given. */',
    '  readonly weightDecay?: number | Tensor1D',
    "  /** The gradient's greatest 2-norm; Infinity unless given. */",
    '  readonly clipNorm?: number',
    '  /** Seeds the noise that is drawn; 0 unless given. */',
    '  readonly seed?: number',
    '}',
    '',
    '/** What a step tells of the model before it. */',
    'export interface StepResult {',
    '  /** The weighted sum that the step made smaller. */',
    '  readonly loss: Scalar',
    '  readonly losses: {',
    ...indent(results_(results.trainStep, ['loss'], 'loss.')),
    '  }',
    '  /** Before clipping. */',
    '  readonly gradientNorm: Scalar',
    '  readonly predictions: {',
    ...indent(results_(results.trainStep, ['prediction'], 'predict.')),
    '  }',
    '}',
    '',
    'export declare function load(tf: typeof tfjs, weights: ArrayBuffer | Uint8Array): State',
    'export declare function forward(state: State, batch: Inputs): Predictions',
    'export declare function loss(state: State, batch: Batch): Losses',
    'export declare function trainStep(state: State, batch: TrainingBatch, options: StepOptions): StepResult',
    'export declare function save(state: State): Promise<Uint8Array>',
    'export declare function dispose(state: State): void',
    '',
  ].join('\n')
}
