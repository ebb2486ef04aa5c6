import { bytesOfBase64, bytesOfBase64Url, verify } from '../crypto.ts'
import type { Event } from '../event.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts'
import { signedText } from '../signatures.ts'
import { allowed, rejected, type MemberContext, type Verdict } from './context.ts'
import { membershipIn } from './membership-in.ts'
import { memberRule } from './numbers.ts'

/** How many pairs of key and signature are tried for one invitation: an honest one has a handful. */
const signatureChecksMax = 64

/**
 * Rule 5.4: inviting.
 * https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules
 */
export function checkInvite(context: MemberContext): Verdict {
  const { event, state, rules, levels, target } = context
  // Rule 5.4.1. An invitation by e-mail or telephone that found its user.
  if (event.content['third_party_invite'] !== undefined) return checkThirdPartyInvite(context)
  // Rule 5.4.2. Only members invite.
  if (membershipIn(state, event.sender) !== 'join') {
    return rejected(memberRule(rules, 'invite', 2), 'the sender is not in the room')
  }
  // Rule 5.4.3. Nobody who is in already, or banned.
  const targetMembership = membershipIn(state, target)
  if (targetMembership === 'join' || targetMembership === 'ban') {
    return rejected(memberRule(rules, 'invite', 3), 'the invited user is in the room, or banned')
  }
  // Rule 5.4.4.
  if (levels.user(event.sender) >= levels.named('invite')) return allowed
  // Rule 5.4.5.
  return rejected(memberRule(rules, 'invite', 5), 'the sender may not invite')
}

function checkThirdPartyInvite(context: MemberContext): Verdict {
  const { event, state, rules, target } = context
  const reject = (part: number, reason: string): Verdict => rejected(memberRule(rules, 'invite', `1.${part}`), reason)
  // Rule 5.4.1.1.
  if (membershipIn(state, target) === 'ban') return reject(1, 'the invited user is banned')
  // Rule 5.4.1.2.
  const invite = event.content['third_party_invite']
  const signed = isJsonObject(invite) ? invite['signed'] : undefined
  if (!isJsonObject(signed)) return reject(2, 'third_party_invite has no signed')
  // Rule 5.4.1.3.
  const { mxid, token } = signed
  if (typeof mxid !== 'string' || typeof token !== 'string') return reject(3, 'signed has no mxid or no token')
  // Rule 5.4.1.4. What was signed is about this user.
  if (mxid !== target) return reject(4, 'the signed mxid is not the invited user')
  // Rule 5.4.1.5. There is such an invitation.
  const original = state('m.room.third_party_invite', token)
  if (original === undefined) return reject(5, 'there is no such invitation')
  // Rule 5.4.1.6. It was sent by the same user.
  if (original.sender !== event.sender) return reject(6, 'the invitation was sent by another user')
  // Rule 5.4.1.7. It was signed with one of the keys that it named.
  if (isSignedByAny(signed, publicKeysOf(original))) return allowed
  // Rule 5.4.1.8.
  return reject(8, 'signed is not signed with a key of the invitation')
}

/** Rule 5.4.1.7.1 and 2: a single key, and a list of keys. They come in either alphabet of Base64. */
function publicKeysOf(invitation: Event): Uint8Array[] {
  const { content } = invitation
  const texts: (JsonValue | undefined)[] = [content['public_key']]
  const list = content['public_keys']
  if (Array.isArray(list)) {
    for (const entry of list as readonly JsonValue[]) texts.push(isJsonObject(entry) ? entry['public_key'] : undefined)
  }
  const keys: Uint8Array[] = []
  for (const text of texts) {
    const key = typeof text === 'string' ? (bytesOfBase64(text) ?? bytesOfBase64Url(text)) : undefined
    if (key !== undefined) keys.push(key)
  }
  return keys
}

function isSignedByAny(signed: JsonObject, publicKeys: readonly Uint8Array[]): boolean {
  let message: Uint8Array
  try {
    message = Buffer.from(signedText(signed), 'utf8')
  } catch {
    return false
  }
  let checks = 0
  for (const signature of signaturesOf(signed)) {
    for (const publicKey of publicKeys) {
      checks += 1
      if (checks > signatureChecksMax) return false
      if (verify(message, signature, publicKey)) return true
    }
  }
  return false
}

/** All Ed25519 signatures of an object, whoever made them. */
function* signaturesOf(signed: JsonObject): Generator<Uint8Array> {
  const { signatures } = signed
  if (!isJsonObject(signatures)) return
  for (const own of Object.values(signatures)) {
    if (!isJsonObject(own)) continue
    for (const [keyId, text] of Object.entries(own)) {
      const signature = keyId.startsWith('ed25519:') && typeof text === 'string' ? bytesOfBase64(text) : undefined
      if (signature !== undefined) yield signature
    }
  }
}
