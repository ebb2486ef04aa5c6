import { Linearizer } from '#base/linearizer.ts'
import { LruCache } from '#base/lru-cache.ts'
import type { UserId } from '#protocol/identifiers.ts'
import type { JsonValue } from '#protocol/json.ts'
import {
  claimableKeys,
  markClaimed,
  markFallbacksUsed,
  oneTimeKeyQueues,
  type ClaimableRow,
  type KeyOwner,
  type OneTimeKeyRow,
} from '#storage/one-time-keys.ts'
import type { Database, Transaction } from '#storage/transaction.ts'
import { bareKey } from './one-time-keys/read-one-time-keys.ts'

/** For each user and device, the algorithm of which a key is wanted. */
export type WantedKeys = ReadonlyMap<UserId, ReadonlyMap<string, string>>

/** For each user and device, a key by `algorithm:key_id`. */
export type ClaimedKeys = Map<UserId, Map<string, { readonly [name: string]: JsonValue }>>

/** What a device is told of its keys in each sync. */
export interface KeyCounts {
  /** Unclaimed one-time keys by algorithm. */
  readonly counts: Readonly<Record<string, number>>
  /** Algorithms with a fallback key that nobody was given yet. */
  readonly unusedFallbackTypes: readonly string[]
}

/** How many devices' counts are kept in memory. */
const cachedDevicesMax = 10_000

/**
 * Keys that are given away once each, to start encrypted sessions with a device that is not there.
 * https://spec.matrix.org/v1.19/client-server-api/#one-time-and-fallback-keys
 */
export class OneTimeKeys {
  readonly #database: Database
  readonly #counts = new LruCache<string, KeyCounts>(cachedDevicesMax, 'one_time_key_counts')
  /** Grows when counts change: what was read before must not be cached after. */
  #changes = 0
  /** Claims go one after another, so that on PostgreSQL they do not make each other start again. */
  readonly #claims = new Linearizer<'claim'>()

  constructor(deps: { readonly database: Database }) {
    this.#database = deps.database
  }

  /**
   * Gives away a key of each wanted device: its oldest one-time key, or else its fallback key. Devices without either
   * are missing from the answer. Five statements at most, whatever the number of devices.
   * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysclaim
   */
  async claim(wanted: WantedKeys): Promise<ClaimedKeys> {
    if (wanted.size === 0) return new Map()
    const rows = await this.#claims.run('claim', () =>
      this.#database.runInteraction('claim_one_time_keys', (txn) => claimKeys(txn, wanted)),
    )
    this.forget(rows)
    const claimed: ClaimedKeys = new Map()
    for (const row of rows) {
      const devices = claimed.get(row.userId) ?? new Map<string, { readonly [name: string]: JsonValue }>()
      claimed.set(row.userId, devices)
      devices.set(row.deviceId, { [`${row.algorithm}:${row.keyId}`]: JSON.parse(row.json) as JsonValue })
    }
    return claimed
  }

  /** How many keys of the device are left. From memory, but for the first time after a change. */
  async counts(userId: UserId, deviceId: string): Promise<KeyCounts> {
    const key = cacheKey({ userId, deviceId })
    const cached = this.#counts.get(key)
    if (cached !== undefined) return cached
    const before = this.#changes
    const queues = await this.#database.runInteraction(
      'count_one_time_keys',
      (txn) => oneTimeKeyQueues(txn, { userId, deviceId }),
      { readOnly: true },
    )
    const counts = Object.fromEntries(queues.map((queue) => [queue.algorithm, queue.uploaded - queue.claimed]))
    const unused = queues.filter((queue) => queue.fallbackId !== null && !queue.fallbackUsed)
    const found: KeyCounts = { counts, unusedFallbackTypes: unused.map((queue) => queue.algorithm) }
    if (before === this.#changes) this.#counts.set(key, found)
    return found
  }

  /** To be called after the keys of these devices changed in the database: their counts are read anew. */
  forget(owners: readonly KeyOwner[]): void {
    if (owners.length === 0) return
    this.#changes += 1
    for (const owner of owners) this.#counts.delete(cacheKey(owner))
  }
}

/** A key that is given away. */
interface GivenKey extends KeyOwner {
  readonly algorithm: string
  readonly keyId: string
  readonly json: string
}

async function claimKeys(txn: Transaction, wanted: WantedKeys): Promise<GivenKey[]> {
  const named = [...wanted.values()].flatMap((devices) => [...devices.keys()])
  // No device id holds a NUL, and PostgreSQL takes none.
  const deviceIds = [...new Set(named.filter((deviceId) => !deviceId.includes('\0')))]
  const heads = await claimableKeys(txn, [...wanted.keys()], deviceIds)
  const given: GivenKey[] = []
  const claimed: OneTimeKeyRow[] = []
  const fallbacks: ClaimableRow[] = []
  for (const head of heads) {
    if (wanted.get(head.userId)?.get(head.deviceId) !== head.algorithm) continue
    const { userId, deviceId, algorithm } = head
    if (head.keyId !== null && head.json !== null) {
      given.push({ userId, deviceId, algorithm, keyId: head.keyId, json: head.json })
      const json = bareKey(JSON.parse(head.json) as JsonValue)
      claimed.push({ userId, deviceId, algorithm, place: head.claimed + 1, keyId: head.keyId, json })
    } else if (head.fallbackId !== null && head.fallbackJson !== null) {
      given.push({ userId, deviceId, algorithm, keyId: head.fallbackId, json: head.fallbackJson })
      if (!head.fallbackUsed) fallbacks.push(head)
    }
  }
  await markClaimed(txn, claimed)
  await markFallbacksUsed(txn, fallbacks)
  return given
}

function cacheKey(owner: KeyOwner): string {
  return `${owner.userId} ${owner.deviceId}`
}
