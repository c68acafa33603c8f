/** Divides a corpus into training, validation and test parts that share no speaker and, where it can be, no dialogue. */
import { splitShared, splitTooSmall, splitUnknownSession } from '../../compiler/diagnostics/catalogue/runtime.ts'
import { type Diagnostic, DiagnosticError, diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import { seededRandom, shuffled } from './random.ts'

/** What a split needs to know of a sample; a manifest's `Sample` fits. */
export interface Groupable {
  readonly id: string
  readonly session: number
  readonly speaker: string | undefined
  readonly dialogue: string | undefined
  readonly targets: Readonly<Record<string, readonly number[]>>
}

export interface SplitOptions {
  /** The session that is held out; undefined where nothing is. */
  readonly testSession?: number | undefined
  /** The part of the other samples that validates, between 0 and 1, or one of the other sessions. */
  readonly validation: number | { readonly session: number }
  readonly seed: number
}

/** What was kept whole when samples were put on one side or the other. */
export type Grouping = 'session' | 'speaker and dialogue' | 'speaker' | 'dialogue' | 'sample'

export interface Split<S> {
  readonly train: readonly S[]
  readonly validation: readonly S[]
  readonly test: readonly S[]
  readonly grouping: Grouping
  /** Speakers or dialogues that are in both training and validation. */
  readonly warnings: readonly Diagnostic[]
}

/**
 * Splits samples, in their order. The test part is one session and nothing else; validation is chosen from the rest, whole
 * groups at a time. A group is what shares speakers and dialogues; where such groups are too coarse (the nearest choice is
 * under half or over one and a half times the wanted size) speakers alone are kept apart, else dialogues, else samples.
 * Of many seeded choices the one with the wanted size and the training part's mixture of classes is taken.
 * Throws a DiagnosticError for a session that does not occur and where a part would be empty.
 */
export function split<S extends Groupable>(samples: readonly S[], options: SplitOptions): Split<S> {
  const { testSession, validation } = options
  const sessions = [...new Set(samples.map((sample) => sample.session))].sort((a, b) => a - b)
  for (const session of [testSession, typeof validation === 'object' ? validation.session : undefined]) {
    if (session !== undefined && !sessions.includes(session)) {
      throw new DiagnosticError([diagnose(splitUnknownSession, undefined, { session, sessions })])
    }
  }
  const test = samples.filter((sample) => sample.session === testSession)
  const rest = samples.filter((sample) => sample.session !== testSession)
  const { chosen, grouping } = chooseValidation(rest, options)
  const train = rest.filter((sample) => !chosen.has(sample))
  const held = rest.filter((sample) => chosen.has(sample))
  for (const [part, wanted, got] of [
    ['training', true, train],
    ['validation', validation !== 0, held],
  ] as const) {
    if (wanted && got.length === 0) {
      throw new DiagnosticError([diagnose(splitTooSmall, undefined, { part, samples: rest.length })])
    }
  }
  return { train, validation: held, test, grouping, warnings: sharedWarnings(train, held, grouping) }
}

/**
 * Cross-validation: `count` test parts that cover the samples, of nearly equal size, no speaker (or dialogue, or sample,
 * where speakers are unknown or too few) in two of them. Throws a DiagnosticError where there are fewer samples than parts.
 */
export function folds<S extends Groupable>(samples: readonly S[], count: number, seed: number): S[][] {
  const groups = GROUPINGS.map((grouping) => grouped(samples, grouping)).find((found) => found.length >= count)
  if (groups === undefined) {
    throw new DiagnosticError([diagnose(splitTooSmall, undefined, { part: `${count} folds`, samples: samples.length })])
  }
  const parts: S[][] = Array.from({ length: count }, () => [])
  const order = shuffled(groups, seededRandom(seed, 'folds')).sort((a, b) => b.length - a.length)
  for (const group of order) parts.reduce((least, part) => (part.length < least.length ? part : least)).push(...group)
  const place = new Map(samples.map((sample, index) => [sample, index]))
  return parts.map((part) => part.sort((a, b) => (place.get(a) ?? 0) - (place.get(b) ?? 0)))
}

const GROUPINGS = ['speaker and dialogue', 'speaker', 'dialogue', 'sample'] as const
const ATTEMPTS = 200

function chooseValidation<S extends Groupable>(
  rest: readonly S[],
  { validation, seed }: SplitOptions,
): { chosen: ReadonlySet<S>; grouping: Grouping } {
  if (typeof validation === 'object') {
    return { chosen: new Set(rest.filter((sample) => sample.session === validation.session)), grouping: 'session' }
  }
  const wanted = validation * rest.length
  for (const grouping of GROUPINGS) {
    const chosen = chooseGroups(grouped(rest, grouping), wanted, seededRandom(seed, `validation by ${grouping}`))
    const fits = chosen.length >= wanted / 2 && chosen.length <= wanted * 1.5 && chosen.length < rest.length
    if (fits || grouping === 'sample') return { chosen: new Set(chosen), grouping }
  }
  return { chosen: new Set(), grouping: 'sample' }
}

/** The best of many random choices of whole groups: near the wanted size, with the classes mixed as in all. */
function chooseGroups<S extends Groupable>(groups: readonly S[][], wanted: number, random: () => number): S[] {
  const all = classShares(groups.flat())
  let best: S[] = []
  let least = Number.POSITIVE_INFINITY
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const chosen: S[] = []
    for (const group of shuffled(groups, random)) {
      if (Math.abs(chosen.length + group.length - wanted) < Math.abs(chosen.length - wanted)) chosen.push(...group)
      if (chosen.length >= wanted) break
    }
    const shares = classShares(chosen)
    const classes = new Set([...all.keys(), ...shares.keys()])
    let cost = Math.abs(chosen.length - wanted) / Math.max(wanted, 1)
    for (const name of classes) cost += Math.abs((all.get(name) ?? 0) - (shares.get(name) ?? 0))
    if (cost < least) [best, least] = [chosen, cost]
  }
  return best
}

