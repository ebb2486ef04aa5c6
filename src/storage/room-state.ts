import type { Transaction } from './transaction.ts'

/**
 * A state of a room: what it changes of its parent's, packed. A node without a parent is a base: its whole state lies
 * in chunks. `position` counts the nodes since the base. The packing is `rooms/room-state/packed-entries.ts`.
 */
export interface StateNodeRow {
  readonly stateNid: number
  readonly roomNid: number
  /** The base that it stands on; its own id when it is one. */
  readonly baseNid: number
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

const columns = `state_nid AS "stateNid", room_nid AS "roomNid", base_nid AS "baseNid", parent_nid AS "parentNid",
  position, delta`

/** Writes new nodes. */
export function insertStateNodes(txn: Transaction, nodes: readonly StateNodeRow[]): Promise<void> {
  return txn.runMany(
    'INSERT INTO state_nodes (state_nid, room_nid, base_nid, parent_nid, position, delta) VALUES (?, ?, ?, ?, ?, ?)',
    nodes.map((node) => [node.stateNid, node.roomNid, node.baseNid, node.parentNid, node.position, node.delta]),
  )
}

/** Writes the chunks of new bases. */
export function insertStateChunks(txn: Transaction, chunks: readonly StateChunkRow[]): Promise<void> {
  return txn.runMany(
    'INSERT INTO state_chunks (state_nid, first_key, entries) VALUES (?, ?, ?)',
    chunks.map((chunk) => [chunk.stateNid, chunk.firstKey, chunk.entries]),
  )
}

/** These nodes and all their ancestors up to their bases, each once, in no order. */
export function stateNodesWithAncestors(txn: Transaction, stateNids: readonly number[]): Promise<StateNodeRow[]> {
  return txn.all(
    `WITH RECURSIVE path (nid) AS (
       SELECT state_nid FROM state_nodes WHERE state_nid IN @ints(?)
       UNION
       SELECT n.parent_nid FROM path p JOIN state_nodes n ON n.state_nid = p.nid WHERE n.parent_nid IS NOT NULL
     )
     SELECT ${columns} FROM state_nodes WHERE state_nid IN (SELECT nid FROM path)`,
    stateNids,
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
    `SELECT c.state_nid AS "stateNid", c.first_key AS "firstKey", c.entries FROM state_chunks c
     WHERE (c.state_nid, c.first_key) IN (
       SELECT b.state_nid, (SELECT MAX(f.first_key) FROM state_chunks f
                            WHERE f.state_nid = b.state_nid AND f.first_key <= k.key_nid)
       FROM state_nodes b CROSS JOIN state_keys k WHERE b.state_nid IN @ints(?) AND k.key_nid IN @ints(?))`,
    baseNids,
    keyNids,
  )
}
