import type { Event } from './event.ts'
import { isJsonObject, type JsonValue } from './json.ts'
import type { RoomVersionRules } from './room-versions.ts'

/** The levels that stand by themselves in the content of `m.room.power_levels`, and what they are when missing. */
export const namedLevelDefaults = {
  users_default: 0,
  events_default: 0,
  state_default: 50,
  ban: 50,
  redact: 50,
  kick: 50,
  invite: 0,
} as const

export type NamedLevel = keyof typeof namedLevelDefaults

/** The level of a creator where creators stand above every level (room version 12). */
export const creatorLevel = Number.POSITIVE_INFINITY
/** The level of the creator of a room without power levels (before room version 12). */
const creatorLevelWithoutPowerLevels = 100

/** Finds an event of a room's state. */
export type StateLookup = (type: string, stateKey: string) => Event | undefined

const levelText = /^\s*[+-]?[0-9]+\s*$/

/**
 * A level as written in power levels, or undefined when this room version cannot read it: integers always; up to
 * version 9 also strings that are an integer; up to version 5 also fractions, cut at the point.
 * https://spec.matrix.org/v1.19/rooms/v1/#mroompower_levels-events-accept-values-as-strings
 */
export function readLevel(value: JsonValue | undefined, rules: RoomVersionRules): number | undefined {
  if (typeof value === 'number') {
    if (rules.strictCanonicalJson ? Number.isSafeInteger(value) : Number.isInteger(value)) return value
    return rules.levelsWritten === 'loose' && Number.isFinite(value) ? Math.trunc(value) : undefined
  }
  if (typeof value !== 'string' || rules.levelsWritten === 'integers' || !levelText.test(value)) return undefined
  const level = Number(value.trim())
  return Number.isFinite(level) ? level : undefined
}

/** The entries of a map of levels (`users`, `events`, `notifications`) that can be read; none when it is no object. */
export function readLevels(value: JsonValue | undefined, rules: RoomVersionRules): ReadonlyMap<string, number> {
  const levels = new Map<string, number>()
  if (!isJsonObject(value)) return levels
  for (const key of Object.keys(value)) {
    const level = readLevel(value[key], rules)
    if (level !== undefined) levels.set(key, level)
  }
  return levels
}

/**
 * Those who made the room: the sender of its create event with the additional creators it names (room version 12), the
 * sender alone (11), or `content.creator` (before). Their order has no meaning.
 * https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules
 */
export function creatorsOf(create: Event, rules: RoomVersionRules): ReadonlySet<string> {
  if (!rules.creatorIsSender) {
    const creator = create.content['creator']
    return new Set(typeof creator === 'string' ? [creator] : [])
  }
  const creators = new Set<string>([create.sender])
  const additional = rules.creatorsAbovePower ? create.content['additional_creators'] : undefined
  if (Array.isArray(additional)) {
    for (const creator of additional as readonly JsonValue[]) if (typeof creator === 'string') creators.add(creator)
  }
  return creators
}

/** Who may do what in a room, as its power levels and its create event say. Made by `powerLevelsOf`. */
export class PowerLevels {
  readonly #named: Readonly<Record<NamedLevel, number>>
  readonly #users: ReadonlyMap<string, number>
  readonly #events: ReadonlyMap<string, number>
  readonly #notifications: ReadonlyMap<string, number>
  /** Levels that come from having made the room; they go before all others. */
  readonly #creators: ReadonlySet<string>
  readonly #creatorLevel: number

  constructor(powerLevels: Event | undefined, create: Event | undefined, rules: RoomVersionRules) {
    const content = powerLevels?.content ?? {}
    const named: Record<NamedLevel, number> = { ...namedLevelDefaults }
    for (const name of Object.keys(namedLevelDefaults) as NamedLevel[]) {
      named[name] = readLevel(content[name], rules) ?? namedLevelDefaults[name]
    }
    this.#named = named
    this.#users = readLevels(content['users'], rules)
    this.#events = readLevels(content['events'], rules)
    this.#notifications = readLevels(content['notifications'], rules)
    const creatorsCount = rules.creatorsAbovePower || powerLevels === undefined
    this.#creators = creatorsCount && create !== undefined ? creatorsOf(create, rules) : new Set()
    this.#creatorLevel = rules.creatorsAbovePower ? creatorLevel : creatorLevelWithoutPowerLevels
  }

  /** The level of a user, in the room or not. Infinity for creators from room version 12. */
  user(userId: string): number {
    if (this.#creators.has(userId)) return this.#creatorLevel
    return this.#users.get(userId) ?? this.#named.users_default
  }

  /** The level that sending an event of this type needs. Membership events and redactions have further rules. */
  required(type: string, isState: boolean): number {
    return this.#events.get(type) ?? (isState ? this.#named.state_default : this.#named.events_default)
  }

  /** The level that banning, kicking, inviting, redacting … needs. */
  named(name: NamedLevel): number {
    return this.#named[name]
  }

  /** The level that a notification such as `room` needs: 50 unless set. */
  notification(name: string): number {
    return this.#notifications.get(name) ?? 50
  }
}

const cache = new WeakMap<Event, { readonly createId: string | undefined; readonly levels: PowerLevels }>()

/**
 * Reads power levels and create event of one room, either of which may be missing. Read once per event object: every
 * event of a room is checked against the same few.
 * https://spec.matrix.org/v1.19/client-server-api/#mroompower_levels
 */
export function powerLevelsOf(
  powerLevels: Event | undefined,
  create: Event | undefined,
  rules: RoomVersionRules,
): PowerLevels {
  const holder = powerLevels ?? create
  if (holder === undefined) return new PowerLevels(undefined, undefined, rules)
  const known = cache.get(holder)
  if (known !== undefined && known.createId === create?.eventId) return known.levels
  const levels = new PowerLevels(powerLevels, create, rules)
  cache.set(holder, { createId: create?.eventId, levels })
  return levels
}

/** The power levels in a state. */
export function powerLevelsIn(state: StateLookup, rules: RoomVersionRules): PowerLevels {
  return powerLevelsOf(state('m.room.power_levels', ''), state('m.room.create', ''), rules)
}

/** The level of a user in a state. */
export function powerLevelOf(userId: string, state: StateLookup, rules: RoomVersionRules): number {
  return powerLevelsIn(state, rules).user(userId)
}

/** The level that sending an event of this type needs in a state. */
export function requiredLevel(type: string, isState: boolean, state: StateLookup, rules: RoomVersionRules): number {
  return powerLevelsIn(state, rules).required(type, isState)
}
