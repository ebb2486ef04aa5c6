import type { Clock } from '#base/clock.ts'
import { spliceEvent, type ClientFormat } from '#protocol/client-event.ts'
import type { UserId } from '#protocol/identifiers.ts'
import { jsonMember } from '#protocol/json-members.ts'
import type { EventRow } from '#storage/events.ts'
import type { Interned } from '#storage/interned.ts'
import { threadsOfSender } from '#storage/relations.ts'
import type { Database } from '#storage/transaction.ts'
import { Companions } from './client-events/companions.ts'
import { CutCache, redactedText } from './client-events/cut-cache.ts'
import { relationTarget } from './client-events/own-relation.ts'
import { RelationFactsCache, type RelationFacts } from './client-events/relation-facts.ts'
import type { KnownRooms, Room } from './known-rooms.ts'
import type { PersistedBatch } from './persist-event.ts'
import type { Visibility } from './visibility.ts'

/** How events are told, and to whom. */
export interface TextOptions {
  readonly requester: { readonly userId: UserId; readonly deviceId: string }
  readonly format: ClientFormat
  /** Tell what relates to each event, and what a state event replaced: for timelines, not for lists of state. */
  readonly bundle: boolean
  /** Tell what the requester was at each event (MSC4115). Default: no. */
  readonly membership?: boolean
}

/** Everything that the texts of a batch need, fetched before the first is made. */
interface Context {
  readonly options: TextOptions
  readonly now: number
  readonly userNid: number | undefined
  readonly rooms: ReadonlyMap<number, Room>
  readonly companions: ReadonlyMap<number, EventRow>
  readonly facts: ReadonlyMap<string, RelationFacts>
  readonly participated: ReadonlySet<string>
  readonly memberships: ReadonlyMap<number, string>
}

const noFacts: ReadonlyMap<string, RelationFacts> = new Map()
const noMemberships: ReadonlyMap<number, string> = new Map()
const noThreads: ReadonlySet<string> = new Set()

/**
 * Stored events as clients read them. No event is parsed and rebuilt: its text is cut once (`protocol/client-event.ts`)
 * and what concerns one reader is put in at the end, by a synchronous function over what set queries fetched before.
 */
