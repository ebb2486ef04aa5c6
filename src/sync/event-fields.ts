import { isJsonObject, type JsonObject, type JsonValue } from '#protocol/json.ts'

/**
 * Gives a function that keeps of an event's text only the fields that a filter names by their dotted paths; an event of
 * which none is left becomes `{}`. Parses and prints the event: only for clients that ask for it.
 * https://spec.matrix.org/v1.19/appendices/#dot-separated-property-paths
 */
export function fieldPicker(paths: readonly string[]): (text: string) => string {
  const fields = paths.map(splitPath)
  return (text) => {
    const event = JSON.parse(text) as JsonObject
    let kept: JsonValue = {}
    for (const field of fields) if (hasField(event, field)) kept = withField(kept, event, field)
    return JSON.stringify(kept)
  }
}

/** Splits a path at its dots; `\.` is a dot within a name, `\\` a backslash. */
export function splitPath(path: string): readonly string[] {
  const names = ['']
  for (let at = 0; at < path.length; at++) {
    const character = path.charAt(at)
    const next = path.charAt(at + 1)
    if (character === '.') names.push('')
    else if (character === '\\' && (next === '.' || next === '\\')) {
      names.push(`${names.pop() ?? ''}${next}`)
      at++
    } else names.push(`${names.pop() ?? ''}${character}`)
  }
  return names
}

/** Only objects are gone into. */
function hasField(source: JsonValue | undefined, [name, ...rest]: readonly string[]): boolean {
  if (name === undefined) return source !== undefined
  return isJsonObject(source) && Object.hasOwn(source, name) && hasField(source[name], rest)
}

/** What was kept so far, with one more field of the event, which has it. */
function withField(kept: JsonValue, source: JsonValue, [name, ...rest]: readonly string[]): JsonValue {
  if (name === undefined) return source
  const value = isJsonObject(source) ? source[name] : undefined
  const members = isJsonObject(kept) ? kept : {}
  const before = Object.hasOwn(members, name) ? members[name] : undefined
  return { ...members, [name]: withField(before ?? {}, value ?? null, rest) }
}
