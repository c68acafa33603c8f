/** Evaluates expressions: numbers stay exact, tensors become functions of their indices. */
import { names } from '../diagnostics/catalogue/names.ts'
import { shapes } from '../diagnostics/catalogue/shapes.ts'
import { suggest } from '../diagnostics/suggest.ts'
import { batchDim, constantDim, constantOf, type Dim, staticSize, sumDims } from '../shapes/dim.ts'
import type {
  BinaryExpr,
  BinderExpr,
  Block,
  Const,
  Expr,
  IfExpr,
  IndexDecl,
  IndexExpr,
  Labels,
  NameExpr,
  RepeatExpr,
  Span,
} from '../syntax/ast.ts'
import { namesIn } from '../syntax/names-in.ts'
import { applyInstance, callBuiltin, evaluateCall, instantiate, isBuiltin, spend } from './calls.ts'
import {
  bindValue,
  type Context,
  childScope,
  type IndexSlot,
  lookup,
  newSlot,
  newVar,
  newVars,
  report,
  reportPlain,
  slotVars,
  visibleNames,
} from './context.ts'
import {
  asNumber,
  binary,
  type Core,
  compare,
  type IndexVar,
  logic,
  not,
  number,
  readIndex,
  select,
  unary,
} from './core.ts'
import { labelsValue } from './model.ts'
import { boolValue, isQuotient, negated, numberBinary, staticNumber, toDim } from './numbers.ts'
import { evaluateBody } from './statements.ts'
import {
  clashNotes,
  compareAxes,
  elementwise,
  materialise,
  type Placed,
  sameShapes,
  scalar,
  slotNumber,
  toTensor,
  useOnAxis,
} from './tensors.ts'
import { axisOf, describe, flatDims, numberValue, poison, type TensorValue, type Value } from './value.ts'

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

function evaluateName(context: Context, expr: NameExpr): Value {
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
    const notes = clashNotes(context, [], wrong.tensor.axes).slice(1)
    report(context, shapes.dotAxes, wrong.span, { got: describe(wrong.tensor), notes })
    return poison
  }
  if (!sameShapes(context, '.', x, y, a.axes, b.axes)) return poison
  const over = newVars(context.run, 'k', flatDims(a.axes), context.sample)
  const at = over.map(readIndex)
  return scalar({ kind: 'reduce', op: 'sum', over, condition: undefined, body: binary('mul', a.at(at), b.at(at)) })
}

/** `x[j + 1, p]` */
function evaluateIndex(context: Context, expr: IndexExpr): Value {
  const base = evaluateName(context, expr.base)
  if (base.kind === 'poison') {
    for (const index of expr.indices) evaluate(context, index)
    return poison
  }
  if (base.kind !== 'tensor') {
    report(context, shapes.notIndexable, expr.base.span, { name: expr.base.name, got: describe(base) })
    return poison
  }
  if (expr.indices.length > base.axes.length) {
    report(context, shapes.tooManyIndices, expr.span, {
      name: expr.base.name,
      axes: describe(base),
      count: expr.indices.length,
    })
    return poison
  }
  const seen = new Set<string>()
  const indices: Core[] = []
  let failed = false
  expr.indices.forEach((index, k) => {
    const axis = base.axes[k] as TensorValue['axes'][number]
    const slot = index.kind === 'name' ? context.indices.get(index.name) : undefined
    if (slot) {
      if (seen.has(slot.name)) {
        report(context, shapes.diagonal, index.span, { name: expr.base.name, index: slot.name })
        failed = true
        return
      }
      seen.add(slot.name)
      const vars = useOnAxis(context, slot, axis, index.span)
      if (!vars) failed = true
      else indices.push(...vars.map(readIndex))
      return
    }
    const value = evaluate(context, index)
    if (value.kind === 'poison') {
      failed = true
      return
    }
    if (axis.batch) {
      report(context, shapes.batchIndex, index.span, { index: expr.base.name })
      failed = true
      return
    }
    const tensor = toTensor(context, value, index.span)
    if (!tensor) {
      failed = true
      return
    }
    if (tensor.axes.length > 0) {
      report(context, shapes.indexNotScalar, index.span, { got: describe(tensor) })
      failed = true
      return
    }
    const core = tensor.at([])
    const constant = staticNumber(value)
    if (constant !== undefined && !Number.isInteger(constant)) {
      report(context, shapes.notWhole, index.span, { what: 'an index', value: String(constant), help: [] })
      failed = true
      return
    }
    checkParameterRead(context, base, expr, k, core, index.span)
    indices.push(core)
  })
  if (failed) return poison
  return {
    kind: 'tensor',
    axes: base.axes.slice(expr.indices.length),
    at: (rest) => base.at([...indices, ...rest]),
    below: base.below,
  }
}

