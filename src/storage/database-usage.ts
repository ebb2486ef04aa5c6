import type { Database, Transaction } from './transaction.ts'

/** What a table or one of its indexes takes on disk, everything in. */
export interface RelationUsage {
  /** The table it belongs to; its own name when it is one. */
  readonly table: string
  readonly name: string
  readonly bytes: number
}

/** What a room keeps in the database, without what its rows cost beside their contents. */
export interface RoomUsage {
  readonly roomId: string
  readonly events: number
  /** Of the events' texts. */
  readonly eventBytes: number
  /** Of the packed states. */
  readonly stateBytes: number
  /** When people last did something in it, in milliseconds since 1970; null when it is not known. */
  readonly activeTs: number | null
}

/** Every table and index of the database with its size, largest first. Reads the whole of an SQLite file. */
export async function relationUsage(database: Database): Promise<RelationUsage[]> {
  const read = database.engine === 'sqlite' ? sqliteUsage : postgresUsage
  const rows = await database.runInteraction('relation_usage', read, { readOnly: true, mayTakeLong: true })
  return rows.sort((a, b) => b.bytes - a.bytes)
}

function sqliteUsage(snapshot: Transaction): Promise<RelationUsage[]> {
  return snapshot.all(
    `SELECT COALESCE(s.tbl_name, d.name) AS "table", d.name AS "name", d.pgsize AS "bytes"
     FROM dbstat d LEFT JOIN sqlite_schema s ON s.name = d.name WHERE d.aggregate = TRUE`,
  )
}

function postgresUsage(snapshot: Transaction): Promise<RelationUsage[]> {
  return snapshot.all(
    `SELECT COALESCE(t.relname, c.relname) AS "table", c.relname AS "name",
       CASE c.relkind WHEN 'r' THEN pg_table_size(c.oid) ELSE pg_relation_size(c.oid) END AS "bytes"
     FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid LEFT JOIN pg_class t ON t.oid = i.indrelid
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'i')`,
  )
}

/** The `limit` rooms that keep most, largest first. Reads every event's row. */
export function roomUsage(txn: Transaction, limit: number): Promise<RoomUsage[]> {
  return txn.all(
    `SELECT r.room_id AS "roomId", COALESCE(e.events, 0) AS "events", COALESCE(e.bytes, 0) AS "eventBytes",
       COALESCE(n.bytes, 0) + COALESCE(c.bytes, 0) AS "stateBytes",
       (SELECT a.received_ts FROM room_recency y
        JOIN events a ON a.room_nid = y.room_nid AND a.stream_position = y.stream_position
        WHERE y.room_nid = r.room_nid) AS "activeTs"
     FROM rooms r
     LEFT JOIN (SELECT room_nid, COUNT(*) AS events, CAST(SUM(OCTET_LENGTH(packed_json)) AS INTEGER) AS bytes
                FROM events GROUP BY room_nid) AS e ON e.room_nid = r.room_nid
     LEFT JOIN (SELECT room_nid, CAST(SUM(OCTET_LENGTH(delta)) AS INTEGER) AS bytes
                FROM state_nodes GROUP BY room_nid) AS n ON n.room_nid = r.room_nid
     LEFT JOIN (SELECT b.room_nid, CAST(SUM(OCTET_LENGTH(k.entries)) AS INTEGER) AS bytes
                FROM state_chunks k JOIN state_nodes b ON b.state_nid = k.state_nid GROUP BY b.room_nid) AS c
       ON c.room_nid = r.room_nid
     ORDER BY COALESCE(e.bytes, 0) + COALESCE(n.bytes, 0) + COALESCE(c.bytes, 0) DESC, r.room_nid LIMIT ?`,
    limit,
  )
}
