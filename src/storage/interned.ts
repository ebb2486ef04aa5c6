import { LruCache } from '#base/lru-cache.ts'
import type { UserId } from '#protocol/identifiers.ts'

import type { IdBlocks } from './id-blocks.ts'
import type { Database, Transaction } from './transaction.ts'

/** Users whose number is kept in memory. */
const cachedUsersMax = 50_000
/** Pairs of type and state key whose number is kept in memory. */
const cachedKeysMax = 100_000

/** The type of the events that say who is in a room: most of a large room's state. */
const memberType = 'm.room.member'
/**
 * Keys of members are numbered from here on, all others below, so that in everything ordered by key the few that name
 * a room and set its rules lie apart from its people. Databases from before have members below, too: whoever leaves
 * members out looks at the types of those below. docs/decisions/0013-members-apart.md
 */
export const memberKeysFrom = 2 ** 30

/** A key of a room's state. */
export interface StateKeyPair {
  readonly type: string
  readonly stateKey: string
}

/**
 * Numbers that stand for user ids (`user_nid`) and for pairs of event type and state key (`key_nid`) inside the
 * database; a number never changes its meaning. Every method but the cached case opens interactions of its own: call
 * them before `runInteraction`, never inside.
 */
export class Interned {
  readonly #database: Database
  readonly #ids: IdBlocks
  readonly #userNids = new LruCache<UserId, number>(cachedUsersMax, 'user_nids')
  readonly #userIds = new LruCache<number, UserId>(cachedUsersMax, 'user_nids')
  readonly #keyNids = new LruCache<string, number>(cachedKeysMax, 'state_keys')
  readonly #keys = new LruCache<number, StateKeyPair>(cachedKeysMax, 'state_keys')

  constructor(deps: { readonly database: Database; readonly ids: IdBlocks }) {
    this.#database = deps.database
    this.#ids = deps.ids
  }

  /** The number of a user, given now when there was none. */
  async userNid(userId: UserId): Promise<number> {
    return this.#userNids.get(userId) ?? required((await this.userNids([userId])).get(userId), userId)
  }

  /** The number of a user, or undefined when none was ever given. */
  async userNidIfKnown(userId: UserId): Promise<number | undefined> {
    const cached = this.#userNids.get(userId)
    if (cached !== undefined) return cached
    return (await this.#database.runInteraction('get_user_nid', (txn) => userNidRows(txn, [userId]), readOnly)).map(
      (row) => this.#rememberUser(row),
    )[0]?.[1]
  }

