/** Longest pattern that is matched, in UTF-16 code units: a longer one fits nothing. */
export const globLengthMax = 1024

/**
 * True when the glob fits the whole text: `*` stands for any characters, `?` for exactly one. Exact in case: lower both
 * sides first where case is not to matter. The pieces between stars are looked for from left to right, once each, so
 * that no pattern takes more than length times length.
 * https://spec.matrix.org/v1.19/appendices/#glob-style-matching
 */
export function globMatches(pattern: string, text: string): boolean {
  if (pattern.length > globLengthMax) return false
  if (!pattern.includes('*')) return endOf(pattern, text, 0) === text.length
  const pieces = pattern.split('*')
  const last = pieces.pop() ?? ''
  let at = endOf(pieces.shift() ?? '', text, 0)
  for (const piece of pieces) {
    if (at < 0) return false
    at = endOfFirst(piece, text, at)
  }
  return at >= 0 && someEnd(last, text, at, (end) => end === text.length)
}

/**
 * True when the glob fits some part of the text that starts and ends at a word boundary: the start or end of the text,
 * or a character other than A-Z, a-z, 0-9 and `_`. Exact in case.
 * https://spec.matrix.org/v1.19/client-server-api/#conditions-1
 */
export function globMatchesWords(pattern: string, text: string): boolean {
  if (pattern.length > globLengthMax) return false
  const pieces = pattern.split('*')
  const last = pieces.pop() ?? ''
  const isEnd = (end: number): boolean => isBoundary(text, end)
  const first = pieces.shift()
  if (first === undefined) {
    for (let start = 0; start <= text.length; start += 1) {
      if (!isBoundary(text, start)) continue
      const end = endOf(last, text, start)
      if (end >= 0 && isEnd(end)) return true
    }
    return false
  }
  // With a star, the leftmost place of each piece leaves the most to the next.
  let at = -1
  for (let start = 0; at < 0 && start <= text.length; start += 1) {
    if (isBoundary(text, start)) at = endOf(first, text, start)
  }
  for (const piece of pieces) {
    if (at < 0) return false
    at = endOfFirst(piece, text, at)
  }
  return at >= 0 && someEnd(last, text, at, isEnd)
}

/** Where the piece ends when it fits at `start`, or -1. A `?` takes a whole code point. */
function endOf(piece: string, text: string, start: number): number {
  if (!piece.includes('?')) return text.startsWith(piece, start) ? start + piece.length : -1
  let at = start
  for (let index = 0; index < piece.length; index += 1) {
    if (at >= text.length) return -1
    if (piece[index] === '?') at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1
    else if (piece.charCodeAt(index) === text.charCodeAt(at)) at += 1
    else return -1
  }
  return at
}

/** Where the piece ends at the first place from `from` on where it fits, or -1. */
function endOfFirst(piece: string, text: string, from: number): number {
  if (!piece.includes('?')) {
    const found = text.indexOf(piece, from)
    return found < 0 ? -1 : found + piece.length
  }
  for (let start = from; start <= text.length; start += 1) {
    const end = endOf(piece, text, start)
    if (end >= 0) return end
  }
  return -1
}

/** Whether the piece fits anywhere from `from` on such that its end is as wanted. */
function someEnd(piece: string, text: string, from: number, wanted: (end: number) => boolean): boolean {
  for (let start = from; start <= text.length; start += 1) {
    const end = endOf(piece, text, start)
    if (end >= 0 && wanted(end)) return true
  }
  return false
}

function isBoundary(text: string, index: number): boolean {
  return !isWordUnit(text.charCodeAt(index - 1)) || !isWordUnit(text.charCodeAt(index))
}

/** Past either end of the text charCodeAt gives NaN, which is no word either. */
function isWordUnit(unit: number): boolean {
  return (
    (unit >= 0x61 && unit <= 0x7a) || (unit >= 0x41 && unit <= 0x5a) || (unit >= 0x30 && unit <= 0x39) || unit === 0x5f
  )
}
