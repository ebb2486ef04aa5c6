import { MatrixError } from './errors.ts'
import { isJsonObject, type JsonValue } from './json.ts'

/** How deep arrays and objects may stand in one another, unless the caller says otherwise. */
export const jsonDepthMax = 128

const quote = 0x22
const backslash = 0x5c

/**
 * The value of a JSON text. Throws M_NOT_JSON for what is no JSON, and M_BAD_JSON for what parsers disagree about, so
 * that nothing can mean one thing here and another elsewhere: an object with the same key twice, half a surrogate
 * pair, and nesting deeper than `depthMax`. With `integersOnly` (events of room versions 6 and later) also numbers
 * written with a fraction or an exponent. Time and memory: linear.
 */
export function parseJsonText(text: string, options: { depthMax?: number; integersOnly?: boolean } = {}): JsonValue {
  const shape = scan(text, options.depthMax ?? jsonDepthMax)
  let value: JsonValue
  try {
    value = JSON.parse(text) as JsonValue
  } catch {
    throw new MatrixError('M_NOT_JSON', 'The text is not JSON')
  }
  if (options.integersOnly === true && shape.fractions) {
    throw new MatrixError('M_BAD_JSON', 'Numbers must be integers, written without fraction and exponent')
  }
  // A parser keeps one of two members with the same key: fewer members than colons means that one was lost.
  if (countMembers(value) !== shape.members) throw new MatrixError('M_BAD_JSON', 'An object has the same key twice')
  return value
}

/** Counts the colons outside texts, looks for fractions and exponents, and stops at too deep nesting. */
function scan(text: string, depthMax: number): { members: number; fractions: boolean } {
  let depth = 0
  let members = 0
  let fractions = false
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index)
    if (unit === quote) index = endOfString(text, index)
    else if (unit === 0x3a) members += 1
    else if (unit === 0x7b || unit === 0x5b) {
      depth += 1
      if (depth > depthMax) throw new MatrixError('M_BAD_JSON', `The JSON is nested deeper than ${depthMax}`)
    } else if (unit === 0x7d || unit === 0x5d) depth -= 1
    else if (unit === 0x2e) fractions = true
    // An exponent stands after a digit; the letter alone is part of true or false.
    else if ((unit === 0x65 || unit === 0x45) && isDigit(text.charCodeAt(index - 1))) fractions = true
  }
  return { members, fractions }
}

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39
}

/** The index of the quote that ends the string whose first quote is at `start`; the text's length when none does. */
export function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let escapes = 0
    while (text.charCodeAt(end - 1 - escapes) === backslash) escapes += 1
    if (escapes % 2 === 0) return end
  }
  return text.length
}

function countMembers(value: JsonValue): number {
  if (typeof value === 'string') {
    checkWellFormed(value)
    return 0
  }
  if (typeof value !== 'object' || value === null) return 0
  let count = 0
  if (isJsonObject(value)) {
    for (const key of Object.keys(value)) {
      checkWellFormed(key)
      const member = value[key]
      count += 1 + (member === undefined ? 0 : countMembers(member))
    }
  } else {
    for (const element of value) count += countMembers(element)
  }
  return count
}

function checkWellFormed(text: string): void {
  if (!text.isWellFormed()) throw new MatrixError('M_BAD_JSON', 'A text holds half of a surrogate pair')
}
