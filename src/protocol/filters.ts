import { MatrixError } from './errors.ts'
import { isRoomId, isUserId } from './identifiers.ts'
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts'

/** Entries of one list of a filter, at most. */
const listEntriesMax = 1_000

/** Which events are wanted. An absent list wants all. https://spec.matrix.org/v1.19/client-server-api/#filtering */
export interface EventFilter {
  readonly limit: number | undefined
  readonly types: readonly string[] | undefined
  readonly notTypes: readonly string[]
  readonly senders: readonly string[] | undefined
  readonly notSenders: readonly string[]
}

/** Which events of rooms are wanted, and how members are loaded. */
export interface RoomEventFilter extends EventFilter {
  readonly rooms: readonly string[] | undefined
  readonly notRooms: readonly string[]
  readonly containsUrl: boolean | undefined
  readonly lazyLoadMembers: boolean
  readonly includeRedundantMembers: boolean
  readonly unreadThreadNotifications: boolean
  /** Only events that something of these kinds, by these users, relates to (MSC3440). Who filters looks that up. */
  readonly relatedByRelTypes: readonly string[] | undefined
  readonly relatedBySenders: readonly string[] | undefined
}

/** A filter for syncs, every part filled in. */
export interface Filter {
  readonly eventFields: readonly string[] | undefined
  readonly eventFormat: 'client' | 'federation'
  readonly presence: EventFilter
  readonly accountData: EventFilter
  readonly room: {
    readonly rooms: readonly string[] | undefined
    readonly notRooms: readonly string[]
    readonly includeLeave: boolean
    readonly state: RoomEventFilter
    readonly timeline: RoomEventFilter
    readonly ephemeral: RoomEventFilter
    readonly accountData: RoomEventFilter
  }
}

/** What a filter looks at in an event. `hasUrl` is asked only when the filter wants to know. */
export interface FilteredEvent {
  readonly type: string
  readonly sender?: string | undefined
  readonly roomId?: string | undefined
  readonly hasUrl?: () => boolean
}

/**
 * Reads a filter for syncs; unknown keys mean nothing. Throws M_INVALID_PARAM naming the field that is wrong.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3useruseridfilter
 */
export function parseFilter(value: unknown): Filter {
  const filter = objectAt(value, 'the filter')
  const room = objectAt(filter['room'], 'room')
  const eventFormat = filter['event_format'] ?? 'client'
  if (eventFormat !== 'client' && eventFormat !== 'federation') throw wrong('event_format', 'client or federation')
  return {
    eventFields: textsAt(filter['event_fields'], 'event_fields'),
    eventFormat,
    presence: parseEventFilter(filter['presence'], 'presence'),
    accountData: parseEventFilter(filter['account_data'], 'account_data'),
    room: {
      rooms: textsAt(room['rooms'], 'room.rooms', isRoomId),
      notRooms: textsAt(room['not_rooms'], 'room.not_rooms', isRoomId) ?? [],
      includeLeave: flagAt(room['include_leave'], 'room.include_leave') ?? false,
      state: parseRoomEventFilter(room['state'], 'room.state'),
      timeline: parseRoomEventFilter(room['timeline'], 'room.timeline'),
      ephemeral: parseRoomEventFilter(room['ephemeral'], 'room.ephemeral'),
      accountData: parseRoomEventFilter(room['account_data'], 'room.account_data'),
    },
  }
}

/**
 * Reads a filter for the events of rooms, as `/messages` takes it. `name` stands in errors. Throws M_INVALID_PARAM
 * naming the field that is wrong.
 */
export function parseRoomEventFilter(value: unknown, name = 'filter'): RoomEventFilter {
  const filter = objectAt(value, name)
  return {
    ...parseEventFilter(filter, name),
    rooms: textsAt(filter['rooms'], `${name}.rooms`, isRoomId),
    notRooms: textsAt(filter['not_rooms'], `${name}.not_rooms`, isRoomId) ?? [],
    containsUrl: flagAt(filter['contains_url'], `${name}.contains_url`),
    lazyLoadMembers: flagAt(filter['lazy_load_members'], `${name}.lazy_load_members`) ?? false,
    includeRedundantMembers: flagAt(filter['include_redundant_members'], `${name}.include_redundant_members`) ?? false,
    unreadThreadNotifications: wantsThreadCounts(filter, name),
    relatedByRelTypes: textsAt(filter['related_by_rel_types'], `${name}.related_by_rel_types`),
    relatedBySenders: textsAt(filter['related_by_senders'], `${name}.related_by_senders`, isUserId),
  }
}

