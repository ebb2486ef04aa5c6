import { runInBackground } from '#observability/request-context.ts'
import type { Logger } from '#observability/logger.ts'
import type { BackgroundMigration } from '#storage/background-migrations.ts'
import { endAuthDisorder, eventsAfter, newestEventNid, noteAuthDisorder } from '#storage/auth-chains.ts'
import { edgesOfEvents } from '#storage/event-edges.ts'
import type { Database } from '#storage/transaction.ts'
import { indexEvents } from './auth-chains/index-events.ts'
import { authorizes } from './room-writer/build-next.ts'
import type { PersistedBatch, PersistEvent } from './persist-event.ts'

/** State events of all rooms that wait to be put into the index, at most: what is read one by one until then. */
const waitingEventsMax = 64

/**
 * Keeps the index of auth chains: docs/decisions/0018-auth-chain-index.md. What changes the state again waits here for
 * others, and is put into the index with them, apart from its own transaction, so that nobody who sends waits for that.
 * What waits when the server stops is put in with the next event of its key.
 */
export class AuthChains {
  readonly #database: Database
  readonly #logger: Logger
  #waiting = new Map<number, number[]>()
  #count = 0
  #writing: Promise<void> = Promise.resolve()

  constructor(deps: { readonly database: Database; readonly logger: Logger; readonly persistEvent: PersistEvent }) {
    this.#database = deps.database
    this.#logger = deps.logger
    deps.persistEvent.onPersisted((batch) => this.#follow(batch))
  }

  /** State events that have just become durable, with all that authorizes them. Constant time for each. */
  note(roomNid: number, eventNids: readonly number[]): void {
    const known = this.#waiting.get(roomNid)
    if (known === undefined) this.#waiting.set(roomNid, [...eventNids])
    else known.push(...eventNids)
    this.#count += eventNids.length
    if (this.#count >= waitingEventsMax) void this.flush()
  }

  /** Puts what waits into the index; resolves when that is durable, or has failed, which the log says. */
  flush(): Promise<void> {
    const waiting = this.#waiting
    this.#waiting = new Map()
    this.#count = 0
    this.#writing = this.#writing.then(() => runInBackground('index_auth_chains', () => this.#write(waiting)))
    return this.#writing
  }

  async #write(waiting: ReadonlyMap<number, readonly number[]>): Promise<void> {
    for (const [roomNid, eventNids] of waiting) {
      try {
        await this.#database.runInteraction('index_auth_chains', (txn) => indexEvents(txn, roomNid, eventNids))
      } catch (error) {
        // Nothing is lost: they are put in with those that come after them.
        this.#logger.warn('Auth chains were not indexed', { roomNid, error })
      }
    }
  }

  #follow({ room, rows }: Pick<PersistedBatch, 'room' | 'rows'>): void {
    const again = rows.filter((row) => row.keyNid !== null && row.replacesNid !== null && authorizes(row.type))
    if (again.length === 0) return
    this.note(
      room.roomNid,
      again.map((row) => row.eventNid),
    )
  }
}

/** Puts the state events of databases from before the index into it, and finds out in which rooms numbers are in order. */
export const authChainsBackfill: BackgroundMigration = {
  name: '0018-auth-chains',
  step: async (txn, { progress, size }) => {
    const after = Number(progress ?? 0)
    const events = await eventsAfter(txn, after, size)
    const last = events.at(-1)
    if (last === undefined) {
      await endAuthDisorder(txn)
      return 'done'
    }
    const stateEvents = events.filter((event) => event.keyNid !== null)
    const edges = await edgesOfEvents(
      txn,
      stateEvents.map((event) => event.eventNid),
    )
    const late = new Set(
      edges.filter((each) => each.authNids.some((nid) => nid >= each.eventNid)).map((e) => e.eventNid),
    )
    await noteAuthDisorder(txn, [
      ...new Set(stateEvents.filter((event) => late.has(event.eventNid)).map((event) => event.roomNid)),
    ])
    const authorized = new Set(edges.filter((each) => each.authNids.length > 0).map((each) => each.eventNid))
    const byRoom = Map.groupBy(
      stateEvents.filter((event) => authorized.has(event.eventNid)),
      (event) => event.roomNid,
    )
    for (const [roomNid, ofRoom] of byRoom) {
      await indexEvents(
        txn,
        roomNid,
        ofRoom.map((event) => event.eventNid),
      )
    }
    const newest = await newestEventNid(txn)
    return { progress: String(last.eventNid), share: newest === 0 ? 1 : last.eventNid / newest }
  },
}
