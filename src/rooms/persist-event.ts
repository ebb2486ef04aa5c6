import type { Event } from '#protocol/event.ts'
import { applyStateDeltas } from '#storage/current-state.ts'
import { moveExtremities } from '#storage/event-edges.ts'
import { insertEvents, type EventRow } from '#storage/events.ts'
import { setInviteStates, setMemberships } from '#storage/memberships.ts'
import { insertRelations } from '#storage/relations.ts'
import { insertStateChunks, insertStateNodes } from '#storage/room-state.ts'
import { setMergedState } from '#storage/rooms.ts'
import type { Database, Transaction } from '#storage/transaction.ts'
import type { Reservation } from '#streams/stream.ts'
import type { Streams } from '#streams/streams.ts'
import type { UserId } from '#protocol/identifiers.ts'
import type { Room } from './known-rooms.ts'
import type { MembershipChange, Memberships, MembershipState } from './memberships.ts'
import type { NewState } from './room-state/node-path.ts'
import { applyRedactions, type AppliedRedaction, type RedactedEvent } from './persist-event/apply-redactions.ts'
import { relationOf } from './persist-event/relation.ts'

/** An event built, allowed and signed, with everything its storing needs but its position. */
export interface BuiltEvent {
  readonly event: Event
  readonly row: Omit<EventRow, 'streamPosition'>
  readonly prevNids: readonly number[]
  readonly authNids: readonly number[]
  /** The state it makes, when it has rows of its own; for a room's first event the empty state before it, too. */
  readonly newStates: readonly NewState[]
  /** For a member event: whose membership it sets, and the stripped state for a user of ours who is invited. */
  readonly member:
    | {
        readonly userId: UserId
        readonly userNid: number
        readonly membership: MembershipState
        readonly local: boolean
        readonly stripped: string | undefined
      }
    | undefined
  /** For a redaction that applies: the event it redacts. */
  readonly redactsNid: number | undefined
}

/** Events of one room that become durable together. */
export interface EventBatch {
  readonly room: Room
  readonly built: readonly BuiltEvent[]
  readonly extremities: { readonly remove: readonly number[]; readonly add: readonly number[] }
  /** Further writes of the same transaction, first: the room's own row, an alias. */
  readonly alsoWrite: ((txn: Transaction) => Promise<void>) | undefined
}

/** What has just become durable. */
export interface PersistedBatch {
  readonly room: Room
  readonly rows: readonly EventRow[]
  readonly events: readonly Event[]
  readonly redacted: readonly RedactedEvent[]
  /** How the room's state has changed, in order; null for a key that is gone. */
  readonly stateChanges: readonly { readonly keyNid: number; readonly eventNid: number | null }[]
}

/** An event of others', as its interaction has written it. */
export interface ReceivedEvent {
  /** False when there is nothing to tell anybody. */
  readonly changed: boolean
  /** What came into the timeline: the event itself, and what was withheld until it came. */
  readonly rows: readonly EventRow[]
  readonly events: readonly Event[]
  readonly redacted: readonly RedactedEvent[]
  readonly members: readonly MembershipChange[]
  readonly deltas: readonly { readonly keyNid: number; readonly eventNid: number | null }[]
}

/**
 * Makes events durable: one transaction for the events, the graph, the state, memberships and relations of a batch;
 * then the memory of who is where, then those who listen, then the stream's position, which wakes whom it concerns.
 */
export class PersistEvent {
  readonly #database: Database
  readonly #streams: Streams
  readonly #memberships: Memberships
  readonly #listeners: ((batch: PersistedBatch) => void)[] = []

  constructor(deps: { readonly database: Database; readonly streams: Streams; readonly memberships: Memberships }) {
    this.#database = deps.database
    this.#streams = deps.streams
    this.#memberships = deps.memberships
  }

  /** Calls `listener` after each commit and before any reader can learn of it: for caches, which it must not outlive. */
  onPersisted(listener: (batch: PersistedBatch) => void): void {
    this.#listeners.push(listener)
  }

  /** Makes a batch durable and tells of it; gives its rows. Rejects with nothing written when anything fails. */
  async persist(batch: EventBatch): Promise<readonly EventRow[]> {
    const reservation = await this.#streams.events.reserve(batch.built.length)
    const rows = batch.built.map((built, index) => ({ ...built.row, streamPosition: reservation.first + index }))
    const members = membershipChanges(batch, reservation)
    let redacted: readonly RedactedEvent[]
    try {
      redacted = await this.#database.runInteraction('persist_event', (txn) => writeBatch(txn, batch, rows, members))
    } catch (error) {
      this.#streams.events.abandon(reservation)
      throw error
    }
    this.#memberships.apply(members)
    const persisted: PersistedBatch = {
      room: batch.room,
      rows,
      events: batch.built.map((built) => built.event),
      redacted,
      stateChanges: rows.flatMap(({ keyNid, eventNid }) => (keyNid === null ? [] : [{ keyNid, eventNid }])),
    }
    this.#tell(reservation, persisted, members)
    return rows
  }

