/** The catalogue's rows 3xxx: types, shapes, numbers and equations. */
import type { Shrinking } from '../../shapes/growth.ts'
import type { Span } from '../../syntax/ast.ts'
import { error, type Label, warning } from '../diagnostic.ts'

const all = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(' and ')
const shrinks = ({ lengths, count, longer }: Shrinking): string => {
  const where = [...lengths].map(([name, length]) => `\`${name}\` is ${length}`).join(' and ')
  return `it is ${count} where ${where}, and ${longer.count} where \`${longer.name}\` is ${longer.length}`
}
const at = (span: Span | undefined, text: string): Label[] => (span ? [{ span, text }] : [])

export const shapes = {
  unequalShapes: error<{
    op: string
    needs: string
    left: string
    right: string
    rightSpan: Span
    notes: string[]
    help: string[]
  }>('MCF3001', 'unequal-shapes', (p) => ({
    message: `\`${p.op}\` needs ${p.needs}`,
    caption: p.left,
    labels: [{ span: p.rightSpan, text: p.right }],
    notes: p.notes,
    help: p.help,
  })),
  argumentShape: error<{
    block: string
    param: string
    wants: string
    got: string
    declared: Span
    notes: string[]
    help: string[]
  }>('MCF3002', 'argument-shape', (p) => ({
    message: `\`${p.param}\` of block \`${p.block}\` is ${p.wants}, and this argument is ${p.got}`,
    caption: p.got,
    labels: [{ span: p.declared, text: `${p.param}: ${p.wants}` }],
    notes: p.notes,
    help: p.help,
  })),
  mappedAxes: error<{ block: string; left: string; right: string; help: string[] }>('MCF3003', 'mapped-axes', (p) => ({
    message: `block \`${p.block}\` cannot be mapped: its arguments have different extra axes, ${p.left} and ${p.right}`,
    caption: 'mapped here',
    help: [...p.help, 'arguments with extra leading axes must have the same ones; an argument without any is shared'],
  })),
  resultShape: error<{
    block: string
    declared: string
    got: string
    declaredSpan: Span
    notes: string[]
    help: string[]
  }>('MCF3004', 'result-shape', (p) => ({
    message: `block \`${p.block}\` says that it returns ${p.declared}, and returns ${p.got}`,
    caption: p.got,
    labels: [{ span: p.declaredSpan, text: `declared as ${p.declared}` }],
    notes: p.notes,
    help: p.help,
  })),
  namedArgument: error<{ callee: string }>('MCF3048', 'named-argument', (p) => ({
    message: `\`${p.callee}\` takes its arguments here by position, not by name`,
    caption: 'a name',
    help: ['only the first list of a block takes names'],
  })),
  argumentCount: error<{ callee: string; wants: string; got: number; help: string[] }>(
    'MCF3005',
    'argument-count',
    (p) => ({ message: `\`${p.callee}\` takes ${p.wants}, not ${p.got}`, caption: `${p.got} given`, help: p.help }),
  ),
  tensorInStaticList: error<{ block: string; tensors: readonly string[]; statics: string; got: string }>(
    'MCF3006',
    'tensor-in-static-list',
    (p) => ({
      message: `the first list of block \`${p.block}\` takes static numbers, and this is a tensor`,
      caption: p.got,
      help: [
        `write \`${p.block}(${p.statics})(${p.tensors.join(', ')})\`, or \`${p.tensors.length === 1 ? p.tensors[0] : `(${p.tensors.join(', ')})`} |> ${p.block}(${p.statics})\``,
      ],
    }),
  ),
  unknownStatic: error<{ block: string; name: string; available: readonly string[]; suggestion: string | undefined }>(
    'MCF3007',
    'unknown-static',
    (p) => ({
      message: `\`${p.block}\` has no parameter \`${p.name}\``,
      caption: 'not one of its parameters',
      notes: [p.available.length ? `it has: ${p.available.join(', ')}` : 'it has none'],
      help: p.suggestion ? [`did you mean \`${p.suggestion}\`?`] : [],
    }),
  ),
  missingStatic: error<{ block: string; name: string; type: string }>('MCF3008', 'missing-static', (p) => ({
    message: `\`${p.block}\` needs \`${p.name}\`, which has no default`,
    caption: 'not given',
    help: [`write \`${p.block}(${p.name} = …)\` with ${p.type}`],
  })),
  staticType: error<{ name: string; wants: string; got: string }>('MCF3009', 'static-type', (p) => ({
    message: `${p.name} takes ${p.wants}, and this is ${p.got}`,
    caption: p.got,
  })),
  notStatic: error<{ what: string; got: string }>('MCF3010', 'not-static', (p) => ({
    message: `${p.what} must be known when the spec is compiled, and this is ${p.got}`,
    caption: p.got,
  })),
  notWhole: error<{ what: string; value: string; help: string[] }>('MCF3011', 'not-whole', (p) => ({
    message: `${p.what} must be a whole number, and this is ${p.value}`,
    caption: p.value,
    help: p.help,
  })),
  negativeDim: error<{ what: string; value: string }>('MCF3012', 'negative-dim', (p) => ({
    message: `${p.what} cannot be ${p.value}`,
    caption: p.value,
  })),
  unboundDim: error<{ name: string; block: string; suggestion: string | undefined }>('MCF3013', 'unbound-dim', (p) => ({
    message: `nothing binds \`${p.name}\` in the header of block \`${p.block}\``,
    caption: 'not bound',
    help: [
      ...(p.suggestion ? [`did you mean \`${p.suggestion}\`?`] : []),
      'a dim is bound where it stands alone as an axis of a parameter; else it must be a visible name',
    ],
  })),
  cannotTell: error<{ left: string; right: string; require: string }>('MCF3014', 'cannot-tell', (p) => ({
    message: `whether \`${p.left}\` equals \`${p.right}\` cannot be told for every length`,
    caption: 'cannot be told',
    help: [`state it: \`require ${p.require}\``],
  })),
  requireFails: error<{ condition: string; why: string | undefined; values: string[] }>(
    'MCF3015',
    'require-fails',
    (p) => ({ message: p.why ?? `\`${p.condition}\` does not hold`, caption: 'does not hold', notes: p.values }),
  ),
  requireUnusable: error<{ condition: string }>('MCF3016', 'require-unusable', (p) => ({
    message: `\`${p.condition}\` cannot be checked: it depends on tensors, or on lengths in a way that cannot be used`,
    caption: 'cannot be used',
    help: [
      'a `require` compares numbers and dims; over lengths it may state a bound, or an equality that makes one of them a dim that never shrinks as the others grow',
    ],
  })),
  indexRange: error<{ index: string; one: string; other: string; first: Span | undefined; notes: string[] }>(
    'MCF3017',
    'index-range',
    (p) => ({
      message: `the index \`${p.index}\` runs over \`${p.one}\` and over \`${p.other}\``,
      caption: p.other,
      labels: at(p.first, p.one),
      notes: p.notes,
    }),
  ),
  indexUnknownRange: error<{ index: string }>('MCF3018', 'index-without-range', (p) => ({
    message: `the range of the index \`${p.index}\` is not known: it never stands alone on an axis`,
    caption: 'no range',
    help: [`state it: \`${p.index}: n\``],
  })),
  tooManyIndices: error<{ name: string; axes: string; count: number }>('MCF3019', 'too-many-indices', (p) => ({
    message: `\`${p.name}\` is ${p.axes} and is given ${p.count} indices`,
    caption: 'too many indices',
  })),
  notIndexable: error<{ name: string; got: string }>('MCF3020', 'not-indexable', (p) => ({
    message: `\`${p.name}\` is ${p.got} and has no axes to index`,
    caption: p.got,
  })),
  diagonal: error<{ name: string; index: string }>('MCF3021', 'diagonal-read', (p) => ({
    message: `\`${p.index}\` stands on two axes of \`${p.name}\``,
    caption: 'a diagonal',
    help: [`write \`sum[j](${p.name}[${p.index}, j] * (${p.index} == j))\``],
  })),
  indexNotScalar: error<{ got: string }>('MCF3022', 'index-not-scalar', (p) => ({
    message: `an index must be one whole number, and this is ${p.got}`,
    caption: p.got,
  })),
  batchIndex: error<{ index: string }>('MCF3023', 'batch-index', (p) => ({
    message: `the batch axis can only be read at an index of its own, not at \`${p.index}\``,
    caption: 'arithmetic on the batch axis',
    help: ['no order of the samples in a batch may matter'],
  })),
  notAValue: error<{ got: string; wants: string; help?: string[] }>('MCF3024', 'not-a-value', (p) => ({
    message: `this is ${p.got}, where ${p.wants} is wanted`,
    caption: p.got,
    help: p.help ?? [],
  })),
  notABlock: error<{ got: string }>('MCF3025', 'not-a-block', (p) => ({
    message: `only blocks and functions are called, and this is ${p.got}`,
    caption: p.got,
  })),
  scalarWanted: error<{ what: string; got: string; notes: string[]; help: string[] }>(
    'MCF3026',
    'scalar-wanted',
    (p) => ({
      message: `${p.what} must be one number a sample, and this is ${p.got}`,
      caption: p.got,
      notes: p.notes,
      help: p.help,
    }),
  ),
  predictionShape: error<{ target: string; wants: string; got: string; notes: string[]; help: string[] }>(
    'MCF3027',
    'prediction-shape',
    (p) => ({
      message: `the prediction of \`${p.target}\` must be ${p.wants}, and this is ${p.got}`,
      caption: p.got,
      notes: p.notes,
      help: p.help,
    }),
  ),
  tupleCount: error<{ wants: number; got: string }>('MCF3028', 'tuple-count', (p) => ({
    message: `${p.wants} names are bound to ${p.got}`,
    caption: p.got,
  })),
  variableShape: error<{ name: string; got: string }>('MCF3029', 'variable-shape', (p) => ({
    message: `the shape of \`${p.name}\` must be static, and ${p.got} is not`,
    caption: 'depends on a length',
    help: ['a parameter has the same shape for every sample'],
  })),
  sharedShape: error<{ name: string; first: string; now: string; block: string }>('MCF3030', 'shared-shape', (p) => ({
    message: `the shared instance of \`${p.block}\` has \`${p.name}\` as ${p.first}, and this use needs ${p.now}`,
    caption: p.now,
    help: ['the first use of a shared instance fixes its shapes; write the block again for an instance of its own'],
  })),
  unknownInitialiser: error<{ name: string; available: readonly string[]; suggestion: string | undefined }>(
    'MCF3031',
    'unknown-initialiser',
    (p) => ({
      message: `there is no initialiser \`${p.name}\``,
      caption: 'not an initialiser',
      notes: [`there are: ${p.available.join(', ')}`],
      help: p.suggestion ? [`did you mean \`${p.suggestion}\`?`] : [],
    }),
  ),
  updateShape: error<{ name: string; wants: string; got: string }>('MCF3032', 'update-shape', (p) => ({
    message: `\`${p.name}\` is ${p.wants}, and its update is ${p.got}`,
    caption: p.got,
  })),
  updatePerSample: error<{ name: string }>('MCF3033', 'update-per-sample', (p) => ({
    message: `the update of \`${p.name}\` differs from sample to sample`,
    caption: 'depends on one sample',
    help: ['a state is shared by the batch: take its mean in a block on `[batch, …]`'],
  })),
  dotAxes: error<{ got: string; notes: string[]; help: string[] }>('MCF3049', 'dot-axes', (p) => ({
    message: `\`.\` multiplies two values of one axis each, and this is ${p.got}`,
    caption: p.got,
    notes: p.notes,
    help: [...p.help, 'write an equation: `y[j] = sum[p](a[j, p] * b[p])`'],
  })),
  notFinite: error<{ value: string }>('MCF3050', 'not-finite', (p) => ({
    message: `this static number is ${p.value}`,
    caption: p.value,
  })),
  batchWritten: error<{ what: string }>('MCF3051', 'batch-written', (p) => ({
    message: `the type of \`${p.what}\` is that of one sample: its batch axis is not written`,
    caption: 'leave this out',
    help: ['`batch` stands in the types of blocks that see the whole batch'],
  })),
  alwaysOutside: warning<{ name: string; at: string; last: string }>('MCF3052', 'read-always-outside', (p) => ({
    message: `\`${p.name}\` is read at ${p.at}, which is outside it: the value is always 0`,
    caption: 'always 0',
    help: [`positions are 0 to ${p.last}`],
  })),
  shrinkingAxis: error<{ what: string; dim: string; lengths: readonly string[]; seen: Shrinking | undefined }>(
    'MCF3053',
    'shrinking-axis',
    (p) => ({
      message: `${p.what} must never shrink as a length grows, ${p.seen ? `and \`${p.dim}\` does` : `which cannot be shown of \`${p.dim}\``}`,
      caption: p.seen ? 'shrinks' : 'may shrink',
      notes: [
        ...(p.seen ? [shrinks(p.seen)] : []),
        `a batch is padded to its longest ${all(p.lengths)}, and there must be room for every sample`,
      ],
      help: ['take a range that never shrinks, and select in it: `sum[k: 3 if k < t mod 3](…)`'],
    }),
  ),
  zeroDivisor: error('MCF3034', 'zero-divisor', () => ({ message: 'a division by zero', caption: 'is zero' })),
  seqDivisor: error<{ got: string }>('MCF3035', 'quotient-of-lengths', (p) => ({
    message: `\`div\` and \`mod\` of a length take a static positive whole number, and this is ${p.got}`,
    caption: p.got,
  })),
  outsideParameter: error<{ name: string; axis: number; range: string; size: string }>(
    'MCF3036',
    'parameter-read-outside',
    (p) => ({
      message: `\`${p.name}\` is a parameter, and this reads its axis ${p.axis} at ${p.range}; its size is ${p.size}`,
      caption: p.range,
      help: ['a read outside a sample is zero, but a parameter has no outside: state a range that fits'],
    }),
  ),
  offsetUnderReducer: warning<{ op: string }>('MCF3037', 'offset-under-reducer', (p) => ({
    message: `a read at an offset directly under \`${p.op}\` counts the zeros outside the sample`,
    caption: 'zero outside the sample',
    help: ['where that is not meant, state a range that stays inside'],
  })),
  repeatCount: error<{ got: string }>('MCF3038', 'repeat-count', (p) => ({
    message: `\`repeat\` takes a whole number from 0 to 1000, and this is ${p.got}`,
    caption: p.got,
  })),
  mixedBatch: error<{ block: string }>('MCF3039', 'mixed-batch', (p) => ({
    message: `block \`${p.block}\` sees the whole batch, so each of its parameters must begin with \`batch\``,
    caption: 'no `batch` axis',
  })),
  raggedJoin: error<{ got: string }>('MCF3040', 'ragged-join', (p) => ({
    message: `\`flatten\`, \`concat\` and \`[ ]\` join static axes, and this is ${p.got}`,
    caption: p.got,
    help: ['pool over time first'],
  })),
  tooLarge: error<{ what: string; limit: string }>('MCF3041', 'too-large', (p) => ({
    message: `${p.what} is more than ${p.limit}`,
    caption: 'too large',
  })),
  notIds: error<{ param: string; below: string; got: string }>('MCF3042', 'not-ids', (p) => ({
    message: `\`${p.param}\` takes whole numbers below ${p.below}, and this is ${p.got}`,
    caption: p.got,
    help: ['only an input, a target or a read of one that is declared `of` that many will do'],
  })),
  badBounds: error<{ what: string; low: string; high: string }>('MCF3043', 'bad-bounds', (p) => ({
    message: `the bounds of ${p.what} are empty: ${p.low} is above ${p.high}`,
    caption: 'empty',
  })),
  outOfDomain: error<{ name: string; value: string; low: string; high: string }>('MCF3044', 'out-of-domain', (p) => ({
    message: `\`${p.name}\` is ${p.value}, outside its domain ${p.low}..${p.high}`,
    caption: `in ${p.low}..${p.high}`,
  })),
  nothingToTrain: warning('MCF3045', 'no-loss', () => ({
    message: 'this model has no loss, so it can be built but not trained',
    caption: 'no `loss` in it',
  })),
  nothingToPredict: error('MCF3046', 'no-output', () => ({
    message: 'this model has neither a `predict` nor an `output`, so nothing comes out of it',
    caption: 'nothing comes out',
  })),
} as const
