import { compareCodePoints, quoted } from './canonical-json.ts'
import { MatrixError } from './errors.ts'
import type { JsonValue } from './json.ts'
import { endOfString, jsonDepthMax } from './json-text.ts'

/** A JSON text made canonical. */
export interface CanonicalText {
  readonly text: string
  readonly value: JsonValue
  /** False when `value` lacks what `text` says: numbers of older events that JavaScript's cannot hold, or spell so. */
  readonly exact: boolean
}

/** How a text is read: strictly unless `strict` is false, and to a depth of `jsonDepthMax` unless told otherwise. */
export interface CanonicalTextOptions {
  readonly strict?: boolean
  readonly depthMax?: number
}

/**
 * A JSON text as canonical JSON, made from the text itself, so that nothing is lost on the way through values. Throws
 * M_NOT_JSON for what is no JSON, and M_BAD_JSON for a key that stands twice in an object, for half a surrogate pair
 * and for too deep nesting. With `strict` (the default) also for numbers with a fraction or an exponent, and outside
 * 53 bits; without it (events before room version 6) these stay as they are written: their sender hashed them so. Only
 * integers that need no exponent lose it, as in the specification's example. Keys are sorted only where they are not
 * in order, and a text that is canonical comes back as it is. Time: linear but for the sorting.
 * https://spec.matrix.org/v1.19/appendices/#canonical-json
 */
export function canonicalText(text: string, options: CanonicalTextOptions = {}): CanonicalText {
  let value: JsonValue
  try {
    value = JSON.parse(text) as JsonValue
  } catch {
    throw new MatrixError('M_NOT_JSON', 'The text is not JSON')
  }
  if (!text.isWellFormed()) throw halfPair()
  const writer = new Writer(text, options.strict ?? true, options.depthMax ?? jsonDepthMax)
  return { text: writer.whole(), value, exact: writer.exact }
}

interface Member {
  readonly key: string
  readonly text: string
}

const digit0 = 0x30
const digit9 = 0x39
const quote = 0x22
const comma = 0x2c
const minus = 0x2d
/** Up to this many characters, an integer is within 53 bits. */
const shortNumber = 15

/** Walks a text that is known to be JSON. */
class Writer {
  /** Whether the value that JSON.parse makes is all there is. */
  exact = true
  readonly #text: string
  readonly #strict: boolean
  readonly #depthMax: number
  #at = 0
  /** How often something had to be written otherwise: where this did not grow, the text is canonical as it stands. */
  #changes = 0

  constructor(text: string, strict: boolean, depthMax: number) {
    this.#text = text
    this.#strict = strict
    this.#depthMax = depthMax
  }

  whole(): string {
    this.#skipSpace()
    return this.#value(0)
  }

  #value(depth: number): string {
    const text = this.#text
    const first = text.charCodeAt(this.#at)
    if (first === quote) return this.#string().text
    if (first === 0x7b || first === 0x5b) {
      if (depth >= this.#depthMax) {
        throw new MatrixError('M_BAD_JSON', `The JSON is nested deeper than ${this.#depthMax}`)
      }
      return first === 0x7b ? this.#object(depth + 1) : this.#array(depth + 1)
    }
    if (first === minus || (first >= digit0 && first <= digit9)) return this.#number()
    const start = this.#at
    this.#at += first === 0x66 ? 5 : 4
    return text.slice(start, this.#at)
  }

  #object(depth: number): string {
    const start = this.#at
    const changes = this.#changes
    const members: Member[] = []
    let ordered = true
    let last: string | undefined
    this.#at += 1
    this.#skipSpace()
    while (this.#text.charCodeAt(this.#at) === quote) {
      const key = this.#string()
      this.#skipSpace()
      this.#at += 1
      this.#skipSpace()
      members.push({ key: key.value, text: `${key.text}:${this.#value(depth)}` })
      if (last !== undefined && compareCodePoints(last, key.value) >= 0) ordered = false
      last = key.value
      this.#endOfMember()
    }
    this.#at += 1
    if (!ordered) {
      this.#changes += 1
      sortMembers(members)
    }
    if (this.#changes === changes) return this.#text.slice(start, this.#at)
    return `{${members.map((member) => member.text).join(',')}}`
  }

  #array(depth: number): string {
    const start = this.#at
    const changes = this.#changes
    const elements: string[] = []
    this.#at += 1
    this.#skipSpace()
    while (this.#text.charCodeAt(this.#at) !== 0x5d) {
      elements.push(this.#value(depth))
      this.#endOfMember()
    }
    this.#at += 1
    return this.#changes === changes ? this.#text.slice(start, this.#at) : `[${elements.join(',')}]`
  }

  #endOfMember(): void {
    this.#skipSpace()
    if (this.#text.charCodeAt(this.#at) !== comma) return
    this.#at += 1
    this.#skipSpace()
  }

  #skipSpace(): void {
    while (this.#text.charCodeAt(this.#at) <= 0x20) {
      this.#at += 1
      this.#changes += 1
    }
  }

  #string(): { readonly text: string; readonly value: string } {
    const text = this.#text
    const start = this.#at
    const end = endOfString(text, start)
    this.#at = end + 1
    const token = text.slice(start, end + 1)
    if (!token.includes('\\')) return { text: token, value: token.slice(1, -1) }
    const value = JSON.parse(token) as string
    if (!value.isWellFormed()) throw halfPair()
    const written = quoted(value)
    if (written !== token) this.#changes += 1
    return { text: written, value }
  }

  #number(): string {
    const text = this.#text
    const start = this.#at
    let plain = true
    for (this.#at += 1; this.#at < text.length; this.#at += 1) {
      const unit = text.charCodeAt(this.#at)
      if (unit >= digit0 && unit <= digit9) continue
      // A point, an exponent and its sign; nothing else stands in a number.
      if (unit !== 0x2e && unit !== 0x65 && unit !== 0x45 && unit !== 0x2b && unit !== minus) break
      plain = false
    }
    const token = text.slice(start, this.#at)
    if (plain && token.length <= shortNumber && token !== '-0') return token
    const written = this.#longNumber(token, plain)
    if (written !== token) this.#changes += 1
    return written
  }

  #longNumber(token: string, plain: boolean): string {
    const value = Number(token)
    if (plain && Number.isSafeInteger(value)) return String(value)
    if (this.#strict) {
      throw new MatrixError('M_BAD_JSON', 'Numbers must be integers between -(2^53)+1 and (2^53)-1')
    }
    if (!token.includes('.') && Number.isSafeInteger(value)) return String(value)
    if (String(value) !== token) this.exact = false
    return token
  }
}

function sortMembers(members: Member[]): void {
  members.sort((a, b) => compareCodePoints(a.key, b.key))
  for (const [index, member] of members.entries()) {
    if (members[index - 1]?.key === member.key) throw new MatrixError('M_BAD_JSON', 'An object has the same key twice')
  }
}

function halfPair(): MatrixError {
  return new MatrixError('M_BAD_JSON', 'A text holds half of a surrogate pair, which UTF-8 cannot carry')
}
