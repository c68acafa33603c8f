/** The catalogue's 651x to 659x rows: recipes, runs and their folders. */
import { error, warning } from '../diagnostic.ts'
import { type ConfigDifference, waysBack } from './run-options.ts'

const quote = (text: string): string => `\`${text}\``
const list = (names: readonly string[]): string => names.map(quote).join(', ')
const some = (names: readonly string[], most = 8): string =>
  names.length <= most ? list(names) : `${list(names.slice(0, most))} and ${names.length - most} more`

export const recipeUnreadable = error<{ path: string; reason: string }>('MCF6510', 'recipe-unreadable', (p) => ({
  message: `cannot read the recipe ${quote(p.path)}: ${p.reason}`,
}))

export const recipeNotJson = error<{ path: string; why: string }>('MCF6511', 'recipe-not-json', (p) => ({
  message: `the recipe ${quote(p.path)} is not JSON: ${p.why}`,
}))

export const recipeWrong = error<{ path: string; problems: readonly string[] }>('MCF6512', 'recipe-wrong', (p) => ({
  message: `the recipe ${quote(p.path)} is wrong: ${p.problems[0] ?? ''}`,
  notes: p.problems.slice(1),
  help: ['specs/schemas/recipe.schema.json lists every entry'],
}))

export const globMatchesNothing = error<{ entry: string; glob: string; paths: readonly string[] }>(
  'MCF6513',
  'glob-matches-nothing',
  (p) => ({
    message: `the recipe's ${quote(p.entry)} names ${quote(p.glob)}, and no parameter has such a path`,
    notes: [`the parameters are ${some(p.paths)}`],
    help: ['`*` stands for one name between dots, `**` for any number of them: Os.**, **.w'],
  }),
)

export const unsupportedInput = error<{ name: string; type: string }>('MCF6520', 'unsupported-input', (p) => ({
  message: `the model's input ${quote(`${p.name}: ${p.type}`)} cannot be filled from a manifest`,
  notes: [
    '`speech` or `audio`: acoustic features of the field `audio`, [frames, 120]',
    '`text`: word vectors of the field `text`, [words, n]',
  ],
  help: ['rename the input, or feed the model from a program of your own'],
}))

export const unsupportedTarget = error<{ found: readonly string[] }>('MCF6521', 'unsupported-target', (p) => ({
  message:
    p.found.length === 0
      ? 'the model has no target, and training on a manifest needs one'
      : `a manifest gives targets of fixed size; the model has ${list(p.found)}`,
  help: ['declare one class a sample, `target emotion: [] of emotions`, and `predict` it'],
}))

export const nothingToMonitor = error<{ monitor: string }>('MCF6524', 'nothing-to-monitor', (p) => ({
  message: `the recipe's \`monitor\` is ${quote(p.monitor)}, and the model predicts no class to count`,
  help: ['set it to `loss`, or leave it out'],
}))

export const featureWidth = error<{ input: string; wanted: number; found: number }>(
  'MCF6522',
  'feature-width',
  (p) => ({
    message: `the model's input ${quote(p.input)} takes ${p.wanted} values a frame; the acoustic features have ${p.found}`,
    help: [`declare it as [frames, ${p.found}]`],
  }),
)

export const lengthOutOfBounds = error<{
  sample: string
  input: string
  seq: string
  length: number
  low: number
  high: number | undefined
}>('MCF6523', 'length-out-of-bounds', (p) => ({
  message:
    `${p.sample}: ${quote(p.input)} has ${p.length} ${p.seq}, ` +
    `and the model allows ${p.low} to ${p.high ?? 'any number'}`,
  help: [`leave the sample out, or widen the bounds of \`seq ${p.seq}\` in the spec`],
}))

export const lengthsAgainstRequire = error<{ sample: string; condition: string; lengths: readonly string[] }>(
  'MCF6527',
  'lengths-against-require',
  (p) => ({
    message: `${p.sample}: the model requires ${quote(p.condition)}, and this has ${p.lengths.join(', ')}`,
    help: ['leave the sample out, or make its lengths what the spec requires'],
  }),
)

