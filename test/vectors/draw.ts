/**
 * Draws rooms at random and prints them for `judge.py`, which writes the verdicts of other homeservers beside them:
 * `node test/vectors/draw.ts [seed] | python3 test/vectors/judge.py`. The same seed draws the same.
 */
import { authEventKeys, checkAuth } from '#protocol/auth-rules.ts'
import { buildEvent } from '#protocol/build-event.ts'
import { sha256 } from '#protocol/crypto.ts'
import type { Event } from '#protocol/event.ts'
import { parseRoomId, parseUserId, serverNameOf, type EventId, type RoomId } from '#protocol/identifiers.ts'
import type { JsonObject, JsonValue } from '#protocol/json.ts'
import { knownRoomVersions, roomVersion, type RoomVersionRules } from '#protocol/room-versions.ts'
import { newSigningKey } from '#protocol/signing-keys.ts'
import { stateKeyText } from '#protocol/state-key.ts'
import { resolveState, type StateMap } from '#protocol/state-resolution.ts'

const formsPerVersion = 10
const authRoomsPerVersion = 9
const authCasesPerRoom = 6
/** By algorithm: the ten versions in the middle share one. */
const forksPerVersion = { v1: 8, v2: 2, 'v2.1': 8 } as const
const resolutionsPerFork = 5
const historyLength = 30

let seed = Number(process.argv[2] ?? 12)

/** A number from 0 to below `limit`. */
function draw(limit: number): number {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  return Math.floor((seed / 2 ** 32) * limit)
}

function oneOf<T>(values: readonly T[]): T {
  const value = values[draw(values.length)]
  if (value === undefined) throw new RangeError('nothing to draw from')
  return value
}

const chance = (percent: number): boolean => draw(100) < percent

const users = ['@alice:a.example', '@bob:b.example', '@carol:a.example', '@dave:b.example', '@eve:e.example']
const key = newSigningKey(sha256('vectors'), '1')
const rulesJoin = ['public', 'invite', 'knock', 'restricted', 'knock_restricted']
const levels = [0, 0, 1, 25, 50, 50, 75, 100, 101]

interface Wish {
  readonly type: string
  readonly sender: string
  readonly stateKey?: string | undefined
  readonly content: JsonObject
  readonly redacts?: EventId | undefined
  readonly time?: number
}

/** A room that grows event by event; what the rules forbid is not added. */
class DrawnRoom {
  readonly rules: RoomVersionRules
  readonly events = new Map<EventId, Event>()
  readonly states = new Map<EventId, StateMap>()
  readonly event = (eventId: EventId): Event | undefined => this.events.get(eventId)
  readonly isRejected = (): boolean => false
  #roomId: RoomId | undefined
  #time = 1_000_000

  constructor(rules: RoomVersionRules) {
    this.rules = rules
    if (!rules.roomIdIsCreateId) this.#roomId = parseRoomId('!room:a.example')
  }

  get last(): EventId[] {
    return [...this.events.keys()].slice(-1)
  }

  stateBefore(after: readonly EventId[]): StateMap {
    const states = after.flatMap((eventId) => this.states.get(eventId) ?? [])
    return states.length === 0 ? new Map() : resolveState(states, this, this.rules)
  }

  build(wish: Wish, after: readonly EventId[]): Event {
    const { type, stateKey, content } = wish
    const sender = parseUserId(wish.sender)
    const before = this.stateBefore(after)
    const authEvents = authEventKeys({ type, sender, stateKey, content }, this.rules).flatMap(
      ([authType, authKey]) => before.get(stateKeyText(authType, authKey)) ?? [],
    )
    this.#time += 1 + draw(3)
    const depth = 1 + Math.max(0, ...after.map((eventId) => this.events.get(eventId)?.depth ?? 0))
    const originServerTs = wish.time ?? this.#time
    const roomId = type === 'm.room.create' && this.rules.roomIdIsCreateId ? undefined : this.#roomId
    const draft = { type, sender, stateKey, content, roomId, depth, prevEvents: after, authEvents, originServerTs }
    const built = buildEvent({ ...draft, redacts: wish.redacts }, this.rules, serverNameOf(sender), key)
    if (type === 'm.room.create') this.#roomId = built.event.roomId
    return built.event
  }

