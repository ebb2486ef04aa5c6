import { MatrixError } from '#protocol/errors.ts'
import type { JsonValue } from '#protocol/json.ts'
import {
  forgetOneTimeKeys,
  insertOneTimeKeys,
  oneTimeKeyQueues,
  oneTimeKeysById,
  pruneClaimed,
  putQueues,
  type KeyOwner,
  type OneTimeKeyQueueRow,
  type OneTimeKeyRow,
} from '#storage/one-time-keys.ts'
import type { Transaction } from '#storage/transaction.ts'
import { bareKey, type OneTimeKeyUpload, type UploadedKey } from './read-one-time-keys.ts'

/** Most unclaimed one-time keys that are held for a device and an algorithm. */
export const oneTimeKeysHeldMax = 5000

/** How many claimed keys of a queue are remembered, so that one uploaded again is not given away again. */
const claimedKeysRemembered = 200

/**
 * Queues the keys of an upload behind those the device has. A key that is there already, or was lately claimed, is
 * passed over, so the same upload may come twice. Throws M_INVALID_PARAM for another key under the id of one that
 * waits, M_TOO_LARGE for a queue that grows too long. At most eight statements, whatever the number of keys.
 * https://spec.matrix.org/v1.19/client-server-api/#one-time-and-fallback-keys
 */
export async function queueKeys(txn: Transaction, owner: KeyOwner, upload: OneTimeKeyUpload): Promise<void> {
  const queues = new Map((await oneTimeKeyQueues(txn, owner)).map((queue) => [queue.algorithm, queue]))
  const keyIds = [...new Set(upload.oneTime.map((key) => key.keyId))]
  const stored = new Map((await oneTimeKeysById(txn, owner, keyIds)).map((key) => [nameOf(key), key]))
  const added: OneTimeKeyRow[] = []
  const forgotten: OneTimeKeyRow[] = []
  const touched = new Map<string, OneTimeKeyQueueRow>()
  for (const key of upload.oneTime) {
    const queue = touched.get(key.algorithm) ?? queues.get(key.algorithm) ?? emptyQueue(owner, key.algorithm)
    const earlier = stored.get(nameOf(key))
    if (earlier !== undefined) {
      if (isSameKey(key, earlier.json)) continue
      if (earlier.place > queue.claimed) {
        const message = `one_time_keys: there is another key under the id ${nameOf(key)} already; use a new id`
        throw new MatrixError('M_INVALID_PARAM', message)
      }
      forgotten.push(earlier)
    }
    const place = queue.uploaded + 1
    added.push({ ...owner, algorithm: key.algorithm, place, keyId: key.keyId, json: key.json })
    touched.set(key.algorithm, { ...queue, uploaded: place })
  }
  for (const key of upload.fallback) {
    const queue = touched.get(key.algorithm) ?? queues.get(key.algorithm) ?? emptyQueue(owner, key.algorithm)
    if (queue.fallbackId === key.keyId && queue.fallbackJson !== null && isSameKey(key, queue.fallbackJson)) continue
    touched.set(key.algorithm, { ...queue, fallbackId: key.keyId, fallbackJson: key.json, fallbackUsed: false })
  }
  for (const queue of touched.values()) checkLength(queue)
  if (touched.size === 0) return
  await forgetOneTimeKeys(txn, forgotten)
  await insertOneTimeKeys(txn, added)
  await putQueues(txn, [...touched.values()])
  await pruneClaimed(txn, [...touched.values()], claimedKeysRemembered)
}

function emptyQueue(owner: KeyOwner, algorithm: string): OneTimeKeyQueueRow {
  return { ...owner, algorithm, uploaded: 0, claimed: 0, fallbackId: null, fallbackJson: null, fallbackUsed: false }
}

/** Signatures do not count: a client may sign the same key twice. */
function isSameKey(key: UploadedKey, storedJson: string): boolean {
  return key.bare === bareKey(JSON.parse(storedJson) as JsonValue)
}

function nameOf(key: { readonly algorithm: string; readonly keyId: string }): string {
  return `${key.algorithm}:${key.keyId}`
}

function checkLength(queue: OneTimeKeyQueueRow): void {
  if (queue.uploaded - queue.claimed <= oneTimeKeysHeldMax) return
  throw new MatrixError('M_TOO_LARGE', `one_time_keys: at most ${oneTimeKeysHeldMax} keys of an algorithm may wait`)
}
