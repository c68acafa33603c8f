/**
 * Runs a spec as the language reference reads, on nested loops over plain numbers: one sample at a time, every length
 * known, no compiler behind it. Slow, and made of other parts than what it judges.
 */
import { toNumber } from '../../compiler/shapes/rational.ts'
import type {
  Block,
  CallExpr,
  Expr,
  File,
  IndexDecl,
  RepeatExpr,
  Statement,
  Update,
} from '../../compiler/syntax/ast.ts'
import { erf, type Grid, grid, gridOf, isGrid, nothing, pointwise, size, sliceAt, zip } from './naive-grid.ts'

interface Instance {
  readonly block: Block
  readonly statics: Map<string | number, Value>
  path: string
  readonly key: Expr
}
type Value = number | Grid | Instance | readonly Value[]

/** One body on one sample (and one mapped position): its names, and the bodies of the other samples beside it. */
interface Env {
  readonly lookup: (name: string) => Value | undefined
  readonly indices: ReadonlyMap<string, { readonly at: number; readonly size: number }>
  readonly group: () => readonly Env[]
  readonly path: string
  /** What unnamed instances of the statement at hand are named under. */
  readonly base: string
  /** What stands for one written expression here, made once. */
  readonly memo: Map<unknown, unknown>
  readonly training: boolean
}

/** What is fed and what comes out. */
export interface Sample {
  /** Inputs and targets by name; numbers for scalars. */
  readonly values: Readonly<Record<string, Grid | number>>
  readonly lengths: Readonly<Record<string, number>>
}
export interface Outcome {
  /** For each sample. */
  readonly predictions: Readonly<Record<string, readonly (Grid | number)[]>>
  readonly outputs: Readonly<Record<string, readonly (Grid | number)[]>>
  readonly losses: Readonly<Record<string, number>>
  readonly updates: Readonly<Record<string, Grid | number>>
  /** The paths of all parameters and states that were read. */
  readonly paths: readonly string[]
}

const once = <T>(memo: Map<unknown, unknown>, key: unknown, make: () => T): T => {
  if (!memo.has(key)) memo.set(key, make())
  return memo.get(key) as T
}
const num = (value: Value): number => {
  if (typeof value === 'number') return value
  if (isGrid(value) && value.shape.length === 0) return value.data[0] as number
  throw new Error('a scalar is wanted')
}
const asGrid = (value: Value): Grid => {
  if (typeof value === 'number') return grid([], [value])
  if (isGrid(value)) return value
  throw new Error('a tensor is wanted')
}
const shapeOf = (value: Value): readonly number[] => asGrid(value).shape
const plain = (value: Grid): Value => (value.shape.length === 0 ? (value.data[0] as number) : value)

const unary: Readonly<Record<string, (x: number) => number>> = {
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  abs: Math.abs,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  relu: (x) => Math.max(0, x),
  erf,
  floor: Math.floor,
  stop_gradient: (x) => x,
}
const binary: Readonly<Record<string, (x: number, y: number) => number>> = {
  '+': (x, y) => x + y,
  '-': (x, y) => x - y,
  '*': (x, y) => x * y,
  '/': (x, y) => x / y,
  '^': (x, y) => x ** y,
  div: (x, y) => Math.floor(x / y),
  mod: (x, y) => x - y * Math.floor(x / y),
  '==': (x, y) => Number(x === y),
  '!=': (x, y) => Number(x !== y),
  '<': (x, y) => Number(x < y),
  '<=': (x, y) => Number(x <= y),
  '>': (x, y) => Number(x > y),
  '>=': (x, y) => Number(x >= y),
  and: (x, y) => Number(x !== 0 && y !== 0),
  or: (x, y) => Number(x !== 0 || y !== 0),
}
const total = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
const logsumexp = (values: readonly number[]): number => Math.log(total(values.map(Math.exp)))
const folds: Readonly<Record<string, (values: readonly number[]) => number>> = {
  sum: total,
  mean: (values) => total(values) / values.length,
  max: (values) => Math.max(...values),
  min: (values) => Math.min(...values),
  logsumexp,
}

