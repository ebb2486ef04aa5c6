import { eventsByNids, type EventRow } from './events.ts'
import type { TimelineRange } from './timeline.ts'
import type { SqlValue, Transaction } from './transaction.ts'

/** Which relations to one event are read, and how far: those in a stretch of its room's timeline. */
export interface RelatedRange extends TimelineRange {
  readonly eventId: string
  /** Undefined: of any kind. */
  readonly relType: string | undefined
  readonly type: string | undefined
  /** Also what relates to what relates to the event, three steps in all. */
  readonly recurse: boolean
  /** How many relations are looked at for it at most; more than `limit`. */
  readonly lookedMax: number
}

/** A page of what relates to an event, in the direction of reading. */
export interface RelatedPage {
  readonly rows: readonly EventRow[]
  /** The relation behind which the next page begins; undefined when there is none. */
  readonly end: Pick<Relation, 'topological' | 'streamPosition'> | undefined
}

interface Relation {
  readonly eventNid: number
  readonly topological: number
  readonly streamPosition: number
  readonly relType: string
  readonly type: string
}

/**
 * The events that relate to one event and count, by topological order. Costs what is looked at, however much relates to
 * the event: as many relations as the page has room for, and as many again each time, until it is full. A page is short,
 * or empty, when of all that may be looked at few are wanted.
 */
export async function relatedEvents(txn: Transaction, range: RelatedRange): Promise<RelatedPage> {
  const { limit, lookedMax } = range
  const looked: Relation[] = []
  for (let count = limit + 1; ; count = Math.min(looked.length, lookedMax - looked.length)) {
    const read = await relationsBehind(txn, range, { last: looked.at(-1), count })
    looked.push(...read)
    const wanted = looked.filter((relation) => isWanted(relation, range))
    const isAll = read.length < count
    if (!isAll && wanted.length <= limit && looked.length < lookedMax) continue
    const page = wanted.slice(0, limit)
    const end = wanted.length > limit ? page.at(-1) : isAll ? undefined : looked.at(-1)
    return { rows: await eventsInOrder(txn, page), end }
  }
}

function isWanted(relation: Relation, { relType, type, arrivedAfter, arrivedBy }: RelatedRange): boolean {
  if (relType !== undefined && relation.relType !== relType) return false
  if (type !== undefined && relation.type !== type) return false
  return relation.streamPosition > arrivedAfter && relation.streamPosition <= arrivedBy
}

/** The next relations of a range, behind the last one that was looked at. As many rows are read, or twice as many. */
async function relationsBehind(
  txn: Transaction,
  range: RelatedRange,
  { last, count }: { readonly last: Relation | undefined; readonly count: number },
): Promise<Relation[]> {
  const { roomNid, eventId, relType, from, until, direction } = range
  const isBackwards = direction === 'backwards'
  const [begins, ends, order] = isBackwards ? ['<=', '>', 'DESC'] : ['>', '<=', 'ASC']
  const columns = `t.event_nid AS "eventNid", t.topological, t.stream_position AS "streamPosition", rel_type AS "relType", type`
  const within = `t.room_nid = ? AND t.relates_to = ? AND (t.topological, t.stream_position) ${begins} (?, ?)
    AND (t.topological, t.stream_position) ${ends} (?, ?)`
  const inOrder = `ORDER BY t.topological ${order}, t.stream_position ${order} LIMIT ?`
  const begin =
    last === undefined ? from : { topological: last.topological, stream: last.streamPosition - (isBackwards ? 1 : 0) }
  const bounds: SqlValue[] = [roomNid, eventId, begin.topological, begin.stream, until.topological, until.stream]
  const direct = `SELECT ${columns} FROM event_relations t WHERE ${within}`
  const [ofItself, inTurn] = await Promise.all([
    relType === undefined
      ? txn.all<Relation>(`${direct} AND +t.counts = 1 ${inOrder}`, ...bounds, count)
      : txn.all<Relation>(`${direct} AND t.counts = 1 AND t.rel_type = ? ${inOrder}`, ...bounds, relType, count),
    range.recurse
      ? txn.all<Relation>(
          `SELECT ${columns} FROM relations_in_turn t JOIN event_relations r ON r.event_nid = t.event_nid
           WHERE ${within} ${inOrder}`,
          ...bounds,
          count,
        )
      : [],
  ])
  const sign = isBackwards ? -1 : 1
  const both = [...ofItself, ...inTurn].sort(
    (a, b) => sign * (a.topological - b.topological || a.streamPosition - b.streamPosition),
  )
  return both.slice(0, count)
}

async function eventsInOrder(txn: Transaction, relations: readonly Relation[]): Promise<EventRow[]> {
  const nids = relations.map((relation) => relation.eventNid)
  const rows = new Map((await eventsByNids(txn, nids)).map((row) => [row.eventNid, row]))
  return nids.flatMap((nid) => rows.get(nid) ?? [])
}