/** A parameter has no outside: an index that leaves it, as far as its range is known, is an error. */
function checkParameterRead(
  context: Context,
  base: TensorValue,
  expr: IndexExpr,
  axis: number,
  index: Core,
  span: Span,
): void {
  const probe = base.at(flatDims(base.axes).map(() => number(0)))
  if (probe.kind !== 'read' || (probe.def.body.kind !== 'param' && probe.def.body.kind !== 'state')) return
  const size = staticSize(flatDims(base.axes)[axis] as ReturnType<typeof constantDim>)
  if (size === undefined) return
  context.run.deferred.push(() => {
    const range = staticRangeOf(index)
    if (!range) return
    if (range[0] >= 0 && range[1] <= size - 1) return
    report(context, shapes.outsideParameter, span, {
      name: expr.base.name,
      axis,
      range: range[0] === range[1] ? String(range[0]) : `${range[0]}..${range[1]}`,
      size: String(size),
    })
  })
}

/** The least and greatest value of an index expression over static ranges, or undefined. */
export function staticRangeOf(core: Core): readonly [number, number] | undefined {
  switch (core.kind) {
    case 'number':
      return [core.value, core.value]
    case 'index': {
      const size = core.of.dim && staticSize(core.of.dim)
      return size === undefined ? undefined : [0, Math.max(size - 1, 0)]
    }
    case 'unary': {
      const a = core.op === 'neg' ? staticRangeOf(core.a) : undefined
      return a && [-a[1], -a[0]]
    }
    case 'binary': {
      const a = staticRangeOf(core.a)
      const b = staticRangeOf(core.b)
      if (!a || !b) return undefined
      switch (core.op) {
        case 'add':
          return [a[0] + b[0], a[1] + b[1]]
        case 'sub':
          return [a[0] - b[1], a[1] - b[0]]
        case 'mul': {
          const corners = [a[0] * b[0], a[0] * b[1], a[1] * b[0], a[1] * b[1]]
          return [Math.min(...corners), Math.max(...corners)]
        }
        case 'max':
          return [Math.max(a[0], b[0]), Math.max(a[1], b[1])]
        case 'min':
          return [Math.min(a[0], b[0]), Math.min(a[1], b[1])]
        default:
          return undefined
      }
    }
    default:
      return undefined
  }
}

/** Introduces the indices of an equation or a binder; ranges that are stated are known at once. */
export function introduce(context: Context, decls: readonly IndexDecl[]): { context: Context; slots: IndexSlot[] } {
  const indices = new Map(context.indices)
  const slots: IndexSlot[] = []
  for (const decl of decls) {
    const slot = newSlot(decl.name.name, decl.name.span, context.sample)
    if (decl.range) {
      if (decl.range.kind === 'name' && decl.range.name === 'batch' && context.batch) {
        slot.vars = newVars(context.run, slot.name, context.batch, undefined)
        slot.batch = true
      } else {
        const dim = toDim(context, evaluate(context, decl.range), decl.range.span, `the range of \`${slot.name}\``)
        // A poisoned range has been reported; one position lets checking go on.
        slot.vars = [newVar(context.run, slot.name, dim ?? constantDim(1), context.sample)]
      }
      slot.ranged = { span: decl.range.span, stated: true }
    }
    const hidden = indices.get(slot.name)
    if (hidden) hidden.quiet = true
    indices.set(slot.name, slot)
    slots.push(slot)
  }
  return { context: { ...context, indices, around: [...context.around, ...slots] }, slots }
}