/** Runs the first model of the files on samples; `variables` gives parameters and states by path. */
export function runModel(
  files: readonly File[],
  samples: readonly Sample[],
  variables: (path: string, shape: readonly number[]) => Grid,
  training: boolean,
): Outcome {
  const items = files.flatMap((file) => file.items)
  const blocks = new Map(items.flatMap((item) => (item.kind === 'block' ? [[item.name.name, item] as const] : [])))
  const consts = new Map(
    items.flatMap((item) => (item.kind === 'const' ? [[item.name.name, item.value] as const] : [])),
  )
  const labels = new Map(items.flatMap((i) => (i.kind === 'labels' ? [[i.name.name, i.values.length] as const] : [])))
  const model = items.find((item) => item.kind === 'model')
  if (model?.kind !== 'model') throw new Error('no model')
  const paths = new Set<string>()
  const updates = new Map<string, Grid | number>()

  const variable = (path: string, shape: readonly number[]): Value => {
    paths.add(path)
    return plain(variables(path, shape))
  }

  const nameOf = (env: Env, name: string): Value => {
    const index = env.indices.get(name)
    if (index) return index.at
    const bound = env.lookup(name)
    if (bound !== undefined) return bound
    if (name === 'pi') return Math.PI
    if (name === 'training') return Number(env.training)
    const constant = consts.get(name)
    if (constant) return evaluate({ ...env, lookup: () => undefined, indices: new Map() }, constant)
    const count = labels.get(name)
    if (count !== undefined) return count
    throw new Error(`no ${name}`)
  }

  const keys = new Map<Expr, number>()
  const keyOf = (node: Expr): number => once(keys as Map<unknown, unknown>, node, () => keys.size)

  const instances = new Map<unknown, unknown>()
  const counts = new Map<string, number>()
  const instantiate = (env: Env, expr: Expr, block: Block, args: CallExpr['args']): Instance =>
    once(instances, `${env.base}#${keyOf(expr)}`, () => {
      const lower = [env.base, block.name.name.toLowerCase()].filter(Boolean).join('.')
      const count = (counts.get(lower) ?? 0) + 1
      counts.set(lower, count)
      return {
        block,
        statics: new Map(args.map((arg, k) => [arg.name?.name ?? k, evaluate(env, arg.value)])),
        path: count === 1 ? lower : `${lower}${count}`,
        key: expr,
      }
    })

  /** The block that an expression names, unless the name is bound here. */
  const blockAt = (env: Env, expr: Expr): Block | undefined =>
    expr.kind === 'name' && env.lookup(expr.name) === undefined ? blocks.get(expr.name) : undefined

  const call = (env: Env, callee: Expr, argsOf: (env: Env) => readonly Value[], node: Expr): Value => {
    if (callee.kind === 'name' && env.lookup(callee.name) === undefined && !blocks.has(callee.name))
      return builtin(callee.name, argsOf(env))
    const value = evaluate(env, callee)
    return apply(env, value as Instance, argsOf, callee, node)
  }

  const apply = (
    env: Env,
    instance: Instance,
    argsOf: (env: Env) => readonly Value[],
    callee: Expr,
    node: Expr,
  ): Value => {
    const { block } = instance
    const args = argsOf(env)
    const whole = block.params.some((p) => p.type.dims[0]?.kind === 'name' && p.type.dims[0].name === 'batch')
    const need = block.params.map((p) => p.type.dims.length - (whole ? 1 : 0))
    const at = args.findIndex((arg, k) => shapeOf(arg).length > (need[k] as number))
    const extra =
      at < 0 ? [] : shapeOf(args[at] as Value).slice(0, shapeOf(args[at] as Value).length - (need[at] as number))
    const pick = (values: readonly Value[], position: readonly number[]): Value[] =>
      values.map((v, k) => (shapeOf(v).length > (need[k] as number) ? plain(sliceAt(asGrid(v), position)) : v))
    if (whole) {
      const rows = env.group().flatMap((other) => {
        const values = argsOf({ ...other, base: env.base })
        const first = values.find((v, k) => shapeOf(v).length > (need[k] as number))
        const own = first ? shapeOf(first).slice(0, extra.length) : []
        return gridOf(own, (position) => position).map((position) => ({
          other,
          position,
          values: pick(values, position),
        }))
      })
      const stacked = block.params.map((_, k): Value => {
        const each = rows.map(({ values }) => asGrid(values[k] as Value))
        return grid(
          [rows.length, ...(each[0]?.shape ?? [])],
          each.flatMap((g) => g.data),
        )
      })
      const first = env.group()[0] as Env
      const result = once(first.memo, `batch ${keyOf(node)}`, () =>
        body(env, instance, stacked, () => {
          throw new Error('a batch inside a batch')
        }),
      )
      const split = (value: Value, k: number): Value => {
        const type = block.results[k]
        const hasBatch = type?.dims[0]?.kind === 'name' && type.dims[0].name === 'batch'
        if (!hasBatch) return value
        const mine = rows.flatMap(({ other }, row) => (other.memo === env.memo ? [row] : []))
        const parts = mine.map((row) => sliceAt(asGrid(value), [row]))
        const inner = asGrid(value).shape.slice(1)
        return plain(
          grid(
            [...extra, ...inner],
            parts.flatMap((part) => part.data),
          ),
        )
      }
      return Array.isArray(result) ? result.map(split) : split(result as Value, 0)
    }
    // The bodies of every sample and position, so that a batch block inside finds its siblings.
    const bodiesOf = (other: Env): Env[] =>
      once(other.memo, `bodies ${keyOf(node)}`, () => {
        const here = { ...other, base: env.base }
        const values = argsOf(here)
        const first = values.find((v, k) => shapeOf(v).length > (need[k] as number))
        const own = first ? shapeOf(first).slice(0, extra.length) : []
        const target = evaluate(here, callee) as Instance
        return gridOf(own, (position) => position).map((position) =>
          blockEnv(here, target, pick(values, position), () => env.group().flatMap(bodiesOf)),
        )
      })
    const results = bodiesOf(env).map((inner) => returned(inner, block.body))
    if (extra.length === 0) return results[0] as Value
    const joinAll = (parts: readonly Value[]): Value =>
      grid(
        [...extra, ...(parts[0] === undefined ? resultShape(env, instance, args, extra) : shapeOf(parts[0]))],
        parts.flatMap((p) => asGrid(p).data),
      )
    return block.results.length > 1
      ? block.results.map((_, k) => joinAll(results.map((r) => (r as readonly Value[])[k] as Value)))
      : joinAll(results)
  }

  /** The shape of a result that was mapped over nothing: by the block on zeros. */
  const resultShape = (
    env: Env,
    instance: Instance,
    args: readonly Value[],
    extra: readonly number[],
  ): readonly number[] => {
    const zeros = args.map((v): Value => {
      const shape = shapeOf(v).slice(extra.length)
      return plain(grid(shape, new Array(size(shape)).fill(0)))
    })
    return shapeOf(body(env, instance, zeros, () => []))
  }

  const body = (env: Env, instance: Instance, args: readonly Value[], group: () => readonly Env[]): Value =>
    returned(blockEnv(env, instance, args, group), instance.block.body)

  const blockEnv = (
    env: Env,
    { block, statics, path }: Instance,
    args: readonly Value[],
    group: () => readonly Env[],
  ): Env => {
    const values = new Map<string, Value>()
    const isGlobal = (name: string): boolean => consts.has(name) || labels.has(name)
    block.params.forEach((param, k) => {
      values.set(param.name.name, args[k] as Value)
      param.type.dims.forEach((dim, axis) => {
        if (
          dim.kind === 'name' &&
          !isGlobal(dim.name) &&
          !values.has(dim.name) &&
          !block.statics.some((s) => s.name.name === dim.name)
        )
          values.set(dim.name, shapeOf(args[k] as Value)[axis] as number)
      })
    })
    const header: Env = {
      lookup: (name) => {
        if (values.has(name)) return values.get(name)
        const at = block.statics.findIndex((s) => s.name.name === name)
        if (at < 0) return undefined
        const given = statics.get(name) ?? statics.get(at)
        const fallback = block.statics[at]?.default
        return given ?? (fallback && evaluate(header, fallback))
      },
      indices: new Map(),
      group,
      path,
      base: path,
      memo: new Map(),
      training: env.training,
    }
    return bodyEnv(header, block.body, path)
  }

  const bodyEnv = (outer: Env, statements: readonly Statement[], path: string): Env => {
    const env: Env = { ...outer, lookup: (name) => find(name) ?? outer.lookup(name), path, memo: new Map() }
    const within = (name: string): Env => ({ ...env, base: [path, name].filter(Boolean).join('.') })
    const find = (name: string): Value | undefined => {
      for (const statement of statements) {
        if (statement.kind === 'bind') {
          const at = statement.names.findIndex((ident) => ident.name === name)
          if (at < 0) continue
          const first = statement.names[0]?.name ?? ''
          const value = once(env.memo, statement, () => evaluate(within(first), statement.value))
          const item = statement.tuple ? ((value as readonly Value[])[at] as Value) : value
          const isMade = typeof item === 'object' && 'block' in item && item.key === statement.value
          if (isMade) (item as Instance).path = [path, name].filter(Boolean).join('.')
          return item
        }
        if (!('name' in statement) || statement.name.name !== name) continue
        if (statement.kind === 'equation')
          return once(env.memo, statement, () => define(within(name), statement.indices, statement.value))
        if (statement.kind === 'param' || statement.kind === 'state')
          return variable(
            [path, name].filter(Boolean).join('.'),
            statement.type.dims.map((dim) => num(evaluate(env, dim))),
          )
        if (statement.kind === 'hyper') return evaluate(env, statement.default)
        if (statement.kind === 'labels') return statement.values.length
      }
      return undefined
    }
    return env
  }

  const returned = (env: Env, statements: readonly Statement[]): Value => {
    for (const statement of statements) if (statement.kind === 'update') runUpdate(env, statement)
    const last = statements.find((statement) => statement.kind === 'return')
    if (last?.kind !== 'return') throw new Error('no return')
    return evaluate(env, last.value)
  }

  const runUpdate = (env: Env, { name, value }: Update): void => {
    if (!env.training) return
    const path = [env.path, name.name].filter(Boolean).join('.')
    const before = updates.get(path)
    const shape = shapeOf(nameOf(env, name.name))
    const inner: Env = {
      ...env,
      memo: new Map(),
      base: [env.path, name.name].join('.'),
      lookup: (asked) => (asked === name.name && before !== undefined ? before : env.lookup(asked)),
    }
    const result = evaluate(inner, value)
    updates.set(
      path,
      shapeOf(result).length === shape.length
        ? (result as Grid | number)
        : grid(shape, new Array(size(shape)).fill(num(result))),
    )
  }

  /** The range of an index: stated, or that of an axis where it stands alone. */
  const rangeOf = (env: Env, name: string, range: Expr | undefined, body: readonly Expr[]): number => {
    if (range) return range.kind === 'name' && range.name === 'batch' ? batchSize(env) : num(evaluate(env, range))
    for (const expr of body) {
      const found = search(env, name, expr)
      if (found !== undefined) return found
    }
    throw new Error(`no range for ${name}`)
  }
  const batchSize = (env: Env): number => num(env.lookup('batch') as Value)
  const search = (env: Env, name: string, node: unknown): number | undefined => {
    if (typeof node !== 'object' || node === null) return undefined
    if (Array.isArray(node)) {
      for (const item of node) {
        const found = search(env, name, item)
        if (found !== undefined) return found
      }
      return undefined
    }
    const expr = node as Expr
    if (expr.kind === 'index') {
      const at = expr.indices.findIndex((index) => index.kind === 'name' && index.name === name)
      const base = at >= 0 ? env.lookup(expr.base.name) : undefined
      if (base !== undefined) return shapeOf(base)[at]
    }
    return search(
      env,
      name,
      Object.entries(node).flatMap(([key, value]) => (key === 'span' ? [] : [value])),
    )
  }

  /** Every position of the indices, and the environment there. */
  const positions = (
    env: Env,
    decls: readonly IndexDecl[],
    body: readonly Expr[],
  ): { sizes: number[]; envs: Env[] } => {
    const within = (other: Env): { sizes: number[]; envs: Env[] } =>
      once(other.memo, decls, () => {
        const here = { ...other, base: env.base }
        const sizes = decls.map((decl) => rangeOf(here, decl.name.name, decl.range, body))
        const envs = gridOf(sizes, (position): Env => {
          const indices = new Map(other.indices)
          decls.forEach((decl, k) => {
            indices.set(decl.name.name, { at: position[k] as number, size: sizes[k] as number })
          })
          return { ...here, indices, memo: new Map(), group: () => env.group().flatMap((each) => within(each).envs) }
        })
        return { sizes, envs }
      })
    return within(env)
  }

  const define = (env: Env, decls: readonly IndexDecl[], value: Expr): Value => {
    const { sizes, envs } = positions(env, decls, [value])
    const elements = envs.map((inner) => asGrid(evaluate(inner, value)))
    return grid(
      [...sizes, ...(elements[0]?.shape ?? [])],
      elements.flatMap((element) => element.data),
    )
  }

  const evaluate = (env: Env, expr: Expr): Value => {
    switch (expr.kind) {
      case 'number':
        return toNumber(expr.value)
      case 'bool':
        return Number(expr.value)
      case 'name': {
        const block = env.indices.has(expr.name) ? undefined : blockAt(env, expr)
        return block ? instantiate(env, expr, block, []) : nameOf(env, expr.name)
      }
      case 'unary':
        return pointwise([evaluate(env, expr.operand) as Grid | number], ([x = 0]) =>
          expr.op === '-' ? -x : Number(x === 0),
        )
      case 'binary': {
        const left = evaluate(env, expr.left)
        if (expr.op === 'and' && left === 0) return 0
        if (expr.op === 'or' && typeof left === 'number' && left !== 0) return 1
        const right = evaluate(env, expr.right)
        if (expr.op === '.' && typeof left !== 'number') return total(zip(asGrid(left), asGrid(right), (x, y) => x * y))
        if (expr.op === '*' && (left === 0 || right === 0))
          return pointwise([left as Grid | number, right as Grid | number], () => 0)
        const fn = binary[expr.op] ?? ((x: number, y: number) => x * y)
        return pointwise([left as Grid | number, right as Grid | number], ([x = 0, y = 0]) => fn(x, y))
      }
      case 'if': {
        const condition = evaluate(env, expr.condition)
        if (typeof condition === 'number') return evaluate(env, condition !== 0 ? expr.then : expr.else)
        const sides = [condition, evaluate(env, expr.then), evaluate(env, expr.else)] as (Grid | number)[]
        return pointwise(sides, ([c = 0, a = 0, b = 0]) => (c !== 0 ? a : b))
      }
      case 'call': {
        const block = blockAt(env, expr.callee)
        if (block) return instantiate(env, expr, block, expr.args)
        return call(env, expr.callee, (at) => expr.args.flatMap((arg) => spreadOut(evaluate(at, arg.value))), expr)
      }
      case 'pipe': {
        evaluate(env, expr.left)
        return call(env, expr.right, (at) => spreadOut(evaluate(at, expr.left)), expr)
      }
      case 'index': {
        let value = asGrid(nameOf(env, expr.base.name))
        for (const index of expr.indices) {
          const at = num(evaluate(env, index))
          const inside = Number.isInteger(at) && at >= 0 && at < (value.shape[0] as number)
          value = inside ? sliceAt(value, [at]) : nothing(value.shape.slice(1))
        }
        return plain(value)
      }
      case 'binder': {
        if (expr.op === 'softmax') return share(env, expr.indices, expr.condition, expr.body)
        const { envs } = positions(env, expr.indices, [expr.body, ...(expr.condition ? [expr.condition] : [])])
        const chosen = envs.filter((inner) => !expr.condition || num(evaluate(inner, expr.condition)) !== 0)
        const values = chosen.map((inner) => asGrid(evaluate(inner, expr.body)))
        const first = values[0]
        if (!first) return envs[0] ? plain(nothing(shapeOf(evaluate(envs[0], expr.body)))) : emptyLike(env, expr)
        const fold = folds[expr.op] as (values: readonly number[]) => number
        return plain(
          grid(
            first.shape,
            first.data.map((_, i) => fold(values.map((v) => v.data[i] as number))),
          ),
        )
      }
      case 'tuple':
        return expr.items.map((item) => evaluate(env, item))
      case 'stack': {
        const parts = expr.items.map((item) => asGrid(evaluate(env, item)))
        return grid(
          [parts.length, ...(parts[0]?.shape ?? [])],
          parts.flatMap((part) => part.data),
        )
      }
      case 'repeat':
        return repeat(env, expr)
      default:
        throw new Error(`not for ${expr.kind}`)
    }
  }

  /** A reduction over nothing: zeros of the body's shape, found where the index stands at 0, outside. */
  const emptyLike = (env: Env, expr: Extract<Expr, { kind: 'binder' }>): Value => {
    const indices = new Map(env.indices)
    for (const decl of expr.indices) indices.set(decl.name.name, { at: 0, size: 0 })
    return plain(nothing(shapeOf(evaluate({ ...env, indices, memo: new Map() }, expr.body))))
  }

  const share = (env: Env, decls: readonly IndexDecl[], condition: Expr | undefined, body: Expr): Value => {
    const holds = (at: Env): boolean => !condition || num(evaluate(at, condition)) !== 0
    if (!holds(env)) return 0
    const ranges = decls.map((decl) => env.indices.get(decl.name.name)?.size as number)
    const weights = gridOf(ranges, (position): number => {
      const indices = new Map(env.indices)
      decls.forEach((decl, k) => {
        indices.set(decl.name.name, { at: position[k] as number, size: ranges[k] as number })
      })
      const at = { ...env, indices, memo: new Map() }
      return holds(at) ? Math.exp(num(evaluate(at, body))) : 0
    })
    return Math.exp(num(evaluate(env, body))) / total(weights)
  }

  const spreadOut = (value: Value): readonly Value[] => (Array.isArray(value) ? value : [value])

  const repeat = (env: Env, expr: RepeatExpr): Value => {
    const count = num(evaluate(env, expr.count))
    const roundsOf = (other: Env): { envs: Env[]; result: Value } =>
      once(other.memo, expr, () => {
        let carried = evaluate({ ...other, base: env.base }, expr.init)
        const envs: Env[] = []
        for (let k = 0; k < count; k++) {
          const values = new Map<string, Value>()
          const items_ = expr.tuple ? (carried as readonly Value[]) : [carried]
          expr.carried.forEach((ident, at) => {
            values.set(ident.name, items_[at] as Value)
          })
          if (expr.index) values.set(expr.index.name, k)
          const path = `${env.base}.${k}`
          const outer: Env = {
            ...other,
            lookup: (name) => values.get(name) ?? other.lookup(name),
            base: path,
            group: () => env.group().map((sibling) => roundsOf(sibling).envs[k] as Env),
            memo: new Map(),
          }
          const inner = bodyEnv(outer, expr.body, path)
          envs.push(inner)
          carried = returned(inner, expr.body)
        }
        return { envs, result: carried }
      })
    return roundsOf(env).result
  }

  const lastAxis = (value: Value, f: (row: readonly number[]) => readonly number[], keep: boolean): Value => {
    const { shape, data } = asGrid(value)
    const width = shape.at(-1) as number
    const rows = gridOf(shape.slice(0, -1), (_, k) => f(data.slice(k * width, (k + 1) * width)))
    return plain(grid(keep ? shape : shape.slice(0, -1), rows.flat()))
  }

  const builtin = (name: string, args: readonly Value[]): Value => {
    const [first] = args
    const fn = unary[name]
    if (fn) return pointwise([first as Grid | number], ([x = 0]) => fn(x))
    if (first === undefined) throw new Error(`no function ${name}`)
    switch (name) {
      case 'max':
      case 'min':
        return pointwise(args as (Grid | number)[], (xs) => Math[name](...xs))
      case 'softmax':
        return lastAxis(first, (row) => row.map((x) => Math.exp(x) / total(row.map(Math.exp))), true)
      case 'log_softmax':
        return lastAxis(first, (row) => row.map((x) => x - logsumexp(row)), true)
      case 'logsumexp':
        return lastAxis(first, (row) => [logsumexp(row)], false)
      case 'flatten':
        return grid([size(shapeOf(first))], asGrid(first).data)
      case 'concat': {
        const parts = args.map(asGrid)
        const widths = parts.map((part) => part.shape.at(-1) as number)
        const lead = shapeOf(first).slice(0, -1)
        const rows = gridOf(lead, (_, r) =>
          parts.flatMap((part, k) => part.data.slice(r * (widths[k] as number), (r + 1) * (widths[k] as number))),
        )
        return grid([...lead, total(widths)], rows.flat())
      }
      default:
        throw new Error(`no function ${name}`)
    }
  }

  const roots: Env[] = samples.map((sample) => {
    const outer: Env = {
      lookup: (name) => sample.values[name] ?? sample.lengths[name],
      indices: new Map(),
      group: () => roots,
      path: '',
      base: '',
      memo: new Map(),
      training,
    }
    return bodyEnv(outer, model.body, '')
  })
  const predictions: Record<string, (Grid | number)[]> = {}
  const outputs: Record<string, (Grid | number)[]> = {}
  const losses: Record<string, number> = {}
  for (const statement of model.body) {
    if (statement.kind === 'update') for (const env of roots) runUpdate(env, statement)
    if (statement.kind !== 'predict' && statement.kind !== 'output' && statement.kind !== 'loss') continue
    const { name } = statement.name
    const base = `${statement.kind}.${name}`
    const values = roots.map((env) => evaluate({ ...env, base }, statement.value) as Grid | number)
    if (statement.kind === 'loss') losses[name] = total(values.map(num)) / samples.length
    else (statement.kind === 'predict' ? predictions : outputs)[name] = values
  }
  return { predictions, outputs, losses, updates: Object.fromEntries(updates), paths: [...paths].sort() }
}
