/** How a person gives back what a run was started with: the options that the entries of its configuration come from. */

/** An entry of a run's configuration that is not what it was; undefined where it has none. */
export interface ConfigDifference {
  readonly entry: string
  readonly was: unknown
  readonly now: unknown
}

const options: ReadonlyMap<string, string> = new Map([
  ['spec.model', '--model'],
  ['spec.variants', '--variant'],
  ['recipe.epochs', '--epochs'],
  ['recipe.seed', '--seed'],
  ['recipe.batch_size', '--batch-size'],
  ['recipe.learning_rate', '--lr'],
  ['recipe.weight_decay', '--weight-decay'],
  ['recipe.optimiser', '--optimiser'],
  ['recipe.patience', '--patience'],
  ['data.test_session', '--test-session'],
  ['data.fold', '--folds'],
  ['engine.name', '--engine'],
  ['engine.provider', '--backend'],
  ['engine.backend', '--backend'],
  ['engine.threads', '--threads'],
])

/** Values of entries whose option is given otherwise: the fold `2 of 5` is of `--folds 5`. */
const asGiven = (value: unknown): string =>
  `${value}`.replace(/^\d+ of (\d+)$/, '$1').replace(/^onnxruntime-node$/, 'onnxruntime')

/** An argument as a shell takes it. */
const argument = (text: string): string => (/^[\w.,/:=-]+$/.test(text) ? text : `"${text}"`)

/** What the same command needs to go on with a run, in words; `spec` is where the run has a copy of its spec. */
export function waysBack(differences: readonly ConfigDifference[], spec: string): string[] {
  const give: string[] = []
  const leave: string[] = []
  const recipe: string[] = []
  for (const { entry, was } of differences) {
    const [, setting] = /^spec\.overrides\.(.+)$/.exec(entry) ?? []
    const option = options.get(entry)
    if (setting !== undefined)
      if (was === undefined) leave.push(`-D ${setting}`)
      else give.push(`-D ${argument(`${setting}=${was}`)}`)
    else if (entry.startsWith('recipe.') && (option === undefined || was === null))
      recipe.push(`\`${entry.slice('recipe.'.length)}\` ${JSON.stringify(was)}`)
    else if (option !== undefined) {
      const values = (Array.isArray(was) ? was : [was]).filter((one) => one !== undefined && one !== 'none')
      if (values.length === 0) leave.push(option)
      for (const value of values) give.push(`${option} ${argument(asGiven(value))}`)
    }
  }
  const before = (entry: string): unknown => differences.find((one) => one.entry === entry)?.was
  const ways = [
    ...(before('version') === undefined ? [] : [`in mcfnc ${before('version')}`]),
    ...(before('engine.version') === undefined || before('engine.name') !== undefined
      ? []
      : [`with version ${before('engine.version')} of the engine`]),
    ...(before('spec.sha256') === undefined ? [] : [`with the spec as it was: a copy is in \`${spec}\``]),
    ...(give.length > 0 ? [`with \`${give.join(' ')}\``] : []),
    ...(leave.length > 0 ? [`without \`${leave.join('`, `')}\``] : []),
    ...(recipe.length > 0 ? [`with ${recipe.join(', ')} in the recipe`] : []),
  ]
  // What is left may follow from these; alone, it is what the samples are made of.
  return ways.length > 0 ? ways : ['with the samples and the word vectors as they were']
}
