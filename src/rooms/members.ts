import type { UserId } from '#protocol/identifiers.ts'
import { isJsonObject, type JsonObject } from '#protocol/json.ts'
import { jsonMember } from '#protocol/json-members.ts'
import { eventsByNids, type EventRow } from '#storage/events.ts'
import type { Interned } from '#storage/interned.ts'
import { membershipsInRoom, type MembershipState } from '#storage/memberships.ts'
import type { Database } from '#storage/transaction.ts'
import type { Room } from './known-rooms.ts'
import type { Access } from './room-access.ts'
import type { RoomState } from './room-state.ts'
import type { RoomStates } from './room-states.ts'
import type { TimelineToken } from './timeline-token.ts'

/** Which members are wanted. Both given mean either. */
export interface MembersRequest {
  readonly membership?: MembershipState | undefined
  readonly notMembership?: MembershipState | undefined
  /** The moment; undefined: now, or when the reader left. */
  readonly at?: TimelineToken | undefined
}

/** What a member shows of themselves in a room. */
export interface MemberProfile {
  readonly displayName: string | undefined
  readonly avatarUrl: string | undefined
}

/** The people of a room: everyone's member events, and what they show of themselves. */
export class Members {
  readonly #database: Database
  readonly #interned: Interned
  readonly #roomState: RoomState
  readonly #roomStates: RoomStates

  constructor(deps: {
    readonly database: Database
    readonly interned: Interned
    readonly roomState: RoomState
    readonly roomStates: RoomStates
  }) {
    this.#database = deps.database
    this.#interned = deps.interned
    this.#roomState = deps.roomState
    this.#roomStates = deps.roomStates
  }

  /** The member events of a room as `access` lets them be seen. Costs the size of the room's membership. */
  async events(access: Access, request: MembersRequest): Promise<EventRow[]> {
    const { membership, notMembership } = request
    const wanted = (row: EventRow): boolean => {
      if (membership === undefined && notMembership === undefined) return true
      const own = contentOf(row)['membership']
      return own === membership || (notMembership !== undefined && own !== notMembership)
    }
    const rows = await this.#all(access, request.at)
    return rows.filter(wanted)
  }

  /** What everyone who is joined to a room shows of themselves. Two queries. */
  async joined(room: Room): Promise<ReadonlyMap<UserId, MemberProfile>> {
    const rows = await this.#current(room.roomNid, (membership) => membership === 'join')
    const userIds = await this.#interned.userIds(rows.map((row) => row.userNid))
    const profiles = new Map<UserId, MemberProfile>()
    for (const { userNid, event } of rows) {
      const userId = userIds.get(userNid)
      if (userId === undefined) continue
      const { displayname, avatar_url: avatarUrl } = contentOf(event)
      profiles.set(userId, {
        displayName: typeof displayname === 'string' ? displayname : undefined,
        avatarUrl: typeof avatarUrl === 'string' ? avatarUrl : undefined,
      })
    }
    return profiles
  }

  /**
   * The member events, in the state after the event `at`, of those who sent `rows`: what lazy loading adds to a page of
   * events. https://spec.matrix.org/v1.19/client-server-api/#lazy-loading-room-members
   */
  async ofSenders(rows: readonly EventRow[], at: EventRow | undefined): Promise<EventRow[]> {
    if (at?.stateAfter == null) return []
    const senders = await this.#interned.userIds([...new Set(rows.map((row) => row.senderNid))])
    const pairs = [...senders.values()].map((userId) => ({ type: 'm.room.member', stateKey: userId }))
    const keyNids = (await this.#interned.keyNidsIfKnown(pairs)).filter((keyNid) => keyNid !== undefined)
    const state = (await this.#roomState.keysAt([at.stateAfter], keyNids)).get(at.stateAfter)
    return this.#roomState.events([...(state?.values() ?? [])])
  }

  async #all(access: Access, at: TimelineToken | undefined): Promise<EventRow[]> {
    const { roomNid } = access.room
    const moment = at?.moment ?? at?.place?.stream
    if (moment !== undefined) {
      const position = Math.min(moment, access.arrivedBy ?? Infinity)
      const state = await this.#roomStates.at(new Map([[roomNid, position]]), { members: true })
      return state.filter((row) => row.type === 'm.room.member')
    }
    if (access.stateNid === undefined) return (await this.#current(roomNid, () => true)).map((row) => row.event)
    const state = await this.#roomState.partAt(access.stateNid, 'members')
    return this.#roomState.events([...state.values()])
  }

  async #current(
    roomNid: number,
    wanted: (membership: MembershipState) => boolean,
  ): Promise<{ userNid: number; event: EventRow }[]> {
    return this.#database.runInteraction(
      'members_of_room',
      async (txn) => {
        const members = (await membershipsInRoom(txn, roomNid)).filter((row) => wanted(row.membership))
        const events = await eventsByNids(
          txn,
          members.map((row) => row.eventNid),
        )
        const byNid = new Map(events.map((event) => [event.eventNid, event]))
        return members.flatMap(({ userNid, eventNid }) => {
          const event = byNid.get(eventNid)
          return event === undefined ? [] : [{ userNid, event }]
        })
      },
      { readOnly: true },
    )
  }
}

/** The content of a member event; what redaction takes from it is not shown. */
function contentOf(row: EventRow): JsonObject {
  const content: unknown = JSON.parse(jsonMember(row.json, 'content') ?? '{}')
  if (!isJsonObject(content)) return {}
  return row.redactedBy === null ? content : { membership: content['membership'] }
}
