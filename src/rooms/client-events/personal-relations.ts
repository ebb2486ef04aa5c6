import type { UserId } from '#protocol/identifiers.ts'
import type { EventRow } from '#storage/events.ts'
import { threadsOfSender, threadSummariesWithout } from '#storage/threads.ts'
import type { Database } from '#storage/transaction.ts'
import type { IgnoredSenders } from '../ignored-senders.ts'
import type { Room } from '../known-rooms.ts'
import type { Visibility } from '../visibility.ts'
import type { Companions } from './companions.ts'
import type { RelationFacts, RelationFactsCache } from './relation-facts.ts'

/** What one reader is told of what relates to events. */
export interface ToldRelations {
  /** By the Matrix id of the event that is related to. */
  readonly relations: ReadonlyMap<string, RelationFacts>
  /** The edits and newest replies that are told with them. */
  readonly events: readonly EventRow[]
  /** Those of the threads' roots that the reader began or wrote in. */
  readonly participated: ReadonlySet<string>
}

/** Who reads, and the rooms that the events are of. */
export interface RelationsReader {
  readonly userId: UserId
  readonly userNid: number | undefined
  readonly rooms: ReadonlyMap<number, Room>
}

const nobody: ReadonlySet<string> = new Set()

/**
 * What relates to events as one reader may learn of it: nothing by users they ignore, no edit or reply that they may not
 * see. https://spec.matrix.org/v1.19/client-server-api/#aggregations-of-child-events
 */
export class PersonalRelations {
  readonly #deps: {
    readonly database: Database
    readonly visibility: Visibility
    readonly ignoredSenders: IgnoredSenders
    readonly facts: RelationFactsCache
    readonly companions: Companions
  }

  constructor(deps: {
    readonly database: Database
    readonly visibility: Visibility
    readonly ignoredSenders: IgnoredSenders
    readonly facts: RelationFactsCache
    readonly companions: Companions
  }) {
    this.#deps = deps
  }

  /** What relates to each of `rows`, and to the newest reply of each thread told with them. A fixed number of queries. */
  async of(rows: readonly EventRow[], reader: RelationsReader): Promise<ToldRelations> {
    const { facts, companions } = this.#deps
    const relations = await facts.of(rows)
    if (relations.size === 0) return { relations, events: [], participated: nobody }
    const ignored = await this.#deps.ignoredSenders.of(reader.userId)
    if (ignored.size > 0) await this.#withoutThreadsOf(relations, ignored)
    const latest = await companions.of(latestOf(relations))
    for (const [eventId, fact] of await facts.of([...latest.values()])) relations.set(eventId, fact)
    if (ignored.size > 0) withoutReferencesOf(relations, ignored)
    const events = await this.#visible(await companions.of(eventsIn(relations)), reader)
    const seen = new Set(events.map((row) => row.eventNid))
    for (const [eventId, fact] of relations) {
      const editNid = fact.editNid !== undefined && seen.has(fact.editNid) ? fact.editNid : undefined
      const thread = fact.thread !== undefined && seen.has(fact.thread.latestNid) ? fact.thread : undefined
      if (editNid !== fact.editNid || thread !== fact.thread) relations.set(eventId, { ...fact, editNid, thread })
    }
    return { relations, events, participated: await this.#participated(relations, reader.userNid) }
  }

  /** Sums the threads up again as if some users had never written in them. */
  async #withoutThreadsOf(relations: Map<string, RelationFacts>, ignored: ReadonlySet<number>): Promise<void> {
    const roots = rootsIn(relations)
    if (roots.length === 0) return
    const summaries = await this.#deps.database.runInteraction(
      'thread_summaries_without',
      (txn) => threadSummariesWithout(txn, roots, [...ignored]),
      { readOnly: true },
    )
    const byRoot = new Map(summaries.map((summary) => [summary.rootId, summary]))
    for (const root of roots) {
      const fact = relations.get(root)
      if (fact !== undefined) relations.set(root, { ...fact, thread: byRoot.get(root) })
    }
  }

  /** Those of the events that the reader may see: who has left a room is not told how its threads went on. */
  async #visible(events: ReadonlyMap<number, EventRow>, reader: RelationsReader): Promise<EventRow[]> {
    const byRoom = Map.groupBy(events.values(), (row) => row.roomNid)
    const visible = [...byRoom].map(async ([roomNid, rows]) => {
      const room = reader.rooms.get(roomNid)
      return room === undefined ? [] : this.#deps.visibility.filter(reader.userId, room, rows)
    })
    return (await Promise.all(visible)).flat()
  }

  async #participated(
    relations: ReadonlyMap<string, RelationFacts>,
    userNid: number | undefined,
  ): Promise<ReadonlySet<string>> {
    const roots = rootsIn(relations)
    if (roots.length === 0 || userNid === undefined) return nobody
    const threads = await this.#deps.database.runInteraction(
      'threads_of_sender',
      (txn) => threadsOfSender(txn, roots, userNid),
      { readOnly: true },
    )
    return new Set(threads)
  }
}

function rootsIn(relations: ReadonlyMap<string, RelationFacts>): string[] {
  return [...relations].filter(([, fact]) => fact.thread !== undefined).map(([eventId]) => eventId)
}

function latestOf(relations: ReadonlyMap<string, RelationFacts>): number[] {
  return [...relations.values()].flatMap(({ thread }) => thread?.latestNid ?? [])
}

function eventsIn(relations: ReadonlyMap<string, RelationFacts>): number[] {
  return [...latestOf(relations), ...[...relations.values()].flatMap(({ editNid }) => editNid ?? [])]
}

function withoutReferencesOf(relations: Map<string, RelationFacts>, ignored: ReadonlySet<number>): void {
  for (const [eventId, fact] of relations) {
    const references = fact.references.filter(({ senderNid }) => !ignored.has(senderNid))
    if (references.length < fact.references.length) relations.set(eventId, { ...fact, references })
  }
}
