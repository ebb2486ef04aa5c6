/**
 * Finds the members of a JSON object, and the elements of a list, in its text, without parsing the values. The text must
 * be without white space: stored events are. Everything here is linear in the text and makes no copies but what it
 * returns.
 */

const quote = 34
const comma = 44
const backslash = 92
const openBracket = 91
const closeBracket = 93
const openBrace = 123
const closeBrace = 125

/** Gives the index behind the string whose opening quote stands at `open`. */
function stringEnd(text: string, open: number): number {
  let close = text.indexOf('"', open + 1)
  for (;;) {
    if (close < 0) throw new Error('JSON text ends inside a string')
    let before = close - 1
    while (text.charCodeAt(before) === backslash) before--
    if ((close - before) % 2 === 1) return close + 1
    close = text.indexOf('"', close + 1)
  }
}

/** Gives the index behind the value that begins at `start`. */
function valueEnd(text: string, start: number): number {
  const first = text.charCodeAt(start)
  if (first === quote) return stringEnd(text, start)
  const nested = first === openBrace || first === openBracket
  let depth = nested ? 1 : 0
  let index = nested ? start + 1 : start
  while (index < text.length) {
    const code = text.charCodeAt(index)
    if (code === quote) {
      index = stringEnd(text, index)
      continue
    }
    if (code === openBrace || code === openBracket) depth++
    else if (code === closeBrace || code === closeBracket) {
      if (depth === 0) return index
      if (--depth === 0) return index + 1
    } else if (code === comma && depth === 0) return index
    index++
  }
  throw new Error('JSON text ends inside a value')
}

/**
 * One member of an object. `key` is the text between its quotes, escapes included. The member's text reaches from
 * `start` to `end` (exclusive), its value's from `value` to `end`.
 */
export interface JsonMember {
  readonly key: string
  readonly start: number
  readonly value: number
  readonly end: number
}

/** Goes from member to member of the object that a text is, in their order, without a copy of anything. */
export class MemberCursor {
  readonly text: string
  /** Where the member begins, with the quote before its key; its value begins at `value`, and `end` is behind it. */
  start = 0
  value = 0
  end = 0

  /** Stands before the first member. Throws `Error` when the text is not an object. */
  constructor(text: string) {
    if (text.charCodeAt(0) !== openBrace) throw new Error('JSON text is not an object')
    this.text = text
  }

  /** Goes on to the next member; false when there is none. Throws `Error` when the text is not whole. */
  next(): boolean {
    const { text, end } = this
    if (end !== 0 && text.charCodeAt(end) !== comma) return false
    const start = end + 1
    if (text.charCodeAt(start) !== quote) return false
    this.start = start
    this.value = stringEnd(text, start) + 1
    this.end = valueEnd(text, this.value)
    return true
  }

  /** How long the key is, escapes included. */
  get keyLength(): number {
    return this.value - this.start - 3
  }

  /** The key, escapes included. */
  get key(): string {
    return this.text.slice(this.start + 1, this.value - 2)
  }

  /** Whether this is the key, which needs no escapes. */
  hasKey(key: string): boolean {
    return this.keyLength === key.length && this.text.startsWith(key, this.start + 1)
  }

  /** The text of the value. */
  get valueText(): string {
    return this.text.slice(this.value, this.end)
  }
}

/** Gives the members of the object that `text` is, in their order. Throws `Error` when the text is not whole. */
export function jsonMembers(text: string): JsonMember[] {
  const members: JsonMember[] = []
  const cursor = new MemberCursor(text)
  while (cursor.next()) members.push({ key: cursor.key, start: cursor.start, value: cursor.value, end: cursor.end })
  return members
}

/** Gives the texts of the elements of the list that `text` is. Throws `Error` when the text is not whole. */
export function jsonElements(text: string): string[] {
  const elements: string[] = []
  if (text.charCodeAt(0) !== openBracket) throw new Error('JSON text is not a list')
  for (let start = 1; text.charCodeAt(start) !== closeBracket; start++) {
    const end = valueEnd(text, start)
    elements.push(text.slice(start, end))
    if (text.charCodeAt(end) !== comma) break
    start = end
  }
  return elements
}

/** Gives the text of the value under `key` (which needs no escapes); undefined when there is none or it is null. */
export function jsonMember(text: string, key: string): string | undefined {
  const cursor = new MemberCursor(text)
  while (cursor.next()) {
    if (!cursor.hasKey(key)) continue
    const value = cursor.valueText
    return value === 'null' ? undefined : value
  }
  return undefined
}
