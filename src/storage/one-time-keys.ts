import type { UserId } from '#protocol/identifiers.ts'
import type { Transaction } from './transaction.ts'

/** A device that one-time keys belong to. */
export interface KeyOwner {
  readonly userId: UserId
  readonly deviceId: string
}

/** The queue of one-time keys of a device and an algorithm, and its fallback key. */
export interface OneTimeKeyQueueRow extends KeyOwner {
  readonly algorithm: string
  /** The place of the last key ever queued; places start at 1 and have no holes. */
  readonly uploaded: number
  /** The place of the last key given away; `uploaded - claimed` are left. */
  readonly claimed: number
  readonly fallbackId: string | null
  readonly fallbackJson: string | null
  readonly fallbackUsed: boolean
}

/** A one-time key in its queue. */
export interface OneTimeKeyRow extends KeyOwner {
  readonly algorithm: string
  readonly place: number
  readonly keyId: string
  /** The key as uploaded, JSON text; once claimed, without its signatures. */
  readonly json: string
}

/** The head of a queue, as a claim sees it. */
export interface ClaimableRow extends OneTimeKeyQueueRow {
  /** The next key, or null when the queue is empty. */
  readonly keyId: string | null
  readonly json: string | null
}

type StoredQueue = {
  user_id: string
  device_id: string
  algorithm: string
  uploaded: number
  claimed: number
  fallback_id: string | null
  fallback_json: string | null
  fallback_used: number
}

/** The queues of one device. */
export async function oneTimeKeyQueues(txn: Transaction, owner: KeyOwner): Promise<OneTimeKeyQueueRow[]> {
  const rows = await txn.all<StoredQueue>(
    `SELECT user_id, device_id, algorithm, uploaded, claimed, fallback_id, fallback_json, fallback_used
      FROM one_time_key_queues WHERE user_id = ? AND device_id = ? ORDER BY algorithm`,
    owner.userId,
    owner.deviceId,
  )
  return rows.map(queueOf)
}

/** The heads of every queue of these devices of these users (all pairs of the two): one query, whatever they are. */
export async function claimableKeys(
  txn: Transaction,
  userIds: readonly UserId[],
  deviceIds: readonly string[],
): Promise<ClaimableRow[]> {
  const rows = await txn.all<StoredQueue & { key_id: string | null; json: string | null }>(
    `SELECT q.user_id, q.device_id, q.algorithm, q.uploaded, q.claimed, q.fallback_id, q.fallback_json,
        q.fallback_used, k.key_id, k.json
      FROM one_time_key_queues q LEFT JOIN one_time_keys k ON k.user_id = q.user_id AND k.device_id = q.device_id
        AND k.algorithm = q.algorithm AND k.place = q.claimed + 1
      WHERE q.user_id IN @texts(?) AND q.device_id IN @texts(?)`,
    userIds,
    deviceIds,
  )
  return rows.map((row) => ({ ...queueOf(row), keyId: row.key_id, json: row.json }))
}

/**
 * Moves the claimed keys out of their queues. Each row's `place` must be the one after its queue's `claimed`, read in
 * this transaction; `json` is what is remembered of the key.
 */
export async function markClaimed(txn: Transaction, keys: readonly OneTimeKeyRow[]): Promise<void> {
  await txn.runMany(
    'UPDATE one_time_key_queues SET claimed = ? WHERE user_id = ? AND device_id = ? AND algorithm = ?',
    keys.map((key) => [key.place, key.userId, key.deviceId, key.algorithm]),
  )
  await txn.runMany(
    'UPDATE one_time_keys SET json = ? WHERE user_id = ? AND device_id = ? AND algorithm = ? AND place = ?',
    keys.map((key) => [key.json, key.userId, key.deviceId, key.algorithm, key.place]),
  )
}

/** Notes that the fallback keys of these queues were given away. */
export async function markFallbacksUsed(txn: Transaction, queues: readonly OneTimeKeyQueueRow[]): Promise<void> {
  await txn.runMany(
    'UPDATE one_time_key_queues SET fallback_used = 1 WHERE user_id = ? AND device_id = ? AND algorithm = ?',
    queues.map((queue) => [queue.userId, queue.deviceId, queue.algorithm]),
  )
}