export const vectorsWidth = error<{ file: string; found: number; wanted: number; input: string }>(
  'MCF6525',
  'vectors-width',
  (p) => ({
    message: `the vectors of ${quote(p.file)} have ${p.found} numbers; the model's input ${quote(p.input)} takes ${p.wanted}`,
    help: [`compile the model for them, with -D text_dim=${p.found} say, or give vectors of ${p.wanted} numbers`],
  }),
)

export const fewWordsKnown = warning<{ file: string; words: number; known: number }>(
  'MCF6528',
  'few-words-known',
  (p) => ({
    message:
      p.known === 0
        ? `no word of the text is in ${quote(p.file)}, so the model sees nothing of it`
        : `fewer than half of the words are in ${quote(p.file)}: ${p.known} of ${p.words}`,
    notes: ['a word that is not in the file becomes a row of zeros'],
    help: ['give vectors of the language that the texts are in, with words in lower case'],
  }),
)

export const nothingPredicted = error<{ model: string }>('MCF6526', 'nothing-predicted', (p) => ({
  message: `the model ${quote(p.model)} predicts nothing, so a run cannot be validated`,
  help: ['add a line such as `predict emotion = softmax(z)`'],
}))

export const lossNotFinite = error<{ epoch: number; step: number; loss: number; norm: number }>(
  'MCF6530',
  'loss-not-finite',
  (p) => ({
    message: `training broke down: the loss is ${p.loss} in step ${p.step} (epoch ${p.epoch})`,
    notes: [`the gradient's norm was ${p.norm}`],
    help: ['try a lower --lr, a warm-up (`warmup_epochs`), or a smaller `clip_norm` in the recipe'],
  }),
)

export const folderNotEmpty = error<{ folder: string; isRun: boolean }>('MCF6540', 'folder-not-empty', (p) => ({
  message: `the folder ${quote(p.folder)} is not empty`,
  help: [
    ...(p.isRun ? ['it holds a run: add --resume to go on with it'] : []),
    'give another --out, or remove the folder',
  ],
}))

export const folderUnwritable = error<{ folder: string; reason: string }>('MCF6541', 'folder-unwritable', (p) => ({
  message: `cannot write the run's folder ${quote(p.folder)}: ${p.reason}`,
}))

export const nothingToResume = error<{ folder: string }>('MCF6542', 'nothing-to-resume', (p) => ({
  message: `there is no run in ${quote(p.folder)} to go on with`,
  help: ['leave --resume out to start one'],
}))

export const resumeDiffers = error<{ folder: string; spec: string; differences: readonly ConfigDifference[] }>(
  'MCF6543',
  'resume-differs',
  (p) => {
    const text = (value: unknown): string => JSON.stringify(value) ?? 'nothing'
    return {
      message: `the run in ${quote(p.folder)} was started differently, so it cannot be resumed`,
      notes: p.differences.map(({ entry, was, now }) => `${entry}: ${text(was)} then, ${text(now)} now`),
      help: [
        `resume it ${waysBack(p.differences, p.spec).join(', ')}`,
        'or train into another folder: give another `--out`',
      ],
    }
  },
)

export const runDamaged = error<{ file: string; reason: string }>('MCF6544', 'run-damaged', (p) => ({
  message: `${quote(p.file)} of the run cannot be used: ${p.reason}`,
  help: ['start the run again in another folder'],
}))

export const verifyFails = error<{
  value: string
  block: string | undefined
  batch: number
  lengths: string
  difference: number
  tolerance: number
}>('MCF6550', 'verify-fails', (p) => ({
  message: `the exported model is wrong: ${quote(p.value)} differs from the reference by ${p.difference.toExponential(2)}`,
  notes: [
    `at a batch of ${p.batch} with ${p.lengths}; ${p.tolerance} is allowed`,
    ...(p.block === undefined ? [] : [`the first block that differs is ${quote(p.block)}`]),
  ],
  help: ['this is a fault of the compiler: please report it with the spec'],
}))

export const weightUnknown = error<{ file: string; found: readonly string[]; wanted: readonly string[] }>(
  'MCF6560',
  'weight-unknown',
  (p) => ({
    message: `the weights ${quote(p.file)} are another model's: none of its names is a parameter here`,
    notes: [`the file has ${some(p.found)}`, `the model has ${some(p.wanted)}`],
    help: ['give weights that were saved from the same spec, variant and hyper-parameters'],
  }),
)
