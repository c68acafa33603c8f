/** What an equality of dims, which a `require` states, adds to what is known. */
import { type Dim, scaleDim, subDim, substituteDim, zeroDim } from './dim.ts'
import { type Facts, normaliseDim } from './facts.ts'
import { neverShrinks } from './growth.ts'
import { divRational, isInteger, one, rational } from './rational.ts'

/**
 * The facts with `a == b` added, or undefined where the equality cannot be used: no atom stands alone in it with a
 * coefficient that the rest can be divided by and, as axes may have it instead, a rest that never shrinks.
 */
export function withEquality(facts: Facts, a: Dim, b: Dim): Facts | undefined {
  const gap = normaliseDim(subDim(a, b), facts)
  if (gap.terms.length === 0) return facts
  const quotients = gap.terms.filter(({ atoms }) => atoms[0]?.kind === 'div')
  const names = gap.terms.filter(
    ({ atoms, coefficient }) =>
      atoms[0]?.kind === 'seq' && (isInteger(divRational(one, coefficient)) || gap.terms.length <= 2),
  )
  // A floor is replaced before a name is, and among names the later one.
  for (const term of [...quotients, ...names.reverse()]) {
    const [atom, another] = term.atoms
    if (!atom || another) continue
    const rest = subDim(gap, { terms: [term], key: '' })
    const solved = scaleDim(rest, divRational(rational(-1), term.coefficient))
    const replace = (dim: Dim, by: Dim): Dim => substituteDim(dim, ({ key }) => (key === atom.key ? by : undefined))
    if (replace(rest, zeroDim).key !== rest.key) continue
    const equal = new Map([...facts.equal].map(([key, value]) => [key, replace(value, solved)])).set(atom.key, solved)
    if ([...equal.values()].every((value) => neverShrinks(value, facts))) return { bounds: facts.bounds, equal }
  }
  return undefined
}
