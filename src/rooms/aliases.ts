import type { Clock } from '#base/clock.ts'
import { MatrixError } from '#protocol/errors.ts'
import {
  isRoomAlias,
  parseRoomAlias,
  parseRoomId,
  parseServerName,
  serverNameOf,
  type RoomAlias,
  type RoomId,
  type ServerName,
  type UserId,
} from '#protocol/identifiers.ts'
import { isJsonObject, type JsonObject } from '#protocol/json.ts'
import { jsonMember } from '#protocol/json-members.ts'
import type { PowerLevels } from '#protocol/power-levels.ts'
import { aliasByName, aliasesOfRoom, deleteAlias, insertAlias } from '#storage/room-aliases.ts'
import { holdsRoom } from '#storage/rooms.ts'
import { joinedServers } from '#storage/room-members.ts'
import type { Database } from '#storage/transaction.ts'
import type { Requester } from '#users/requester.ts'
import type { KnownRooms, Room } from './known-rooms.ts'
import type { RoomAccess } from './room-access.ts'
import type { RoomState } from './room-state.ts'

/** Servers that are named to join a room through. */
const serversMax = 20
/** Aliases that one canonical alias event may name. */
const canonicalAliasesMax = 100

/** The names of rooms on this server. https://spec.matrix.org/v1.19/client-server-api/#room-aliases */
export class Aliases {
  readonly #deps: {
    readonly database: Database
    readonly knownRooms: KnownRooms
    readonly roomAccess: RoomAccess
    readonly roomState: RoomState
    readonly powers: { of(room: Room): Promise<PowerLevels> }
    readonly serverName: ServerName
    readonly clock: Clock
  }

  constructor(deps: {
    readonly database: Database
    readonly knownRooms: KnownRooms
    readonly roomAccess: RoomAccess
    readonly roomState: RoomState
    readonly powers: { of(room: Room): Promise<PowerLevels> }
    readonly serverName: ServerName
    readonly clock: Clock
  }) {
    this.#deps = deps
  }

  /** The room of an alias and the servers through which it can be joined. Throws M_NOT_FOUND when there is none. */
  async resolve(alias: RoomAlias): Promise<{ readonly room: Room; readonly servers: readonly ServerName[] }> {
    const { database, serverName } = this.#deps
    const room = await this.#find(alias)
    if (room === undefined) throw new MatrixError('M_NOT_FOUND', `Room alias ${alias} not found.`)
    const joined = await database.runInteraction(
      'joined_servers',
      (txn) => joinedServers(txn, room.roomNid, serversMax),
      { readOnly: true },
    )
    // Ours first: it knows the alias, and whoever asks is here.
    return { room, servers: [serverName, ...joined.filter((server) => server !== serverName)].map(parseServerName) }
  }

  /**
   * The room that an id or alias names, for those who want to come in. Throws M_NOT_FOUND when this server knows none,
   * M_INVALID_PARAM when it is neither id nor alias.
   */
  async room(idOrAlias: string): Promise<Room> {
    if (idOrAlias.startsWith('#')) return (await this.resolve(parseRoomAlias(idOrAlias))).room
    const room = await this.#deps.knownRooms.byId(parseRoomId(idOrAlias))
    if (room === undefined) throw new MatrixError('M_NOT_FOUND', 'This server knows no such room.')
    return room
  }

  /**
   * Names a room. Throws M_INVALID_PARAM for an alias of another server, M_FORBIDDEN when the requester is not in the
   * room, M_UNKNOWN (409) when the name is taken.
   */
  async create(requester: Requester, alias: RoomAlias, roomId: RoomId): Promise<void> {
    const { serverName, roomAccess, database, clock } = this.#deps
    if (serverNameOf(alias) !== serverName)
      throw new MatrixError('M_INVALID_PARAM', `Aliases made here end in :${serverName}.`)
    const { roomNid } = await roomAccess.joined(requester.userId, roomId)
    const row = { alias, roomNid, creator: requester.userId, createdTs: clock.now() }
    const isNew = await database.runInteraction('create_alias', async (txn) => {
      if (!(await holdsRoom(txn, roomNid))) throw new MatrixError('M_NOT_FOUND', 'This room has been deleted.')
      return insertAlias(txn, row)
    })
    if (!isNew) throw new MatrixError('M_UNKNOWN', `Room alias ${alias} already exists.`, { status: 409 })
  }

  /**
   * Takes a name from its room: for who gave it, who may set the room's canonical alias, and administrators. Throws
   * M_NOT_FOUND when there is none, M_FORBIDDEN for others.
   */
  async delete(requester: Requester, alias: RoomAlias): Promise<void> {
    const { database } = this.#deps
    const row = await database.runInteraction('alias_by_name', (txn) => aliasByName(txn, alias), { readOnly: true })
    const room = await this.#find(alias)
    if (row === undefined || room === undefined) throw new MatrixError('M_NOT_FOUND', `Room alias ${alias} not found.`)
    const allowed =
      row.creator === requester.userId || requester.isAdmin || (await this.#mayManage(requester.userId, room))
    if (!allowed) throw new MatrixError('M_FORBIDDEN', 'Only who made an alias, or a moderator, may delete it.')
    await database.runInteraction('delete_alias', (txn) => deleteAlias(txn, alias))
  }

  /** The names of a room on this server. Throws M_FORBIDDEN when the user may not look into the room. */
  async ofRoom(userId: UserId, roomId: RoomId): Promise<readonly string[]> {
    const access = await this.#deps.roomAccess.read(userId, roomId)
    if (access.standing === 'left') throw new MatrixError('M_FORBIDDEN', 'You are not in this room.')
    const rows = await this.#deps.database.runInteraction(
      'aliases_of_room',
      (txn) => aliasesOfRoom(txn, access.room.roomNid),
      { readOnly: true },
    )
    return rows.map((row) => row.alias)
  }

  /**
   * Checks the content of a canonical alias event that is to be sent: every alias that the present one does not have
   * must be one of this room. Throws M_INVALID_PARAM for what is no alias, M_BAD_ALIAS for one of no or another room.
   * https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidstateeventtypestatekey
   */
  async checkCanonical(room: Room, content: JsonObject): Promise<void> {
    const present = await this.#deps.roomState.event(room, 'm.room.canonical_alias', '')
    const before: unknown = JSON.parse(jsonMember(present?.json ?? '{}', 'content') ?? '{}')
    const known = new Set(isJsonObject(before) ? aliasesIn(before) : [])
    const named = new Set(aliasesIn(content).filter((alias) => !known.has(alias)))
    if (named.size > canonicalAliasesMax)
      throw new MatrixError('M_INVALID_PARAM', `At most ${canonicalAliasesMax} aliases can be added at once.`)
    for (const alias of named) {
      if (!isRoomAlias(alias)) throw new MatrixError('M_INVALID_PARAM', 'The aliases must be texts like #name:server.')
      const found = await this.#find(alias)
      if (found?.roomNid !== room.roomNid)
        throw new MatrixError('M_BAD_ALIAS', `The alias ${alias} does not point to this room.`)
    }
  }

  async #find(alias: RoomAlias): Promise<Room | undefined> {
    const row = await this.#deps.database.runInteraction('alias_by_name', (txn) => aliasByName(txn, alias), {
      readOnly: true,
    })
    return row === undefined ? undefined : (await this.#deps.knownRooms.byNids([row.roomNid])).get(row.roomNid)
  }

  async #mayManage(userId: UserId, room: Room): Promise<boolean> {
    const levels = await this.#deps.powers.of(room)
    return levels.user(userId) >= levels.required('m.room.canonical_alias', true)
  }
}

/** What a canonical alias event names; things that are no texts too, for the check to find. */
function aliasesIn(content: JsonObject): unknown[] {
  const { alias, alt_aliases: others } = content
  const first = alias === undefined || alias === null || alias === '' ? [] : [alias]
  if (others === undefined) return first
  return [...first, ...(Array.isArray(others) ? (others as unknown[]) : [others])]
}
