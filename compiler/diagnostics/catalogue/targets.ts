/** Messages about building for a target: opsets, weights, sizes, names. */
import { error } from '../diagnostic.ts'

export const unknownOpset = error<{ opset: number; low: number; high: number }>('MCF5001', 'unknown-opset', (p) => ({
  message: `ONNX opset ${p.opset} cannot be written`,
  notes: [`opsets ${p.low} to ${p.high} can be`],
  help: ['leave --opset out to get the default, 17'],
}))

export const modelTooLarge = error<{ bytes: number }>('MCF5002', 'model-too-large', (p) => ({
  message: `the model takes ${(p.bytes / 2 ** 30).toFixed(2)} GiB, and one ONNX file holds at most 2 GiB`,
  notes: ['this is a limit of the protobuf format that ONNX is written in'],
  help: ['make the model smaller, or build it without --weights and give the weights when it runs'],
}))

export const missingWeight = error<{ path: string; shape: string }>('MCF5003', 'missing-weight', (p) => ({
  message: `the weights have no value for \`${p.path}\` ${p.shape}`,
  help: ['give weights that were saved from the same spec, variant and hyper-parameters'],
}))

export const weightSize = error<{ path: string; shape: string; expected: number; found: number }>(
  'MCF5004',
  'weight-size',
  (p) => ({
    message: `\`${p.path}\` ${p.shape} takes ${p.expected} numbers, and the weights give ${p.found}`,
    help: ['give weights that were saved from the same spec, variant and hyper-parameters'],
  }),
)

export const reservedName = error<{ name: string; use: string }>('MCF5005', 'reserved-output-name', (p) => ({
  message: `\`${p.name}\` cannot be the name of an input here: ${p.use} has that name`,
  help: [`rename it in the spec, to \`${p.name}_in\` say`],
}))

export const noLoss = error<{ model: string }>('MCF5006', 'nothing-to-train', (p) => ({
  message: `\`${p.model}\` has no loss, so there is nothing to train it by`,
  help: ['add one: loss ce = CrossEntropy()(z, target)'],
}))

export const rankTooHigh = error<{ rank: number; highest: number; shape: string }>('MCF5010', 'rank-too-high', (p) => ({
  message: `tfjs cannot compute this: a tensor of it has ${p.rank} axes, and its backends take ${p.highest} at most`,
  notes: [`it is ${p.shape}`],
  help: ['sum or pick along an axis earlier, or join axes with `flatten`', '`--target onnx` has no such limit'],
}))

export const noParameter = error<{ model: string }>('MCF5011', 'no-parameter', (p) => ({
  message: `\`${p.model}\` has no parameter, so there is nothing to train`,
  help: ['a block such as `Dense` brings its own; in a block of yours: param w: [c] = zeros()'],
}))

export const noInput = error<{ model: string }>('MCF5012', 'no-input', (p) => ({
  message: `\`${p.model}\` has no input, so nothing tells how many samples a batch has`,
  help: ['give it one: input x: [8]'],
}))

export const lossCalledTotal = error('MCF5013', 'loss-called-total', () => ({
  message: 'a loss of a tfjs module cannot be called `total`: the weighted sum of the losses has that name',
  help: ['rename it in the spec'],
}))

export const demoVectors = error<{ input: string; found: number; wanted: number }>('MCF5020', 'demo-vectors', (p) => ({
  message: `the demo's word vectors have ${p.found} numbers; the model's input \`${p.input}\` takes ${p.wanted}`,
  help: [`build the model for them, with -D text_dim=${p.found} say`],
}))

export const demoTarget = error<{
  found: readonly { readonly name: string; readonly classes: readonly string[] }[]
  wanted: readonly string[]
  /** The name of the model's labels, where it has some. */
  labels: string | undefined
}>('MCF5021', 'demo-target', (p) => ({
  message: `the demo's corpus has one label a sample, and the model does not predict it: ${p.wanted.join(', ')}`,
  notes: p.found.map(
    ({ name, classes }) =>
      `the model's target \`${name}\` is ${classes.length === 0 ? 'no class with a name' : `one of ${classes.join(', ')}`}`,
  ),
  help: [
    p.labels === undefined
      ? 'give the model one target, a class a sample, and predict it: `target emotion: [] of emotions`'
      : `build the model for these classes: -D ${p.labels}=${p.wanted.join(',')}`,
  ],
}))
