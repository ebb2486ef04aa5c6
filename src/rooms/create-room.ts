import type { Clock } from '#base/clock.ts'
import { MatrixError } from '#protocol/errors.ts'
import { parseRoomAlias, parseRoomId, parseUserId, type RoomId, type ServerName } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'
import { defaultRoomVersion, roomVersion } from '#protocol/room-versions.ts'
import { insertAlias } from '#storage/room-aliases.ts'
import { insertRoom } from '#storage/rooms.ts'
import type { Transaction } from '#storage/transaction.ts'
import type { Requester } from '#users/requester.ts'
import { initialEvents, type CreateRoomRequest, type RoomPlan } from './create-room/initial-events.ts'
import type { Room } from './known-rooms.ts'
import type { MemberProfiles, Membership } from './membership.ts'
import type { RoomWriter } from './room-writer.ts'
import { strippedOf } from './membership/stripped-state.ts'

/** Invites that one request may carry. */
const invitesMax = 100
const initialStateEventsMax = 200

/** Makes rooms. */
export class CreateRoom {
  readonly #roomWriter: RoomWriter
  readonly #membership: Membership
  readonly #profiles: MemberProfiles
  readonly #ids: { reserve(name: string, count: number): Promise<number> }
  readonly #serverName: ServerName
  readonly #clock: Clock
  readonly #newLocalpart: () => string

  /** `newLocalpart` gives the unguessable local part of a room id, for versions whose ids are not hashes. */
  constructor(deps: {
    readonly roomWriter: RoomWriter
    readonly membership: Membership
    readonly profiles: MemberProfiles
    readonly ids: { reserve(name: string, count: number): Promise<number> }
    readonly serverName: ServerName
    readonly clock: Clock
    readonly newLocalpart: () => string
  }) {
    this.#roomWriter = deps.roomWriter
    this.#membership = deps.membership
    this.#profiles = deps.profiles
    this.#ids = deps.ids
    this.#serverName = deps.serverName
    this.#clock = deps.clock
    this.#newLocalpart = deps.newLocalpart
  }

  /**
   * Makes a room with everything the request asks for, invites included, in one transaction; gives its id once it is
   * durable. https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3createroom
   * @throws MatrixError M_UNSUPPORTED_ROOM_VERSION, M_ROOM_IN_USE for an alias that is taken, M_INVALID_ROOM_STATE when
   *   the room's own rules would refuse what is asked for, M_INVALID_PARAM for ids that are none.
   */
  async create(requester: Requester, request: CreateRoomRequest): Promise<RoomId> {
    const plan = await this.#plan(requester, request)
    const events = initialEvents(plan)
    for (const invitee of plan.invitees) {
      this.#membership.requireReachable(invitee)
      events.push({
        type: 'm.room.member',
        sender: plan.creator,
        stateKey: invitee,
        content: {
          ...(await this.#profiles.memberFields(invitee)),
          membership: 'invite',
          ...(request.is_direct === true ? { is_direct: true } : {}),
        },
        stripped: strippedOf(events),
      })
    }
    const roomNid = await this.#ids.reserve('room_nid', 1)
    const roomId = parseRoomId(`!${this.#newLocalpart()}:${this.#serverName}`)
    const createdTs = this.#clock.now()
    try {
      const room = await this.#roomWriter.create({ roomNid, roomId, version: plan.rules }, events, (txn, room) =>
        writeRoom(txn, room, { ...plan, createdTs }),
      )
      return room.roomId
    } catch (error) {
      if (error instanceof MatrixError && error.code === 'M_FORBIDDEN') {
        throw new MatrixError('M_INVALID_ROOM_STATE', `The room cannot be made like this: ${error.message}`)
      }
      throw error
    }
  }

  async #plan(requester: Requester, request: CreateRoomRequest): Promise<RoomPlan> {
    const rules = roomVersion(request.room_version ?? defaultRoomVersion)
    if (rules === undefined) {
      throw new MatrixError(
        'M_UNSUPPORTED_ROOM_VERSION',
        `This server does not know room version ${request.room_version}.`,
      )
    }
    if ((request.invite_3pid ?? []).length > 0) {
      throw new MatrixError('M_FORBIDDEN', 'This server uses no identity server: invite people by their Matrix ids.')
    }
    if ((request.invite ?? []).length > invitesMax) {
      throw new MatrixError('M_INVALID_PARAM', `invite may name at most ${invitesMax} people; invite the others later.`)
    }
    if ((request.initial_state ?? []).length > initialStateEventsMax) {
      throw new MatrixError('M_INVALID_PARAM', `initial_state may have at most ${initialStateEventsMax} events.`)
    }
    const alias = request.room_alias_name
    const profile: JsonObject = await this.#profiles.memberFields(requester.userId)
    return {
      creator: requester.userId,
      profile,
      rules,
      alias: alias === undefined ? undefined : parseRoomAlias(`#${alias}:${this.#serverName}`),
      invitees: [...new Set(request.invite ?? [])].map((id) => parseUserId(id)),
      request,
    }
  }
}

async function writeRoom(txn: Transaction, room: Room, plan: RoomPlan & { readonly createdTs: number }): Promise<void> {
  const { roomNid, roomId } = room
  const { alias, creator, rules, request, createdTs } = plan
  const published = request.visibility === 'public'
  await insertRoom(txn, { roomNid, roomId, version: rules.version, createdTs, published })
  if (alias === undefined) return
  const free = await insertAlias(txn, { alias, roomNid, creator, createdTs })
  if (!free) throw new MatrixError('M_ROOM_IN_USE', `${alias} is taken by another room.`)
}
