import { aMember, anEvent } from '../../test/events.ts'
import type { Event } from '#protocol/event.ts'
import type { EventId } from '#protocol/identifiers.ts'
import { defaultRoomVersion, roomVersion, type RoomVersionRules } from '#protocol/room-versions.ts'
import { stateKeyText } from '#protocol/state-key.ts'
import { resolveState, type StateMap } from '#protocol/state-resolution.ts'
import { type CoreScenario, microseconds } from '../kit/core-scenario.ts'

const roomMembers = 13_000

/** The rules of the room version that new rooms have. */
export function defaultRules(): RoomVersionRules {
  const rules = roomVersion(defaultRoomVersion)
  if (rules === undefined) throw new Error('the default room version is not known')
  return rules
}

/** A room of many members, and two states of it that differ in some of them. */
function twoStates(conflicts: number): { states: StateMap[]; find: (eventId: EventId) => Event | undefined } {
  const roomId = '!create:a'
  const sender = '@maker:a.example'
  const create = anEvent({ type: 'm.room.create', eventId: '$create:a', roomId, stateKey: '', sender })
  const levels = anEvent({ type: 'm.room.power_levels', roomId, stateKey: '' })
  const open = anEvent({ type: 'm.room.join_rules', roomId, stateKey: '', content: { join_rule: 'public' } })
  const events = new Map<EventId, Event>()
  const common = new Map<string, EventId>()
  const put = (into: Map<string, EventId>, added: Event): Event => {
    events.set(added.eventId, added)
    into.set(stateKeyText(added.type, added.stateKey ?? ''), added.eventId)
    return added
  }
  for (const part of [create, levels, open]) put(common, part)
  const authEvents = [levels, open]
  const members = Array.from({ length: roomMembers }, (_, index) =>
    put(common, aMember('join', `@user${index}:a`, { roomId, authEvents })),
  )
  const states = [0, 1].map((side) => {
    const own = new Map(common)
    for (const member of members.slice(0, conflicts)) {
      const content = { displayname: `name ${side}` }
      put(own, aMember('join', member.sender, { roomId, content, authEvents: [levels, open, member] }))
    }
    return own
  })
  return { states, find: (id) => events.get(id) }
}

function resolveMs(conflicts: number): number {
  const rules = defaultRules()
  const { states, find } = twoStates(conflicts)
  return microseconds(5, () => resolveState(states, { event: find, isRejected: () => false }, rules)) / 1000
}

/** Two states of a large room, by how many of its members they disagree about; each twice, once in either state. */
export const resolutionScenario: CoreScenario = {
  name: 'protocol-state',
  about: `resolving two states of ${roomMembers} members`,
  targets: { differ50Ms: { max: 20 }, conflicted1000Ms: { max: 100 }, conflicted10000Ms: { max: 1_000 } },
  run: () => ({
    differ50Ms: resolveMs(50),
    conflicted1000Ms: resolveMs(500),
    conflicted10000Ms: resolveMs(5_000),
  }),
}
