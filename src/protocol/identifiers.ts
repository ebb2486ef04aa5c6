import { MatrixError } from './errors.ts'
import { utf8LengthAtMost } from './utf8.ts'

/**
 * Matrix identifiers as branded strings: a value of these types has passed its `parse…` function.
 * https://spec.matrix.org/v1.19/appendices/#identifier-grammar
 */
declare const brand: unique symbol
type Branded<Name extends string> = string & { readonly [brand]: Name }

export type UserId = Branded<'UserId'>
export type RoomId = Branded<'RoomId'>
export type EventId = Branded<'EventId'>
export type RoomAlias = Branded<'RoomAlias'>
export type ServerName = Branded<'ServerName'>

/** Longest user id, room id, event id and alias, in bytes of UTF-8, sigil and domain included. */
export const identifierBytesMax = 255

const dnsName = /^[0-9A-Za-z.-]{1,255}$/
const fourNumbers = /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/
const port = /^\d{1,5}$/
const ipv6Group = /^[0-9A-Fa-f]{1,4}$/
const newLocalpart = /^[a-z0-9._=\-/+]+$/
const mediaIdGrammar = /^[A-Za-z0-9_-]+$/
const keyIdGrammar = /^[a-z0-9_]+:[A-Za-z0-9_+/=-]+$/

/**
 * True for a server name: an IPv4 literal, an IPv6 literal in brackets or a DNS name, and perhaps a port.
 * https://spec.matrix.org/v1.19/appendices/#server-name
 */
export function isServerName(value: unknown): value is ServerName {
  if (typeof value !== 'string') return false
  if (value.startsWith('[')) {
    const end = value.indexOf(']')
    if (end < 0 || !isIpv6(value.slice(1, end))) return false
    const rest = value.slice(end + 1)
    return rest === '' || (rest.startsWith(':') && port.test(rest.slice(1)))
  }
  const colon = value.indexOf(':')
  const host = colon < 0 ? value : value.slice(0, colon)
  if (colon >= 0 && !port.test(value.slice(colon + 1))) return false
  if (!dnsName.test(host)) return false
  const numbers = fourNumbers.exec(host)
  return numbers === null || numbers.slice(1).every((number) => number.length <= 3 && Number(number) <= 255)
}

/**
 * True for an IPv6 literal without brackets, by RFC 3513 section 2.2: eight groups, one run of which `::` may stand
 * for, the last two of which may be written as an IPv4 literal.
 */
export function isIpv6(text: string): boolean {
  if (text.length < 2 || text.length > 45) return false
  const halves = text.split('::')
  if (halves.length > 2) return false
  let groups = 0
  for (const [index, half] of halves.entries()) {
    if (half === '') continue
    const parts = half.split(':')
    for (const [at, part] of parts.entries()) {
      const last = index === halves.length - 1 && at === parts.length - 1
      if (last && fourNumbers.test(part)) {
        if (!part.split('.').every((number) => number.length <= 3 && Number(number) <= 255)) return false
        groups += 2
      } else if (ipv6Group.test(part)) groups += 1
      else return false
    }
  }
  return halves.length === 2 ? groups <= 7 : groups === 8
}

/**
 * True for a user id, historical ones included: any code points but `:` and NUL before the first colon, nothing at
 * all included, because rooms hold such senders. What a new account may be called: `checkNewLocalpart`.
 * https://spec.matrix.org/v1.19/appendices/#historical-user-ids
 */
export function isUserId(value: unknown): value is UserId {
  return typeof value === 'string' && hasForm(value, '@', 0, true)
}

/**
 * True for a room id with a domain (`!opaque:domain`) or without one (room versions 12 and later). The part after the
 * sigil is opaque, so that ids of room versions still to come are not refused.
 * https://spec.matrix.org/v1.19/appendices/#room-ids
 */
export function isRoomId(value: unknown): value is RoomId {
  return typeof value === 'string' && hasForm(value, '!', 1, false)
}

/**
 * True for an event id in any of the three forms: `$opaque:domain`, `$` and Base64, `$` and URL-safe Base64.
 * https://spec.matrix.org/v1.19/appendices/#event-ids
 */
export function isEventId(value: unknown): value is EventId {
  return typeof value === 'string' && hasForm(value, '$', 1, false)
}

/** True for a room alias. https://spec.matrix.org/v1.19/appendices/#room-aliases */
export function isRoomAlias(value: unknown): value is RoomAlias {
  return typeof value === 'string' && hasForm(value, '#', 1, true)
}

