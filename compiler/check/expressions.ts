/** Evaluates expressions: numbers stay exact, tensors become functions of their indices. */
import { names } from '../diagnostics/catalogue/names.ts'
import { shapes } from '../diagnostics/catalogue/shapes.ts'
import { suggest } from '../diagnostics/suggest.ts'
import { batchDim, constantDim, type Dim } from '../shapes/dim.ts'
import type { BinaryExpr, Block, Const, Expr, IfExpr, Labels, NameExpr, Span } from '../syntax/ast.ts'
import { namesIn } from '../syntax/names-in.ts'
import { callBuiltin, isBuiltin } from './builtins.ts'
import { applyInstance, evaluateCall, instantiate } from './calls.ts'
import {
  type Context,
  childScope,
  type IndexSlot,
  lookup,
  newVars,
  report,
  reportPlain,
  visibleNames,
} from './context.ts'
import { binary, type Core, compare, type IndexVar, logic, not, number, readIndex, select, unary } from './core.ts'
import { labelsValue } from './declarations.ts'
import { evaluateBinder, evaluateIndex } from './equations.ts'
import { evaluateRepeat, evaluateStack } from './joins.ts'
import { boolValue, isQuotient, negated, numberBinary, staticNumber } from './numbers.ts'
import {
  clashNotes,
  compareAxes,
  elementwise,
  type Placed,
  pooledAxes,
  poolingHelp,
  sameShapes,
  scalar,
  slotNumber,
  toTensor,
} from './tensors.ts'
import { describe, flatDims, numberValue, poison, type Value } from './value.ts'

/** The value of an expression; poison where an error was reported. */
export function evaluate(context: Context, expr: Expr): Value {
  switch (expr.kind) {
    case 'number':
      return numberValue(constantDim(expr.value))
    case 'bool':
      return boolValue(expr.value)
    case 'name':
      return evaluateName(context, expr)
    case 'stringExpr':
      report(context, shapes.notAValue, expr.span, { got: 'a text', wants: 'a number or a tensor' })
      return poison
    case 'unary': {
      const operand = evaluate(context, expr.operand)
      if (expr.op === '-') {
        const minus = negated(operand)
        if (minus) return minus
        return elementwise(context, '-', [{ value: operand, span: expr.operand.span }], ([a]) =>
          unary('neg', a as Core),
        )
      }
      const known = staticNumber(operand)
      if (known !== undefined) return boolValue(known === 0)
      return elementwise(context, 'not', [{ value: operand, span: expr.operand.span }], ([a]) => not(a as Core))
    }
    case 'binary':
      return evaluateBinary(context, expr)
    case 'if': {
      const asksTraining = namesIn(expr.condition).some(({ name }) => name === 'training')
      return context.run.checkOnly && asksTraining ? evaluateBoth(context, expr) : evaluateIf(context, expr)
    }
    case 'call':
      return evaluateCall(context, expr)
    case 'index':
      return evaluateIndex(context, expr)
    case 'binder':
      return evaluateBinder(context, expr)
    case 'pipe': {
      const left = evaluate(context, expr.left)
      const args = left.kind === 'tuple' ? left.items : [left]
      if (expr.right.kind === 'name' && isBuiltin(expr.right.name) && !lookup(context.scope, expr.right.name))
        return callBuiltin(
          context,
          expr.right.name,
          args.map((value) => ({ value, span: expr.left.span })),
          expr.span,
        )
      const right = evaluate(context, expr.right)
      if (right.kind === 'poison') return poison
      if (right.kind !== 'instance') {
        report(context, shapes.notABlock, expr.right.span, { got: describe(right) })
        return poison
      }
      return applyInstance(
        context,
        right.instance,
        args.map((value) => ({ value, span: expr.left.span })),
        expr.span,
      )
    }
    case 'tuple':
      return { kind: 'tuple', items: expr.items.map((item) => evaluate(context, item)) }
    case 'stack':
      return evaluateStack(context, expr.items, expr.span)
    case 'repeat':
      return evaluateRepeat(context, expr)
    case 'error':
      return poison
  }
}

function askTraining(context: Context): Value {
  context.run.trainingReads++
  return boolValue(context.training)
}

