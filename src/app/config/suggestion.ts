/** How many letters may differ for a word to be taken for a slip of another. */
const slipsMax = 3

/** The word among `known` that `word` was probably meant to be; undefined when none is close. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const limit = Math.min(slipsMax, Math.floor(word.length / 2))
  const scored = known.map((candidate) => ({ candidate, distance: editDistance(word, candidate) }))
  scored.sort((a, b) => a.distance - b.distance)
  const [best] = scored
  return best !== undefined && best.distance <= limit ? best.candidate : undefined
}

/** How many letters must be added, left out or changed to make one word the other (Levenshtein). O(length²). */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= to.length; j += 1) {
      const changed = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}
