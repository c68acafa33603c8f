/** The tokens of the language, and text to tokens. Newlines are tokens here; `layout.ts` decides which count. */
import { createToken, type ILexingError, type IToken, Lexer, type TokenType } from 'chevrotain'
import { binders, keywords, softKeywords } from './words.ts'

const category = (name: string, label: string): TokenType => createToken({ name, label, pattern: Lexer.NA })

// What several tokens have in common, so that the grammar can ask for any of them.
export const Separator = category('Separator', 'the end of the line')
/** What an expression can begin with. */
export const ExpressionStart = category('ExpressionStart', 'an expression')
/** What a statement can begin with. */
export const StatementStart = category('StatementStart', 'a statement')
/** What a variant's edit begins with. */
export const EditStart = category('EditStart', 'an edit')
export const Name = createToken({
  name: 'Name',
  label: 'a name',
  pattern: /[A-Za-z_]\w*/,
  categories: [ExpressionStart, StatementStart, EditStart],
})
export const StaticType = category('StaticType', '`int`, `real` or `bool`')
export const Binder = category('Binder', 'a reduction')
export const BinaryOp = category('BinaryOp', 'an operator')
export const PrefixOp = category('PrefixOp', '`-` or `not`')
export const Truth = category('Truth', '`true` or `false`')
/** A line goes on where the one before ends with one of these. */
export const Trailing = category('Trailing', 'what a line cannot end with')
/** A line that begins with one of these goes on with the one before. */
export const Leading = category('Leading', 'what a line cannot begin with')
/** Keywords that a line begins with and no expression holds. */
export const LineKeyword = category('LineKeyword', 'a statement')
/** What a top-level item begins with. */
export const ItemStart = category('ItemStart', '`use`, `const`, `labels`, `block`, `model` or `variant`')
/** `input` and `target`. */
export const Typed = category('Typed', '`input` or `target`')
/** `param` and `state`. */
export const Initialised = category('Initialised', '`param` or `state`')
/** `update`, `predict` and `output`. */
export const Named = category('Named', '`update`, `predict` or `output`')
/** What a variant can drop. */
export const Droppable = category('Droppable', '`loss` or `output`')
/** Any hard keyword. */
export const Keyword = category('Keyword', 'a keyword')

const categories = [
  Separator,
  StaticType,
  Binder,
  BinaryOp,
  PrefixOp,
  Truth,
  Trailing,
  Leading,
  LineKeyword,
  ItemStart,
  ExpressionStart,
  StatementStart,
  Typed,
  Initialised,
  Named,
  Droppable,
  EditStart,
  Keyword,
]

const symbol = (name: string, text: string, ...kinds: TokenType[]): TokenType =>
  createToken({ name, label: `\`${text}\``, pattern: text, categories: kinds })
const infix = (name: string, text: string, ...kinds: TokenType[]): TokenType =>
  symbol(name, text, BinaryOp, Trailing, Leading, ...kinds)

export const Pipe = infix('Pipe', '|>')
export const Caret = infix('Caret', '^')
export const DotDot = symbol('DotDot', '..', Trailing, Leading)
export const Dot = infix('Dot', '.')
export const Arrow = symbol('Arrow', '->', Trailing, Leading)
export const Minus = infix('Minus', '-', PrefixOp, ExpressionStart)
export const Plus = infix('Plus', '+')
export const Star = infix('Star', '*')
export const Slash = infix('Slash', '/')
export const EqualEqual = infix('EqualEqual', '==')
export const NotEqual = infix('NotEqual', '!=')
export const LessEqual = infix('LessEqual', '<=')
export const GreaterEqual = infix('GreaterEqual', '>=')
export const Less = infix('Less', '<')
export const Greater = infix('Greater', '>')
export const Equals = symbol('Equals', '=', Trailing, Leading)
export const Comma = symbol('Comma', ',', Trailing, Leading)
export const Colon = symbol('Colon', ':', Trailing, Leading)
export const LParen = symbol('LParen', '(', ExpressionStart, StatementStart, EditStart)
export const RParen = symbol('RParen', ')')
export const LSquare = symbol('LSquare', '[', ExpressionStart)
export const RSquare = symbol('RSquare', ']')
export const LCurly = symbol('LCurly', '{', Leading)
export const RCurly = symbol('RCurly', '}')

