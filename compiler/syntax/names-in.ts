/** The names that arithmetic is made of: dims of headers, conditions of `require`. */
import type { Expr, NameExpr } from './ast.ts'

/** Every name in an expression of operators, in order; calls, binders and reads are not looked into. */
export function namesIn(expr: Expr): NameExpr[] {
  if (expr.kind === 'name') return [expr]
  if (expr.kind === 'binary') return [...namesIn(expr.left), ...namesIn(expr.right)]
  return expr.kind === 'unary' ? namesIn(expr.operand) : []
}
