/** Precedence: a flat list of terms and operators to a tree. The one table of what binds how tightly. */
import type { IToken } from 'chevrotain'
import { endOf } from '../../grammar/tokens.ts'
import { syntax } from '../diagnostics/catalogue/syntax.ts'
import type { BinaryOp, Expr, Span } from './ast.ts'
import { type Context, errorExpr, excerpt, report, spanOf, tokenSpan } from './context.ts'

/** How tightly each operator binds; `|>` is not among them, as it stands beside none of them. */
const binding: { readonly [Op in BinaryOp]: number } = {
  or: 1,
  and: 2,
  '==': 4,
  '!=': 4,
  '<': 4,
  '<=': 4,
  '>': 4,
  '>=': 4,
  '+': 5,
  '-': 5,
  '*': 6,
  '/': 6,
  div: 6,
  mod: 6,
  '.': 8,
  '^': 9,
}
const notBinding = 3
const comparison = 4
const minusBinding = 7

const isBinaryOp = (text: string): text is BinaryOp => Object.hasOwn(binding, text)

/** A term with the prefix operators before it. Offsets are of the whole, brackets included. */
export interface Term {
  readonly prefixes: readonly IToken[]
  readonly expr: Expr
  readonly start: number
  readonly end: number
  /** An `if` without brackets around it: it has taken all that follows. */
  readonly open: boolean
}

interface Part {
  readonly expr: Expr
  readonly start: number
  readonly end: number
}

/** Applies precedence. There is one more term than there are operators. */
export function combine(context: Context, terms: readonly Term[], operators: readonly IToken[]): Expr {
  const [first, ...rest] = terms
  if (!first) throw new Error('internal error in the parser: an expression without a term')
  if (rest.length === 0 && first.prefixes.length === 0) return first.expr
  const last = terms.at(-1) ?? first
  const span = spanOf(context, first.prefixes[0]?.startOffset ?? first.start, last.end)
  if (operators.some((op) => op.image === '|>')) return pipes(context, terms, operators, span)
  return climb(context, terms, operators, span)
}

function pipes(context: Context, terms: readonly Term[], operators: readonly IToken[], span: Span): Expr {
  const pipe = operators.find((op) => op.image === '|>')
  const other = operators.find((op) => op.image !== '|>') ?? terms.find((t) => t.prefixes.length > 0)?.prefixes[0]
  const open = terms.find((term) => term.open)
  if (pipe && (other || open)) {
    if (other) {
      const examples = pipeExamples(context, terms, operators)
      report(context, syntax.pipeNeedsBrackets, tokenSpan(context, pipe), { operator: other.image, examples })
    } else if (open) {
      const example = `${pipe.image} (${excerpt(context, open.expr.span)})`
      report(context, syntax.looseOperand, openSpan(context, open), { word: 'if', operator: '|>', example })
    }
    return errorExpr(span)
  }
  let left: Part | undefined
  for (const term of terms) {
    if (!left) left = term
    else {
      const whole: Span = spanOf(context, left.start, term.end)
      left = {
        expr: { kind: 'pipe', left: left.expr, right: term.expr, span: whole },
        start: left.start,
        end: term.end,
      }
    }
  }
  return left?.expr ?? errorExpr(span)
}

/** The two ways to put brackets around `a + b |> f` or `a |> f + b`, or what there is of them. */
function pipeExamples(context: Context, terms: readonly Term[], operators: readonly IToken[]): string[] {
  const whole = (from: number, to: number): string => {
    const [first, last] = [terms[from], terms[to]]
    if (!first || !last) return ''
    return excerpt(context, spanOf(context, first.prefixes[0]?.startOffset ?? first.start, last.end))
  }
  const at = operators.findIndex((op) => op.image === '|>')
  const end = operators.length
  let stop = at
  while (operators[stop]?.image === '|>') stop++
  const left = at > 0 || terms[0]?.prefixes.length ? `(${whole(0, at)}) |> ${whole(at + 1, end)}` : ''
  const before = at > 0 ? `${whole(0, at - 1)} ${operators[at - 1]?.image ?? ''} ` : ''
  const after = stop < end ? ` ${operators[stop]?.image ?? ''} ${whole(stop + 1, end)}` : ''
  const right = `${before}(${whole(at, stop)})${after}`
  return [...new Set([left, right])].filter((text) => text !== '' && text !== `(${whole(0, end)})`)
}

const openSpan = (context: Context, term: Term): Span => spanOf(context, term.start, term.start + 'if'.length)

function climb(context: Context, terms: readonly Term[], operators: readonly IToken[], span: Span): Expr {
  let term = 0
  let prefix = 0
  let operator = 0
  let broken = false

  const operand = (tightness: number, outer: string): Part => {
    const here = terms[term]
    if (!here) throw new Error('internal error in the parser: an operator without an operand')
    const sign = here.prefixes[prefix]
    if (!sign) {
      if (here.open && outer !== '') {
        broken = true
        const example = `${outer} (${excerpt(context, here.expr.span)})`
        report(context, syntax.looseOperand, openSpan(context, here), { word: 'if', operator: outer, example })
      }
      term++
      prefix = 0
      return here
    }
    prefix++
    const isNot = sign.image === 'not'
    const inner = expression(isNot ? notBinding : minusBinding, sign.image)
    if (isNot && tightness > notBinding) {
      broken = true
      const example = `${outer} (not ${excerpt(context, inner.expr.span)})`
      report(context, syntax.looseOperand, tokenSpan(context, sign), { word: 'not', operator: outer, example })
    }
    const expr: Expr = {
      kind: 'unary',
      op: isNot ? 'not' : '-',
      operand: inner.expr,
      span: spanOf(context, sign.startOffset, inner.end),
    }
    return { expr, start: sign.startOffset, end: inner.end }
  }

  const expression = (tightness: number, outer: string): Part => {
    let left = operand(tightness, outer)
    let compared: { op: IToken; left: Part; right: Part } | undefined
    for (let op = operators[operator]; op; op = operators[operator]) {
      const name = op.image
      if (!isBinaryOp(name)) throw new Error(`internal error in the parser: no precedence for ${name}`)
      const level = binding[name]
      if (level < tightness) break
      operator++
      // `^` is the one that groups to the right.
      const right = expression(name === '^' ? level : level + 1, name)
      if (level === comparison && compared) {
        broken = true
        const text = (part: Part): string => excerpt(context, spanOf(context, part.start, part.end))
        report(context, syntax.chainedComparison, tokenSpan(context, op), {
          first: compared.op.image,
          second: name,
          left: text(compared.left),
          middle: text(compared.right),
          right: text(right),
        })
      }
      const whole = spanOf(context, left.start, right.end)
      const opSpan = spanOf(context, op.startOffset, endOf(op))
      const expr: Expr = { kind: 'binary', op: name, left: left.expr, right: right.expr, opSpan, span: whole }
      // A chain may go on at a looser level: then it is one no longer.
      compared = level === comparison ? { op, left, right } : undefined
      left = { expr, start: left.start, end: right.end }
    }
    return left
  }

  const { expr } = expression(0, '')
  return broken ? errorExpr(span) : expr
}
