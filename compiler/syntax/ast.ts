/** The syntax tree of a `.model` file. Never mutated; facts about nodes live in side tables keyed by node. */
import type { Rational } from '../shapes/rational.ts'

/** A half-open range of UTF-16 offsets in one file. */
export interface Span {
  /** The file's path as it was asked for, e.g. `specs/mcfn.model` or `std/blocks.model`. */
  readonly file: string
  readonly start: number
  readonly end: number
}

export interface Ident {
  readonly kind: 'ident'
  readonly name: string
  readonly span: Span
}

export interface StringLiteral {
  readonly kind: 'string'
  readonly value: string
  readonly span: Span
}

export interface File {
  readonly kind: 'file'
  readonly path: string
  readonly items: readonly Item[]
  readonly span: Span
}

export type Item = Use | Const | Labels | Block | Model | Variant

/** `use "std/blocks"` */
export interface Use {
  readonly kind: 'use'
  readonly path: StringLiteral
  readonly span: Span
}

/** `const mels = 40` */
export interface Const {
  readonly kind: 'const'
  readonly doc: string
  readonly name: Ident
  readonly value: Expr
  readonly span: Span
}

/** `block NAME(statics)(params) -> results { body }` */
export interface Block {
  readonly kind: 'block'
  /** The text of the `///` lines before it, without the slashes; empty where there are none. */
  readonly doc: string
  readonly name: Ident
  readonly statics: readonly StaticParam[]
  readonly params: readonly TensorParam[]
  readonly results: readonly TypeExpr[]
  /** True where the results were written in brackets, so that one result is still a tuple. */
  readonly tuple: boolean
  readonly body: readonly Statement[]
  readonly span: Span
}

export interface StaticParam {
  readonly kind: 'staticParam'
  readonly name: Ident
  readonly type: StaticType
  readonly default: Expr | undefined
  readonly span: Span
}

export type StaticType = 'int' | 'real' | 'bool'

export interface TensorParam {
  readonly kind: 'tensorParam'
  readonly name: Ident
  readonly type: TypeExpr
  readonly span: Span
}

/** `[frames, 256]`, or `[words] of 50265` for whole numbers below a static dim. */
export interface TypeExpr {
  readonly kind: 'type'
  readonly dims: readonly Expr[]
  readonly of: Expr | undefined
  readonly span: Span
}

/** `model NAME { … }` */
export interface Model {
  readonly kind: 'model'
  readonly doc: string
  readonly name: Ident
  readonly body: readonly Statement[]
  readonly span: Span
}

/** `variant "w/o CMI" of MCFN { CMI = Bypass }` */
export interface Variant {
  readonly kind: 'variant'
  readonly doc: string
  readonly name: StringLiteral
  readonly base: Ident
  readonly edits: readonly Edit[]
  readonly span: Span
}

export type Edit = SetEdit | NewEdit | DropEdit | Labels

/** `alpha = 0`, `UFLB = Conv1d(out)`, `DAB.TAB = Zeros`, `(Sf, Ls) = F()(S, T)` */
export interface SetEdit {
  readonly kind: 'setEdit'
  /** More than one where a tuple is bound; each is a dotted path, `DAB.TAB` being [DAB, TAB]. */
  readonly targets: readonly (readonly Ident[])[]
  readonly tuple: boolean
  readonly value: Expr
  readonly span: Span
}

/** `new input wave: [samples]`: any declaration or binding that the base lacks. */
export interface NewEdit {
  readonly kind: 'newEdit'
  readonly statement: Statement
  readonly span: Span
}

/** `drop loss x`, `drop output x` */
export interface DropEdit {
  readonly kind: 'dropEdit'
  readonly what: 'loss' | 'output'
  readonly name: Ident
  readonly span: Span
}

export type Statement =
  | Seq
  | Labels
  | Input
  | Target
  | Hyper
  | Param
  | State
  | Update
  | Require
  | Predict
  | Loss
  | Output
  | Bind
  | Equation
  | Return

