import { MatrixError } from '#protocol/errors.ts'
import { serverNameOf, type EventId, type ServerName, type UserId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'
import type { Requester } from '#users/requester.ts'
import type { KnownRooms, Room } from './known-rooms.ts'
import type { MembershipRow, Memberships } from './memberships.ts'
import { restrictedJoin } from './membership/restricted-join.ts'
import type { RoomPowers } from './power-levels.ts'
import type { RoomState } from './room-state.ts'
import type { SendEvent } from './send-event.ts'

/** Where the profile in member events comes from. */
export interface MemberProfiles {
  /** `displayname` and `avatar_url` of one of our users, those that are set; nothing for others. */
  memberFields(userId: UserId): Promise<JsonObject>
}

/** What a request to change someone's membership may say. */
export interface MembershipRequest {
  readonly requester: Requester
  readonly room: Room
  readonly reason?: string | undefined
}

interface Deps {
  readonly sendEvent: SendEvent
  readonly knownRooms: KnownRooms
  readonly memberships: Memberships
  readonly roomState: RoomState
  readonly powers: RoomPowers
  readonly profiles: MemberProfiles
  readonly serverName: ServerName
}

/** Moves people in and out of rooms. Whether it is allowed is for the room's own rules to say. */
export class Membership {
  readonly #deps: Deps
  #forgotten: ((room: Room) => void) | undefined

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** Calls `listener` whenever somebody has forgotten a room. */
  onForgotten(listener: (room: Room) => void): void {
    this.#forgotten = listener
  }

  /**
   * Invites someone. https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidinvite
   * @throws MatrixError M_FORBIDDEN when the requester may not invite, or the invitee cannot be reached, is banned or
   *   is in the room already.
   */
  async invite(request: MembershipRequest & { readonly userId: UserId }): Promise<void> {
    this.requireReachable(request.userId)
    await this.#set(request, request.userId, {
      ...(await this.#deps.profiles.memberFields(request.userId)),
      membership: 'invite',
    })
  }

  /**
   * Joins the requester; joining again changes nothing. Rooms that admit the members of other rooms are joined on the
   * word of a member of ours who may invite.
   * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidjoin
   * @throws MatrixError M_FORBIDDEN when the room does not admit the requester.
   */
  async join(request: MembershipRequest): Promise<void> {
    const { requester, room } = request
    const now = await this.#deps.memberships.in(requester.userId, room.roomNid)
    if (now?.membership === 'join') return
    const authorisedBy =
      now?.membership === 'invite' ? undefined : await restrictedJoin({ room, userId: requester.userId }, this.#deps)
    await this.#set(request, requester.userId, {
      ...(await this.#deps.profiles.memberFields(requester.userId)),
      membership: 'join',
      ...(authorisedBy === undefined ? {} : { join_authorised_via_users_server: authorisedBy }),
    })
  }

  /**
   * Asks to be let in. https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3knockroomidoralias
   * @throws MatrixError M_FORBIDDEN when the room does not take knocks.
   */
  async knock(request: MembershipRequest): Promise<void> {
    const { requester } = request
    await this.#set(request, requester.userId, {
      ...(await this.#deps.profiles.memberFields(requester.userId)),
      membership: 'knock',
    })
  }

  /**
   * Leaves, or turns down an invite, or takes back a knock; having left already is no error.
   * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidleave
   * @throws MatrixError M_FORBIDDEN when the requester never was in the room, or is banned.
   */
  async leave(request: MembershipRequest): Promise<void> {
    const { requester, room } = request
    const now = await this.#deps.memberships.in(requester.userId, room.roomNid)
    if (now?.membership === 'leave') return
    await this.#set(request, requester.userId, { membership: 'leave' })
  }

  /**
   * Removes someone, or takes back their invite or refuses their knock.
   * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidkick
   * @throws MatrixError M_FORBIDDEN when the requester may not, or the user is not there to be removed.
   */
  async kick(request: MembershipRequest & { readonly userId: UserId }): Promise<void> {
    const now = await this.#membershipOf(request.room, request.userId)
    if (now === 'leave' || now === 'ban' || now === undefined) {
      throw new MatrixError('M_FORBIDDEN', `${request.userId} is not in the room.`)
    }
    await this.#set(request, request.userId, { membership: 'leave' })
  }

  /**
   * Bans someone, whether they are in the room or not.
   * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidban
   * @throws MatrixError M_FORBIDDEN when the requester may not.
   */
  async ban(request: MembershipRequest & { readonly userId: UserId }): Promise<void> {
    await this.#set(request, request.userId, { membership: 'ban' })
  }

  /**
   * Lifts a ban. https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidunban
   * @throws MatrixError M_FORBIDDEN when the requester may not, M_BAD_STATE when the user is not banned.
   */
  async unban(request: MembershipRequest & { readonly userId: UserId }): Promise<void> {
    if ((await this.#membershipOf(request.room, request.userId)) !== 'ban') {
      throw new MatrixError('M_BAD_STATE', `${request.userId} is not banned.`, { status: 403 })
    }
    await this.#set(request, request.userId, { membership: 'leave' })
  }

  /**
   * Takes a room off the requester's lists. https://spec.matrix.org/v1.19/client-server-api/#leaving-rooms
   * @throws MatrixError M_UNKNOWN (400) while they are in it, M_FORBIDDEN when they never were.
   */
  async forget(request: MembershipRequest): Promise<void> {
    await this.#deps.memberships.forget(request.requester.userId, request.room.roomNid)
    this.#forgotten?.(request.room)
  }

  /**
   * Puts the profile of one of our users into their member events in every room they are joined to. A room that
   * refuses is passed over: its rules outrank a display name.
   */
  async updateProfile(requester: Requester): Promise<void> {
    const fields = await this.#deps.profiles.memberFields(requester.userId)
    await this.#setWhere(requester, ['join'], { ...fields, membership: 'join' })
  }

  /** Takes one of our users out of every room, and back every invite and knock: their account ends. */
  async leaveAll(requester: Requester): Promise<void> {
    await this.#setWhere(requester, ['join', 'invite', 'knock'], { membership: 'leave' })
  }

  /**
   * Refuses users of other servers where an event would have to be taken to them.
   * @throws MatrixError M_FORBIDDEN
   */
  requireReachable(userId: UserId): void {
    if (serverNameOf(userId) !== this.#deps.serverName) {
      throw new MatrixError('M_FORBIDDEN', `${userId} is on another server, and this server does not reach others yet.`)
    }
  }

  /** Sets the requester's member event in every room where their membership is one of these. */
  async #setWhere(
    requester: Requester,
    memberships: readonly MembershipRow['membership'][],
    content: JsonObject,
  ): Promise<void> {
    const rows = [...(await this.#deps.memberships.of(requester.userId)).values()]
    const chosen = rows.filter((row) => memberships.includes(row.membership)).map((row) => row.roomNid)
    const rooms = await this.#deps.knownRooms.byNids(chosen)
    await Promise.all(
      [...rooms.values()].map(async (room) => {
        try {
          await this.#set({ requester, room }, requester.userId, content)
        } catch (error) {
          if (!(error instanceof MatrixError)) throw error
        }
      }),
    )
  }

  #set(request: MembershipRequest, userId: UserId, content: JsonObject): Promise<EventId> {
    const { requester, room, reason } = request
    return this.#deps.sendEvent.send({
      requester,
      room,
      type: 'm.room.member',
      stateKey: userId,
      content: reason === undefined ? content : { ...content, reason },
    })
  }

  async #membershipOf(room: Room, userId: UserId): Promise<string | undefined> {
    if (serverNameOf(userId) === this.#deps.serverName) {
      return (await this.#deps.memberships.in(userId, room.roomNid))?.membership
    }
    const row = await this.#deps.roomState.event(room, 'm.room.member', userId)
    if (row === undefined) return undefined
    const { content } = JSON.parse(row.json) as { content: { membership?: string } }
    return content.membership
  }
}
