/** Help for syntax errors: how each form is written, and what other languages' habits are here. */

/** What people type out of habit, or their editor for them, by its first character. */
export const strayHints: ReadonlyMap<string, string> = new Map([
  ["'", 'a text stands in double quotes: `"anger"`'],
  ['`', 'a text stands in double quotes: `"anger"`'],
  ['‘', 'a text stands in double quotes: `"anger"`'],
  ['’', 'a text stands in double quotes: `"anger"`'],
  ['“', 'a text stands in straight double quotes: `"anger"`'],
  ['”', 'a text stands in straight double quotes: `"anger"`'],
  ['!', 'write `not x`, or `a != b`'],
  ['&', 'write `and`'],
  ['|', 'write `or`; `|>` passes a value to a block'],
  ['%', 'write `mod`'],
  ['#', 'a comment begins with `//`'],
  ['@', 'write the matrix product as an equation: `y[i, j] = sum[k](a[i, k] * b[k, j])`'],
  ['?', 'write `if c then a else b`'],
  ['×', 'write `*`'],
  ['÷', 'write `/`'],
  ['·', 'write `a . b` for the product of two one-axis values, `*` by element'],
  ['−', 'this is not the minus sign of the keyboard: write `-`'],
  ['–', 'this is not the minus sign of the keyboard: write `-`'],
  ['≤', 'write `<=`'],
  ['≥', 'write `>=`'],
  ['≠', 'write `!=`'],
  ['→', 'write `->`'],
  ['…', 'write what is left out, or give a range as in `0..1`'],
])

const index = 'a left side and a reduction introduce indices: names, with a range as in `j: t` where none is read'

/** How each rule of the grammar is written. */
export const forms: ReadonlyMap<string, string> = new Map([
  ['item', 'statements stand in a `model` or a `block`; a number for all of them is a `const`'],
  ['use', 'a file is brought in by its path in quotes: `use "std/blocks"`'],
  ['constant', 'a constant is `const mels = 40`'],
  ['labels', 'labels are `labels emotions = ["anger", "joy"]`'],
  ['block', 'a block is `block NAME(width: int = 3)(x: [t, c]) -> [t, c] { … }`'],
  ['header', 'a block is `block NAME(width: int = 3)(x: [t, c]) -> [t, c] { … }`'],
  ['staticParam', 'a static parameter is `width: int`, with a default as in `width: int = 3`'],
  ['tensorParam', 'a tensor parameter is `x: [t, c]`'],
  ['results', 'a block says what it gives: `-> [t, c]`, or `-> ([t, c], [])` for two'],
  ['type', 'a type is the list of its dims: `[frames, 256]`, or `[]` for a scalar'],
  ['model', 'a model is `model NAME { … }`'],
  ['variant', 'a variant is `variant "w/o TAB" of NAME { … }`'],
  ['edit', 'an edit is `name = …`, `labels …`, `new input …`, `drop loss name` or `drop output name`'],
  ['setting', 'an edit is `name = …`, `labels …`, `new input …`, `drop loss name` or `drop output name`'],
  ['body', 'a body stands in braces: `{ … }`'],
  ['drop', 'only `drop loss name` and `drop output name` exist; `name = 0` removes what a product is made of'],
  ['seq', 'lengths are `seq frames, words in 1..300`'],
  ['seqName', 'lengths are `seq frames, words in 1..300`'],
  ['bounds', 'bounds are `in 1..3000`'],
  ['typed', 'it is written `input speech: [frames, 120]` or `target emotion: [] of emotions`'],
  ['hyper', 'a hyper is `hyper alpha: real = 0.3`, with bounds and a grid as in `in 0..1 grid 0.1, 0.2`'],
  ['initialised', 'it is written `param w: [c, out] = glorot_uniform()` or `state m: [c] = zeros()`'],
  ['named', 'it is written `predict emotion = …`, `output fused = …` or `update m = …`'],
  ['require', 'a condition is `require alpha <= 1, "why"`'],
  ['loss', 'a loss is `loss ce = …` or `loss ce weight lambda = …`'],
  ['scan', 'a scan is `scan j: t { … }`'],
  ['names', 'a tuple on the left is `(a, b) = …`'],
  ['indices', index],
  ['index', index],
  ['reduction', 'a reduction is `sum[i](x[i])`, the body in brackets'],
  ['conditional', 'an `if` has both sides: `if c then a else b`'],
  ['repetition', 'a repetition is `repeat n as k from h = x { … return next }`'],
])

export const hints = {
  letters: 'a name is made of the letters a to z and A to Z, digits and `_`: `alpha`, `x_hat`',
  declaration: 'a declaration begins with its keyword: `input`, `target`, `param`, `state` or `hyper`',
  assignment: 'a value is bound with `=`',
  binding: 'a statement is a binding `name = …` or begins with a keyword',
  noLet: 'a binding has no keyword: `x = …`',
  boundOnce: 'every name is bound once: bind the sum to a new name',
  alone: 'an expression alone does nothing: bind it to a name, `y = …`',
  comparison: 'a comparison is written `==`; a line that ends with an operator goes on in the next',
  power: 'a power is `x ^ 2`',
  empty: 'something belongs between these brackets',
  lastComma: 'no comma stands before a closing bracket',
  leadingDigit: 'a number has a digit before its dot: `0.5`',
  trailingDigit: 'a number has a digit after its dot: `5.0`',
  slice: 'a slice is an equation with a stated range: `y[i: 2] = x[i + 1]`',
  shiftedIndex: 'the left side introduces indices; shift the reads instead: `y[i] = x[i - 1]`',
  axis: 'a reduction names its index in square brackets: `sum[i](x[i])`',
  useFile: 'a file is brought in with `use "std/blocks"`',
  makeBlock: 'a function is a `block NAME()(x: [t]) -> [t] { … }`',
} as const

/** Help for an edit that is written as an equation: `name[j, p] = …`. */
export const editedEquation = (name: string, indices: string): string => {
  const free = name === 'g' ? 'h' : 'g'
  return `no indices stand on the left of an edit: write \`new ${free}${indices} = …; ${name} = ${free}\``
}

/** Names of types elsewhere, and what they are here. */
export const staticTypes: ReadonlyMap<string, string> = new Map(
  Object.entries({
    float: 'real',
    float32: 'real',
    double: 'real',
    number: 'real',
    f32: 'real',
    integer: 'int',
    int32: 'int',
    int64: 'int',
    i64: 'int',
    boolean: 'bool',
  }).map(([foreign, own]) => [foreign, `write \`${own}\``]),
)
