/** The words that no spec may bind: keywords, functions and the few names with a fixed meaning. */
import { builtinNames } from '../check/builtins.ts'

const keywords = [
  'use', 'const', 'block', 'model', 'variant', 'of', 'labels', 'seq', 'in', 'input', 'target', 'hyper', 'grid', 'param',
  'state', 'update', 'require', 'predict', 'loss', 'weight', 'output', 'return', 'repeat', 'as', 'from', 'if', 'then',
  'else', 'and', 'or', 'not', 'div', 'mod', 'true', 'false', 'int', 'real', 'bool', 'new', 'drop', 'scan', 'per',
]
const fixed = ['pi', 'training', 'batch', 'sum', 'mean']

/** Every reserved word. */
export const reservedWords: ReadonlySet<string> = new Set([...keywords, ...fixed, ...builtinNames])