// Longest first where one begins another; the lexer takes the first that fits.
const symbols = [
  Pipe,
  Caret,
  DotDot,
  Dot,
  Arrow,
  Minus,
  Plus,
  Star,
  EqualEqual,
  NotEqual,
  LessEqual,
  GreaterEqual,
  Less,
  Greater,
  Equals,
  Comma,
  Colon,
  LParen,
  RParen,
  LSquare,
  RSquare,
  LCurly,
  RCurly,
]

const kindsOf = new Map<string, readonly TokenType[]>([
  ['use', [LineKeyword, ItemStart]],
  ['const', [LineKeyword, ItemStart]],
  ['block', [LineKeyword, ItemStart]],
  ['model', [LineKeyword, ItemStart]],
  ['variant', [LineKeyword, ItemStart]],
  ['and', [BinaryOp, Trailing, Leading]],
  ['or', [BinaryOp, Trailing, Leading]],
  ['div', [BinaryOp, Trailing, Leading]],
  ['mod', [BinaryOp, Trailing, Leading]],
  ['in', [Trailing, Leading]],
  ['of', [Trailing, Leading]],
  ['not', [PrefixOp, Trailing, ExpressionStart]],
  ['if', [Trailing, ExpressionStart]],
  ['then', [Trailing, Leading]],
  ['else', [Trailing, Leading]],
  ['true', [Truth, ExpressionStart]],
  ['false', [Truth, ExpressionStart]],
  ['repeat', [ExpressionStart]],
  ['labels', [LineKeyword, ItemStart, StatementStart, EditStart]],
  ['seq', [LineKeyword, StatementStart]],
  ['input', [LineKeyword, StatementStart, Typed]],
  ['target', [LineKeyword, StatementStart, Typed]],
  ['hyper', [LineKeyword, StatementStart]],
  ['param', [LineKeyword, StatementStart, Initialised]],
  ['state', [LineKeyword, StatementStart, Initialised]],
  ['update', [LineKeyword, StatementStart, Named]],
  ['require', [LineKeyword, StatementStart]],
  ['predict', [LineKeyword, StatementStart, Named]],
  ['loss', [LineKeyword, StatementStart, Droppable]],
  ['output', [LineKeyword, StatementStart, Named, Droppable]],
  ['new', [EditStart]],
  ['drop', [EditStart]],
  ['return', [LineKeyword, StatementStart]],
  ['scan', [LineKeyword, StatementStart]],
])

const word = (text: string, kinds: readonly TokenType[]): TokenType =>
  createToken({
    name: text.replace(/^./, (c) => c.toUpperCase()),
    label: `\`${text}\``,
    pattern: text,
    longer_alt: Name,
    categories: [...kinds],
  })
const keywordTokens = keywords.map((text) => word(text, [...(kindsOf.get(text) ?? []), Keyword]))
const softTokens = softKeywords.map((text) =>
  word(text, ['int', 'real', 'bool'].includes(text) ? [Name, StaticType] : [Name]),
)
const binderTokens = binders.map((text) => word(text, [Binder, ExpressionStart]))
// Longest first: `in` would take the place of `int` and `input`, as it too gives way to a longer name.
const words = [...keywordTokens, ...softTokens, ...binderTokens].sort(
  (a, b) => String(b.PATTERN).length - String(a.PATTERN).length,
)

const named = (text: string): TokenType => {
  const found = words.find((type) => type.PATTERN === text)
  if (!found) throw new RangeError(`no keyword ${text}`)
  return found
}
export const Use = named('use')
export const Const = named('const')
export const Block = named('block')
export const Model = named('model')
export const Variant = named('variant')
export const Labels = named('labels')
export const Seq = named('seq')
export const Input = named('input')
export const Target = named('target')
export const Hyper = named('hyper')
export const Param = named('param')
export const State = named('state')
export const Update = named('update')
export const Require = named('require')
export const Predict = named('predict')
export const Loss = named('loss')
export const Output = named('output')
export const Return = named('return')
export const Repeat = named('repeat')
export const Scan = named('scan')
export const New = named('new')
export const Drop = named('drop')
export const If = named('if')
export const Then = named('then')
export const Else = named('else')
export const Not = named('not')
export const In = named('in')
export const Of = named('of')
export const Weight = named('weight')
export const Grid = named('grid')
export const As = named('as')
export const From = named('from')

