/** The words that a name cannot be, in one short list, and those that only mean something in their place. */

/** Words with a meaning of their own wherever they stand. */
export const keywords = [
  'use',
  'const',
  'block',
  'model',
  'variant',
  'labels',
  'seq',
  'input',
  'target',
  'hyper',
  'param',
  'state',
  'update',
  'require',
  'predict',
  'loss',
  'output',
  'return',
  'repeat',
  'scan',
  'new',
  'drop',
  'if',
  'then',
  'else',
  'and',
  'or',
  'not',
  'div',
  'mod',
  'in',
  'of',
  'true',
  'false',
] as const

/** Words that mean something in one place only, and are names elsewhere. */
export const softKeywords = ['weight', 'grid', 'as', 'from', 'int', 'real', 'bool'] as const

/** Reductions that name their index: `sum[i](x[i])`. `max`, `min` and `softmax` are functions too. */
export const binders = ['sum', 'mean', 'max', 'min', 'logsumexp', 'softmax'] as const

/** Built-in functions that are called by name, and what is visible everywhere. */
export const functionNames = [
  'exp',
  'log',
  'sqrt',
  'abs',
  'sin',
  'cos',
  'tanh',
  'sigmoid',
  'relu',
  'erf',
  'floor',
  'log_softmax',
  'concat',
  'flatten',
  'stop_gradient',
  'uniform',
  'pi',
  'training',
  'batch',
] as const

/** Names that what a model is written as keeps for itself: safetensors for its header, JavaScript for an object's prototype. */
export const formatNames = ['__metadata__', '__proto__'] as const

/** Every word that a spec cannot bind, sorted; the list that `mcfnc` prints. */
export const reservedWords: readonly string[] = [...keywords, ...binders, ...functionNames, ...formatNames].sort()