export class ClientEvents {
  readonly #deps: {
    readonly database: Database
    readonly interned: Interned
    readonly knownRooms: KnownRooms
    readonly visibility: Visibility
    readonly clock: Clock
  }
  readonly #cuts = new CutCache()
  readonly #facts: RelationFactsCache
  readonly #companions: Companions

  constructor(deps: {
    readonly database: Database
    readonly interned: Interned
    readonly knownRooms: KnownRooms
    readonly visibility: Visibility
    readonly clock: Clock
  }) {
    this.#deps = deps
    this.#facts = new RelationFactsCache(deps)
    this.#companions = new Companions(deps)
  }

  /**
   * The JSON text of each event, in their order. The caller has made sure that the requester may see them. The number
   * of queries does not depend on the number of events, and is none for new events without relations.
   */
  async texts(rows: readonly EventRow[], options: TextOptions): Promise<string[]> {
    if (rows.length === 0) return []
    const context = await this.#gather(rows, options)
    return rows.map((row) => this.#text(row, context, true))
  }

  /** The JSON text of an event's content, as redaction leaves it if the event is redacted. */
  async content(row: EventRow): Promise<string> {
    const room = (await this.#deps.knownRooms.byNids([row.roomNid])).get(row.roomNid)
    if (room === undefined) throw new Error(`event ${row.eventId} is in an unknown room`)
    return contentText(row, room) ?? '{}'
  }

  /** Takes in what has just been persisted: call it for each batch, before anyone can learn of it. */
  remember(batch: Pick<PersistedBatch, 'rows' | 'events' | 'redacted'>): void {
    // What a device of ours sends has no id before now: nobody can have referred to it.
    for (const row of batch.rows) if (row.deviceId !== null) this.#facts.begin(row.eventId)
    for (const event of batch.events) {
      const target = relationTarget(event.content)
      if (target !== undefined) this.#facts.forget(target)
    }
    if (batch.redacted.length === 0) return
    this.#facts.forgetAll()
    this.#companions.redacted(batch.redacted.map((redaction) => redaction.eventNid))
  }

  async #gather(rows: readonly EventRow[], options: TextOptions): Promise<Context> {
    const { knownRooms, interned, visibility, clock } = this.#deps
    const rooms = await knownRooms.byNids(new Set(rows.map((row) => row.roomNid)))
    const userNid = await interned.userNidIfKnown(options.requester.userId)
    const { facts, latest } = options.bundle ? await this.#relations(rows) : { facts: noFacts, latest: [] as number[] }
    const nids = latest
    for (const { editNid } of facts.values()) if (editNid !== undefined) nids.push(editNid)
    for (const row of rows) {
      if (row.redactedBy !== null) nids.push(row.redactedBy)
      if (options.bundle && row.replacesNid !== null) nids.push(row.replacesNid)
    }
    return {
      options,
      now: clock.now(),
      userNid,
      rooms,
      companions: await this.#companions.of(nids),
      facts,
      participated: latest.length === 0 ? noThreads : await this.#participated(facts, userNid),
      memberships:
        options.membership === true ? await visibility.membershipsAfter(options.requester.userId, rows) : noMemberships,
    }
  }

  /** What relates to each event, and to the newest event of each thread that is told with them. */
  async #relations(rows: readonly EventRow[]): Promise<{ facts: Map<string, RelationFacts>; latest: number[] }> {
    const facts = await this.#facts.of(rows)
    const latest: number[] = []
    for (const { thread } of facts.values()) if (thread !== undefined) latest.push(thread.latestNid)
    if (latest.length === 0) return { facts, latest }
    const told = (await this.#companions.of(latest)).values()
    for (const [eventId, fact] of await this.#facts.of([...told])) facts.set(eventId, fact)
    return { facts, latest }
  }

  async #participated(facts: ReadonlyMap<string, RelationFacts>, userNid: number | undefined): Promise<Set<string>> {
    if (userNid === undefined) return new Set()
    const roots = [...facts].filter(([, fact]) => fact.thread !== undefined).map(([eventId]) => eventId)
    const threads = await this.#deps.database.runInteraction(
      'threads_of_sender',
      (txn) => threadsOfSender(txn, roots, userNid),
      { readOnly: true },
    )
    return new Set(threads)
  }

  #text(row: EventRow, context: Context, whole: boolean): string {
    const { options } = context
    const room = context.rooms.get(row.roomNid)
    if (room === undefined) throw new Error(`event ${row.eventId} is in an unknown room`)
    const replaced = row.replacesNid === null ? undefined : context.companions.get(row.replacesNid)
    // A redaction is told without what redacts it in turn.
    const redaction = row.redactedBy === null || !whole ? undefined : context.companions.get(row.redactedBy)
    const ours = row.txnId !== null && row.senderNid === context.userNid && row.deviceId === options.requester.deviceId
    return spliceEvent(
      this.#cuts.of(row, room.version, options.format),
      {
        age: context.now - row.originServerTs,
        transactionId: ours && row.txnId !== null ? row.txnId : undefined,
        membership: row.stateAfter === null ? undefined : context.memberships.get(row.stateAfter),
        replacesState: replaced?.eventId,
        prevContentText: replaced === undefined ? undefined : contentText(replaced, room),
        redactedBecauseText: redaction === undefined ? undefined : this.#text(redaction, context, false),
        relationsText: whole ? this.#relationsText(row, context) : undefined,
      },
      options.format,
    )
  }

  /** The text of `m.relations`; undefined when nothing relates to the event. */
  #relationsText(row: EventRow, context: Context): string | undefined {
    const facts = context.facts.get(row.eventId)
    if (facts === undefined) return undefined
    let text = ''
    if (facts.references.length > 0) {
      const chunk = facts.references.map((eventId) => '{"event_id":' + JSON.stringify(eventId) + '}')
      text += ',"m.reference":{"chunk":[' + chunk.join(',') + ']}'
    }
    const edit = facts.editNid === undefined ? undefined : context.companions.get(facts.editNid)
    if (edit !== undefined) text += ',"m.replace":' + this.#text(edit, context, false)
    const latest = facts.thread === undefined ? undefined : context.companions.get(facts.thread.latestNid)
    if (facts.thread !== undefined && latest !== undefined)
      text +=
        `,"m.thread":{"count":${facts.thread.count},` +
        `"current_user_participated":${context.participated.has(row.eventId)},` +
        `"latest_event":${this.#text(latest, context, true)}}`
    return text === '' ? undefined : '{' + text.slice(1) + '}'
  }
}

/** The text of an event's content, redacted if the event is. */
function contentText(row: EventRow, room: Room): string | undefined {
  return jsonMember(row.redactedBy === null ? row.json : redactedText(row.json, room.version), 'content')
}