/** Older clients ask by the name of the proposal (MSC3773). */
function wantsThreadCounts(filter: JsonObject, name: string): boolean {
  const keys = ['unread_thread_notifications', 'org.matrix.msc3773.unread_thread_notifications']
  return keys.some((key) => flagAt(filter[key], `${name}.${key}`) ?? false)
}

function parseEventFilter(value: unknown, name: string): EventFilter {
  const filter = objectAt(value, name)
  const limit = filter['limit']
  if (limit !== undefined && (typeof limit !== 'number' || !Number.isSafeInteger(limit) || limit < 0))
    throw wrong(`${name}.limit`, 'an integer greater than 0')
  return {
    limit,
    types: textsAt(filter['types'], `${name}.types`),
    notTypes: textsAt(filter['not_types'], `${name}.not_types`) ?? [],
    senders: textsAt(filter['senders'], `${name}.senders`, isUserId),
    notSenders: textsAt(filter['not_senders'], `${name}.not_senders`, isUserId) ?? [],
  }
}

/** True when a filter says nothing about which events are wanted, so that none need be looked at. */
export function wantsAll(filter: EventFilter | RoomEventFilter): boolean {
  const noNames = filter.types === undefined && filter.senders === undefined
  if (!noNames || filter.notTypes.length > 0 || filter.notSenders.length > 0) return false
  if (!('rooms' in filter)) return true
  if (asksForRelations(filter)) return false
  return filter.rooms === undefined && filter.notRooms.length === 0 && filter.containsUrl === undefined
}

/** True when a filter wants only events to which others relate: `matches` does not know. */
export function asksForRelations(filter: RoomEventFilter): boolean {
  return filter.relatedByRelTypes !== undefined || filter.relatedBySenders !== undefined
}

/** True when the filter wants the event, as far as the event itself tells. What the filter asks and the event does not tell counts as not wanted. */
export function matches(filter: EventFilter | RoomEventFilter, event: FilteredEvent): boolean {
  const { type, sender, roomId } = event
  if (filter.notTypes.some((pattern) => matchesType(pattern, type))) return false
  if (filter.types?.some((pattern) => matchesType(pattern, type)) === false) return false
  if (sender !== undefined && filter.notSenders.includes(sender)) return false
  if (filter.senders !== undefined && (sender === undefined || !filter.senders.includes(sender))) return false
  if (!('rooms' in filter)) return true
  if (roomId !== undefined && !matchesRoom(filter, roomId)) return false
  return filter.containsUrl === undefined || filter.containsUrl === (event.hasUrl?.() ?? false)
}

/** True when the lists of rooms of a filter let this room through. */
export function matchesRoom(
  filter: { readonly rooms: readonly string[] | undefined; readonly notRooms: readonly string[] },
  roomId: string,
): boolean {
  return !filter.notRooms.includes(roomId) && filter.rooms?.includes(roomId) !== false
}

/** True when a type fits a pattern, in which `*` stands for any run of characters. Linear for each star. */
function matchesType(pattern: string, type: string): boolean {
  const [first = '', ...rest] = pattern.split('*')
  const last = rest.pop()
  if (last === undefined) return pattern === type
  if (!type.startsWith(first) || !type.endsWith(last) || type.length < first.length + last.length) return false
  let from = first.length
  for (const part of rest) {
    const at = type.indexOf(part, from)
    if (at < 0) return false
    from = at + part.length
  }
  return from <= type.length - last.length
}

function objectAt(value: unknown, name: string): JsonObject {
  if (value === undefined) return {}
  if (!isJsonObject(value)) throw wrong(name, 'an object')
  return value
}

function flagAt(value: JsonValue | undefined, name: string): boolean | undefined {
  if (value !== undefined && typeof value !== 'boolean') throw wrong(name, 'true or false')
  return value
}

function textsAt(
  value: JsonValue | undefined,
  name: string,
  isFit: (text: string) => boolean = () => true,
): readonly string[] | undefined {
  if (value === undefined) return undefined
  if (!Array.isArray(value)) throw wrong(name, 'a list')
  if (value.length > listEntriesMax) throw wrong(name, `a list of ${listEntriesMax} entries at most`)
  const texts: string[] = []
  for (const entry of value as readonly JsonValue[]) {
    if (typeof entry !== 'string' || !isFit(entry)) throw wrong(name, 'a list of valid names')
    texts.push(entry)
  }
  return texts
}

function wrong(name: string, wanted: string): MatrixError {
  return new MatrixError('M_INVALID_PARAM', `In the filter, ${name} must be ${wanted}.`)
}
