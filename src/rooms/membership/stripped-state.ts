import type { UserId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'
import { redactedText } from '#protocol/redacted-text.ts'
import { printStrippedState, readStrippedState } from '#protocol/stripped-state.ts'
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
  readonly sender: UserId
  readonly stateKey?: string | undefined
  readonly content: JsonObject
}

/**
 * Stripped state of a room as the text of a JSON list, from the events of its state: those that tell what the room is,
 * and its members among the given events, of which the inviter should be the only one.
 * https://spec.matrix.org/v1.19/client-server-api/#stripped-state
 */
export function strippedOf(state: readonly StateLike[]): string {
  const told = state.flatMap(({ type, sender, stateKey, content }) => {
    const isTold = type === 'm.room.member' ? content['membership'] === 'join' : strippedTypes.includes(type)
    if (!isTold || stateKey === undefined || (type !== 'm.room.member' && stateKey !== '')) return []
    return [{ type, sender, stateKey, content }]
  })
  return JSON.stringify(printStrippedState(told))
}

/** The stripped state of a room now, redacted where it was, as `inviter` presents it. Two queries at most. */
export async function strippedState(roomState: RoomState, room: Room, inviter: UserId): Promise<string> {
  const keys = [...strippedTypes.map((type) => ({ type, stateKey: '' })), { type: 'm.room.member', stateKey: inviter }]
  const rows = await roomState.eventsOf(room, keys)
  const texts = rows.map((row) => (row.redactedBy === null ? row.json : redactedText(row.json, room.version)))
  return strippedOf(readStrippedState(texts.map((text) => JSON.parse(text) as JsonObject)))
}
