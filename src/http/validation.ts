import type { TObject, TSchema } from 'typebox'
import { MatrixError } from '#protocol/errors.ts'
import { faultFinderFor, type Fault } from './schema-check.ts'

/** Where in a request a value stands. */
export type Place = 'body' | 'query' | 'path'

/** Checks a value against a schema; throws a MatrixError naming the first field that is wrong. */
export type Check = (value: unknown) => void

/** Characters of a field's path that are shown in an error. */
const fieldPathLengthMax = 200

/**
 * Gives the check for a schema. Errors: `M_MISSING_PARAM` for what is absent; else `M_BAD_JSON` in a body,
 * `M_INVALID_PARAM` in a query or path.
 */
export function checkerFor(schema: TSchema, place: Place): Check {
  const find = faultFinderFor(schema)
  return (value) => {
    const fault = find(value)
    if (fault !== undefined) throw errorOf(fault, place)
  }
}

function errorOf({ path, missing, text }: Fault, place: Place): MatrixError {
  const field = fieldName(path)
  if (missing) return new MatrixError('M_MISSING_PARAM', `Missing from the ${place}: ${field}.`)
  const subject = field === '' ? `The ${place}` : `${field} in the ${place}`
  return new MatrixError(place === 'body' ? 'M_BAD_JSON' : 'M_INVALID_PARAM', `${subject} ${text}.`)
}

function fieldName(path: readonly string[]): string {
  const name = path.join('.')
  return name.length > fieldPathLengthMax ? `${name.slice(0, fieldPathLengthMax)}…` : name
}

/** What a query string holds: text, or a list when a key stands more than once. */
export type RawQuery = Readonly<Record<string, string | readonly string[] | undefined>>

/**
 * Gives the function that turns a query's texts into what its schema asks for: numbers, booleans and lists. Of a key
 * given twice where one is wanted, the first counts. What cannot be turned stays text, and the check names it.
 */
export function queryReaderFor(schema: TObject): (raw: RawQuery) => Record<string, unknown> {
  const readers = new Map<string, (value: string | readonly string[]) => unknown>()
  for (const [name, property] of Object.entries(schema.properties)) readers.set(name, readerOf(property))
  return (raw) => {
    const query: Record<string, unknown> = {}
    for (const [name, reader] of readers) {
      const value = raw[name]
      if (value !== undefined) query[name] = reader(value)
    }
    return query
  }
}

function readerOf(schema: TSchema): (value: string | readonly string[]) => unknown {
  const { type, items } = schema as { type?: string; items?: TSchema }
  if (type === 'array') {
    const item = items === undefined ? onlyText : readerOf(items)
    return (value) => (typeof value === 'string' ? [value] : value).map((one) => item(one))
  }
  if (type === 'integer' || type === 'number') return (value) => numberOf(onlyText(value))
  if (type === 'boolean') return (value) => booleanOf(onlyText(value))
  return onlyText
}

function onlyText(value: string | readonly string[]): string {
  return typeof value === 'string' ? value : (value[0] ?? '')
}

function numberOf(text: string): number | string {
  return /^-?\d{1,16}(\.\d+)?$/.test(text) ? Number(text) : text
}

function booleanOf(text: string): boolean | string {
  return text === 'true' ? true : text === 'false' ? false : text
}