export const NumberLiteral = createToken({
  name: 'NumberLiteral',
  label: 'a number',
  // A letter that follows is a unit, or a mistake that is told about later; a number needs a digit after its dot.
  pattern: /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?:[A-Za-z_]\w*)?/,
  categories: [ExpressionStart],
})
export const Text = createToken({
  name: 'Text',
  label: 'a text in double quotes',
  pattern: /"(?:[^"\\\r\n]|\\[^\r\n])*"/,
  categories: [ExpressionStart],
})
/** A text that its line ends before its closing quote. */
export const OpenText = createToken({
  name: 'OpenText',
  label: 'a text without its closing quote',
  pattern: /"(?:[^"\\\r\n]|\\[^\r\n])*\\?/,
})
export const Semicolon = createToken({ name: 'Semicolon', label: '`;`', pattern: ';', categories: [Separator] })
export const Newline = createToken({
  name: 'Newline',
  label: 'the end of the line',
  pattern: /\r\n?|\n/,
  categories: [Separator],
  line_breaks: true,
})
/** A line of documentation; four slashes and more are a comment. */
export const Doc = createToken({ name: 'Doc', pattern: /\/\/\/(?!\/)[^\r\n]*/ })
/** A run of characters that no token begins with; made from what the lexer had to skip. */
export const Stray = category('Stray', 'a character that the language does not have')

const Blank = createToken({ name: 'Blank', pattern: /[ \t\f\v\u00a0\ufeff]+/, group: Lexer.SKIPPED })
/** Kept by the lexer, as a line with a comment is not a blank one. */
export const Comment = createToken({ name: 'Comment', pattern: /\/\/[^\r\n]*/ })

/** Every token type, in the order in which the lexer tries them. */
export const allTokens: readonly TokenType[] = [
  Blank,
  Newline,
  Semicolon,
  Doc,
  Comment,
  ...words,
  Name,
  NumberLiteral,
  Text,
  OpenText,
  ...symbols,
  Slash,
  Stray,
  ...categories,
]

/** Text to tokens with newlines, comments and documentation, `Stray` where nothing fits. Never throws. */
export type Tokenise = (text: string) => IToken[]

/** The offset after a token; Chevrotain's `endOffset` is that of its last character. */
export const endOf = (token: IToken): number => token.startOffset + token.image.length

/** Makes a token of what is not in the text, of no width, or of a piece of the text. */
export const makeToken = (tokenType: TokenType, image: string, startOffset: number): IToken => ({
  image,
  startOffset,
  endOffset: startOffset + image.length - 1,
  tokenType,
  tokenTypeIdx: tokenType.tokenTypeIdx ?? 0,
})

function withStray(tokens: readonly IToken[], errors: readonly ILexingError[], text: string): IToken[] {
  const stray = errors.map((e) => makeToken(Stray, text.slice(e.offset, e.offset + e.length), e.offset))
  return [...tokens, ...stray].sort((a, b) => a.startOffset - b.startOffset)
}

/** Builds the lexer; costs some milliseconds, so callers keep what it returns. */
export function makeTokenise(skipValidations = true): Tokenise {
  const lexer = new Lexer([...allTokens], {
    positionTracking: 'onlyOffset',
    skipValidations,
    ensureOptimizations: false,
  })
  return (text) => {
    const { tokens, errors } = lexer.tokenize(text)
    // This mode of the lexer leaves the end out; the tree's spans are made of it.
    for (const token of tokens) token.endOffset = endOf(token) - 1
    return errors.length === 0 ? tokens : withStray(tokens, errors, text)
  }
}
