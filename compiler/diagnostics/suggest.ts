/** The name that a misspelt one was meant to be. */

/** Longer names are not compared: the work is quadratic. */
const longest = 64

/**
 * The number of insertions, deletions, substitutions and swaps of neighbours from a to b, or `limit + 1` where there
 * are more (Damerau's distance in its restricted form: no piece is edited twice).
 */
export function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + (same ? 0 : 1))
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) cost = Math.min(cost, (before[j - 2] ?? 0) + 1)
      row.push(cost)
    }
    if (Math.min(...row) > limit) return limit + 1
    before = above
    above = row
  }
  return Math.min(above[b.length] ?? limit + 1, limit + 1)
}

/**
 * The nearest of the candidates, or undefined where none is near: one edit for up to five letters, then two, three from
 * nine on. A name of one or two letters is only matched when nothing but case differs.
 */
export function suggest(name: string, candidates: Iterable<string>): string | undefined {
  if (name.length > longest) return undefined
  const limit = name.length <= 2 ? 0 : name.length <= 5 ? 1 : name.length <= 8 ? 2 : 3
  const lower = name.toLowerCase()
  let best: string | undefined
  let least = limit + 1
  for (const candidate of candidates) {
    if (candidate === name || candidate.length > longest) continue
    // A difference in case alone is the likeliest mistake of all.
    const distance =
      candidate.toLowerCase() === lower
        ? 0
        : Math.min(editDistance(name, candidate, limit), editDistance(lower, candidate.toLowerCase(), limit) + 0.5)
    if (limit === 0 && distance > 0) continue
    if (distance < least || (distance === least && best !== undefined && candidate < best)) {
      least = distance
      best = candidate
    }
  }
  return least <= limit ? best : undefined
}