/** `seq frames, words in 1..300` */
export interface Seq {
  readonly kind: 'seq'
  readonly doc: string
  readonly names: readonly SeqName[]
  readonly span: Span
}
export interface SeqName {
  readonly kind: 'seqName'
  readonly name: Ident
  readonly low: Expr | undefined
  readonly high: Expr | undefined
  readonly span: Span
}

/** `labels emotions = ["anger", "happiness"]`; at top level too. */
export interface Labels {
  readonly kind: 'labels'
  readonly doc: string
  readonly name: Ident
  readonly values: readonly StringLiteral[]
  readonly span: Span
}

/** `input speech: [frames, 120]` */
export interface Input {
  readonly kind: 'input'
  readonly doc: string
  readonly name: Ident
  readonly type: TypeExpr
  readonly span: Span
}

/** `target emotion: [] of emotions` */
export interface Target {
  readonly kind: 'target'
  readonly doc: string
  readonly name: Ident
  readonly type: TypeExpr
  readonly span: Span
}

/** `hyper alpha: real = 0.3 in 0..1 grid 0.1, 0.2` */
export interface Hyper {
  readonly kind: 'hyper'
  readonly doc: string
  readonly name: Ident
  readonly type: StaticType
  readonly default: Expr
  readonly low: Expr | undefined
  readonly high: Expr | undefined
  /** Empty where none is given. */
  readonly grid: readonly Expr[]
  readonly span: Span
}

/** `param w: [c, out] = glorot_uniform(fan_in = c)` */
export interface Param {
  readonly kind: 'param'
  readonly doc: string
  readonly name: Ident
  readonly type: TypeExpr
  readonly init: Expr
  readonly span: Span
}

/** `state m: [c] = zeros()` */
export interface State {
  readonly kind: 'state'
  readonly doc: string
  readonly name: Ident
  readonly type: TypeExpr
  readonly init: Expr
  readonly span: Span
}

/** `update m = expr` */
export interface Update {
  readonly kind: 'update'
  readonly name: Ident
  readonly value: Expr
  readonly span: Span
}

/** `require gamma >= 0, "why"` */
export interface Require {
  readonly kind: 'require'
  readonly condition: Expr
  readonly why: StringLiteral | undefined
  readonly span: Span
}

/** `predict emotion = expr` */
export interface Predict {
  readonly kind: 'predict'
  readonly doc: string
  readonly name: Ident
  readonly value: Expr
  readonly span: Span
}

/** `loss ce weight lambda = expr` */
export interface Loss {
  readonly kind: 'loss'
  readonly doc: string
  readonly name: Ident
  readonly weight: Expr | undefined
  readonly value: Expr
  readonly span: Span
}

/** `output fused = expr` */
export interface Output {
  readonly kind: 'output'
  readonly doc: string
  readonly name: Ident
  readonly value: Expr
  readonly span: Span
}

/** `h = expr`, `(a, b) = expr` */
export interface Bind {
  readonly kind: 'bind'
  readonly doc: string
  readonly names: readonly Ident[]
  readonly tuple: boolean
  readonly value: Expr
  readonly span: Span
}

/** `y[j: t, o] = expr` */
export interface Equation {
  readonly kind: 'equation'
  readonly doc: string
  readonly name: Ident
  readonly indices: readonly IndexDecl[]
  readonly value: Expr
  readonly span: Span
}

/** An index that is introduced, with its range where that is stated: `j: t`. */
export interface IndexDecl {
  readonly kind: 'indexDecl'
  readonly name: Ident
  readonly range: Expr | undefined
  readonly span: Span
}

/** `return expr` */
export interface Return {
  readonly kind: 'return'
  readonly value: Expr
  readonly span: Span
}

export type Expr =
  | NumberExpr
  | BoolExpr
  | NameExpr
  | StringExpr
  | UnaryExpr
  | BinaryExpr
  | IfExpr
  | CallExpr
  | IndexExpr
  | BinderExpr
  | PipeExpr
  | TupleExpr
  | StackExpr
  | RepeatExpr
  | ErrorExpr

