import { authEventsMax, eventBytesMax, prevEventsMax } from './build-event.ts'
import { canonicalText } from './canonical-text.ts'
import { MatrixError } from './errors.ts'
import type { Event } from './event.ts'
import { rememberExactText } from './exact-text.ts'
import { withoutMembers } from './hashes.ts'
import { identifierBytesMax } from './identifiers.ts'
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts'
import { eventOfPdu } from './parse-event.ts'
import type { RoomVersionRules } from './room-versions.ts'
import { utf8LengthAtMost } from './utf8.ts'

/** An event that another server sent, read; or why it is none and must be dropped. */
export type ReceivedEvent =
  | { readonly valid: true; readonly event: Event; readonly text: string }
  | { readonly valid: false; readonly reason: string }

/** How deep an event may be nested. Others read about as deep. */
const eventDepthMax = 1_000
/** The depths of room versions before 6 end below this, 2^63; those near it are rounded, which is no harm: they sort. */
const looseDepthMax = 2 ** 63

/**
 * The first check on an event that another server sent, as the text in which it came: that it keeps to the format and
 * the limits of its room version. Gives the event without its `unsigned`, and its canonical JSON, which is what is
 * stored. Takes any text. Signatures and hashes are checked next, in `event-signatures.ts` and `hashes.ts`.
 * https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu
 */
export function readReceivedEvent(received: string, rules: RoomVersionRules): ReceivedEvent {
  try {
    const canonical = canonicalText(received, { strict: rules.strictCanonicalJson, depthMax: eventDepthMax })
    if (!isJsonObject(canonical.value)) return { valid: false, reason: 'the event is not an object' }
    const { unsigned, ...pdu } = canonical.value
    const text = unsigned === undefined ? canonical.text : withoutMembers(canonical.text, ['unsigned'])
    const reason = faultOf(pdu, text, rules)
    if (reason !== undefined) return { valid: false, reason }
    if (!canonical.exact) rememberExactText(pdu, text)
    return { valid: true, event: eventOfPdu(pdu, rules), text }
  } catch (error) {
    if (error instanceof MatrixError) return { valid: false, reason: error.message }
    throw error
  }
}

function faultOf(pdu: JsonObject, text: string, rules: RoomVersionRules): string | undefined {
  if (!utf8LengthAtMost(text, eventBytesMax)) return `it has over ${eventBytesMax} bytes`
  for (const name of ['type', 'state_key', 'sender', 'room_id', 'event_id']) {
    const value = pdu[name]
    if (typeof value === 'string' && !utf8LengthAtMost(value, identifierBytesMax)) {
      return `${name} has over ${identifierBytesMax} bytes`
    }
  }
  const { depth } = pdu
  const isDepth = rules.strictCanonicalJson ? Number.isSafeInteger(depth) : Number.isInteger(depth)
  if (!isDepth || (depth as number) < 0 || (depth as number) > looseDepthMax) return 'depth is out of bounds'
  if (!Number.isInteger(pdu['origin_server_ts'])) return 'origin_server_ts is not an integer'
  if (isLongerThan(pdu['auth_events'], authEventsMax)) return `it names over ${authEventsMax} auth events`
  if (isLongerThan(pdu['prev_events'], prevEventsMax)) return `it names over ${prevEventsMax} previous events`
  const { hashes, signatures } = pdu
  if (!isJsonObject(hashes) || typeof hashes['sha256'] !== 'string') return 'hashes has no sha256'
  if (!isJsonObject(signatures) || !Object.values(signatures).every(isMapOfTexts)) {
    return 'signatures is not an object of signatures by server'
  }
  return undefined
}

function isLongerThan(value: JsonValue | undefined, lengthMax: number): boolean {
  return Array.isArray(value) && value.length > lengthMax
}

function isMapOfTexts(value: JsonValue | undefined): boolean {
  return isJsonObject(value) && Object.values(value).every((text) => typeof text === 'string')
}
