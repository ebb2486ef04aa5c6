import assert from 'node:assert/strict'
import { checkAuth, type Verdict } from '#protocol/auth-rules.ts'
import type { Event } from '#protocol/event.ts'
import type { JsonObject } from '#protocol/json.ts'
import { roomVersion, type RoomVersionRules } from '#protocol/room-versions.ts'
import { aMember, anEvent, stateOf, type EventWish } from './events.ts'

export const alice = '@alice:a.example'
export const bob = '@bob:b.example'
export const carol = '@carol:a.example'
export const dave = '@dave:b.example'

/** The rules of a room version that must be known. */
export function rulesOf(version: string): RoomVersionRules {
  const rules = roomVersion(version)
  assert.ok(rules)
  return rules
}

/** A room that alice made, in which bob (level 0) is: its version, its create event, and ways to add to it. */
export function aRoom(
  version: string,
  extra: { create?: JsonObject; levels?: JsonObject | null; joinRule?: string } = {},
) {
  const rules = rulesOf(version)
  const createId = '$create:a.example'
  const roomId = rules.roomIdIsCreateId ? '!create:a.example' : '!room:a.example'
  const content = { room_version: version, ...(rules.creatorIsSender ? {} : { creator: alice }), ...extra.create }
  const pdu = rules.roomIdIsCreateId ? { content } : { content, room_id: roomId }
  const create = anEvent({ type: 'm.room.create', stateKey: '', content, roomId, eventId: createId, pdu })
  const events: Event[] = [
    create,
    aMember('join', alice, { roomId }),
    aMember('join', bob, { roomId }),
    anEvent({ roomId, type: 'm.room.join_rules', stateKey: '', content: { join_rule: extra.joinRule ?? 'invite' } }),
  ]
  const users = rules.creatorsAbovePower ? {} : { [alice]: 100 }
  if (extra.levels !== null) {
    const levels = { users, ...extra.levels }
    events.push(anEvent({ roomId, type: 'm.room.power_levels', stateKey: '', content: levels }))
  }
  return {
    rules,
    roomId,
    create,
    with: (...more: Event[]) => void events.push(...more),
    check: (event: Event): Verdict => checkAuth({ ...event, roomId: event.roomId }, stateOf(...events), rules),
    event: (wish: EventWish) => anEvent({ roomId, ...wish }),
    member: (membership: string, sender: string, target = sender, content: JsonObject = {}) =>
      aMember(membership, sender, { roomId, target, content }),
  }
}

/** Fails unless the event is allowed. */
export function assertAllowed(verdict: Verdict): void {
  assert.deepEqual(verdict, { allowed: true })
}

/** Fails unless the event is rejected, with words, and by this rule if one is given. */
export function assertRejected(verdict: Verdict, rule?: string): void {
  assert.ok(!verdict.allowed)
  assert.notEqual(verdict.reason, '')
  if (rule !== undefined) assert.equal(verdict.rule, rule)
}
