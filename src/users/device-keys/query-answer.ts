import type { UserId } from '#protocol/identifiers.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '#protocol/json.ts'
import type { CrossSigningKeyRow, KeyUsage } from '#storage/cross-signing.ts'
import type { DeviceKeysRow } from '#storage/device-keys.ts'
import type { KeySignatureRow } from '#storage/key-signatures.ts'

/** For each user, the devices asked for; an empty list asks for all. */
export type WantedDevices = ReadonlyMap<UserId, readonly string[]>

/** Everything that the answer to a query is made of. */
export interface QueryRows {
  readonly requester: UserId
  readonly wanted: WantedDevices
  /** Those of the wanted users who have an account here. */
  readonly users: readonly UserId[]
  readonly devices: readonly DeviceKeysRow[]
  readonly crossSigning: readonly CrossSigningKeyRow[]
  /** Those that the requester may see. */
  readonly signatures: readonly KeySignatureRow[]
}

/** The keys found, by user. */
export interface QueryAnswer {
  readonly device_keys: Readonly<Record<string, Readonly<Record<string, JsonObject>>>>
  readonly master_keys: Readonly<Record<string, JsonObject>>
  readonly self_signing_keys: Readonly<Record<string, JsonObject>>
  /** The requester's alone: others must not see whom somebody verified with it. */
  readonly user_signing_keys: Readonly<Record<string, JsonObject>>
}

/**
 * Puts keys and the signatures on them together. A user who exists stands in `device_keys` even without a device that
 * has keys, so that clients learn that the last one is gone. Linear.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysquery
 */
export function queryAnswer(rows: QueryRows): QueryAnswer {
  const signatures = new Map<string, KeySignatureRow[]>()
  for (const signature of rows.signatures) {
    const key = `${signature.userId} ${signature.target}`
    const others = signatures.get(key)
    if (others === undefined) signatures.set(key, [signature])
    else others.push(signature)
  }
  const devices = new Map<UserId, Map<string, JsonObject>>(rows.users.map((userId) => [userId, new Map()]))
  for (const row of rows.devices) {
    const asked = rows.wanted.get(row.userId)
    if (asked === undefined || (asked.length > 0 && !asked.includes(row.deviceId))) continue
    const signed = withSignatures(row.json, signatures.get(`${row.userId} ${row.deviceId}`))
    const unsigned = row.displayName === null ? {} : { device_display_name: row.displayName }
    devices.get(row.userId)?.set(row.deviceId, { ...signed, unsigned })
  }
  const keysFor = (usage: KeyUsage): Record<string, JsonObject> =>
    Object.fromEntries(
      rows.crossSigning
        .filter((row) => row.usage === usage && (usage !== 'user_signing' || row.userId === rows.requester))
        .map((row) => [row.userId, withSignatures(row.json, signatures.get(`${row.userId} ${row.publicKey}`))]),
    )
  return {
    device_keys: Object.fromEntries([...devices].map(([userId, keys]) => [userId, Object.fromEntries(keys)])),
    master_keys: keysFor('master'),
    self_signing_keys: keysFor('self_signing'),
    user_signing_keys: keysFor('user_signing'),
  }
}

/** The stored key, parsed, with further signatures among its own. */
function withSignatures(json: string, added: readonly KeySignatureRow[] | undefined): JsonObject {
  const key = JSON.parse(json) as JsonObject
  if (added === undefined) return key
  const signatures = new Map<string, JsonValue | undefined>(
    isJsonObject(key['signatures']) ? Object.entries(key['signatures']) : [],
  )
  for (const signature of added) {
    const own = signatures.get(signature.signerId)
    const merged = { ...(isJsonObject(own) ? own : {}), [signature.signerKey]: signature.signature }
    signatures.set(signature.signerId, merged)
  }
  return { ...key, signatures: Object.fromEntries(signatures) }
}
