import type { Transaction } from './transaction.ts'

/**
 * A state of a room: what it changes of its parent's. A positive number names one with a row of its own: its delta is
 * packed by `rooms/room-state/packed-entries.ts`, and when it has no parent it is a base, whose whole state lies in chunks.
 * A negative number −n names the state that event n made of the one before it: it has neither delta nor position.
 */
export interface StateNodeRow {
  readonly stateNid: number
  readonly roomNid: number
  readonly parentNid: number | null
  /** How many nodes lie between it and its base, itself included. */
  readonly position: number | null
  readonly delta: Uint8Array | null
  /** Of the event that made it. */
  readonly keyNid: number | null
}

/** A node with a row of its own, as it is written. */
export interface NewStateNode {
  readonly stateNid: number
  readonly roomNid: number
  readonly parentNid: number | null
  readonly position: number
  readonly delta: Uint8Array
}

/** A part of a base: entries from `firstKey` up to the next chunk's. */
export interface StateChunkRow {
  readonly stateNid: number
  readonly firstKey: number
  readonly entries: Uint8Array
}

/** Writes new nodes. */
export function insertStateNodes(txn: Transaction, nodes: readonly NewStateNode[]): Promise<void> {
  return txn.runMany(
    'INSERT INTO state_nodes (state_nid, room_nid, parent_nid, position, delta) VALUES (?, ?, ?, ?, ?)',
    nodes.map((node) => [node.stateNid, node.roomNid, node.parentNid, node.position, node.delta]),
  )
}

/** Writes the chunks of new bases. */
export function insertStateChunks(txn: Transaction, chunks: readonly StateChunkRow[]): Promise<void> {
  return txn.runMany(
    'INSERT INTO state_chunks (state_nid, first_key, entries) VALUES (?, ?, ?)',
    chunks.map((chunk) => [chunk.stateNid, chunk.firstKey, chunk.entries]),
  )
}

/**
 * These nodes and all their ancestors up to their bases, each once, in no order. Scalar queries inside the recursion,
 * since for joins PostgreSQL reads the whole table at each step while it is small.
 */
export function stateNodesWithAncestors(txn: Transaction, stateNids: readonly number[]): Promise<StateNodeRow[]> {
  return txn.all(
    `WITH RECURSIVE path (nid) AS (
       SELECT state_nid FROM state_nodes WHERE state_nid IN @ints(?)
       UNION ALL
       SELECT -event_nid FROM events WHERE event_nid IN @ints(?) AND state_before IS NOT NULL
       UNION
       SELECT CASE WHEN p.nid > 0 THEN (SELECT n.parent_nid FROM state_nodes n WHERE n.state_nid = p.nid)
              ELSE COALESCE((SELECT e.state_before FROM events e WHERE e.event_nid = -p.nid),
                            (SELECT n.parent_nid FROM state_nodes n WHERE n.state_nid = p.nid)) END
       FROM path p WHERE p.nid IS NOT NULL
     )
     SELECT state_nid AS "stateNid", room_nid AS "roomNid", parent_nid AS "parentNid", position, delta,
       CAST(NULL AS INTEGER) AS "keyNid"
     FROM state_nodes WHERE state_nid IN (SELECT nid FROM path)
     UNION ALL
     SELECT -event_nid, room_nid, state_before, CAST(NULL AS INTEGER), CAST(NULL AS BLOB), key_nid
     FROM events WHERE event_nid IN (SELECT -nid FROM path WHERE nid < 0) AND state_before IS NOT NULL`,
    stateNids,
    stateNids.flatMap((stateNid) => (stateNid < 0 ? [-stateNid] : [])),
  )
}

/** Every chunk of a base, by ascending key. */
export function stateChunks(txn: Transaction, baseNid: number): Promise<StateChunkRow[]> {
  return txn.all(
    `SELECT state_nid AS "stateNid", first_key AS "firstKey", entries FROM state_chunks WHERE state_nid = ?
     ORDER BY first_key`,
    baseNid,
  )
}

/** For each of these bases and keys, the chunk that would hold the key; one query for all. */
export function stateChunksHolding(
  txn: Transaction,
  baseNids: readonly number[],
  keyNids: readonly number[],
): Promise<StateChunkRow[]> {
  return txn.all(
    `SELECT place.state_nid AS "stateNid", place.first_key AS "firstKey",
       (SELECT c.entries FROM state_chunks c
        WHERE c.state_nid = place.state_nid AND c.first_key = place.first_key) AS entries
     FROM (
       SELECT DISTINCT b.state_nid, (SELECT MAX(f.first_key) FROM state_chunks f
                                     WHERE f.state_nid = b.state_nid AND f.first_key <= k.key_nid) AS first_key
       FROM state_nodes b CROSS JOIN state_keys k WHERE b.state_nid IN @ints(?) AND k.key_nid IN @ints(?)) AS place
     WHERE place.first_key IS NOT NULL`,
    baseNids,
    keyNids,
  )
}

/** How many chunks a base has: about how large it is. */
export async function stateChunkCount(txn: Transaction, baseNid: number): Promise<number> {
  const row = await txn.get<{ count: number }>(
    'SELECT COUNT(*) AS count FROM state_chunks WHERE state_nid = ?',
    baseNid,
  )
  return row?.count ?? 0
}

/** A key of states, and what it stands for. */
export interface StateKeyRow {
  readonly keyNid: number
  readonly type: string
  readonly stateKey: string
}

/** What keys stand for. */
export function stateKeys(txn: Transaction, keyNids: readonly number[]): Promise<StateKeyRow[]> {
  return txn.all(
    `SELECT key_nid AS "keyNid", type, state_key AS "stateKey" FROM state_keys WHERE key_nid IN @ints(?)`,
    keyNids,
  )
}

/** The keys that are known of every pair of one of these types and one of these state keys. */
export function stateKeysOf(
  txn: Transaction,
  types: readonly string[],
  stateKeyTexts: readonly string[],
): Promise<StateKeyRow[]> {
  return txn.all(
    `SELECT key_nid AS "keyNid", type, state_key AS "stateKey" FROM state_keys
     WHERE type IN @texts(?) AND state_key IN @texts(?)`,
    types,
    stateKeyTexts,
  )
}
