/**
 * The grammar: tokens to a concrete syntax tree, LL(1) but for named arguments.
 *
 * A statement that cannot be read is reported and skipped up to the end of its line, so that the next is read afresh.
 * Operators stand in the tree as a flat list; precedence is applied when the syntax tree is built, which keeps this
 * shallow and fast.
 */
import {
  type CstNode,
  CstParser,
  EOF,
  type IParserErrorMessageProvider,
  type IToken,
  isRecognitionException,
  MismatchedTokenException,
  type ParserMethod,
  type TokenType,
  tokenLabel,
  tokenMatcher,
} from 'chevrotain'
import type { Problem } from './messages.ts'
import * as T from './tokens.ts'

/** Brackets, `if`s and `repeat`s inside each other. Chosen so that no phase runs out of stack. */
export const maxNesting = 100
/** Operators, calls and brackets along one path of an expression. */
export const maxWeight = 500

/** Leaves a statement that cannot be read. */
class Unreadable extends Error {
  readonly problem: DistributiveOmit<Problem, 'line'>
  constructor(problem: DistributiveOmit<Problem, 'line'>) {
    super(problem.kind)
    this.name = 'Unreadable'
    this.problem = problem
  }
}
type DistributiveOmit<T, K extends keyof T> = T extends unknown ? Omit<T, K> : never

type Rule = ParserMethod<[], CstNode>

// The message of an exception carries what was expected; the texts for people are made elsewhere.
const messages: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected }) => tokenLabel(expected),
  buildNotAllInputParsedMessage: () => '',
  buildNoViableAltMessage: () => 'something else',
  buildEarlyExitMessage: () => 'something else',
}

const endsLine = (token: IToken): boolean =>
  token.tokenType === EOF || token.tokenType === T.RCurly || tokenMatcher(token, T.Separator)

/** The parser; it keeps state between `input` and the end of `file()`, so one text at a time. */
export class ModelParser extends CstParser {
  /** What the last run found. */
  problems: Problem[] = []
  private nesting = 0
  private weight = 0

  constructor(skipValidations = true) {
    super([...T.allTokens], {
      maxLookahead: 1,
      skipValidations,
      recoveryEnabled: false,
      nodeLocationTracking: 'onlyOffset',
      errorMessageProvider: messages,
    })
    this.performSelfAnalysis()
  }

  /** Parses laid-out tokens; the tree's nodes have offsets. */
  run(tokens: readonly IToken[]): { tree: CstNode; problems: readonly Problem[] } {
    this.problems = []
    this.nesting = 0
    this.weight = 0
    this.input = [...tokens]
    const tree = this.file()
    return { tree, problems: this.problems }
  }

