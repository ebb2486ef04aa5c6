import type { Clock } from '#base/clock.ts'
import type { ClientFormat } from '#protocol/client-event.ts'
import type { UserId } from '#protocol/identifiers.ts'
import type { FieldTree } from '#protocol/picked-text.ts'
import type { EventRow } from '#storage/events.ts'
import type { Interned } from '#storage/interned.ts'
import type { Database } from '#storage/transaction.ts'
import type { AccountDeactivation } from '#users/account-deactivation.ts'
import { Companions } from './client-events/companions.ts'
import { CutCache } from './client-events/cut-cache.ts'
import { Erasure, erasure } from './client-events/erasure.ts'
import { relationTarget } from './client-events/own-relation.ts'
import { PersonalRelations, type ToldRelations } from './client-events/personal-relations.ts'
import { RelationFactsCache } from './client-events/relation-facts.ts'
import { serialize, serializeInvitation, type Reader, type SerializeContext } from './client-events/serialize.ts'
import type { IgnoredSenders } from './ignored-senders.ts'
import type { KnownRooms } from './known-rooms.ts'
import type { PersistedBatch } from './persist-event.ts'
import type { UnsignedAdditions } from './unsigned-additions.ts'
import type { Visibility } from './visibility.ts'

/** How events are told, and to whom. */
export interface TextOptions {
  readonly requester: {
    readonly userId: UserId
    readonly deviceId: string
    readonly isAdmin: boolean
    readonly isGuest: boolean
  }
  readonly format: ClientFormat
  /** Tell what relates to each event, and what a state event replaced: for timelines, not for lists of state. */
  readonly bundle: boolean
  /** Tell what the requester was at each event (MSC4115). Default: no. */
  readonly membership?: boolean
  /** Tell only these fields, and what relates to the event. Default: all. */
  readonly fields?: FieldTree | undefined
  /** Tell what only administrators may know, if the requester is one. Default: no. */
  readonly adminMetadata?: boolean
}

interface Deps {
  readonly database: Database
  readonly interned: Interned
  readonly knownRooms: KnownRooms
  readonly visibility: Visibility
  readonly ignoredSenders: IgnoredSenders
  readonly accountDeactivation: Pick<AccountDeactivation, 'onDeactivated'>
  readonly clock: Clock
  /** What plug-ins add to `unsigned`. */
  readonly unsignedAdditions?: UnsignedAdditions | undefined
}

const noMemberships: ReadonlyMap<number, string> = new Map()
const noAdditions: SerializeContext['additions'] = new Map()
const noDelayIds: SerializeContext['delayIds'] = new Map()
const nothingTold: ToldRelations = { relations: new Map(), events: [], participated: new Set() }

/**
 * Stored events as clients read them. No event is parsed and rebuilt: its text is cut once (`protocol/client-event.ts`)
 * and what concerns one reader is put in at the end, by a synchronous function over what set queries fetched before
 * (`client-events/serialize.ts`).
 */
export class ClientEvents {
  readonly #deps: Deps
  readonly #cuts = new CutCache()
  readonly #facts: RelationFactsCache
  readonly #companions: Companions
  readonly #relations: PersonalRelations
  readonly #erasure: Erasure

  constructor(deps: Deps) {
    this.#deps = deps
    this.#facts = new RelationFactsCache(deps)
    this.#companions = new Companions(deps)
    this.#erasure = new Erasure(deps)
    this.#relations = new PersonalRelations({ ...deps, facts: this.#facts, companions: this.#companions })
  }

  /**
   * The JSON text of each event, in their order. The caller has made sure that the requester may see them. The number
   * of queries does not depend on the number of events, and is none for new events without relations.
   */
  async texts(rows: readonly EventRow[], options: TextOptions): Promise<string[]> {
    if (rows.length === 0) return []
    const { requester, bundle } = options
    // State is what it is, whoever set it: only timelines are changed by an erasure.
    const shown = bundle ? await this.#erasure.applied(requester.userId, rows) : rows
    return serialize(shown, await this.#gather(shown, options))
  }

  /**
   * What those are told who are invited or knock, each as the text of a JSON list: the stripped state that came with
   * their member event, and that event. One query at most. https://spec.matrix.org/v1.19/client-server-api/#stripped-state
   */
  async invitations(
    invitations: readonly { readonly member: EventRow; readonly stripped: string }[],
  ): Promise<readonly string[]> {
    const rooms = await this.#deps.knownRooms.byNids(new Set(invitations.map(({ member }) => member.roomNid)))
    return invitations.map(({ member, stripped }) => {
      const room = rooms.get(member.roomNid)
      if (room === undefined) throw new Error(`event ${member.eventId} is in an unknown room`)
      return serializeInvitation(member, stripped, room.version)
    })
  }

  /** The JSON text of an event's content, as redaction leaves it if the event is redacted. */
  async content(row: EventRow): Promise<string> {
    const room = (await this.#deps.knownRooms.byNids([row.roomNid])).get(row.roomNid)
    if (room === undefined) throw new Error(`event ${row.eventId} is in an unknown room`)
    return this.#cuts.contentOf(row, room.version).contentText ?? '{}'
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

  async #gather(rows: readonly EventRow[], options: TextOptions): Promise<SerializeContext> {
    const { knownRooms, visibility, clock, unsignedAdditions } = this.#deps
    const { requester } = options
    const rooms = await knownRooms.byNids(new Set(rows.map((row) => row.roomNid)))
    const reader = await this.#reader(requester)
    const told = options.bundle
      ? await this.#relations.of(rows, { userId: requester.userId, userNid: reader?.userNid, rooms })
      : nothingTold
    const nids = told.events.map((row) => row.eventNid)
    for (const row of [...rows, ...told.events]) {
      if (row.redactedBy !== null && row.redactedBy !== erasure) nids.push(row.redactedBy)
      if (options.bundle && row.replacesNid !== null) nids.push(row.replacesNid)
    }
    const versions = new Map([...rooms].map(([roomNid, room]) => [roomNid, room.version]))
    return {
      format: options.format,
      now: clock.now(),
      reader,
      fields: options.fields,
      adminMetadata: options.adminMetadata === true && requester.isAdmin,
      versions,
      companions: await this.#beside(requester.userId, nids),
      relations: told.relations,
      participated: told.participated,
      memberships:
        options.membership === true ? await visibility.membershipsAfter(requester.userId, rows) : noMemberships,
      additions: (await unsignedAdditions?.of([...rows, ...told.events], versions)) ?? noAdditions,
      delayIds: noDelayIds,
      cuts: this.#cuts,
    }
  }

  /** Events told inside others, as this reader may read them. */
  async #beside(userId: UserId, nids: readonly number[]): Promise<ReadonlyMap<number, EventRow>> {
    const found = await this.#companions.of(nids)
    if (found.size === 0) return found
    const rows = await this.#erasure.applied(userId, [...found.values()])
    return new Map(rows.map((row) => [row.eventNid, row]))
  }

  async #reader(requester: TextOptions['requester']): Promise<Reader | undefined> {
    const userNid = await this.#deps.interned.userNidIfKnown(requester.userId)
    if (userNid === undefined) return undefined
    return { userNid, deviceId: requester.deviceId, hasOneDevice: requester.isGuest }
  }
}
