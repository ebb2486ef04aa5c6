import type { Event } from './event.ts'
import { globMatches } from './glob.ts'
import { isIpv6 } from './identifiers.ts'
import type { JsonObject, JsonValue } from './json.ts'

const ipv4 = /^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$/

interface Rules {
  readonly allow: readonly string[]
  readonly deny: readonly string[]
  readonly allowIpLiterals: boolean
}

/** Read once for each event: a room has one at a time, and many servers to check. */
const cache = new WeakMap<Event, Rules>()

/**
 * Whether a server may take part in a room whose state holds this `m.room.server_acl` event (undefined: none).
 * Its port counts for nothing, and neither does case.
 * https://spec.matrix.org/v1.19/client-server-api/#mroomserver_acl
 */
export function mayServerTakePart(acl: Event | undefined, serverName: string): boolean {
  // Step 1. Without a list all servers may.
  if (acl === undefined) return true
  let rules = cache.get(acl)
  if (rules === undefined) {
    rules = readRules(acl.content)
    cache.set(acl, rules)
  }
  const host = hostOf(serverName).toLowerCase()
  // Step 2. Addresses may be shut out as such.
  if (!rules.allowIpLiterals && (ipv4.test(host) || host.startsWith('[') || isIpv6(host))) return false
  // Step 3.
  if (rules.deny.some((pattern) => globMatches(pattern, host))) return false
  // Steps 4 and 5.
  return rules.allow.some((pattern) => globMatches(pattern, host))
}

function readRules(content: JsonObject): Rules {
  return {
    allow: patternsOf(content['allow']),
    deny: patternsOf(content['deny']),
    // Anything but a boolean is true.
    allowIpLiterals: content['allow_ip_literals'] !== false,
  }
}

function patternsOf(value: JsonValue | undefined): string[] {
  if (!Array.isArray(value)) return []
  return (value as readonly JsonValue[])
    .filter((entry) => typeof entry === 'string')
    .map((entry) => entry.toLowerCase())
}

/** The server name without its port; the colons of an IPv6 literal stand in brackets. */
function hostOf(serverName: string): string {
  return serverName.replace(/:\d{1,5}$/, '')
}
