import { LruCache } from '#base/lru-cache.ts'
import { newestEdits, references, threadSummaries } from '#storage/relations.ts'
import type { Database } from '#storage/transaction.ts'

/** Events of which it is remembered what relates to them. */
const factsMax = 20_000
/** References that are told with an event. */
const referencesMax = 500

/** What relates to an event, the same for every reader. */
export interface RelationFacts {
  readonly editNid: number | undefined
  readonly thread: { readonly latestNid: number; readonly count: number } | undefined
  /** Ids of the events that refer to it, oldest first. */
  readonly references: readonly string[]
}

const nothing: RelationFacts = { editNid: undefined, thread: undefined, references: [] }

interface Batch {
  readonly eventIds: Set<string>
  readonly loaded: Promise<ReadonlyMap<string, RelationFacts>>
}

/**
 * What relates to events. Remembered until something new relates to them; all who ask in one turn of the event loop ask
 * the database together.
 */
export class RelationFactsCache {
  readonly #database: Database
  readonly #facts = new LruCache<string, RelationFacts>(factsMax)
  /** For each read under way: what was forgotten meanwhile, so that it is not remembered again in its old form. */
  readonly #reading = new Set<{ readonly forgotten: Set<string>; everything: boolean }>()
  #batch: Batch | undefined

  constructor(deps: { readonly database: Database }) {
    this.#database = deps.database
  }

  /** What relates to each of these events. Three queries at most, shared with whoever else asks now. */
  async of(eventIds: readonly string[]): Promise<Map<string, RelationFacts>> {
    const answer = new Map<string, RelationFacts>()
    const missing: string[] = []
    for (const eventId of eventIds) {
      const known = this.#facts.get(eventId)
      if (known === undefined) missing.push(eventId)
      else answer.set(eventId, known)
    }
    if (missing.length === 0) return answer
    const batch = (this.#batch ??= this.#newBatch())
    for (const eventId of missing) batch.eventIds.add(eventId)
    const loaded = await batch.loaded
    for (const eventId of missing) answer.set(eventId, loaded.get(eventId) ?? nothing)
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
    const eventIds = new Set<string>()
    const loaded = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      this.#batch = undefined
      return this.#read([...eventIds])
    })
    return { eventIds, loaded }
  }

  async #read(eventIds: readonly string[]): Promise<ReadonlyMap<string, RelationFacts>> {
    const read = { forgotten: new Set<string>(), everything: false }
    this.#reading.add(read)
    try {
      const facts = await this.#database.runInteraction(
        'relation_facts',
        async (txn) => {
          const found = new Map<string, RelationFacts>()
          const add = (eventId: string, fact: Partial<RelationFacts>): void => {
            found.set(eventId, { ...(found.get(eventId) ?? nothing), ...fact })
          }
          for (const edit of await newestEdits(txn, eventIds)) add(edit.relatesTo, { editNid: edit.eventNid })
          for (const thread of await threadSummaries(txn, eventIds))
            add(thread.relatesTo, { thread: { latestNid: thread.eventNid, count: thread.count } })
          for (const reference of await references(txn, eventIds, referencesMax)) {
            const before = found.get(reference.relatesTo)?.references ?? []
            add(reference.relatesTo, { references: [...before, reference.eventId] })
          }
          return found
        },
        { readOnly: true },
      )
      if (!read.everything)
        for (const eventId of eventIds)
          if (!read.forgotten.has(eventId)) this.#facts.set(eventId, facts.get(eventId) ?? nothing)
      return facts
    } finally {
      this.#reading.delete(read)
    }
  }
}
