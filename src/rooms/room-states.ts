import { LruCache } from '#base/lru-cache.ts'
import type { UserId } from '#protocol/identifiers.ts'
import { isJsonObject, type JsonObject } from '#protocol/json.ts'
import { jsonMember } from '#protocol/json-members.ts'
import { currentStateOf, currentStates, stateDeltas, type StateDelta, type StateEntry } from '#storage/current-state.ts'
import { eventsByNids, type EventRow } from '#storage/events.ts'
import type { MembershipState } from '#storage/memberships.ts'
import type { Interned } from '#storage/interned.ts'
import type { Database, Transaction } from '#storage/transaction.ts'
import type { Streams } from '#streams/streams.ts'

/** A stored event: its text and its facts. */
export type StoredEvent = EventRow

/** The state key of a state event; empty when the text has none. */
export function stateKeyOf(row: StoredEvent): string {
  const stateKey: unknown = JSON.parse(jsonMember(row.json, 'state_key') ?? 'null')
  return typeof stateKey === 'string' ? stateKey : ''
}

/** The membership that a member event sets; undefined for one that sets none that is known. */
export function membershipIn(row: StoredEvent | undefined): MembershipState | undefined {
  if (row === undefined) return undefined
  const { membership } = contentOf(row)
  return memberships.find((known) => known === membership)
}

/** Whether an event's content has a `url`, as filters ask; what is redacted has none. */
export function hasUrl(row: StoredEvent): boolean {
  return row.redactedBy === null && typeof contentOf(row)['url'] === 'string'
}

function contentOf(row: StoredEvent): JsonObject {
  const content: unknown = JSON.parse(jsonMember(row.json, 'content') ?? '{}')
  return isJsonObject(content) ? content : {}
}

/** A change of a room's resolved state: which key, from which event to which. */
export type StateChange = StateDelta

/** How many (room, range) pairs keep their changes, for the many polls that read the same range of a room. */
const rangesMax = 5_000

const memberships: readonly MembershipState[] = ['join', 'invite', 'knock', 'leave', 'ban']
const none: readonly StateDelta[] = []

/**
 * The states of several rooms at once, for those who follow many rooms: the resolved state now, and how it changed
 * between two positions of the events stream. Each method makes one query at most, whatever the number of rooms.
 */
export class RoomStates {
  readonly #database: Database
  readonly #interned: Interned
  readonly #streams: Streams
  readonly #ranges = new LruCache<string, readonly StateDelta[]>(rangesMax, 'state_deltas')

  constructor(deps: { readonly database: Database; readonly interned: Interned; readonly streams: Streams }) {
    this.#database = deps.database
    this.#interned = deps.interned
    this.#streams = deps.streams
  }

  /** The events with these integer ids, by them; unknown ones are left out. */
  async events(eventNids: readonly number[]): Promise<ReadonlyMap<number, EventRow>> {
    if (eventNids.length === 0) return new Map()
    const rows = await this.#database.runInteraction('events_by_nids', (txn) => eventsByNids(txn, eventNids), {
      readOnly: true,
    })
    return new Map(rows.map((row) => [row.eventNid, row]))
  }

  /**
   * The events of the resolved states of rooms, each as it was at its position of the events stream, in no order;
   * without `members`, all but the member events. Costs the size of the states, and their changes since.
   */
  async at(positions: ReadonlyMap<number, number>, options: { readonly members: boolean }): Promise<StoredEvent[]> {
    if (positions.size === 0) return []
    const roomNids = [...positions.keys()]
    return this.#database.runInteraction(
      'room_states_at',
      async (txn) => {
        const entries = await currentStates(txn, roomNids, options.members)
        const nids = await rewind(txn, positions, entries)
        const rows = await eventsByNids(txn, nids)
        return options.members ? rows : rows.filter((row) => row.type !== 'm.room.member')
      },
      { readOnly: true },
    )
  }

  /** The member events of these users in the resolved states of rooms, each as it was at its position, in no order. */
  async membersAt(positions: ReadonlyMap<number, number>, userIds: readonly UserId[]): Promise<StoredEvent[]> {
    if (positions.size === 0 || userIds.length === 0) return []
    const pairs = userIds.map((userId) => ({ type: 'm.room.member', stateKey: userId }))
    const keyNids = (await this.#interned.keyNidsIfKnown(pairs)).filter((keyNid) => keyNid !== undefined)
    const keys = new Set(keyNids)
    return this.#database.runInteraction(
      'room_members_at',
      async (txn) => {
        const entries = await currentStateOf(txn, [...positions.keys()], keyNids)
        return eventsByNids(txn, await rewind(txn, positions, entries, keys))
      },
      { readOnly: true },
    )
  }

  /**
   * How the resolved states of the rooms changed after position `after` and not after `upTo`, oldest first within each
   * room; rooms without a change are left out. No query for rooms whose last change is known to be older, nor for
   * ranges that somebody read lately.
   */
  async changes(
    roomNids: Iterable<number>,
    after: number,
    upTo: number,
  ): Promise<ReadonlyMap<number, readonly StateDelta[]>> {
    const changes = new Map<number, readonly StateDelta[]>()
    const unread: number[] = []
    for (const roomNid of roomNids) {
      if (after >= upTo || !this.#streams.events.stateChangedSince(roomNid, after)) continue
      const known = this.#ranges.get(rangeName(roomNid, after, upTo))
      if (known === undefined) unread.push(roomNid)
      else if (known.length > 0) changes.set(roomNid, known)
    }
    if (unread.length === 0) return changes
    const rows = await this.#database.runInteraction(
      'state_deltas',
      (txn) => stateDeltas(txn, { roomNids: unread, after, upTo }),
      { readOnly: true },
    )
    const read = Map.groupBy(rows, (row) => row.roomNid)
    for (const roomNid of unread) {
      const deltas = read.get(roomNid)
      this.#ranges.set(rangeName(roomNid, after, upTo), deltas ?? none)
      if (deltas !== undefined) changes.set(roomNid, deltas)
    }
    return changes
  }

  /** The users that integer ids stand for. */
  userIds(userNids: readonly number[]): Promise<ReadonlyMap<number, UserId>> {
    return this.#interned.userIds(userNids)
  }
}

function rangeName(roomNid: number, after: number, upTo: number): string {
  return `${roomNid} ${after} ${upTo}`
}

/**
 * The events of states as they were at positions, out of entries read now in the same transaction: each change after a
 * room's position is taken back. With `keys`, no other keys come back.
 */
async function rewind(
  txn: Transaction,
  positions: ReadonlyMap<number, number>,
  entries: readonly (StateEntry & { readonly roomNid: number })[],
  keys?: ReadonlySet<number>,
): Promise<number[]> {
  const roomNids = [...positions.keys()]
  const after = Math.min(...positions.values())
  const later = await stateDeltas(txn, { roomNids, after, upTo: Number.MAX_SAFE_INTEGER })
  if (later.length === 0) return entries.map((entry) => entry.eventNid)
  const states = new Map(roomNids.map((roomNid) => [roomNid, new Map<number, number>()]))
  for (const { roomNid, keyNid, eventNid } of entries) states.get(roomNid)?.set(keyNid, eventNid)
  for (const { roomNid, streamPosition, keyNid, prevEventNid } of later.toReversed()) {
    if (streamPosition <= (positions.get(roomNid) ?? 0) || keys?.has(keyNid) === false) continue
    if (prevEventNid === null) states.get(roomNid)?.delete(keyNid)
    else states.get(roomNid)?.set(keyNid, prevEventNid)
  }
  return [...states.values()].flatMap((state) => [...state.values()])
}