  // file: (item Separator)*
  readonly file: Rule = this.RULE('file', () => {
    this.lines(EOF, () => this.SUBRULE(this.fileLine))
  })
  private fileLine: Rule = this.RULE('fileLine', () => {
    this.attempt(() => this.SUBRULE(this.item))
  })
  // item: use | const | labels | block | model | variant
  private item: Rule = this.RULE('item', () => {
    this.expect(T.ItemStart, 'item')
    this.OR([
      { ALT: () => this.SUBRULE(this.use) },
      { ALT: () => this.SUBRULE(this.constant) },
      { ALT: () => this.SUBRULE(this.labels) },
      { ALT: () => this.SUBRULE(this.block) },
      { ALT: () => this.SUBRULE(this.model) },
      { ALT: () => this.SUBRULE(this.variant) },
    ])
  })
  // use: 'use' Text
  private use: Rule = this.RULE('use', () => {
    this.CONSUME(T.Use)
    this.CONSUME(T.Text)
  })
  // constant: 'const' Name '=' expression
  private constant: Rule = this.RULE('constant', () => {
    this.CONSUME(T.Const)
    this.CONSUME(T.Name)
    this.CONSUME(T.Equals)
    this.SUBRULE(this.expression)
  })
  // labels: 'labels' Name '=' '[' Text (',' Text)* ']'
  private labels: Rule = this.RULE('labels', () => {
    this.CONSUME(T.Labels)
    this.CONSUME(T.Name)
    this.CONSUME(T.Equals)
    this.CONSUME(T.LSquare)
    this.CONSUME(T.Text)
    this.MANY(() => {
      this.CONSUME(T.Comma)
      this.CONSUME2(T.Text)
    })
    this.CONSUME(T.RSquare)
  })
  // block: 'block' Name header body
  private block: Rule = this.RULE('block', () => {
    this.CONSUME(T.Block)
    this.CONSUME(T.Name)
    this.attemptHeader(() => this.SUBRULE(this.header))
    this.SUBRULE(this.body)
  })
  // header: '(' [staticParam (',' staticParam)*] ')' '(' [tensorParam (',' tensorParam)*] ')' '->' results
  private header: Rule = this.RULE('header', () => {
    this.CONSUME(T.LParen)
    this.OPTION(() => {
      this.SUBRULE(this.staticParam)
      this.MANY(() => {
        this.CONSUME(T.Comma)
        this.SUBRULE2(this.staticParam)
      })
    })
    this.CONSUME(T.RParen)
    this.CONSUME2(T.LParen)
    this.OPTION2(() => {
      this.SUBRULE(this.tensorParam)
      this.MANY2(() => {
        this.CONSUME2(T.Comma)
        this.SUBRULE2(this.tensorParam)
      })
    })
    this.CONSUME2(T.RParen)
    this.CONSUME(T.Arrow)
    this.SUBRULE(this.results)
  })
  // staticParam: Name ':' ('int' | 'real' | 'bool') ['=' expression]
  private staticParam: Rule = this.RULE('staticParam', () => {
    this.CONSUME(T.Name)
    this.CONSUME(T.Colon)
    this.CONSUME(T.StaticType)
    this.OPTION(() => {
      this.CONSUME(T.Equals)
      this.SUBRULE(this.expression)
    })
  })
  // tensorParam: Name ':' type
  private tensorParam: Rule = this.RULE('tensorParam', () => {
    this.CONSUME(T.Name)
    this.CONSUME(T.Colon)
    this.SUBRULE(this.type)
  })
  // results: type | '(' type (',' type)* ')'
  private results: Rule = this.RULE('results', () => {
    if (this.LA(1).tokenType !== T.LParen) this.expect(T.LSquare, 'results')
    this.OR([
      {
        ALT: () => {
          this.CONSUME(T.LParen)
          this.SUBRULE(this.type)
          this.MANY(() => {
            this.CONSUME(T.Comma)
            this.SUBRULE2(this.type)
          })
          this.CONSUME(T.RParen)
        },
      },
      { ALT: () => this.SUBRULE3(this.type) },
    ])
  })
  // type: '[' [expression (',' expression)*] ']' ['of' expression]
  private type: Rule = this.RULE('type', () => {
    this.CONSUME(T.LSquare)
    this.OPTION(() => this.SUBRULE(this.expressions))
    this.CONSUME(T.RSquare)
    this.OPTION2(() => {
      this.CONSUME(T.Of)
      this.SUBRULE(this.expression)
    })
  })
  // model: 'model' Name body
  private model: Rule = this.RULE('model', () => {
    this.CONSUME(T.Model)
    this.CONSUME(T.Name)
    this.SUBRULE(this.body)
  })
  // variant: 'variant' Text 'of' Name '{' (edit Separator)* '}'
  private variant: Rule = this.RULE('variant', () => {
    this.CONSUME(T.Variant)
    this.CONSUME(T.Text)
    this.CONSUME(T.Of)
    this.CONSUME(T.Name)
    this.CONSUME(T.LCurly)
    this.lines(T.RCurly, () => this.SUBRULE(this.editLine))
    this.CONSUME(T.RCurly)
  })
  private editLine: Rule = this.RULE('editLine', () => {
    this.attempt(() => this.SUBRULE(this.edit))
  })
  // edit: labels | 'new' statement | 'drop' ('loss' | 'output') Name | paths '=' expression
  private edit: Rule = this.RULE('edit', () => {
    this.expect(T.EditStart, 'edit')
    this.OR([
      { ALT: () => this.SUBRULE(this.labels) },
      {
        ALT: () => {
          this.CONSUME(T.New)
          this.SUBRULE(this.statement)
        },
      },
      { ALT: () => this.SUBRULE(this.drop) },
      { ALT: () => this.SUBRULE(this.setting) },
    ])
  })
  // drop: 'drop' ('loss' | 'output') Name
  private drop: Rule = this.RULE('drop', () => {
    this.CONSUME(T.Drop)
    this.CONSUME(T.Droppable)
    this.CONSUME(T.Name)
  })
  // setting: (path | '(' path (',' path)* ')') '=' expression
  private setting: Rule = this.RULE('setting', () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(T.LParen)
          this.SUBRULE(this.path)
          this.MANY(() => {
            this.CONSUME(T.Comma)
            this.SUBRULE2(this.path)
          })
          this.CONSUME(T.RParen)
        },
      },
      { ALT: () => this.SUBRULE3(this.path) },
    ])
    this.CONSUME(T.Equals)
    this.SUBRULE(this.expression)
  })
  // path: Name ('.' Name)*
  private path: Rule = this.RULE('path', () => {
    this.CONSUME(T.Name)
    this.MANY(() => {
      this.CONSUME(T.Dot)
      this.CONSUME2(T.Name)
    })
  })

  // body: '{' (statement Separator)* '}'
  private body: Rule = this.RULE('body', () => {
    this.CONSUME(T.LCurly)
    this.lines(T.RCurly, () => this.SUBRULE(this.bodyLine))
    this.CONSUME(T.RCurly)
  })
  private bodyLine: Rule = this.RULE('bodyLine', () => {
    this.attempt(() => this.SUBRULE(this.statement))
  })
  private statement: Rule = this.RULE('statement', () => {
    this.expect(T.StatementStart, 'statement')
    this.OR([
      { ALT: () => this.SUBRULE(this.seq) },
      { ALT: () => this.SUBRULE(this.labels) },
      { ALT: () => this.SUBRULE(this.typed) },
      { ALT: () => this.SUBRULE(this.hyper) },
      { ALT: () => this.SUBRULE(this.initialised) },
      { ALT: () => this.SUBRULE(this.named) },
      { ALT: () => this.SUBRULE(this.require) },
      { ALT: () => this.SUBRULE(this.loss) },
      { ALT: () => this.SUBRULE(this.result) },
      { ALT: () => this.SUBRULE(this.scan) },
      { ALT: () => this.SUBRULE(this.binding) },
    ])
  })
  // seq: 'seq' seqName (',' seqName)*
  private seq: Rule = this.RULE('seq', () => {
    this.CONSUME(T.Seq)
    this.SUBRULE(this.seqName)
    this.MANY(() => {
      this.CONSUME(T.Comma)
      this.SUBRULE2(this.seqName)
    })
  })
  // seqName: Name ['in' expression '..' expression]
  private seqName: Rule = this.RULE('seqName', () => {
    this.CONSUME(T.Name)
    this.OPTION(() => this.SUBRULE(this.bounds))
  })
  // bounds: 'in' expression '..' expression
  private bounds: Rule = this.RULE('bounds', () => {
    this.CONSUME(T.In)
    this.SUBRULE(this.expression)
    this.CONSUME(T.DotDot)
    this.SUBRULE2(this.expression)
  })
  // typed: ('input' | 'target') Name ':' type
  private typed: Rule = this.RULE('typed', () => {
    this.CONSUME(T.Typed)
    this.CONSUME(T.Name)
    this.CONSUME(T.Colon)
    this.SUBRULE(this.type)
  })
  // hyper: 'hyper' Name ':' ('int' | 'real' | 'bool') '=' expression [bounds] ['grid' expression (',' expression)*]
  private hyper: Rule = this.RULE('hyper', () => {
    this.CONSUME(T.Hyper)
    this.CONSUME(T.Name)
    this.CONSUME(T.Colon)
    this.CONSUME(T.StaticType)
    this.CONSUME(T.Equals)
    this.SUBRULE(this.expression)
    this.OPTION(() => this.SUBRULE(this.bounds))
    this.OPTION2(() => {
      this.CONSUME(T.Grid)
      this.SUBRULE(this.expressions)
    })
  })
  // initialised: ('param' | 'state') Name ':' type '=' expression
  private initialised: Rule = this.RULE('initialised', () => {
    this.CONSUME(T.Initialised)
    this.CONSUME(T.Name)
    this.CONSUME(T.Colon)
    this.SUBRULE(this.type)
    this.CONSUME(T.Equals)
    this.SUBRULE(this.expression)
  })
  // named: ('update' | 'predict' | 'output') Name '=' expression
  private named: Rule = this.RULE('named', () => {
    this.CONSUME(T.Named)
    this.CONSUME(T.Name)
    this.CONSUME(T.Equals)
    this.SUBRULE(this.expression)
  })
  // require: 'require' expression [',' Text]
  private require: Rule = this.RULE('require', () => {
    this.CONSUME(T.Require)
    this.SUBRULE(this.expression)
    this.OPTION(() => {
      this.CONSUME(T.Comma)
      this.CONSUME(T.Text)
    })
  })
  // loss: 'loss' Name ['weight' expression] '=' expression
  private loss: Rule = this.RULE('loss', () => {
    this.CONSUME(T.Loss)
    this.CONSUME(T.Name)
    this.OPTION(() => {
      this.CONSUME(T.Weight)
      this.SUBRULE(this.expression)
    })
    this.CONSUME(T.Equals)
    this.SUBRULE2(this.expression)
  })
  // result: 'return' expression
  private result: Rule = this.RULE('result', () => {
    this.CONSUME(T.Return)
    this.SUBRULE(this.expression)
  })
  // scan: 'scan' Name ':' expression body
  private scan: Rule = this.RULE('scan', () => {
    this.CONSUME(T.Scan)
    this.attemptHeader(() => this.SUBRULE(this.scanHeader))
    this.SUBRULE(this.body)
  })
  private scanHeader: Rule = this.RULE('scanHeader', () => {
    this.CONSUME(T.Name)
    this.CONSUME(T.Colon)
    this.SUBRULE(this.expression)
  })
  // binding: ('(' Name (',' Name)* ')' | Name ['[' indices ']']) '=' expression
  private binding: Rule = this.RULE('binding', () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.names) },
      {
        ALT: () => {
          this.CONSUME(T.Name)
          this.OPTION(() => {
            this.CONSUME(T.LSquare)
            this.SUBRULE(this.indices)
            this.CONSUME(T.RSquare)
          })
        },
      },
    ])
    this.CONSUME(T.Equals)
    this.SUBRULE(this.expression)
  })
  // names: '(' Name (',' Name)* ')'
  private names: Rule = this.RULE('names', () => {
    this.CONSUME(T.LParen)
    this.CONSUME(T.Name)
    this.MANY(() => {
      this.CONSUME(T.Comma)
      this.CONSUME2(T.Name)
    })
    this.CONSUME(T.RParen)
  })
  // indices: index (',' index)*
  private indices: Rule = this.RULE('indices', () => {
    this.SUBRULE(this.index)
    this.MANY(() => {
      this.CONSUME(T.Comma)
      this.SUBRULE2(this.index)
    })
  })
  // index: Name [':' expression]
  private index: Rule = this.RULE('index', () => {
    this.CONSUME(T.Name)
    this.OPTION(() => {
      this.CONSUME(T.Colon)
      this.SUBRULE(this.expression)
    })
  })

  // expressions: expression (',' expression)*
  private expressions: Rule = this.RULE('expressions', () => {
    this.SUBRULE(this.expression)
    this.MANY(() => {
      this.CONSUME(T.Comma)
      this.SUBRULE2(this.expression)
    })
  })
  // expression: term (BinaryOp term)*
  private expression: Rule = this.RULE('expression', () => {
    const { weight } = this
    if (++this.nesting > maxNesting) this.fail({ kind: 'tooDeep', limit: maxNesting, at: this.here() })
    this.weigh()
    this.SUBRULE(this.term)
    this.MANY(() => {
      this.CONSUME(T.BinaryOp)
      this.weigh()
      this.SUBRULE2(this.term)
    })
    this.nesting--
    this.weight = weight
  })
  // term: PrefixOp* (NumberLiteral | Text | Truth | Name | reduction | brackets | stack | conditional | repetition) suffix*
  private term: Rule = this.RULE('term', () => {
    this.MANY(() => {
      this.CONSUME(T.PrefixOp)
      this.weigh()
    })
    this.expect(T.ExpressionStart, 'term')
    this.OR([
      { ALT: () => this.CONSUME(T.NumberLiteral) },
      { ALT: () => this.CONSUME(T.Text) },
      { ALT: () => this.CONSUME(T.Truth) },
      { ALT: () => this.CONSUME(T.Name) },
      { ALT: () => this.SUBRULE(this.reduction) },
      { ALT: () => this.SUBRULE(this.brackets) },
      { ALT: () => this.SUBRULE(this.stack) },
      { ALT: () => this.SUBRULE(this.conditional) },
      { ALT: () => this.SUBRULE(this.repetition) },
    ])
    this.MANY2(() => {
      this.weigh()
      this.SUBRULE(this.suffix)
    })
  })
  // brackets: '(' expressions ')'
  private brackets: Rule = this.RULE('brackets', () => {
    this.CONSUME(T.LParen)
    this.SUBRULE(this.expressions)
    this.CONSUME(T.RParen)
  })
  // stack: '[' expressions ']'
  private stack: Rule = this.RULE('stack', () => {
    this.CONSUME(T.LSquare)
    this.SUBRULE(this.expressions)
    this.CONSUME(T.RSquare)
  })
  // suffix: '(' [argument (',' argument)*] ')' | '[' expressions ']'
  private suffix: Rule = this.RULE('suffix', () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(T.LParen)
          this.OPTION(() => {
            this.SUBRULE(this.argument)
            this.MANY(() => {
              this.CONSUME(T.Comma)
              this.SUBRULE2(this.argument)
            })
          })
          this.CONSUME(T.RParen)
        },
      },
      {
        ALT: () => {
          this.CONSUME(T.LSquare)
          this.SUBRULE(this.expressions)
          this.CONSUME(T.RSquare)
        },
      },
    ])
  })
  // argument: [Name '='] expression
  private argument: Rule = this.RULE('argument', () => {
    this.OPTION({
      GATE: () => this.LA(2).tokenType === T.Equals,
      DEF: () => {
        this.CONSUME(T.Name)
        this.CONSUME(T.Equals)
      },
    })
    this.SUBRULE(this.expression)
  })
  // reduction: Binder ['[' indices ['if' expression] ']' '(' expression ')']
  private reduction: Rule = this.RULE('reduction', () => {
    this.CONSUME(T.Binder)
    this.OPTION(() => {
      this.CONSUME(T.LSquare)
      this.SUBRULE(this.indices)
      this.OPTION2(() => {
        this.CONSUME(T.If)
        this.SUBRULE(this.expression, { LABEL: 'condition' })
      })
      this.CONSUME(T.RSquare)
      this.CONSUME(T.LParen)
      this.SUBRULE2(this.expression)
      this.CONSUME(T.RParen)
    })
  })
  // conditional: 'if' expression 'then' expression 'else' expression
  private conditional: Rule = this.RULE('conditional', () => {
    this.CONSUME(T.If)
    this.SUBRULE(this.expression)
    this.CONSUME(T.Then)
    this.SUBRULE2(this.expression)
    this.CONSUME(T.Else)
    this.SUBRULE3(this.expression)
  })
  // repetition: 'repeat' expression ['as' Name] 'from' (Name | names) '=' expression body
  private repetition: Rule = this.RULE('repetition', () => {
    this.CONSUME(T.Repeat)
    this.SUBRULE(this.expression)
    this.OPTION(() => {
      this.CONSUME(T.As)
      this.CONSUME(T.Name, { LABEL: 'round' })
    })
    this.CONSUME(T.From)
    if (this.LA(1).tokenType !== T.LParen) this.expect(T.Name, 'repetition')
    this.OR([{ ALT: () => this.SUBRULE(this.names) }, { ALT: () => this.CONSUME2(T.Name) }])
    this.CONSUME(T.Equals)
    this.SUBRULE2(this.expression)
    this.SUBRULE(this.body)
  })

  /** Reads lines to `end`. A loop of our own: MANY would stop at a token that no line begins with. */
  private lines(end: TokenType, line: () => void): void {
    if (this.RECORDING_PHASE) {
      this.MANY(() => {
        this.CONSUME(T.Separator)
        line()
      })
      return
    }
    for (let next = this.LA(1); next.tokenType !== end && next.tokenType !== EOF; next = this.LA(1)) {
      if (tokenMatcher(next, T.Separator)) this.CONSUME(T.Separator)
      else line()
    }
  }

  /** Runs a rule that fills a line; where it fails, reports that and goes to the line's end. */
  private attempt(rule: () => void): void {
    if (this.RECORDING_PHASE) {
      // A line that cannot be read leaves nothing in the tree.
      this.OPTION9(rule)
      return
    }
    const { nesting, weight } = this
    const first = this.LA(1)
    try {
      rule()
      if (!endsLine(this.LA(1))) this.fail(this.unexpected('the end of the line', ['line']))
    } catch (e) {
      const problem = this.problemOf(e)
      this.skip(endsLine)
      this.nesting = nesting
      this.weight = weight
      this.report(problem, first)
    }
  }

  /** The same for what stands before a `{`; where there is none, the line fails. */
  private attemptHeader(rule: () => void): void {
    if (this.RECORDING_PHASE) {
      // A line that cannot be read leaves nothing in the tree.
      this.OPTION9(rule)
      return
    }
    const { nesting, weight } = this
    const first = this.LA(1)
    try {
      rule()
    } catch (e) {
      const problem = this.problemOf(e)
      this.skip((token) => token.tokenType === T.LCurly || endsLine(token))
      if (this.LA(1).tokenType !== T.LCurly) throw e
      this.nesting = nesting
      this.weight = weight
      this.report(problem, first)
    }
  }

  /** Skips to a token that is wanted, over whole `{ … }`. */
  private skip(wanted: (token: IToken) => boolean): void {
    for (let depth = 0, next = this.LA(1); next.tokenType !== EOF; next = this.LA(1)) {
      if (depth === 0 && wanted(next)) return
      if (next.tokenType === T.LCurly) depth++
      if (next.tokenType === T.RCurly) depth--
      this.SKIP_TOKEN()
    }
  }

  private report(problem: DistributiveOmit<Problem, 'line'>, first: IToken): void {
    const next = this.LA(1)
    // Up to the next token, since brackets that close nothing are not among the tokens.
    const end = next.tokenType === EOF ? Number.MAX_SAFE_INTEGER : next.startOffset
    this.problems.push({ ...problem, line: { start: first.startOffset, end } })
  }
  private problemOf(e: unknown): DistributiveOmit<Problem, 'line'> {
    if (e instanceof Unreadable) return e.problem
    if (!(e instanceof Error) || !isRecognitionException(e)) throw e
    const rules = e instanceof MismatchedTokenException ? e.context.ruleStack : ['']
    return this.unexpected(e.message, rules)
  }
  private unexpected(expected: string, rules: readonly string[]): DistributiveOmit<Problem, 'line'> {
    const before = this.LA(0)
    const previous = before.tokenType === EOF ? undefined : before
    return { kind: 'unexpected', expected, found: this.LA(1), previous, rules, at: this.here() }
  }
  /** Where the next token stands; the end of the line is right behind the last token. */
  private here(): { start: number; end: number } {
    const next = this.LA(1)
    const before = this.LA(0)
    if (!endsLine(next) || next.image === '}') return { start: next.startOffset, end: T.endOf(next) }
    const end = before.tokenType === EOF ? 0 : T.endOf(before)
    return { start: end, end }
  }
  private weigh(): void {
    if (++this.weight > maxWeight && !this.RECORDING_PHASE)
      this.fail({ kind: 'tooLong', limit: maxWeight, at: this.here() })
  }
  private expect(type: TokenType, rule: string): void {
    if (!this.RECORDING_PHASE && !tokenMatcher(this.LA(1), type)) this.fail(this.unexpected(tokenLabel(type), [rule]))
  }
  private fail(problem: DistributiveOmit<Problem, 'line'>): never {
    throw new Unreadable(problem)
  }
}
