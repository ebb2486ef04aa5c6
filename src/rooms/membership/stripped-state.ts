import type { UserId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'
import type { Room } from '../known-rooms.ts'
import type { RoomState } from '../room-state.ts'

/** What someone invited is told of a room that they cannot see yet. */
const strippedTypes: readonly string[] = [
  'm.room.create',
  'm.room.join_rules',
  'm.room.canonical_alias',
  'm.room.avatar',
  'm.room.name',
  'm.room.encryption',
  'm.room.topic',
]

interface StateLike {
  readonly type: string
  readonly sender: string
  readonly stateKey?: string | undefined
  readonly content: JsonObject
}

/**
 * Stripped state of a room as the text of a JSON list, from the events of its state: those that tell what the room is,
 * and its members among the given events, of which the inviter should be the only one.
 * https://spec.matrix.org/v1.19/client-server-api/#stripped-state
 */
export function strippedOf(state: readonly StateLike[]): string {
  return JSON.stringify(
    state
      .filter(({ type, stateKey }) => type === 'm.room.member' || (stateKey === '' && strippedTypes.includes(type)))
      .filter(({ type, content }) => type !== 'm.room.member' || content['membership'] === 'join')
      .map(({ type, sender, stateKey, content }) => ({ type, state_key: stateKey, sender, content })),
  )
}

/** The stripped state of a room now, as `inviter` presents it. Two queries at most. */
export async function strippedState(roomState: RoomState, room: Room, inviter: UserId): Promise<string> {
  const keys = [...strippedTypes.map((type) => ({ type, stateKey: '' })), { type: 'm.room.member', stateKey: inviter }]
  const rows = await roomState.eventsOf(room, keys)
  return strippedOf(
    rows.map((row) => {
      // Stored text is what this server has checked and signed or verified before.
      const pdu = JSON.parse(row.json) as { type: string; sender: string; state_key: string; content: JsonObject }
      return { type: pdu.type, sender: pdu.sender, stateKey: pdu.state_key, content: pdu.content }
    }),
  )
}
