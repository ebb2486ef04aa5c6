import { LruCache } from '#base/lru-cache.ts'
import { MatrixError } from '#protocol/errors.ts'
import { parseRoomId, type RoomId } from '#protocol/identifiers.ts'
import { roomVersion, type RoomVersionRules } from '#protocol/room-versions.ts'
import { roomById, roomsByNids, type RoomRow } from '#storage/rooms.ts'
import type { Database } from '#storage/transaction.ts'

/** A room: its integer id here, its Matrix id, and the rules of its version. */
export interface Room {
  readonly roomNid: number
  readonly roomId: RoomId
  readonly version: RoomVersionRules
}

const knownRoomsMax = 20_000

/** Finds rooms by either id. Neither id nor version of a room ever changes, so what was found stays in memory. */
export class KnownRooms {
  readonly #database: Database
  readonly #byId = new LruCache<RoomId, Room>(knownRoomsMax, 'rooms')
  readonly #byNid = new LruCache<number, Room>(knownRoomsMax, 'rooms')

  constructor(deps: { readonly database: Database }) {
    this.#database = deps.database
  }

  /** The room with this Matrix id, or undefined when this server has no part in it. */
  async byId(roomId: RoomId): Promise<Room | undefined> {
    const known = this.#byId.get(roomId)
    if (known !== undefined) return known
    const row = await this.#database.runInteraction('room_by_id', (txn) => roomById(txn, roomId), { readOnly: true })
    return row === undefined ? undefined : this.#remember(row)
  }

  /**
   * The room with this Matrix id, for a request that is nothing without it.
   * @throws MatrixError M_FORBIDDEN, the same as for a room that the requester is not in: whether a room exists is
   *   nobody's business but its members'.
   */
  async require(roomId: RoomId): Promise<Room> {
    const room = await this.byId(roomId)
    if (room === undefined) throw new MatrixError('M_FORBIDDEN', 'You are not in this room.')
    return room
  }

  /** The rooms with these integer ids, by them. One query at most. */
  async byNids(roomNids: Iterable<number>): Promise<ReadonlyMap<number, Room>> {
    const rooms = new Map<number, Room>()
    const unknown: number[] = []
    for (const nid of roomNids) {
      const known = this.#byNid.get(nid)
      if (known === undefined) unknown.push(nid)
      else rooms.set(nid, known)
    }
    if (unknown.length > 0) {
      const rows = await this.#database.runInteraction('rooms_by_nids', (txn) => roomsByNids(txn, unknown), {
        readOnly: true,
      })
      for (const row of rows) rooms.set(row.roomNid, this.#remember(row))
    }
    return rooms
  }

  /** Forgets a room that has been deleted. */
  forget(room: Room): void {
    this.#byId.delete(room.roomId)
    this.#byNid.delete(room.roomNid)
  }

  #remember(row: RoomRow): Room {
    const room = roomOf(row)
    this.#byId.set(room.roomId, room)
    this.#byNid.set(room.roomNid, room)
    return room
  }
}

/** A room of its stored row. */
export function roomOf(row: RoomRow): Room {
  const version = roomVersion(row.version)
  if (version === undefined) throw new Error(`room ${row.roomId} has the unknown version ${row.version}`)
  return { roomNid: row.roomNid, roomId: parseRoomId(row.roomId), version }
}