/** A number with its unit multiplied in: `25ms` is 1/40. */
export interface NumberExpr {
  readonly kind: 'number'
  readonly value: Rational
  /** As it was written. */
  readonly text: string
  readonly span: Span
}
export interface BoolExpr {
  readonly kind: 'bool'
  readonly value: boolean
  readonly span: Span
}
export interface NameExpr {
  readonly kind: 'name'
  readonly name: string
  readonly span: Span
}
/** Only where a string may stand; the checker refuses it elsewhere. */
export interface StringExpr {
  readonly kind: 'stringExpr'
  readonly value: string
  readonly span: Span
}
export interface UnaryExpr {
  readonly kind: 'unary'
  readonly op: '-' | 'not'
  readonly operand: Expr
  readonly span: Span
}
export type BinaryOp =
  | '^'
  | '.'
  | '*'
  | '/'
  | 'div'
  | 'mod'
  | '+'
  | '-'
  | '=='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | 'and'
  | 'or'
export interface BinaryExpr {
  readonly kind: 'binary'
  readonly op: BinaryOp
  readonly left: Expr
  readonly right: Expr
  readonly opSpan: Span
  readonly span: Span
}
/** `if c then a else b` */
export interface IfExpr {
  readonly kind: 'if'
  readonly condition: Expr
  readonly then: Expr
  readonly else: Expr
  readonly span: Span
}
/** `f(x)`, `Conv1d(256)`, `Conv1d(256)(x)` (a call whose callee is a call). */
export interface CallExpr {
  readonly kind: 'call'
  readonly callee: Expr
  readonly args: readonly Arg[]
  readonly span: Span
}
export interface Arg {
  readonly kind: 'arg'
  readonly name: Ident | undefined
  readonly value: Expr
  readonly span: Span
}
/** `x[j + 1, p]`: only names are indexed. */
export interface IndexExpr {
  readonly kind: 'index'
  readonly base: NameExpr
  readonly indices: readonly Expr[]
  readonly span: Span
}
export type BinderOp = 'sum' | 'mean' | 'max' | 'min' | 'logsumexp' | 'softmax'
/** `sum[i, k: 3 if i != k](body)`; for softmax the indices refer, for the others they introduce. */
export interface BinderExpr {
  readonly kind: 'binder'
  readonly op: BinderOp
  readonly indices: readonly IndexDecl[]
  readonly condition: Expr | undefined
  readonly body: Expr
  readonly span: Span
}
/** `x |> f`, `(a, b) |> f` */
export interface PipeExpr {
  readonly kind: 'pipe'
  readonly left: Expr
  readonly right: Expr
  readonly span: Span
}
/** `(a, b)`; a bracketed single expression leaves no node. */
export interface TupleExpr {
  readonly kind: 'tuple'
  readonly items: readonly Expr[]
  readonly span: Span
}
/** `[a, b]` stacks along a new first axis. */
export interface StackExpr {
  readonly kind: 'stack'
  readonly items: readonly Expr[]
  readonly span: Span
}
/** `repeat n as k from h = x { … return next }` */
export interface RepeatExpr {
  readonly kind: 'repeat'
  readonly count: Expr
  readonly index: Ident | undefined
  /** The names carried from one round to the next; more than one where a tuple is. */
  readonly carried: readonly Ident[]
  readonly tuple: boolean
  readonly init: Expr
  readonly body: readonly Statement[]
  readonly span: Span
}
/** Stands where the parser could not make sense of the text; an error has been reported. */
export interface ErrorExpr {
  readonly kind: 'error'
  readonly span: Span
}

/** Every node of the tree. */
export type AstNode =
  | File
  | Item
  | StaticParam
  | TensorParam
  | TypeExpr
  | SetEdit
  | NewEdit
  | DropEdit
  | Statement
  | SeqName
  | IndexDecl
  | Expr
  | Arg
  | Ident
  | StringLiteral