  /** The numbers of those users that have one. One query for all that are not in memory. */
  async userNidsIfKnown(userIds: readonly UserId[]): Promise<Map<UserId, number>> {
    const nids = new Map<UserId, number>()
    const missing: UserId[] = []
    for (const userId of userIds) {
      const nid = this.#userNids.get(userId)
      if (nid === undefined) missing.push(userId)
      else nids.set(userId, nid)
    }
    if (missing.length === 0) return nids
    const rows = await this.#database.runInteraction('get_user_nids', (txn) => userNidRows(txn, missing), readOnly)
    for (const [userId, nid] of rows.map((row) => this.#rememberUser(row))) nids.set(userId, nid)
    return nids
  }

  /** The numbers of users, given now where there were none. One query for all that are not in memory. */
  async userNids(userIds: readonly UserId[]): Promise<Map<UserId, number>> {
    const nids = new Map<UserId, number>()
    const missing = new Set<UserId>()
    for (const userId of userIds) {
      const nid = this.#userNids.get(userId)
      if (nid === undefined) missing.add(userId)
      else nids.set(userId, nid)
    }
    const take = (rows: readonly UserRow[]): void => {
      for (const [userId, nid] of rows.map((row) => this.#rememberUser(row))) {
        nids.set(userId, nid)
        missing.delete(userId)
      }
    }
    if (missing.size > 0) {
      take(await this.#database.runInteraction('get_user_nids', (txn) => userNidRows(txn, [...missing]), readOnly))
    }
    if (missing.size > 0) {
      const wanted = [...missing]
      const first = await this.#ids.reserve('user_nid', wanted.length)
      take(await this.#database.runInteraction('add_user_nids', (txn) => addUsers(txn, wanted, first)))
    }
    return nids
  }

  /** The user that a number stands for. */
  async userId(nid: number): Promise<UserId> {
    return this.#userIds.get(nid) ?? required((await this.userIds([nid])).get(nid), `user_nid ${nid}`)
  }

  /** The users that numbers stand for; one query for all that are not in memory. */
  async userIds(nids: readonly number[]): Promise<Map<number, UserId>> {
    const found = new Map<number, UserId>()
    const missing: number[] = []
    for (const nid of nids) {
      const userId = this.#userIds.get(nid)
      if (userId === undefined) missing.push(nid)
      else found.set(nid, userId)
    }
    if (missing.length === 0) return found
    const rows = await this.#database.runInteraction('get_user_ids', (txn) => userIdRows(txn, missing), readOnly)
    for (const [userId, nid] of rows.map((row) => this.#rememberUser(row))) found.set(nid, userId)
    return found
  }

  /** The number of a type and state key, given now when there was none. */
  async keyNid(type: string, stateKey: string): Promise<number> {
    const cached = this.#keyNids.get(pairText({ type, stateKey }))
    return cached ?? required((await this.keyNids([{ type, stateKey }]))[0], `state key of ${type}`)
  }

  /** The number of a type and state key, or undefined when no room has ever used the pair. */
  async keyNidIfKnown(type: string, stateKey: string): Promise<number | undefined> {
    return (await this.keyNidsIfKnown([{ type, stateKey }]))[0]
  }

  /** The numbers of pairs in their order, undefined for a pair that no room has ever used. */
  async keyNidsIfKnown(pairs: readonly StateKeyPair[]): Promise<(number | undefined)[]> {
    const { nids, missing } = this.#cachedKeys(pairs)
    if (missing.size > 0) await this.#readKeys(missing, nids)
    return pairs.map((pair) => nids.get(pairText(pair)))
  }

  /** The numbers of pairs in their order, given now where there were none. */
  async keyNids(pairs: readonly StateKeyPair[]): Promise<number[]> {
    const { nids, missing } = this.#cachedKeys(pairs)
    if (missing.size > 0) await this.#readKeys(missing, nids)
    if (missing.size > 0) {
      const wanted = await this.#numbered([...missing.values()])
      const rows = await this.#database.runInteraction('add_state_keys', (txn) => addKeys(txn, wanted))
      for (const row of rows) this.#takeKey(row, nids, missing)
    }
    return pairs.map((pair) => required(nids.get(pairText(pair)), `state key of ${pair.type}`))
  }

  /** The pairs that numbers stand for; one query for all that are not in memory. */
  async keys(nids: readonly number[]): Promise<Map<number, StateKeyPair>> {
    const found = new Map<number, StateKeyPair>()
    const missing: number[] = []
    for (const nid of nids) {
      const pair = this.#keys.get(nid)
      if (pair === undefined) missing.push(nid)
      else found.set(nid, pair)
    }
    if (missing.length === 0) return found
    const rows = await this.#database.runInteraction('get_state_keys', (txn) => keyRowsByNid(txn, missing), readOnly)
    for (const row of rows) found.set(row.nid, this.#rememberKey(row))
    return found
  }

  /** New pairs with numbers that nobody has. */
  async #numbered(pairs: readonly StateKeyPair[]): Promise<KeyRow[]> {
    const members = pairs.filter((pair) => pair.type === memberType)
    const others = pairs.filter((pair) => pair.type !== memberType)
    const nextMember = members.length === 0 ? 0 : await this.#ids.reserve('member_key_nid', members.length)
    const next = others.length === 0 ? 0 : await this.#ids.reserve('key_nid', others.length)
    if (next + others.length > memberKeysFrom) throw new RangeError('the database has no number left for a state key')
    return [
      ...members.map((pair, index) => ({ ...pair, nid: memberKeysFrom + nextMember - 1 + index })),
      ...others.map((pair, index) => ({ ...pair, nid: next + index })),
    ]
  }

  #cachedKeys(pairs: readonly StateKeyPair[]): { nids: Map<string, number>; missing: Map<string, StateKeyPair> } {
    const nids = new Map<string, number>()
    const missing = new Map<string, StateKeyPair>()
    for (const pair of pairs) {
      const text = pairText(pair)
      const nid = this.#keyNids.get(text)
      if (nid === undefined) missing.set(text, pair)
      else nids.set(text, nid)
    }
    return { nids, missing }
  }

  async #readKeys(missing: Map<string, StateKeyPair>, nids: Map<string, number>): Promise<void> {
    const wanted = [...missing.values()]
    const rows = await this.#database.runInteraction('get_key_nids', (txn) => keyRowsByPair(txn, wanted), readOnly)
    for (const row of rows) this.#takeKey(row, nids, missing)
  }

  /** The query over types and state keys gives more pairs than were asked for; the others are left out. */
  #takeKey(row: KeyRow, nids: Map<string, number>, missing: Map<string, StateKeyPair>): void {
    const text = pairText(row)
    if (!missing.delete(text)) return
    nids.set(text, row.nid)
    this.#rememberKey(row)
  }

  #rememberUser(row: UserRow): [UserId, number] {
    const userId = row.userId as UserId
    this.#userNids.set(userId, row.nid)
    this.#userIds.set(row.nid, userId)
    return [userId, row.nid]
  }

  #rememberKey(row: KeyRow): StateKeyPair {
    const pair = { type: row.type, stateKey: row.stateKey }
    this.#keyNids.set(pairText(pair), row.nid)
    this.#keys.set(row.nid, pair)
    return pair
  }
}

interface UserRow {
  readonly nid: number
  readonly userId: string
}

interface KeyRow extends StateKeyPair {
  readonly nid: number
}

const readOnly = { readOnly: true }

/** A text that is the same for equal pairs only. */
function pairText(pair: StateKeyPair): string {
  return `${pair.type.length}:${pair.type}${pair.stateKey}`
}

function required<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`the database has nothing for ${what}`)
  return value
}

