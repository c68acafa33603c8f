/** Names of locals in an emitted function: those of the spec, where it has them. */
import type { Ref, Statement } from './emission.ts'

export interface Names {
  /** Takes a name, or one like it that nothing has yet. */
  take(wanted: string): string
}

/** Words that a local may not be called. */
const reserved = new Set(
  (
    'await break case catch class const continue debugger default delete do else enum export extends false finally for ' +
    'function if implements import in instanceof interface let new null package private protected public return static ' +
    'super switch this throw true try typeof var void while with yield arguments eval undefined NaN Infinity Math Array'
  ).split(' '),
)

/** `Os.uflb2.h.conv1d` with `y` is `Os_uflb2_h_conv1d_y`. */
export const identifier = (path: string): string => {
  const text = path.replaceAll(/[^\p{ID_Continue}$]+/gu, '_')
  return /^[\p{ID_Start}$_]/u.test(text) && !reserved.has(text) ? text : `_${text}`
}

export function createNames(taken: Iterable<string> = []): Names {
  const names = new Set(taken)
  const counts = new Map<string, number>()
  return {
    take(wanted) {
      let name = wanted
      let count = counts.get(wanted) ?? 1
      while (names.has(name)) name = `${wanted}_${++count}`
      counts.set(wanted, count)
      names.add(name)
      return name
    },
  }
}

/** What a statement does, in a word: for `pointwise(tf, 'add', …)` it is `add`. */
const calledIn = ({ fn, args }: Statement): string =>
  fn === 'pointwise' && typeof args[1] === 'string' ? args[1].replaceAll("'", '') : fn

/**
 * Gives each statement a name for people. What the spec names goes to the last statement that makes a part of it; the steps
 * before it are called after their function: `S_matMul`, then `S`. Names of the derivatives begin with `d_`.
 */
export function nameStatements(
  statements: readonly Statement[],
  names: Names,
): { readonly statements: readonly Statement[]; readonly nameOf: (name: string) => string } {
  const pathOf = ({ node, section }: Statement): string | undefined =>
    node?.label === undefined || (section === 'backward' && node.scope !== 'gradient')
      ? undefined
      : [node.scope, node.label].filter(Boolean).join('_')
  const last = new Map<string, Statement>()
  for (const statement of statements) {
    const path = pathOf(statement)
    if (path !== undefined) last.set(path, statement)
  }
  const given = new Map<string, string>()
  for (const [path, statement] of last) given.set(statement.name, names.take(identifier(path)))
  const named = new Set(given.keys())
  for (const statement of statements) {
    if (given.has(statement.name)) continue
    const { node, section } = statement
    const fn = calledIn(statement)
    const path = pathOf(statement) ?? node?.scope
    const lead = section === 'backward' ? ['d'] : []
    given.set(statement.name, names.take(identifier([...lead, path, fn].filter(Boolean).join('_'))))
  }
  const nameOf = (name: string): string => given.get(name) ?? name
  const rename = (ref: Ref): Ref => ({ ...ref, name: nameOf(ref.name) })
  return {
    nameOf,
    statements: statements.map((statement) => ({
      ...statement,
      name: nameOf(statement.name),
      named: named.has(statement.name),
      args: statement.args.map((arg) =>
        typeof arg === 'string' ? arg : 'name' in arg ? rename(arg) : arg.map(rename),
      ),
    })),
  }
}