/** The variables of indices whose scope ends here; one without a range is reported. */
export function settle(context: Context, slots: readonly IndexSlot[], quiet: boolean): IndexVar[] | undefined {
  const vars: IndexVar[] = []
  let failed = false
  for (const slot of slots) {
    const mine = slotVars(context.run, slot)
    if (mine.some((v) => !v.dim)) {
      if (!quiet && !slot.quiet) report(context, shapes.indexUnknownRange, slot.span, { index: slot.name })
      failed = true
    }
    vars.push(...mine)
  }
  return failed ? undefined : vars
}

function evaluateBinder(context: Context, expr: BinderExpr): Value {
  if (expr.op === 'softmax') return evaluateSoftmax(context, expr)
  const inner = introduce(context, expr.indices)
  // The body first: its reads tell the ranges of the indices that the condition compares.
  const body = evaluate(inner.context, expr.body)
  const condition = expr.condition && elementCondition(inner.context, expr.condition)
  const over = settle(context, inner.slots, body.kind === 'poison')
  const tensor = toTensor(inner.context, body, expr.body.span)
  if (!tensor || !over || condition === null) return poison
  if (expr.op === 'mean' || expr.op === 'max') warnOffset(context, expr, inner.slots)
  return {
    kind: 'tensor',
    axes: tensor.axes,
    at: (indices) =>
      reduceCore(expr.op as Exclude<BinderExpr['op'], 'softmax'>, over, condition, asNumber(tensor.at(indices))),
    below: undefined,
  }
}

const reduceCore = (
  op: 'sum' | 'mean' | 'max' | 'min' | 'logsumexp',
  over: readonly IndexVar[],
  condition: Core | undefined,
  body: Core,
): Core =>
  op === 'sum' && body.kind === 'number' && body.value === 0 ? body : { kind: 'reduce', op, over, condition, body }

/** An offset read directly under `max` or `mean` counts zeros that are not in the sample. */
function warnOffset(context: Context, expr: BinderExpr, slots: readonly IndexSlot[]): void {
  if (expr.body.kind !== 'index') return
  const bound = new Set(slots.map((slot) => slot.name))
  const uses = (e: Expr): boolean =>
    e.kind === 'name' ? bound.has(e.name) : e.kind === 'binary' ? uses(e.left) || uses(e.right) : false
  for (const index of expr.body.indices)
    if (index.kind === 'binary' && (index.op === '+' || index.op === '-') && uses(index))
      report(context, shapes.offsetUnderReducer, index.span, { op: expr.op })
}

/** A binder's condition as one element; null where an error was reported. */
function elementCondition(context: Context, expr: Expr): Core | undefined | null {
  const tensor = toTensor(context, evaluate(context, expr), expr.span)
  if (!tensor) return null
  if (tensor.axes.length > 0) {
    report(context, shapes.scalarWanted, expr.span, { what: 'a condition', got: describe(tensor), notes: [], help: [] })
    return null
  }
  const core = tensor.at([])
  return core.kind === 'number' && core.value !== 0 ? undefined : core
}

/** `softmax[i](…)`: its indices stand outside; it introduces none. */
function evaluateSoftmax(context: Context, expr: BinderExpr): Value {
  const slots: IndexSlot[] = []
  for (const decl of expr.indices) {
    const slot = context.indices.get(decl.name.name)
    if (slot) slots.push(slot)
    else
      reportPlain(context, names.unknownName, decl.name.span, {
        name: decl.name.name,
        what: 'index',
        suggestion: suggest(decl.name.name, context.indices.keys()),
      })
  }
  const condition = expr.condition && elementCondition(context, expr.condition)
  const body = toTensor(context, evaluate(context, expr.body), expr.body.span)
  if (!body || condition === null || slots.length < expr.indices.length) return poison
  return {
    kind: 'tensor',
    axes: body.axes,
    at: (indices) => ({
      kind: 'softmax',
      over: slots.flatMap((slot) => slotVars(context.run, slot)),
      condition,
      body: asNumber(body.at(indices)),
    }),
    below: undefined,
  }
}

