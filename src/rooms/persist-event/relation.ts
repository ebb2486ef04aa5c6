import { isShownToClients, type EventRow } from '#storage/events.ts'
import type { RelationRow } from '#storage/relations.ts'
import { isJsonObject, type JsonObject } from '#protocol/json.ts'

/** Longer values are no relation that anyone could ask for: ids are at most 255 bytes. */
const relationTextLengthMax = 255

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value.length > 0 && value.length <= relationTextLengthMax ? value : undefined
}

/**
 * The relation that an event declares to another, if it is one: `m.relates_to` with a `rel_type` and an `event_id`.
 * State events have none. https://spec.matrix.org/v1.19/client-server-api/#forming-relationships-between-events
 */
export function relationOf(row: EventRow, content: JsonObject | undefined): RelationRow | undefined {
  const relation = content?.['m.relates_to']
  if (row.keyNid !== null || !isJsonObject(relation)) return undefined
  const relType = text(relation['rel_type'])
  const relatesTo = text(relation['event_id'])
  // In room versions 1 and 2 events choose their ids, and one may name its own.
  if (relType === undefined || relatesTo === undefined || relatesTo === row.eventId) return undefined
  const aggregationKey = aggregationKeyOf(row, relType, content) ?? null
  // A redaction may be withheld until what it redacts is here: what it relates to by itself never counts.
  const counts = row.redactedBy === null && isShownToClients(row) && row.type !== 'm.room.redaction'
  const isEdit = counts && relType === 'm.replace' && aggregationKey !== null
  return {
    eventNid: row.eventNid,
    roomNid: row.roomNid,
    relatesTo,
    relType,
    aggregationKey,
    type: row.type,
    senderNid: row.senderNid,
    topological: row.topological,
    streamPosition: row.streamPosition,
    counts,
    edit: isEdit ? { originServerTs: row.originServerTs, eventId: row.eventId } : undefined,
  }
}

function aggregationKeyOf(row: EventRow, relType: string, content: JsonObject | undefined): string | undefined {
  if (relType === 'm.replace') {
    const isWhole = row.type === 'm.room.encrypted' || isJsonObject(content?.['m.new_content'])
    return isWhole ? 'm.new_content' : undefined
  }
  const relation = content?.['m.relates_to']
  return isJsonObject(relation) ? text(relation['key']) : undefined
}
