import { MatrixError } from './errors.ts'
import type { JsonObject, JsonValue } from './json.ts'

/** Characters that JSON must escape, and the surrogates, a lone one of which has no UTF-8. */
// eslint-disable-next-line no-control-regex
const needsCare = /["\\\u0000-\u001f\ud800-\udfff]/
/** From here on, the order of UTF-16 code units is not the order of code points. */
const surrogateOrAbove = /[\ud800-\uffff]/

/**
 * The value as canonical JSON: shortest form, keys in the order of their code points, UTF-8 when encoded.
 * With `strict` (room versions 6 and later, and everything else that is signed) throws M_BAD_JSON for numbers that
 * are not integers between -(2^53)+1 and 2^53-1, and for lone surrogates; without it, older events are printed as
 * well as they can be. Members that are undefined are left out. Time: linear, plus sorting the keys of each object
 * that are not in order already.
 * https://spec.matrix.org/v1.19/appendices/#canonical-json
 */
export function canonicalJson(value: JsonValue, strict = true): string {
  switch (typeof value) {
    case 'string':
      return quoted(value, strict)
    case 'number':
      return printedNumber(value, strict)
    case 'boolean':
      return value ? 'true' : 'false'
    default:
      if (value === null) return 'null'
      return Array.isArray(value) ? printedArray(value, strict) : printedObject(value as JsonObject, strict)
  }
}

/** The text in quotes, escaped as canonical JSON wants it. */
export function quoted(text: string, strict = true): string {
  if (!needsCare.test(text)) return `"${text}"`
  if (strict && !text.isWellFormed()) {
    throw new MatrixError('M_BAD_JSON', 'A text holds half of a surrogate pair, which UTF-8 cannot carry')
  }
  return JSON.stringify(text)
}

function printedNumber(value: number, strict: boolean): string {
  if (Number.isSafeInteger(value)) return String(value)
  if (strict || !Number.isFinite(value)) {
    throw new MatrixError('M_BAD_JSON', 'Numbers must be integers between -(2^53)+1 and (2^53)-1')
  }
  return Number.isInteger(value) ? BigInt(value).toString() : String(value)
}

function printedArray(values: readonly JsonValue[], strict: boolean): string {
  if (values.length === 0) return '[]'
  let text = '['
  for (let index = 0; index < values.length; index += 1) {
    if (index > 0) text += ','
    text += canonicalJson(values[index] as JsonValue, strict)
  }
  return `${text}]`
}

/** Keys that came before and need no care, with quotes and colon: the same few stand in every event. */
const knownKeys = new Map<string, string>()
const knownKeysMax = 2_000
const knownKeyLengthMax = 40

function printedObject(value: JsonObject, strict: boolean): string {
  let text = ''
  for (const key of sortedKeys(value)) {
    const member = value[key]
    if (member === undefined) continue
    text += text === '' ? '{' : ','
    text += knownKeys.get(key) ?? printedKey(key, strict)
    text += canonicalJson(member, strict)
  }
  return text === '' ? '{}' : `${text}}`
}

function printedKey(key: string, strict: boolean): string {
  const text = `${quoted(key, strict)}:`
  const isPlain = !needsCare.test(key) && !surrogateOrAbove.test(key)
  if (isPlain && key.length <= knownKeyLengthMax && knownKeys.size < knownKeysMax) knownKeys.set(key, text)
  return text
}

function sortedKeys(value: JsonObject): string[] {
  const keys = Object.keys(value)
  let isOrdered = true
  let isPlain = true
  let last = ''
  for (const key of keys) {
    if (last > key) isOrdered = false
    if (isPlain && !knownKeys.has(key) && surrogateOrAbove.test(key)) isPlain = false
    last = key
  }
  if (!isPlain) return keys.sort(compareCodePoints)
  return isOrdered ? keys : keys.sort()
}

/** Negative, zero or positive as `a` stands before, at or after `b` in the order of code points. */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index += 1) {
    const unitA = a.charCodeAt(index)
    const unitB = b.charCodeAt(index)
    if (unitA !== unitB) return rank(unitA) - rank(unitB)
  }
  return a.length - b.length
}

/** Surrogates stand for code points above all that one unit can hold: lift them over U+E000 to U+FFFF. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}
