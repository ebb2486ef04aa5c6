import { LruCache } from '#base/lru-cache.ts'
import type { RoomId, UserId } from '#protocol/identifiers.ts'
import type { Requester } from '#users/requester.ts'

/** How many (device, room) pairs are remembered, and how many members in each. */
const roomsMax = 50_000
const membersOfRoomMax = 500

/**
 * Which members each device has been told of in each room, so that a lazily loading client is not told again. What an
 * answer tells counts from the position of that answer on: a client that never got it asks again from an earlier
 * position, and is told again. https://spec.matrix.org/v1.19/client-server-api/#lazy-loading-room-members
 */
export class SentMembers {
  /** By member, the position of the answer that told of them. */
  readonly #rooms = new LruCache<string, Map<UserId, number>>(roomsMax, 'sent_members')

  /** True when the device knows the member from an answer that ended at or before `position`. */
  knows(requester: Requester, roomId: RoomId, member: UserId, position: number): boolean {
    const sentAt = this.#rooms.get(nameOf(requester, roomId))?.get(member)
    return sentAt !== undefined && sentAt <= position
  }

  /** Notes that an answer that ends at `position` tells of these members. */
  note(requester: Requester, roomId: RoomId, members: Iterable<UserId>, position: number): void {
    const name = nameOf(requester, roomId)
    const sent = this.#rooms.get(name) ?? new Map<UserId, number>()
    this.#rooms.set(name, sent)
    for (const member of members) {
      if (!sent.has(member)) sent.set(member, position)
      if (sent.size <= membersOfRoomMax) continue
      for (const oldest of sent.keys()) {
        sent.delete(oldest)
        break
      }
    }
  }

  /** Forgets what the device knows of a room: it begins anew. */
  forget(requester: Requester, roomId: RoomId): void {
    this.#rooms.delete(nameOf(requester, roomId))
  }
}

function nameOf(requester: Requester, roomId: RoomId): string {
  return `${requester.userId} ${requester.deviceId} ${roomId}`
}