/** The keys of a device that have one of these ids, in any of its queues, claimed ones that are remembered included. */
export async function oneTimeKeysById(
  txn: Transaction,
  owner: KeyOwner,
  keyIds: readonly string[],
): Promise<OneTimeKeyRow[]> {
  const rows = await txn.all<{ algorithm: string; place: number; key_id: string; json: string }>(
    `SELECT algorithm, place, key_id, json FROM one_time_keys
      WHERE user_id = ? AND device_id = ? AND key_id IN @texts(?)`,
    owner.userId,
    owner.deviceId,
    keyIds,
  )
  return rows.map((row) => ({
    userId: owner.userId,
    deviceId: owner.deviceId,
    algorithm: row.algorithm,
    place: row.place,
    keyId: row.key_id,
    json: row.json,
  }))
}

/**
 * Stores keys at their places; `putQueues` must follow with the new ends of their queues. A conflict can only come from
 * an upload beside this one: PostgreSQL then runs the interaction anew, as it would not for a plain duplicate.
 */
export async function insertOneTimeKeys(txn: Transaction, keys: readonly OneTimeKeyRow[]): Promise<void> {
  await txn.runMany(
    `INSERT INTO one_time_keys (user_id, device_id, algorithm, place, key_id, json) VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT DO NOTHING`,
    keys.map((key) => [key.userId, key.deviceId, key.algorithm, key.place, key.keyId, key.json]),
  )
}

/** Stores queues in place of what they were. */
export async function putQueues(txn: Transaction, queues: readonly OneTimeKeyQueueRow[]): Promise<void> {
  await txn.runMany(
    `INSERT INTO one_time_key_queues
        (user_id, device_id, algorithm, uploaded, claimed, fallback_id, fallback_json, fallback_used)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (user_id, device_id, algorithm) DO UPDATE SET uploaded = excluded.uploaded,
        claimed = excluded.claimed, fallback_id = excluded.fallback_id, fallback_json = excluded.fallback_json,
        fallback_used = excluded.fallback_used`,
    queues.map((queue) => [
      queue.userId,
      queue.deviceId,
      queue.algorithm,
      queue.uploaded,
      queue.claimed,
      queue.fallbackId,
      queue.fallbackJson,
      queue.fallbackUsed ? 1 : 0,
    ]),
  )
}

/** Forgets single claimed keys, so that their ids are free again. */
export async function forgetOneTimeKeys(txn: Transaction, keys: readonly OneTimeKeyRow[]): Promise<void> {
  await txn.runMany(
    'DELETE FROM one_time_keys WHERE user_id = ? AND device_id = ? AND algorithm = ? AND place = ?',
    keys.map((key) => [key.userId, key.deviceId, key.algorithm, key.place]),
  )
}

/** Forgets the claimed keys of these queues but the latest `remembered` of each. */
export async function pruneClaimed(
  txn: Transaction,
  queues: readonly OneTimeKeyQueueRow[],
  remembered: number,
): Promise<void> {
  await txn.runMany(
    'DELETE FROM one_time_keys WHERE user_id = ? AND device_id = ? AND algorithm = ? AND place <= ?',
    queues.map((queue) => [queue.userId, queue.deviceId, queue.algorithm, queue.claimed - remembered]),
  )
}

/** Forgets all one-time and fallback keys of these devices. */
export async function deleteOneTimeKeys(txn: Transaction, userId: UserId, deviceIds: readonly string[]): Promise<void> {
  await txn.run('DELETE FROM one_time_keys WHERE user_id = ? AND device_id IN @texts(?)', userId, deviceIds)
  await txn.run('DELETE FROM one_time_key_queues WHERE user_id = ? AND device_id IN @texts(?)', userId, deviceIds)
}

function queueOf(row: StoredQueue): OneTimeKeyQueueRow {
  return {
    userId: row.user_id as UserId,
    deviceId: row.device_id,
    algorithm: row.algorithm,
    uploaded: row.uploaded,
    claimed: row.claimed,
    fallbackId: row.fallback_id,
    fallbackJson: row.fallback_json,
    fallbackUsed: row.fallback_used === 1,
  }
}
