import { isServerName, type ServerName } from './identifiers.ts'
import type { JsonObject, JsonValue } from './json.ts'

/** What a server says of itself in the `Authorization` header of a request. */
export interface ServerAuth {
  readonly origin: ServerName
  /** Undefined from servers older than version 1.3 of the specification. */
  readonly destination: ServerName | undefined
  readonly keyId: string
  /** As written: unpadded Base64. */
  readonly signature: string
}

/** A token by RFC 9110, and the colons that older servers leave unquoted. */
const tokenCharacter = /[A-Za-z0-9!#$%&'*+.^_`|~:-]/
/** Base64 of old servers stands unquoted, too. */
const valueCharacter = /[A-Za-z0-9!#$%&'*+.^_`|~:/=-]/

/**
 * Reads `X-Matrix origin="…",destination="…",key="…",sig="…"`: names in any case and order, values quoted or not,
 * unknown ones passed over. Undefined when it is something else, lacks a part or has one twice.
 * https://spec.matrix.org/v1.19/server-server-api/#request-authentication
 */
export function parseServerAuth(header: string): ServerAuth | undefined {
  const scheme = /^X-Matrix[ \t]+/i.exec(header)
  if (scheme === null) return undefined
  const values = parametersOf(header.slice(scheme[0].length))
  if (values === undefined) return undefined
  const origin = values.get('origin')
  const destination = values.get('destination')
  const keyId = values.get('key')
  const signature = values.get('sig') ?? values.get('signature')
  if (!isServerName(origin) || keyId === undefined || signature === undefined) return undefined
  if (destination !== undefined && !isServerName(destination)) return undefined
  return { origin, destination, keyId, signature }
}

/** The header of a request of ours, in the form that older servers read as well. */
export function printServerAuth(auth: ServerAuth & { readonly destination: ServerName }): string {
  const { origin, destination, keyId, signature } = auth
  return `X-Matrix origin="${origin}",destination="${destination}",key="${keyId}",sig="${signature}"`
}

/** A request as its signature covers it. `uri` is the path with its query; `content` the body, undefined without one. */
export interface SignedRequest {
  readonly method: string
  readonly uri: string
  readonly origin: ServerName
  readonly destination: ServerName | undefined
  readonly content: JsonValue | undefined
}

/** The object that is signed for a request, ready for `signJson` and `verifyJson`. */
export function requestObject(request: SignedRequest, signatures?: JsonObject): JsonObject {
  const { method, uri, origin, destination, content } = request
  return { method, uri, origin, destination, content, signatures }
}

/** The parameters by name in lower case, or undefined when the text is no list of parameters. */
function parametersOf(text: string): ReadonlyMap<string, string> | undefined {
  const values = new Map<string, string>()
  let at = 0
  const skip = (characters: string): void => {
    while (at < text.length && characters.includes(text[at] ?? '')) at += 1
  }
  for (skip(' \t,'); at < text.length; skip(' \t,')) {
    const nameStart = at
    while (tokenCharacter.test(text[at] ?? '')) at += 1
    const name = text.slice(nameStart, at).toLowerCase()
    skip(' \t')
    if (name === '' || text[at] !== '=' || values.has(name)) return undefined
    at += 1
    skip(' \t')
    const value = valueAt(text, at)
    if (value === undefined) return undefined
    values.set(name, value.value)
    at = value.end
    skip(' \t')
    if (at < text.length && text[at] !== ',') return undefined
  }
  return values
}

function valueAt(text: string, start: number): { value: string; end: number } | undefined {
  let at = start
  if (text[at] !== '"') {
    while (valueCharacter.test(text[at] ?? '')) at += 1
    return at === start ? undefined : { value: text.slice(start, at), end: at }
  }
  let value = ''
  for (at += 1; at < text.length; at += 1) {
    const character = text[at] ?? ''
    if (character === '"') return { value, end: at + 1 }
    if (character === '\\') at += 1
    value += text[at] ?? ''
  }
  return undefined
}
