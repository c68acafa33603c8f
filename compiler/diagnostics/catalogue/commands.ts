/** The catalogue's 66xx rows: commands, and models that are used. */
import { error, warning } from '../diagnostic.ts'

const quote = (text: string): string => `\`${text}\``

export const fileUnreadable = error<{ path: string; reason: string }>('MCF6601', 'file-unreadable', (p) => ({
  message: `cannot read ${quote(p.path)}: ${p.reason}`,
}))

export const fileUnwritable = error<{ path: string; reason: string }>('MCF6602', 'file-unwritable', (p) => ({
  message: `cannot write ${quote(p.path)}: ${p.reason}`,
}))

export const notOnnx = error<{ file: string; why: string }>('MCF6603', 'not-onnx', (p) => ({
  message: `${quote(p.file)} is not a sound ONNX file: ${p.why}`,
}))

export const notOurModel = error<{ file: string }>('MCF6604', 'not-our-model', (p) => ({
  message: `${quote(p.file)} does not say what its inputs and classes are`,
  notes: ['`mcfnc train` and `mcfnc build --target onnx` write this into the file (`metadata_props`)'],
  help: ['give a model that one of them made'],
}))

export const modelFormat = error<{ file: string; found: string; known: string }>('MCF6605', 'model-format', (p) => ({
  message: `${quote(p.file)} was made by another version: its format is ${p.found}, and ${p.known} is read here`,
  help: ['use the version that made it, or build it again'],
}))

export const inputNotGiven = error<{ input: string; option: string; unit: string }>(
  'MCF6606',
  'input-not-given',
  (p) => ({
    message: `the model takes ${quote(p.input)}, so ${p.option} is needed`,
    help: [`add ${p.option} ${p.unit}`],
  }),
)

export const inputNotTaken = error<{ option: string; inputs: readonly string[] }>(
  'MCF6607',
  'input-not-taken',
  (p) => ({
    message: `${p.option} was given, and the model takes only ${p.inputs.map(quote).join(' and ')}`,
    help: [`leave ${p.option} out`],
  }),
)

export const nothingToEvaluate = error<{ session: number; sessions: readonly number[] }>(
  'MCF6608',
  'nothing-to-evaluate',
  (p) => ({
    message: `no sample belongs to session ${p.session}`,
    notes: [`the manifest has ${p.sessions.join(', ')}`],
  }),
)

export const optionOfTarget = error<{ option: string; target: string; targets: readonly string[] }>(
  'MCF6615',
  'option-of-another-target',
  (p) => ({
    message: `${p.option} means nothing for \`--target ${p.target}\``,
    notes: [`it goes with ${p.targets.map((name) => `\`--target ${name}\``).join(' and ')}`],
    help: [`leave ${p.option} out`],
  }),
)

export const conflictingOptions = error<{ first: string; second: string }>('MCF6609', 'conflicting-options', (p) => ({
  message: `${p.first} and ${p.second} cannot both be given`,
  help: ['leave one of them out'],
}))

export const unknownPass = error<{ name: string; known: readonly string[] }>('MCF6610', 'unknown-pass', (p) => ({
  message: `there is no pass ${quote(p.name)}`,
  notes: [`the passes are ${p.known.map(quote).join(', ')}`],
}))

export const outputRefused = error<{ path: string; because: 'spec' | 'weights' | 'name' }>(
  'MCF6611',
  'output-refused',
  (p) => ({
    message: {
      spec: `writing ${quote(p.path)} would replace a file of the spec`,
      weights: `writing ${quote(p.path)} would replace the weights that are read`,
      name: `${quote(p.path)} is no name for an ONNX file: specs end in \`.model\`, weights in \`.safetensors\``,
    }[p.because],
    help: ['give -o a name that ends in `.onnx`'],
  }),
)

export const noDistribution = error<{ name: string; values: readonly number[]; sum: number }>(
  'MCF6612',
  'no-distribution',
  (p) => ({
    message: `the model's prediction of ${quote(p.name)} is no distribution: the values sum to ${p.sum.toPrecision(4)}`,
    notes: [
      `a sample has ${p.values
        .slice(0, 8)
        .map((value) => value.toPrecision(4))
        .join(', ')}${p.values.length > 8 ? ', …' : ''}`,
      'probabilities of classes are 0 or more and sum to 1',
    ],
    help: Number.isFinite(p.sum)
      ? [
          `write \`predict ${p.name} = softmax(z)\` in the spec, z being what it predicts now, and train or build it again`,
        ]
      : ['the weights or the features hold numbers that are not finite: train again, with a lower --lr'],
  }),
)

export const vectorsDiffer = warning<{ given: string; trained: string }>('MCF6613', 'vectors-differ', (p) => ({
  message: `${quote(p.given)} is another file than the word vectors that the model was trained with, ${quote(p.trained)}`,
  notes: ['vectors of other words or numbers give other answers, which may mean nothing'],
}))

export const featuresDiffer = warning('MCF6614', 'features-differ', () => ({
  message: 'the model was trained on acoustic features of another version than those computed here',
  notes: ['answers may be a little off; train the model again, or use it with the version that trained it'],
}))

/** `1 to 3000`, `1 or more`. */
const range = ({ low, high }: LengthBounds): string => (high === undefined ? `${low} or more` : `${low} to ${high}`)

interface LengthBounds {
  readonly low: number
  readonly high: number | undefined
}

export const lengthUnknown = error<{ name: string; known: Readonly<Record<string, LengthBounds>> }>(
  'MCF6621',
  'length-unknown',
  (p) => ({
    message: `--length ${p.name}: the model has no length ${quote(p.name)}`,
    notes: [
      Object.keys(p.known).length === 0
        ? 'it has none'
        : `it has ${Object.entries(p.known)
            .map(([name, bounds]) => `${quote(name)}, ${range(bounds)}`)
            .join('; ')}`,
    ],
  }),
)

export const lengthRefused = error<{ name: string; value: number; bounds: LengthBounds }>(
  'MCF6622',
  'length-refused',
  (p) => ({
    message: `--length ${p.name}=${p.value}: the model allows ${range(p.bounds)} ${p.name}`,
    help: [`give a number within \`seq ${p.name}\` of the spec, or widen it there`],
  }),
)

export const internalError = error<{ phase: string; what: string }>('MCF6699', 'internal-error', (p) => ({
  message: `internal error in ${p.phase}: ${p.what}`,
  help: ['this is a fault of mcfnc, not of your files: please report it with the spec and the command'],
}))