function userNidRows(txn: Transaction, userIds: readonly UserId[]): Promise<UserRow[]> {
  return txn.all(`SELECT user_nid AS "nid", user_id AS "userId" FROM user_ids WHERE user_id IN @texts(?)`, userIds)
}

function userIdRows(txn: Transaction, nids: readonly number[]): Promise<UserRow[]> {
  return txn.all(`SELECT user_nid AS "nid", user_id AS "userId" FROM user_ids WHERE user_nid IN @ints(?)`, nids)
}

/** Where another has given a number meanwhile, that one stands. */
async function addUsers(txn: Transaction, userIds: readonly UserId[], first: number): Promise<UserRow[]> {
  await txn.runMany(
    `INSERT INTO user_ids (user_nid, user_id) VALUES (?, ?) ON CONFLICT (user_id) DO NOTHING`,
    userIds.map((userId, index) => [first + index, userId]),
  )
  return userNidRows(txn, userIds)
}

function keyRowsByPair(txn: Transaction, pairs: readonly StateKeyPair[]): Promise<KeyRow[]> {
  return txn.all(
    `SELECT key_nid AS "nid", type AS "type", state_key AS "stateKey" FROM state_keys
     WHERE type IN @texts(?) AND state_key IN @texts(?)`,
    [...new Set(pairs.map((pair) => pair.type))],
    [...new Set(pairs.map((pair) => pair.stateKey))],
  )
}

function keyRowsByNid(txn: Transaction, nids: readonly number[]): Promise<KeyRow[]> {
  return txn.all(
    `SELECT key_nid AS "nid", type AS "type", state_key AS "stateKey" FROM state_keys WHERE key_nid IN @ints(?)`,
    nids,
  )
}

async function addKeys(txn: Transaction, pairs: readonly KeyRow[]): Promise<KeyRow[]> {
  await txn.runMany(
    `INSERT INTO state_keys (key_nid, type, state_key) VALUES (?, ?, ?) ON CONFLICT (type, state_key) DO NOTHING`,
    pairs.map((pair) => [pair.nid, pair.type, pair.stateKey]),
  )
  return keyRowsByPair(txn, pairs)
}