/** The share of each class of the first target; empty where it has no classes. */
function classShares(samples: readonly Groupable[]): Map<number, number> {
  const shares = new Map<number, number>()
  for (const sample of samples) {
    const value = Object.values(sample.targets)[0]?.[0]
    if (value !== undefined && Number.isInteger(value)) shares.set(value, (shares.get(value) ?? 0) + 1 / samples.length)
  }
  return shares
}

/** Samples that may not be parted, in the order of their first ones. */
function grouped<S extends Groupable>(samples: readonly S[], by: (typeof GROUPINGS)[number]): S[][] {
  const parent = new Map<string, string>()
  const root = (key: string): string => {
    let at = key
    for (let up = parent.get(at); up !== undefined; up = parent.get(at)) at = up
    if (at !== key) parent.set(key, at)
    return at
  }
  const keysOf = (sample: S): string[] => {
    const keys = [
      ...(by.includes('speaker') && sample.speaker !== undefined ? [`speaker ${sample.speaker}`] : []),
      ...(by.includes('dialogue') && sample.dialogue !== undefined ? [`dialogue ${sample.dialogue}`] : []),
    ]
    return keys.length > 0 ? keys : [`sample ${sample.id}`]
  }
  for (const sample of samples) {
    const [first, ...others] = keysOf(sample)
    for (const other of others) {
      const [a, b] = [root(first ?? ''), root(other)]
      if (a !== b) parent.set(b, a)
    }
  }
  const groups = new Map<string, S[]>()
  for (const sample of samples) {
    const key = root(keysOf(sample)[0] ?? '')
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [sample])
    else group.push(sample)
  }
  return [...groups.values()]
}

function sharedWarnings(train: readonly Groupable[], held: readonly Groupable[], grouping: Grouping): Diagnostic[] {
  return (['speaker', 'dialogue'] as const).flatMap((shared) => {
    const inTrain = new Set(train.map((sample) => sample[shared]))
    const both = new Set(held.map((sample) => sample[shared]).filter((key) => key !== undefined && inTrain.has(key)))
    if (both.size === 0) return []
    const why = `only whole ${grouping === 'session' ? 'sessions' : `${grouping}s`} could be kept apart at this size`
    return [diagnose(splitShared, undefined, { shared, count: both.size, why })]
  })
}