/** Of a static condition one side only, which is all that is checked or built; else both, chosen by element. */
function evaluateIf(context: Context, expr: IfExpr): Value {
  const condition = evaluate(context, expr.condition)
  if (condition.kind === 'poison') return poison
  const known = staticNumber(condition)
  if (known !== undefined) return evaluate(context, known !== 0 ? expr.then : expr.else)
  const operands = [expr.condition, expr.then, expr.else].map((side, k) => ({
    value: k === 0 ? condition : evaluate(context, side),
    span: side.span,
  }))
  return elementwise(context, 'if', operands, ([c, a, b]) => select(c as Core, a as Core, b as Core))
}

/** `if training …` where only faults are looked for: the side taken in training, and the faults of the other. */
function evaluateBoth(context: Context, expr: IfExpr): Value {
  const { run } = context
  const before = run.trainingReads
  const taken = evaluateIf(context, expr)
  const other = evaluateIf({ ...context, training: !context.training }, expr)
  const alike =
    taken.kind === 'tensor' && other.kind === 'tensor'
      ? compareAxes(context, taken.axes, other.axes).kind === 'equal'
      : taken.kind === 'poison' || other.kind === 'poison'
  run.trainingReads = alike ? before : before + 1
  return taken
}

export function evaluateName(context: Context, expr: NameExpr): Value {
  const slot = context.indices.get(expr.name)
  if (slot) {
    const core = slotNumber(context, slot, expr.span)
    return core ? scalar(core) : poison
  }
  const pending = context.pending.get(expr.name)
  if (pending) return pending
  const binding = lookup(context.scope, expr.name)
  if (binding) {
    if (binding.state === 'done') return binding.value as Value
    if (binding.state === 'busy') {
      return reportCycle(context, expr.name, expr.span)
    }
    return binding.evaluate()
  }
  if (expr.name === 'pi') return { kind: 'real', value: Math.PI }
  if (expr.name === 'training') return askTraining(context)
  if (expr.name === 'batch') return numberValue(batchDim)
  const found = context.run.files.get(context.file)?.items.get(expr.name)
  if (found?.item.kind === 'block') {
    const value = instantiate(context, found.item, found.file, [], expr.span)
    return value ? { kind: 'instance', instance: value } : poison
  }
  if (found) return evaluateGlobal(context, found.item, found.file)
  if (context.run.files.get(context.file)?.complete === false) return poison
  reportPlain(context, names.unknownName, expr.span, {
    name: expr.name,
    what: 'name',
    suggestion: suggest(expr.name, visibleNames(context)),
  })
  return poison
}

/** A constant or labels of a file's top level, evaluated once, in its own file. */
function evaluateGlobal(context: Context, item: Block | Const | Labels, file: string): Value {
  if (item.kind === 'block') return poison
  if (item.kind === 'labels') return labelsValue(context, item, undefined)
  const { globals } = context.run
  const known = globals.get(item)
  if (known) return known === 'busy' ? reportCycle(context, item.name.name, item.name.span) : known
  globals.set(item, 'busy')
  context.run.pendingNames.push(item.name.name)
  const value = evaluate(
    {
      ...context,
      file,
      scope: childScope(undefined),
      indices: new Map(),
      around: [],
      batch: undefined,
      uses: [],
      pending: new Map(),
    },
    item.value,
  )
  context.run.pendingNames.pop()
  let result = value
  if (value.kind === 'tensor' || value.kind === 'tuple' || value.kind === 'instance') {
    reportPlain(context, shapes.notStatic, item.value.span, { what: `\`${item.name.name}\``, got: describe(value) })
    result = poison
  }
  globals.set(item, result)
  return result
}

/** Reports that a name's value needs itself, by way of the names being found. */
export function reportCycle(context: Context, name: string, span: Span): Value {
  const { pendingNames } = context.run
  reportPlain(context, names.cycle, span, { names: [...pendingNames.slice(pendingNames.indexOf(name)), name] })
  return poison
}

