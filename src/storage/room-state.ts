import type { Transaction } from './transaction.ts'

/**
 * A state of a room: what it changes of its parent's. A positive number names one with a row of its own: its delta is
 * packed by `rooms/room-state/packed-entries.ts`. A long delta lies in chunks, and so does the whole state of a base,
 * which has no parent. A negative number −n names the state that event n made of the one before it: it has neither delta
 * nor position.
 */
export interface StateNodeRow {
  readonly stateNid: number
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

/** A part of a base or of a long delta: entries from `firstKey` up to the next chunk's. */
export interface StateChunkRow {
  readonly stateNid: number
  readonly firstKey: number
  readonly entries: Uint8Array
}

/** What the event that made a state changed of the one before it. */
export interface StateStep {
  readonly eventNid: number
  readonly keyNid: number
  readonly stateBefore: number
  /** What stood there before. */
  readonly replacesNid: number | null
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
 * These nodes and all their ancestors up to their bases, each once, in no order; unknown ones are left out. Every row is
 * looked up by a scalar query: for joins PostgreSQL reads whole tables while they are small.
 */
export async function stateNodesWithAncestors(txn: Transaction, stateNids: readonly number[]): Promise<StateNodeRow[]> {
  const rows = await txn.all<StateNodeRow>(
    `WITH RECURSIVE path (nid, parent_nid) AS (
       SELECT w.value, CASE WHEN w.value > 0 THEN (SELECT n.parent_nid FROM state_nodes n WHERE n.state_nid = w.value)
         ELSE COALESCE((SELECT e.state_before FROM events e WHERE e.event_nid = -w.value),
                       (SELECT n.parent_nid FROM state_nodes n WHERE n.state_nid = w.value)) END
       FROM @ints(?) AS w
       UNION
       SELECT p.parent_nid, CASE WHEN p.parent_nid > 0 THEN (SELECT n.parent_nid FROM state_nodes n WHERE n.state_nid = p.parent_nid)
         ELSE COALESCE((SELECT e.state_before FROM events e WHERE e.event_nid = -p.parent_nid),
                       (SELECT n.parent_nid FROM state_nodes n WHERE n.state_nid = p.parent_nid)) END
       FROM path p WHERE p.parent_nid IS NOT NULL
     )
     SELECT p.nid AS "stateNid", p.parent_nid AS "parentNid",
       (SELECT n.position FROM state_nodes n WHERE n.state_nid = p.nid) AS position,
       (SELECT n.delta FROM state_nodes n WHERE n.state_nid = p.nid) AS delta,
       CASE WHEN p.nid < 0 THEN (SELECT e.key_nid FROM events e WHERE e.event_nid = -p.nid AND e.state_before IS NOT NULL)
         END AS "keyNid"
     FROM path p`,
    stateNids,
  )
  return rows.filter(({ delta, keyNid }) => delta !== null || keyNid !== null)
}

/** What the events that made these states changed, of those that are not gone. */
export function stateSteps(txn: Transaction, eventNids: readonly number[]): Promise<StateStep[]> {
  return txn.all(
    `SELECT event_nid AS "eventNid", key_nid AS "keyNid", state_before AS "stateBefore", replaces_nid AS "replacesNid"
     FROM events WHERE event_nid IN @ints(?) AND key_nid IS NOT NULL AND state_before IS NOT NULL`,
    eventNids,
  )
}

/** Every chunk of these nodes. */
export function stateChunks(txn: Transaction, stateNids: readonly number[]): Promise<StateChunkRow[]> {
  return txn.all(
    `SELECT state_nid AS "stateNid", first_key AS "firstKey", entries FROM state_chunks WHERE state_nid IN @ints(?)`,
    stateNids,
  )
}

/** The chunks of these nodes that begin below a key. */
export function stateChunksBelow(
  txn: Transaction,
  stateNids: readonly number[],
  key: number,
): Promise<StateChunkRow[]> {
  return txn.all(
    `SELECT state_nid AS "stateNid", first_key AS "firstKey", entries FROM state_chunks
     WHERE state_nid IN @ints(?) AND first_key < ?`,
    stateNids,
    key,
  )
}

/** For each of these nodes and keys, the chunk that would hold the key, each once; one query for all. */
export function stateChunksHolding(
  txn: Transaction,
  stateNids: readonly number[],
  keyNids: readonly number[],
): Promise<StateChunkRow[]> {
  return txn.all(
    `SELECT place.state_nid AS "stateNid", place.first_key AS "firstKey",
       (SELECT c.entries FROM state_chunks c
        WHERE c.state_nid = place.state_nid AND c.first_key = place.first_key) AS entries
     FROM (
       SELECT DISTINCT s.value AS state_nid, (SELECT MAX(f.first_key) FROM state_chunks f
                                              WHERE f.state_nid = s.value AND f.first_key <= k.value) AS first_key
       FROM @ints(?) AS s CROSS JOIN @ints(?) AS k) AS place
     WHERE place.first_key IS NOT NULL`,
    stateNids,
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