  add(wish: Wish, after: readonly EventId[] = this.last): void {
    const event = this.build(wish, after)
    const before = this.stateBefore(after)
    const lookup = (type: string, stateKey: string): Event | undefined =>
      this.events.get(before.get(stateKeyText(type, stateKey)) ?? event.eventId)
    if (this.events.has(event.eventId) || !checkAuth(event, lookup, this.rules).allowed) return
    this.events.set(event.eventId, event)
    const state = new Map(before)
    if (event.stateKey !== undefined) state.set(stateKeyText(event.type, event.stateKey), event.eventId)
    this.states.set(event.eventId, state)
  }
}

const member = (sender: string, target: string, membership: string, more: JsonObject = {}): Wish => ({
  type: 'm.room.member',
  sender,
  stateKey: target,
  content: { ...more, membership },
})
const alone = (sender: string, type: string, content: JsonObject): Wish => ({ type, sender, stateKey: '', content })
const [alice = '', bob = '', carol = ''] = users

function aRoom(rules: RoomVersionRules, joinRule: string): DrawnRoom {
  const room = new DrawnRoom(rules)
  const creator = rules.creatorIsSender ? {} : { creator: alice }
  const additional = rules.creatorsAbovePower && chance(30) ? { additional_creators: [carol] } : {}
  room.add(alone(alice, 'm.room.create', { room_version: rules.version, ...creator, ...additional }))
  room.add(member(alice, alice, 'join'))
  const named = { ...(rules.creatorsAbovePower ? {} : { [alice]: 100 }), [bob]: oneOf([0, 50, 100]) }
  if (chance(90)) room.add(alone(alice, 'm.room.power_levels', { users: named }))
  room.add(alone(alice, 'm.room.join_rules', { join_rule: 'public' }))
  for (const userId of [bob, carol]) if (chance(85)) room.add(member(userId, userId, 'join'))
  if (joinRule !== 'public') room.add(alone(alice, 'm.room.join_rules', { join_rule: joinRule }))
  return room
}

function powerLevels(rules: RoomVersionRules, odd: boolean): JsonObject {
  const content: Record<string, JsonValue> = {}
  const named: Record<string, JsonValue> = rules.creatorsAbovePower ? {} : { [alice]: oneOf([100, 100, 100, 50]) }
  for (const userId of users.slice(1)) if (chance(40)) named[userId] = oneOf(levels)
  content['users'] =
    odd && chance(10) ? oneOf<JsonValue>([[], { notauser: 5 }, { [bob]: '50' }, { [bob]: 'x' }]) : named
  for (const name of ['ban', 'kick', 'invite', 'redact', 'events_default', 'state_default', 'users_default']) {
    if (chance(25)) content[name] = odd && chance(30) ? oneOf(['50', ' 5 ', '+75']) : oneOf(levels)
  }
  if (chance(40)) content['events'] = { 'm.room.topic': oneOf(levels), 'm.room.message': oneOf([0, 50]) }
  if (chance(20)) content['notifications'] = { room: oneOf(levels) }
  return content
}

/** Something that somebody tries: with `odd` also what no client would. */
function attempt(room: DrawnRoom, odd: boolean): Wish {
  const sender = oneOf(users)
  const target = oneOf(users)
  const kind = draw(12)
  if (kind <= 4) {
    const membership = oneOf(['join', 'invite', 'leave', 'ban', 'knock', 'join', 'leave', ...(odd ? ['odd'] : [])])
    const own = (membership === 'join' || membership === 'knock') && chance(90)
    const authorised = membership === 'join' && chance(30) ? { join_authorised_via_users_server: oneOf(users) } : {}
    return member(sender, own ? sender : target, membership, {
      ...authorised,
      ...(chance(15) ? { displayname: 'D' } : {}),
    })
  }
  if (kind <= 6) return alone(sender, 'm.room.power_levels', powerLevels(room.rules, odd))
  if (kind === 7) return alone(sender, 'm.room.join_rules', { join_rule: oneOf(rulesJoin) })
  if (kind === 8) return alone(sender, 'm.room.topic', { topic: `T${draw(99)}` })
  if (kind === 9) return { ...alone(sender, 'org.example.own', { n: draw(9) }), stateKey: oneOf([sender, target, 'x']) }
  const type = oneOf(['m.room.third_party_invite', 'm.room.aliases'])
  if (kind === 10) return { ...alone(sender, type, {}), stateKey: oneOf(['b.example', 'a.example', 'token']) }
  const content = { body: `B${draw(99)}` }
  if (chance(70)) return { type: 'm.room.message', sender, content }
  return { type: 'm.room.redaction', sender, content, redacts: oneOf([...room.events.keys()]) }
}

