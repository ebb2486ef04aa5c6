import { isJsonObject, type JsonObject, type JsonValue } from './json.ts'

/**
 * The names in a path such as `content.m\.relates_to`: split at dots; a backslash before a dot or a backslash makes it
 * part of the name, any other is itself. https://spec.matrix.org/v1.19/appendices/#dot-separated-property-paths
 */
export function splitPath(path: string): string[] {
  if (!path.includes('\\')) return path.split('.')
  const names: string[] = []
  let name = ''
  for (let index = 0; index < path.length; index += 1) {
    const character = path[index] ?? ''
    const next = path[index + 1]
    if (character === '.') {
      names.push(name)
      name = ''
    } else if (character === '\\' && (next === '.' || next === '\\')) {
      name += next
      index += 1
    } else name += character
  }
  names.push(name)
  return names
}

/** What stands at the end of a path, walking objects only; undefined when there is nothing. */
export function valueAt(value: JsonValue | undefined, names: readonly string[]): JsonValue | undefined {
  let at = value
  for (const name of names) {
    if (!isJsonObject(at) || !Object.hasOwn(at, name)) return undefined
    at = at[name]
  }
  return at
}

/**
 * The object with nothing but what stands at the ends of the paths, each a list of names as `splitPath` gives it.
 * A path that leads nowhere adds nothing; a later path replaces what an earlier one put in its place.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3useruseridfilter
 */
export function pickFields(object: JsonObject, paths: readonly (readonly string[])[]): JsonObject {
  const result = emptyObject()
  for (const names of paths) {
    const value = valueAt(object, names)
    if (value === undefined) continue
    let target = result
    for (const name of names.slice(0, -1)) {
      const inside = Object.hasOwn(target, name) ? target[name] : undefined
      // What an earlier path put here whole is copied before anything is changed in it.
      const copy = isJsonObject(inside) ? { ...inside } : emptyObject()
      define(target, name, copy)
      target = copy
    }
    define(target, names.at(-1) ?? '', value)
  }
  return result
}

type Writable = Record<string, JsonValue | undefined>

function emptyObject(): Writable {
  return {}
}

/** Assigning to `__proto__` would do something else than add a member. */
function define(target: Writable, name: string, value: JsonValue): void {
  Object.defineProperty(target, name, { value, enumerable: true, writable: true, configurable: true })
}
