import { LruCache } from '#base/lru-cache.ts'
import { forEverybody } from '#observability/asker.ts'
import { newestEdits, references } from '#storage/relations.ts'
import { threadSummaries } from '#storage/threads.ts'
import type { EventRow } from '#storage/events.ts'
import type { Database } from '#storage/transaction.ts'
import { ownRelationType } from './own-relation.ts'

/** Events of which it is remembered what relates to them. */
const factsMax = 20_000
/** References that are told with an event. */
const referencesMax = 500

/** What relates to an event, the same for every reader. */
export interface RelationFacts {
  readonly editNid: number | undefined
  readonly thread: { readonly latestNid: number; readonly count: number } | undefined
  /** The events that refer to it, oldest first. */
  readonly references: readonly { readonly eventId: string; readonly senderNid: number }[]
}

const nothing: RelationFacts = { editNid: undefined, thread: undefined, references: [] }

interface Batch {
  /** With what `rel_type` each event itself relates to another. */
  readonly ownTypes: Map<string, string | undefined>
  readonly loaded: Promise<ReadonlyMap<string, RelationFacts>>
}

/**
 * What relates to events. Remembered until something new relates to them; all who ask in one turn of the event loop ask
 * the database together.
 */
export class RelationFactsCache {
  readonly #database: Database
  readonly #facts = new LruCache<string, RelationFacts>(factsMax, 'relations')
  /** For each read under way: what was forgotten meanwhile, so that it is not remembered again in its old form. */
  readonly #reading = new Set<{ readonly forgotten: Set<string>; everything: boolean }>()
  #batch: Batch | undefined

  constructor(deps: { readonly database: Database }) {
    this.#database = deps.database
  }

  /**
   * What relates to each of these events, as far as it is told with them; those without anything are left out. State
   * events, edits and annotations are told alone; what relates to something itself begins no thread. Three queries at
   * most, shared with whoever else asks now.
   */
  async of(rows: readonly EventRow[]): Promise<Map<string, RelationFacts>> {
    const answer = new Map<string, RelationFacts>()
    const missing: EventRow[] = []
    for (const row of rows) {
      if (row.keyNid !== null) continue
      const known = this.#facts.get(row.eventId)
      if (known === undefined) missing.push(row)
      else if (known !== nothing) answer.set(row.eventId, known)
    }
    if (missing.length === 0) return answer
    const own = new Map(missing.map((row) => [row.eventId, ownRelationType(row.json)]))
    const batch = (this.#batch ??= this.#newBatch())
    for (const [eventId, type] of own) batch.ownTypes.set(eventId, type)
    const loaded = await batch.loaded
    for (const { eventId } of missing) {
      const fact = loaded.get(eventId)
      if (fact !== undefined && fact !== nothing) answer.set(eventId, fact)
    }
    return answer
  }

  /** Says that an event was made here just now, so that nothing can relate to it yet. */
  begin(eventId: string): void {
    this.#facts.set(eventId, nothing)
  }

  /** Says that something now relates to this event, or no longer. */
  forget(eventId: string): void {
    this.#facts.delete(eventId)
    for (const read of this.#reading) read.forgotten.add(eventId)
  }

  /** Says that events which may relate to any others were redacted. */
  forgetAll(): void {
    this.#facts.clear()
    for (const read of this.#reading) read.everything = true
  }

  #newBatch(): Batch {
    const ownTypes = new Map<string, string | undefined>()
    const loaded = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      this.#batch = undefined
      return forEverybody(() => this.#read(ownTypes))
    })
    return { ownTypes, loaded }
  }

  async #read(ownTypes: ReadonlyMap<string, string | undefined>): Promise<ReadonlyMap<string, RelationFacts>> {
    const read = { forgotten: new Set<string>(), everything: false }
    this.#reading.add(read)
    try {
      const bundled = [...ownTypes].filter(([, type]) => type !== 'm.annotation' && type !== 'm.replace')
      const found = await this.#query(bundled.map(([eventId]) => eventId))
      const facts = new Map<string, RelationFacts>()
      for (const [eventId, type] of ownTypes) {
        const fact = found.get(eventId) ?? nothing
        facts.set(eventId, type === undefined || fact.thread === undefined ? fact : { ...fact, thread: undefined })
      }
      for (const [eventId, fact] of facts)
        if (!read.everything && !read.forgotten.has(eventId)) this.#facts.set(eventId, fact)
      return facts
    } finally {
      this.#reading.delete(read)
    }
  }

  async #query(eventIds: readonly string[]): Promise<ReadonlyMap<string, RelationFacts>> {
    if (eventIds.length === 0) return new Map()
    return this.#database.runInteraction(
      'relation_facts',
      async (txn) => {
        const found = new Map<string, RelationFacts>()
        const add = (eventId: string, fact: Partial<RelationFacts>): void => {
          found.set(eventId, { ...(found.get(eventId) ?? nothing), ...fact })
        }
        for (const edit of await newestEdits(txn, eventIds)) add(edit.relatesTo, { editNid: edit.eventNid })
        for (const thread of await threadSummaries(txn, eventIds)) add(thread.rootId, { thread })
        const referring = Map.groupBy(await references(txn, eventIds, referencesMax), (row) => row.relatesTo)
        for (const [eventId, rows] of referring) add(eventId, { references: rows })
        return found
      },
      { readOnly: true },
    )
  }
}
