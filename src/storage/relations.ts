import type { Transaction } from './transaction.ts'

/** That one event relates to another of the same room. The target may be unknown here. */
export interface RelationRow {
  readonly eventNid: number
  readonly roomNid: number
  /** The Matrix id of the target. */
  readonly relatesTo: string
  readonly relType: string
  /** The `key` of an annotation, or null. */
  readonly aggregationKey: string | null
  readonly type: string
  readonly senderNid: number
  readonly topological: number
  readonly streamPosition: number | null
}

/** Writes relations of new events. */
export function insertRelations(txn: Transaction, rows: readonly RelationRow[]): Promise<void> {
  return txn.runMany(
    `INSERT INTO event_relations (event_nid, room_nid, relates_to, rel_type, aggregation_key, type, sender_nid,
       topological, stream_position)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    rows.map((row) => [
      row.eventNid,
      row.roomNid,
      row.relatesTo,
      row.relType,
      row.aggregationKey,
      row.type,
      row.senderNid,
      row.topological,
      row.streamPosition,
    ]),
  )
}