/** Members that some version keeps or drops on redaction, and texts that are hard to write. */
function aForm(rules: RoomVersionRules): JsonObject {
  const types = [
    'member',
    'create',
    'join_rules',
    'power_levels',
    'aliases',
    'history_visibility',
    'redaction',
    'message',
  ]
  const type = `m.room.${oneOf(types)}`
  const content: JsonObject = {
    ...{ membership: 'join', creator: alice, join_rule: 'public', allow: [{ x: 1 }], aliases: ['#a:b'] },
    ...{ ban: 50, events: { a: 1 }, invite: 5, users: {}, history_visibility: 'shared', redacts: '$x:y' },
    join_authorised_via_users_server: bob,
    third_party_invite: oneOf<JsonValue>([{ signed: { a: 1 }, display_name: 'd' }, { display_name: 'd' }, 5]),
    body: oneOf(['ä', '日本', '\u{1f600}\n"\\\u0000\u001f\u007f', 'plain', '\u2028']),
    ...{ '\u{1f600}': 1, '\uffee': 2, n: -5, big: Number.MAX_SAFE_INTEGER },
  }
  const wish = { type, sender: alice, stateKey: type === 'm.room.message' ? undefined : '', content }
  const redacts = type === 'm.room.redaction' ? { redacts: '$z:a.example' as EventId } : {}
  const room = new DrawnRoom(rules)
  if (rules.roomIdIsCreateId) room.build(alone(alice, 'm.room.create', {}), [])
  return room.build({ ...wish, ...redacts }, chance(50) ? ['$p:a.example' as EventId] : []).pdu
}

function authRoom(rules: RoomVersionRules) {
  const room = aRoom(rules, oneOf(rulesJoin))
  const steps = draw(8)
  for (let index = 0; index < steps; index += 1) room.add(attempt(room, false))
  const state = [...room.stateBefore(room.last).values()].flatMap((eventId) => room.events.get(eventId)?.pdu ?? [])
  const events = Array.from({ length: authCasesPerRoom }, () => room.build(attempt(room, true), room.last).pdu)
  return { version: rules.version, state, events }
}

function fork(rules: RoomVersionRules) {
  const room = aRoom(rules, oneOf(['public', 'public', 'invite']))
  const base = room.events.size
  for (let index = 0; index < historyLength; index += 1) {
    const ids = [...room.events.keys()].slice(base - 1)
    const after = [...new Set(chance(30) ? [oneOf(ids), oneOf(ids)] : [oneOf(ids)])]
    room.add({ ...attempt(room, false), ...(chance(30) ? { time: 1_000_100 } : {}) }, after)
  }
  const ids = [...room.events.keys()]
  const cases: number[][][] = []
  for (let tries = 0; tries < 200 && cases.length < resolutionsPerFork; tries += 1) {
    const ends = [...new Set([oneOf(ids), oneOf(ids), ...(chance(40) ? [oneOf(ids)] : [])])].filter(
      (eventId) => ids.indexOf(eventId) >= base - 1,
    )
    const states = ends.map((end) => [...(room.states.get(end)?.values() ?? [])].map((id) => ids.indexOf(id)))
    if (new Set(states.map((state) => [...state].sort().join())).size > 1) cases.push(states)
  }
  return { version: rules.version, events: [...room.events.values()].map((event) => event.pdu), cases }
}

type Count = number | ((rules: RoomVersionRules) => number)
const each = <T>(count: Count, make: (rules: RoomVersionRules) => T): T[] =>
  knownRoomVersions.flatMap((version) => {
    const rules = roomVersion(version)
    if (rules === undefined) return []
    const length = typeof count === 'number' ? count : count(rules)
    return Array.from({ length }, () => make(rules))
  })

const forms = each(formsPerVersion, (rules) => ({ version: rules.version, pdu: aForm(rules) }))
const drawnAuth = each(authRoomsPerVersion, authRoom)
const forks = each((rules) => forksPerVersion[rules.stateResolution], fork)
process.stdout.write(JSON.stringify({ forms, auth: drawnAuth, forks }))
