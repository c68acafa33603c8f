/** A cursor over one line of a graph's text form. */
import { type Dim, parseDim } from '../shapes/dim.ts'

/** Every method throws a SyntaxError that shows the line where something else stands. */
export interface Reader {
  /** Takes the token if it comes next. */
  skip(token: string): boolean
  /** True where the token comes next. */
  peek(token: string): boolean
  atEnd(): boolean
  expect(token: string): void
  word<T extends string>(allowed: readonly T[]): T
  string(): string
  number(): number
  /** A dim, written as `formatDim` does, up to one of some characters. */
  dim(until: string): Dim
  list<T>(item: () => T): T[]
  fail(wanted: string): never
}

export function readLine(line: string): Reader {
  let at = 0
  const fail = (wanted: string): never => {
    throw new SyntaxError(`${wanted} expected at column ${at + 1} of: ${line}`)
  }
  const take = (pattern: string): string | undefined => {
    const sticky = new RegExp(`\\s*(${pattern})`, 'y')
    sticky.lastIndex = at
    const found = sticky.exec(line)
    if (found) at = sticky.lastIndex
    return found?.[1]
  }
  const skip = (token: string): boolean => take(token.replace(/\W/g, '\\$&')) !== undefined
  const expect = (token: string): void => {
    if (!skip(token)) fail(`\`${token}\``)
  }
  return {
    skip,
    peek: (token) => line.slice(at).trimStart().startsWith(token),
    atEnd: () => line.slice(at).trim() === '',
    expect,
    fail,
    word: (allowed) => {
      const found = take('\\w+')
      return allowed.find((one) => one === found) ?? fail(allowed.join(' or '))
    },
    string: () => {
      const parsed: unknown = JSON.parse(take('"(?:[^"\\\\]|\\\\.)*"') ?? fail('a string'))
      return typeof parsed === 'string' ? parsed : fail('a string')
    },
    number: () => Number(take('-?(?:Infinity|NaN|\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?)') ?? fail('a number')),
    dim: (until) => parseDim(take(`[^${until}]+`) ?? fail('a dim')),
    list: (item) => {
      const items: ReturnType<typeof item>[] = []
      expect('[')
      while (!skip(']')) {
        if (items.length > 0) expect(',')
        items.push(item())
      }
      return items
    },
  }
}