/** `a op b` of two elements. */
export function combine(op: BinaryExpr['op'], a: Core, b: Core): Core {
  switch (op) {
    case '+':
      return binary('add', a, b)
    case '-':
      return binary('sub', a, b)
    case '*':
      return binary('mul', a, b)
    case '/':
      return binary('div', a, b)
    case '^':
      return binary('pow', a, b)
    case 'div':
      return binary('intDiv', a, b)
    case 'mod':
      return binary('mod', a, b)
    case '==':
      return compare('equal', a, b)
    case '!=':
      return not(compare('equal', a, b))
    case '<':
      return compare('less', a, b)
    case '<=':
      return compare('lessEqual', a, b)
    case '>':
      return compare('less', b, a)
    case '>=':
      return compare('lessEqual', b, a)
    case 'and':
    case 'or':
      return logic(op, a, b)
    case '.':
      return binary('mul', a, b)
  }
}

/** What is compared with an index of the batch, and has no range yet, is one too. */
function alike(context: Context, known: IndexSlot, other: IndexSlot): void {
  if (!known.batch || !known.vars || other.vars) return
  other.vars = newVars(
    context.run,
    other.name,
    known.vars.map((v) => v.dim as Dim),
    other.sample,
  )
  other.batch = true
  other.ranged = known.ranged
}

/** Whether two indices of the batch are the same sample (and the same mapped position); undefined for other operands. */
function samePosition(context: Context, { op, left, right }: BinaryExpr): Value | undefined {
  if ((op !== '==' && op !== '!=') || left.kind !== 'name' || right.kind !== 'name') return undefined
  const a = context.indices.get(left.name)
  const b = context.indices.get(right.name)
  if (a && b)
    for (const [x, y] of [
      [a, b],
      [b, a],
    ] as const)
      alike(context, x, y)
  if (!a?.batch || !b?.batch || !a.vars || a.vars.length !== b.vars?.length) return undefined
  const pairs = a.vars.map((v, k) => compare('equal', readIndex(v), readIndex(b.vars?.[k] as IndexVar)))
  const same = pairs.reduce((x, y) => logic('and', x, y))
  return scalar(op === '==' ? same : not(same))
}

function evaluateBinary(context: Context, expr: BinaryExpr): Value {
  const same = samePosition(context, expr)
  if (same) return same
  const left = evaluate(context, expr.left)
  // What a static side of `and`, `or` decides, the other side cannot change: it is not even checked.
  const known = staticNumber(left)
  if (known !== undefined && ((expr.op === 'and' && known === 0) || (expr.op === 'or' && known !== 0)))
    return boolValue(expr.op === 'or')
  const right = evaluate(context, expr.right)
  if (left.kind === 'poison' || right.kind === 'poison') return poison
  const known_ = numberBinary(context, expr, left, right)
  if (known_) return known_
  if (isQuotient(expr.op) && staticNumber(right) === 0) {
    report(context, shapes.zeroDivisor, expr.right.span, {})
    return poison
  }
  if (expr.op === '.') return dot(context, expr, left, right)
  const operands = [
    { value: left, span: expr.left.span },
    { value: right, span: expr.right.span },
  ]
  const result = elementwise(context, expr.op, operands, ([a, b]) => combine(expr.op, a as Core, b as Core))
  // A product with a static 0 is 0 and needs nothing, whatever the other side is made of.
  if (expr.op === '*' && result.kind === 'tensor' && (known === 0 || staticNumber(right) === 0))
    return { ...result, at: () => number(0) }
  return result
}

function dot(context: Context, expr: BinaryExpr, left: Value, right: Value): Value {
  const a = toTensor(context, left, expr.left.span)
  const b = toTensor(context, right, expr.right.span)
  if (!a || !b) return poison
  const x: Placed = { tensor: a, span: expr.left.span }
  const y: Placed = { tensor: b, span: expr.right.span }
  const wrong = [x, y].find(({ tensor }) => tensor.axes.length !== 1)
  if (wrong) {
    const { axes } = wrong.tensor
    const notes = clashNotes(context, [], axes).slice(1)
    const pooled = pooledAxes(axes)
    const help = pooled.length === 1 ? poolingHelp(context, pooled, axes) : []
    report(context, shapes.dotAxes, wrong.span, { got: describe(wrong.tensor), notes, help })
    return poison
  }
  if (!sameShapes(context, '.', x, y)) return poison
  const over = newVars(context.run, 'k', flatDims(a.axes), context.sample)
  const at = over.map(readIndex)
  return scalar({ kind: 'reduce', op: 'sum', over, condition: undefined, body: binary('mul', a.at(at), b.at(at)) })
}