/** `[a, b]` stacks along a new first axis. */
function evaluateStack(context: Context, items: readonly Expr[], span: Span): Value {
  const parts: Placed[] = []
  for (const item of items) {
    const tensor = toTensor(context, evaluate(context, item), item.span)
    if (!tensor) return poison
    parts.push({ tensor, span: item.span })
  }
  const [first, ...others] = parts
  if (!first || !others.every((part) => sameShapes(context, '[ ]', first, part, first.tensor.axes, part.tensor.axes)))
    return poison
  return joined(
    context,
    span,
    0,
    first.tensor.axes,
    parts.map(({ tensor }) => ({ part: tensor, size: undefined })),
  )
}

/**
 * Tensors end to end: along axis `axis` of theirs with the sizes given, or, without sizes, along a new axis there.
 * The result has a definition of its own.
 */
export function joined(
  context: Context,
  span: Span,
  axis: number,
  axes: TensorValue['axes'],
  parts: readonly { part: TensorValue; size: ReturnType<typeof constantDim> | undefined }[],
): TensorValue {
  const total = sumDims(parts.map(({ size }) => size ?? constantDim(1)))
  const result = [...axes.slice(0, axis), axisOf(total), ...axes.slice(axis + (parts[0]?.size ? 1 : 0))]
  const before = flatDims(axes.slice(0, axis)).length
  const lambda: TensorValue = {
    kind: 'tensor',
    axes: result,
    below: undefined,
    at: (indices) => {
      const along = indices[before] as Core
      if (along.kind !== 'index') throw new Error('a join is read where it is defined')
      return {
        kind: 'concat',
        along: along.of,
        parts: parts.map(({ part, size }) => {
          const of = newVar(context.run, 'k', size ?? constantDim(1), undefined)
          const own = [...indices.slice(0, before), ...(size ? [readIndex(of)] : []), ...indices.slice(before + 1)]
          return { of, body: asNumber(part.at(own)) }
        }),
      }
    },
  }
  return materialise(context, lambda, span)
}

/** The value with definitions of its own, so that what is built on it does not repeat it. */
const defined = (context: Context, value: Value, span: Span): Value =>
  value.kind === 'tensor'
    ? materialise(context, value, span)
    : value.kind === 'tuple'
      ? { kind: 'tuple', items: value.items.map((item) => defined(context, item, span)) }
      : value

/** `repeat n as k from h = x { … return next }` */
function evaluateRepeat(context: Context, expr: RepeatExpr): Value {
  const counted = evaluate(context, expr.count)
  if (counted.kind === 'poison') return poison
  const count = counted.kind === 'number' ? constantOf(counted.dim) : undefined
  if (count?.d !== 1n || count.n < 0n || count.n > 1000n) {
    report(context, shapes.repeatCount, expr.count.span, { got: describe(counted) })
    return poison
  }
  let carried = evaluate(context, expr.init)
  for (let k = 0; k < Number(count.n) && carried.kind !== 'poison'; k++) {
    const scope = childScope(context.scope)
    const items = expr.tuple && carried.kind === 'tuple' ? carried.items : [carried]
    if (items.length !== expr.carried.length) {
      report(context, shapes.tupleCount, expr.init.span, { wants: expr.carried.length, got: describe(carried) })
      return poison
    }
    expr.carried.forEach((ident, at) => {
      bindValue(scope, ident.name, items[at] as Value, ident.span)
    })
    if (expr.index) bindValue(scope, expr.index.name, numberValue(constantDim(k)), expr.index.span)
    const path = `${context.naming.base}.${k}`
    if (!spend(context, expr.span)) return poison
    const inner: Context = { ...context, scope, path, naming: { base: path, counts: new Map() } }
    carried = defined(inner, evaluateBody(inner, expr.body), expr.span)
  }
  return carried
}
