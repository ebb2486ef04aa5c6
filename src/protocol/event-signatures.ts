import type { Event } from './event.ts'
import { essentialText } from './hashes.ts'
import { domainOf, isUserId, serverNameOf, type ServerName } from './identifiers.ts'
import { isJsonObject } from './json.ts'
import type { RoomVersionRules } from './room-versions.ts'
import { verifyText, type SignatureVerdict } from './signatures.ts'

/** A server's signing key, as it or a notary published it. */
export interface PublishedKey {
  readonly publicKey: Uint8Array
  /** Until when the key is vouched for, in milliseconds since 1970; for a key retired since, when it was retired. */
  readonly validUntilTs: number
}

/** How far ahead a key's validity counts: 7 days. https://spec.matrix.org/v1.19/rooms/v5/#signing-key-validity-period */
export const keyValidityMsMax = 7 * 24 * 60 * 60 * 1000

/**
 * The servers that must have signed an event: the sender's, except of an invitation that came by e-mail or telephone;
 * in room versions 1 and 2 also that of the event's id; from version 8 also that of the member who authorised a join.
 * https://spec.matrix.org/v1.19/server-server-api/#validating-hashes-and-signatures-on-received-events
 */
export function requiredSigners(event: Event, rules: RoomVersionRules): ReadonlySet<ServerName> {
  const signers = new Set<ServerName>()
  const isMember = event.type === 'm.room.member'
  const byThirdParty =
    isMember && event.content['membership'] === 'invite' && isJsonObject(event.content['third_party_invite'])
  if (!byThirdParty) signers.add(serverNameOf(event.sender))
  if (rules.eventIds === 'assigned') {
    const domain = domainOf(event.eventId)
    if (domain !== undefined) signers.add(domain)
  }
  const authoriser = event.content['join_authorised_via_users_server']
  if (rules.restricted && isMember && isUserId(authoriser)) signers.add(serverNameOf(authoriser))
  return signers
}

/**
 * Whether all servers that must have signed an event have. `keyOf` gives a server's key by its id, or undefined while
 * it is not known. `now` bounds how long a key counts, where the room version enforces that.
 */
export function verifyEventSignatures(
  event: Event,
  rules: RoomVersionRules,
  keyOf: (server: ServerName, keyId: string) => PublishedKey | undefined,
  now: number,
): SignatureVerdict {
  let text: string
  try {
    text = essentialText(event.pdu, rules)
  } catch {
    return { valid: false, reason: 'the event cannot be written as canonical JSON' }
  }
  for (const server of requiredSigners(event, rules)) {
    const verdict = verifyText(text, event.pdu['signatures'], server, (keyId) => {
      const key = keyOf(server, keyId)
      return key !== undefined && countsFor(key, event.originServerTs, rules, now) ? key.publicKey : undefined
    })
    if (!verdict.valid) return verdict
  }
  return { valid: true }
}

/**
 * Whether a key may have signed an event of this time: always before room version 5; then only while it is valid, which
 * is never believed for more than 7 days from now on.
 * https://spec.matrix.org/v1.19/rooms/v5/#signing-key-validity-period
 */
export function countsFor(key: PublishedKey, originServerTs: number, rules: RoomVersionRules, now: number): boolean {
  return !rules.keyValidityEnforced || Math.min(key.validUntilTs, now + keyValidityMsMax) >= originServerTs
}
