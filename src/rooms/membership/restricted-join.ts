import { isRoomId, type UserId } from '#protocol/identifiers.ts'
import { isJsonObject, type JsonObject } from '#protocol/json.ts'
import type { KnownRooms, Room } from '../known-rooms.ts'
import type { Memberships } from '../memberships.ts'
import type { RoomPowers } from '../power-levels.ts'
import type { RoomState } from '../room-state.ts'

/** Rooms named by a join rule beyond these are not looked at. */
const allowedRoomsMax = 50

interface Deps {
  readonly knownRooms: KnownRooms
  readonly roomState: RoomState
  readonly memberships: Memberships
  readonly powers: RoomPowers
}

/**
 * For a room that admits the members of other rooms: the member of ours on whose word the user may join, or undefined
 * when the room's rule is another one, or the user is in none of those rooms, or nobody of ours may invite. The auth
 * rules then decide as for any other join. https://spec.matrix.org/v1.19/client-server-api/#restricted-rooms
 */
export async function restrictedJoin(
  join: { readonly room: Room; readonly userId: UserId },
  deps: Deps,
): Promise<UserId | undefined> {
  const { room, userId } = join
  const row = await deps.roomState.event(room, 'm.room.join_rules', '')
  if (row === undefined) return undefined
  const { content } = JSON.parse(row.json) as { content: JsonObject }
  const rule = content['join_rule']
  const restricted =
    (rule === 'restricted' && room.version.restricted) || (rule === 'knock_restricted' && room.version.knockRestricted)
  if (!restricted || !(await isInOneOf(content['allow'], userId, deps))) return undefined
  const levels = await deps.powers.of(room)
  const required = levels.named('invite')
  for (const member of await deps.memberships.localMembers(room.roomNid)) {
    if (levels.user(member) >= required) return member
  }
  return undefined
}

async function isInOneOf(allow: unknown, userId: UserId, deps: Deps): Promise<boolean> {
  if (!Array.isArray(allow)) return false
  const memberships = await deps.memberships.of(userId)
  for (const entry of (allow as unknown[]).slice(0, allowedRoomsMax)) {
    if (!isJsonObject(entry) || entry['type'] !== 'm.room_membership') continue
    const roomId = entry['room_id']
    // Rooms in use are in memory: this asks the database at most once in the life of each.
    const room = isRoomId(roomId) ? await deps.knownRooms.byId(roomId) : undefined
    if (room !== undefined && memberships.get(room.roomNid)?.membership === 'join') return true
  }
  return false
}