  /**
   * Makes an event of others' durable: `write` does all of it, in one interaction that may run more than once, with the
   * first of `positions` positions for what comes into the timeline. Gives what `write` gives.
   */
  async receive<T extends ReceivedEvent>(
    room: Room,
    positions: number,
    write: (txn: Transaction, firstPosition: number) => Promise<T>,
  ): Promise<T> {
    const reservation = await this.#streams.events.reserve(positions)
    let received: T | undefined
    try {
      received = await this.#database.runInteraction('receive_event', (txn) => write(txn, reservation.first))
    } finally {
      if (received?.changed !== true) this.#streams.events.abandon(reservation)
    }
    const { changed, rows, events, redacted, members, deltas } = received
    if (!changed) return received
    this.#memberships.apply(members)
    this.#tell(reservation, { room, rows, events, redacted, stateChanges: deltas }, members)
    return received
  }

  #tell(reservation: Reservation, persisted: PersistedBatch, members: readonly MembershipChange[]): void {
    for (const listener of this.#listeners) listener(persisted)
    const { roomNid } = persisted.room
    this.#streams.events.publish(reservation, {
      rooms: [roomNid],
      states: persisted.stateChanges.length > 0 ? [roomNid] : [],
      users: members.filter((change) => change.row.local === 1).map((change) => change.userId),
    })
  }
}

function membershipChanges(batch: EventBatch, reservation: Reservation): MembershipChange[] {
  const changes: MembershipChange[] = []
  for (const [index, { row, member }] of batch.built.entries()) {
    if (member === undefined) continue
    changes.push({
      userId: member.userId,
      row: {
        roomNid: row.roomNid,
        userNid: member.userNid,
        membership: member.membership,
        eventNid: row.eventNid,
        senderNid: row.senderNid,
        streamPosition: reservation.first + index,
        local: member.local ? 1 : 0,
        forgotten: 0,
      },
    })
  }
  return changes
}

function redactionsOf(batch: EventBatch): AppliedRedaction[] {
  const redactions: AppliedRedaction[] = []
  for (const { row, redactsNid } of batch.built) {
    if (redactsNid !== undefined) redactions.push({ ...row, targetNid: redactsNid })
  }
  return redactions
}

/** Every statement is sent at once, in order: but for redactions, they need nothing of each other's answers. */
async function writeBatch(
  txn: Transaction,
  batch: EventBatch,
  rows: readonly EventRow[],
  members: readonly MembershipChange[],
): Promise<readonly RedactedEvent[]> {
  const { room, built } = batch
  if (batch.alsoWrite !== undefined) await batch.alsoWrite(txn)
  const writes = [
    insertEvents(
      txn,
      rows.map((row, index) => ({
        ...row,
        prevNids: built[index]?.prevNids ?? [],
        authNids: built[index]?.authNids ?? [],
      })),
    ),
    moveExtremities(txn, room.roomNid, batch.extremities),
  ]
  const relations = rows.flatMap((row, index) => relationOf(row, built[index]?.event.content) ?? [])
  // What follows several ends leaves one, and nothing to resolve.
  if (batch.extremities.remove.length > 1) writes.push(setMergedState(txn, room.roomNid, null))
  if (relations.length > 0) writes.push(insertRelations(txn, relations))
  if (rows.some((row) => row.keyNid !== null)) writes.push(...writeState(txn, batch, rows))
  if (members.length > 0) writes.push(...writeMembers(txn, batch, members))
  const [redacted] = await Promise.all([applyRedactions(txn, redactionsOf(batch)), ...writes])
  return redacted
}

function writeMembers(txn: Transaction, batch: EventBatch, members: readonly MembershipChange[]): Promise<void>[] {
  const stripped = batch.built.flatMap(({ row, member }) =>
    member?.stripped === undefined
      ? []
      : [{ roomNid: row.roomNid, userNid: member.userNid, eventNid: row.eventNid, stripped: member.stripped }],
  )
  return [setMemberships(txn, members), setInviteStates(txn, stripped)]
}

function writeState(txn: Transaction, batch: EventBatch, rows: readonly EventRow[]): Promise<void>[] {
  const states = batch.built.flatMap((each) => each.newStates)
  const deltas = rows.flatMap(({ keyNid, eventNid }) => (keyNid === null ? [] : [{ keyNid, eventNid }]))
  const writes = [applyStateDeltas(txn, batch.room.roomNid, deltas)]
  if (states.length > 0) {
    const nodes = states.map((state) => state.node)
    const chunks = states.flatMap((state) => state.chunks)
    writes.push(insertStateNodes(txn, nodes), insertStateChunks(txn, chunks))
  }
  return writes
}