function hasForm(value: string, sigil: string, localpartLengthMin: number, domainRequired: boolean): boolean {
  if (!value.startsWith(sigil) || !utf8LengthAtMost(value, identifierBytesMax)) return false
  if (value.includes('\0') || !value.isWellFormed()) return false
  const colon = value.indexOf(':')
  if (colon < 0) return !domainRequired && value.length > 1
  return colon - 1 >= localpartLengthMin && isServerName(value.slice(colon + 1))
}

/** The text as a user id. Throws M_INVALID_PARAM when it is none. */
export function parseUserId(text: string): UserId {
  if (isUserId(text)) return text
  throw new MatrixError('M_INVALID_PARAM', 'Not a user id: expected @localpart:domain, at most 255 bytes')
}

/** The text as a room id. Throws M_INVALID_PARAM when it is none. */
export function parseRoomId(text: string): RoomId {
  if (isRoomId(text)) return text
  throw new MatrixError('M_INVALID_PARAM', 'Not a room id: expected !opaque or !opaque:domain, at most 255 bytes')
}

/** The text as an event id. Throws M_INVALID_PARAM when it is none. */
export function parseEventId(text: string): EventId {
  if (isEventId(text)) return text
  throw new MatrixError('M_INVALID_PARAM', 'Not an event id: expected $opaque or $opaque:domain, at most 255 bytes')
}

/** The text as a room alias. Throws M_INVALID_PARAM when it is none. */
export function parseRoomAlias(text: string): RoomAlias {
  if (isRoomAlias(text)) return text
  throw new MatrixError('M_INVALID_PARAM', 'Not a room alias: expected #alias:domain, at most 255 bytes')
}

/** The text as a server name. Throws M_INVALID_PARAM when it is none. */
export function parseServerName(text: string): ServerName {
  if (isServerName(text)) return text
  throw new MatrixError('M_INVALID_PARAM', 'Not a server name: expected a host name or address, perhaps with a port')
}

/** What stands between the sigil and the first colon (or the end, when the id has no domain). */
export function localpartOf(id: UserId | RoomAlias | RoomId | EventId): string {
  const colon = id.indexOf(':')
  return colon < 0 ? id.slice(1) : id.slice(1, colon)
}

/** The server that gave out a user id or an alias: what stands after the first colon. */
export function serverNameOf(id: UserId | RoomAlias): ServerName {
  return id.slice(id.indexOf(':') + 1) as ServerName
}

/** The domain of an id that may lack one (room ids from room version 12, event ids from 3 on): then undefined. */
export function domainOf(id: string): ServerName | undefined {
  const colon = id.indexOf(':')
  return colon < 0 ? undefined : (id.slice(colon + 1) as ServerName)
}

/**
 * The user id that a new account with this localpart has. Stricter than `parseUserId`: lower-case letters, digits
 * and `._=-/+` only, at least one, and 255 bytes with sigil and domain. Throws M_INVALID_USERNAME.
 * https://spec.matrix.org/v1.19/appendices/#user-identifiers
 */
export function checkNewLocalpart(localpart: string, serverName: ServerName): UserId {
  if (!newLocalpart.test(localpart)) {
    throw new MatrixError('M_INVALID_USERNAME', 'A user name holds only a-z, 0-9 and . _ = - / +, at least one of them')
  }
  const userId = `@${localpart}:${serverName}`
  if (!utf8LengthAtMost(userId, identifierBytesMax)) {
    throw new MatrixError('M_INVALID_USERNAME', 'The user name is too long: the whole user id has at most 255 bytes')
  }
  return userId as UserId
}

/** True for a signing key identifier: algorithm, colon, name. https://spec.matrix.org/v1.19/appendices/#signing-details */
export function isKeyId(value: unknown): value is string {
  return typeof value === 'string' && keyIdGrammar.test(value)
}

/**
 * The parts of an `mxc://server/media` address, or undefined when it is none: such addresses stand in content that
 * others wrote, where a wrong one is simply no picture.
 * https://spec.matrix.org/v1.19/client-server-api/#matrix-content-mxc-uris
 */
export function readMxc(uri: unknown): { readonly serverName: ServerName; readonly mediaId: string } | undefined {
  if (typeof uri !== 'string' || !uri.startsWith('mxc://')) return undefined
  const slash = uri.indexOf('/', 6)
  if (slash < 0) return undefined
  const serverName = uri.slice(6, slash)
  const mediaId = uri.slice(slash + 1)
  if (!isServerName(serverName) || !mediaIdGrammar.test(mediaId)) return undefined
  return { serverName, mediaId }
}
