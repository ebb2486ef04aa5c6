import assert from 'node:assert/strict'

import { readState } from '#rooms/room-state/read-state.ts'
import { stateNodesWithAncestors } from '#storage/room-state.ts'
import type { Database, Transaction } from '#storage/transaction.ts'

async function numbers(txn: Transaction, sql: string, ...params: number[]): Promise<number[]> {
  const rows = await txn.all<{ nid: number }>(sql, ...params)
  return rows.map((row) => row.nid)
}

/**
 * Fails unless every state that an event names can be read and names events that are there, and no state is kept that
 * nothing stands on.
 */
export async function assertStatesExact(database: Database): Promise<void> {
  await database.runInteraction(
    'invariants',
    async (txn) => {
      const used = await numbers(
        txn,
        `SELECT state_before AS nid FROM events WHERE outlier = 0 UNION SELECT
           COALESCE(state_after, CASE WHEN key_nid IS NULL THEN state_before ELSE -event_nid END)
         FROM events WHERE outlier = 0
         UNION SELECT merged_state_nid FROM rooms WHERE merged_state_nid IS NOT NULL`,
      )
      const events = new Set(await numbers(txn, 'SELECT event_nid AS nid FROM events'))
      for (const stateNid of used) {
        for (const [keyNid, eventNid] of await readState(txn, stateNid)) {
          assert.ok(events.has(eventNid), `state ${stateNid} has event ${eventNid} under ${keyNid}, which is gone`)
        }
      }
      const reachable = new Set((await stateNodesWithAncestors(txn, used)).map((node) => node.stateNid))
      const kept = await numbers(txn, 'SELECT state_nid AS nid FROM state_nodes')
      assert.deepEqual(
        kept.filter((nid) => !reachable.has(nid)),
        [],
        'states that nothing stands on',
      )
      const nodes = new Set(kept)
      const chunks = await numbers(txn, 'SELECT DISTINCT state_nid AS nid FROM state_chunks')
      assert.deepEqual(
        chunks.filter((nid) => !nodes.has(nid)),
        [],
        'chunks of no state',
      )
      const current = await numbers(txn, 'SELECT event_nid AS nid FROM current_state')
      assert.deepEqual(
        current.filter((nid) => !events.has(nid)),
        [],
        'events of the state now that are gone',
      )
    },
    { readOnly: true },
  )
}

/** How many rows each table has that belong to a room; tables without such rows are left out. */
export async function rowsOfRoom(database: Database, roomNid: number): Promise<Record<string, number>> {
  return database.runInteraction(
    'count_rows',
    async (txn) => {
      const tables = await txn.all<{ name: string }>(
        database.engine === 'sqlite'
          ? `SELECT m.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'room_nid'`
          : `SELECT table_name AS name FROM information_schema.columns WHERE column_name = 'room_nid' AND table_schema = current_schema()`,
      )
      assert.ok(tables.length > 10)
      const counts: Record<string, number> = {}
      for (const { name } of tables) {
        const row = await txn.get<{ n: number }>(`SELECT COUNT(*) AS n FROM ${name} WHERE room_nid = ?`, roomNid)
        if (row !== undefined && row.n > 0) counts[name] = row.n
      }
      return counts
    },
    { readOnly: true },
  )
}
