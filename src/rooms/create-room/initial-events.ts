import { MatrixError } from '#protocol/errors.ts'
import { isUserId, type RoomAlias, type UserId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'
import type { RoomVersionRules } from '#protocol/room-versions.ts'
import type { ProposedEvent } from '../room-writer/proposed-event.ts'

/** A client's wish for a new room: the body of `/createRoom`, its shapes checked. */
export interface CreateRoomRequest {
  readonly visibility?: 'public' | 'private'
  readonly room_alias_name?: string
  readonly name?: string
  readonly topic?: string
  readonly invite?: readonly string[]
  readonly invite_3pid?: readonly unknown[]
  readonly room_version?: string
  readonly creation_content?: JsonObject
  readonly initial_state?: readonly {
    readonly type: string
    readonly state_key?: string
    readonly content: JsonObject
  }[]
  readonly preset?: 'private_chat' | 'public_chat' | 'trusted_private_chat'
  readonly is_direct?: boolean
  readonly power_level_content_override?: JsonObject
}

/** What the request means once ids are parsed and names are looked up. */
export interface RoomPlan {
  readonly creator: UserId
  /** The creator's profile, as it stands in member events. */
  readonly profile: JsonObject
  readonly rules: RoomVersionRules
  readonly alias: RoomAlias | undefined
  readonly invitees: readonly UserId[]
  readonly request: CreateRoomRequest
}

const presets = {
  private_chat: { joinRule: 'invite', guestAccess: 'can_join', inviteLevel: 0 },
  trusted_private_chat: { joinRule: 'invite', guestAccess: 'can_join', inviteLevel: 0 },
  public_chat: { joinRule: 'public', guestAccess: 'forbidden', inviteLevel: 50 },
} as const

type PresetName = keyof typeof presets

/**
 * The events of a new room up to its invites, in the order of the specification: create, the creator's join, power
 * levels, canonical alias, what the preset says, initial state, name, topic. State given by the client takes the place
 * of what the preset would say. https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3createroom
 * @throws MatrixError M_INVALID_PARAM, M_INVALID_ROOM_STATE for content that cannot stand in a room.
 */
export function initialEvents(plan: RoomPlan): ProposedEvent[] {
  const { creator, request } = plan
  const preset: PresetName = request.preset ?? (request.visibility === 'public' ? 'public_chat' : 'private_chat')
  const state = (type: string, content: JsonObject, stateKey = ''): ProposedEvent => ({
    type,
    sender: creator,
    stateKey,
    content,
  })
  const given = (request.initial_state ?? []).map((entry) => state(entry.type, entry.content, entry.state_key ?? ''))
  const isGiven = (type: string): boolean => given.some((event) => event.type === type && event.stateKey === '')
  const events = [
    state('m.room.create', createContent(plan, preset)),
    state('m.room.member', { ...plan.profile, membership: 'join' }, creator),
    state('m.room.power_levels', powerLevels(plan, preset)),
  ]
  if (plan.alias !== undefined) events.push(state('m.room.canonical_alias', { alias: plan.alias }))
  const { joinRule, guestAccess } = presets[preset]
  const ofPreset = [
    state('m.room.join_rules', { join_rule: joinRule }),
    state('m.room.history_visibility', { history_visibility: 'shared' }),
    state('m.room.guest_access', { guest_access: guestAccess }),
  ]
  events.push(...ofPreset.filter((event) => !isGiven(event.type)), ...given)
  if (request.name !== undefined) events.push(state('m.room.name', { name: request.name }))
  if (request.topic !== undefined) {
    const blocks = { 'm.text': [{ mimetype: 'text/plain', body: request.topic }] }
    events.push(state('m.room.topic', { topic: request.topic, 'm.topic': blocks }))
  }
  return events
}

/** https://spec.matrix.org/v1.19/client-server-api/#mroomcreate */
function createContent(plan: RoomPlan, preset: PresetName): JsonObject {
  const { rules, creator, request, invitees } = plan
  const content: Record<string, JsonObject[string]> = { ...request.creation_content, room_version: rules.version }
  delete content['creator']
  if (!rules.creatorIsSender) content['creator'] = creator
  const additional = content['additional_creators']
  if (rules.creatorsAbovePower && preset === 'trusted_private_chat') {
    const named = Array.isArray(additional) ? (additional as readonly JsonObject[string][]) : []
    content['additional_creators'] = [...new Set([...named, ...invitees])].filter((id) => id !== creator) as string[]
  }
  const creators = content['additional_creators']
  if (rules.creatorsAbovePower && creators !== undefined) {
    if (!Array.isArray(creators) || !(creators as readonly unknown[]).every(isUserId)) {
      throw new MatrixError('M_INVALID_PARAM', 'additional_creators must be a list of user ids.')
    }
  }
  return content
}

/**
 * The room's first power levels: those of the preset, with the client's own on top, whole keys at a time.
 * https://spec.matrix.org/v1.19/client-server-api/#mroompower_levels
 */
function powerLevels(plan: RoomPlan, preset: PresetName): JsonObject {
  const { rules, creator, request, invitees } = plan
  const users: Record<string, number> = {}
  if (!rules.creatorsAbovePower) {
    users[creator] = 100
    if (preset === 'trusted_private_chat') for (const invitee of invitees) users[invitee] = 100
  }
  return {
    users,
    users_default: 0,
    events: {
      'm.room.name': 50,
      'm.room.avatar': 50,
      'm.room.canonical_alias': 50,
      'm.room.power_levels': 100,
      'm.room.history_visibility': 100,
      'm.room.server_acl': 100,
      'm.room.encryption': 100,
      // Where creators stand above every level, replacing the room is theirs alone unless they say otherwise.
      'm.room.tombstone': rules.creatorsAbovePower ? 150 : 100,
    },
    events_default: 0,
    state_default: 50,
    ban: 50,
    kick: 50,
    redact: 50,
    invite: presets[preset].inviteLevel,
    historical: 100,
    ...request.power_level_content_override,
  }
}
