/**
 * `node bench/protocol.ts`: times the protocol core by itself, on one core, without network or database, and prints each
 * figure beside its target.
 */
import { aMember, anEvent, stateOf } from '../test/events.ts'
import { checkAuth } from '#protocol/auth-rules.ts'
import { buildEvent } from '#protocol/build-event.ts'
import { canonicalJson } from '#protocol/canonical-json.ts'
import type { Event } from '#protocol/event.ts'
import { verifyEventSignatures } from '#protocol/event-signatures.ts'
import { eventId } from '#protocol/hashes.ts'
import { parseEventId, parseRoomId, parseServerName, parseUserId, type EventId } from '#protocol/identifiers.ts'
import type { JsonObject } from '#protocol/json.ts'
import { parseEvent } from '#protocol/parse-event.ts'
import { compilePushRules, PushEvaluator } from '#protocol/push-evaluation.ts'
import { defaultPushRules } from '#protocol/push-rules.ts'
import { redact } from '#protocol/redaction.ts'
import { defaultRoomVersion, roomVersion } from '#protocol/room-versions.ts'
import { newSigningKey } from '#protocol/signing-keys.ts'
import { stateKeyText } from '#protocol/state-key.ts'
import { resolveState, type StateMap } from '#protocol/state-resolution.ts'

const roomMembers = 13_000
const conflictsMany = 1_000
const readers = 10_000

/** Prints microseconds a call, beside the most it should take. */
function time(name: string, most: number, run: () => unknown, times = 20_000): void {
  for (let index = 0; index < times / 10; index += 1) run()
  const started = performance.now()
  for (let index = 0; index < times; index += 1) run()
  const each = ((performance.now() - started) * 1000) / times
  const verdict = each <= most ? 'within' : 'OVER'
  process.stdout.write(`${name.padEnd(64)}${each.toFixed(2).padStart(12)} µs   ${verdict} ${most} µs\n`)
}

const rules = roomVersion(defaultRoomVersion)
if (rules === undefined) throw new Error('the default room version is not known')
const key = newSigningKey()
const server = parseServerName('example.org')
const alice = parseUserId('@alice:example.org')
const draft = {
  type: 'm.room.message',
  sender: alice,
  roomId: parseRoomId('!Nhcu5BS-UMnFX7hBVfVSoXiD7OgH6iRT-xyIuqDnpYQ'),
  content: { msgtype: 'm.text', body: 'Shall we meet at the old bridge at half past five?', 'm.mentions': {} },
  depth: 1234,
  prevEvents: [parseEventId('$gQHz8Lk4hQWwGAVmpZqrF8BD5IIgEtdSAMsVSZ9p3bY')],
  authEvents: [
    parseEventId('$-kJHgFEr4yZ1Zs3m3bYqz9jmQwYkT4xKQ0h8rK0bq3E'),
    parseEventId('$zXcVbNm1234567890asdfghjklqwertyuiopZXCVBNM'),
  ],
  originServerTs: 1_780_000_000_000,
}
const { event, text } = buildEvent(draft, rules, server, key)

time('canonical JSON of an event, parsed', 2, () => canonicalJson(event.pdu))
time('id of an event', 5, () => eventId(event.pdu, rules))
time('redaction of an event', 2, () => redact(event.pdu, rules))
time('building an event: hash, sign, text', 60, () => buildEvent(draft, rules, server, key))
time('reading a stored event', 5, () => parseEvent(text, rules, event.eventId))
const published = { publicKey: key.publicKey, validUntilTs: Number.MAX_SAFE_INTEGER }
time('checking the signatures of an event', 50, () =>
  verifyEventSignatures(event, rules, () => published, draft.originServerTs),
)

const roomId = '!create:a'
const create = anEvent({
  type: 'm.room.create',
  eventId: '$create:a',
  roomId,
  stateKey: '',
  sender: '@maker:a.example',
})
const users = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`@moderator${index}:a`, 50]))
const levels = anEvent({ type: 'm.room.power_levels', roomId, stateKey: '', content: { users } })
const open = anEvent({ type: 'm.room.join_rules', roomId, stateKey: '', content: { join_rule: 'public' } })
const state = stateOf(create, levels, open, aMember('join', '@alice:a.example', { roomId }))
const said = anEvent({ roomId })
const joins = aMember('join', '@dave:d.example', { roomId })
time('auth rules, a message', 3, () => checkAuth(said, state, rules))
time('auth rules, a join', 10, () => checkAuth(joins, state, rules))

/** A room of many members, and two states of it that differ in some of them, or in some other state. */
function twoStates(conflicts: number): { states: StateMap[]; find: (eventId: EventId) => Event | undefined } {
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

for (const [conflicts, most] of [
  [50, 20_000],
  [conflictsMany / 2, 100_000],
  [5_000, 1_000_000],
] as const) {
  const { states, find } = twoStates(conflicts)
  time(
    `two states of ${roomMembers} members, ${conflicts} of them in conflict`,
    most,
    () => resolveState(states, { event: find, isRejected: () => false }, rules),
    20,
  )
}

const compiled = compilePushRules(defaultPushRules(alice))
const everybody = Array.from({ length: readers }, (_, index) => ({ userId: parseUserId(`@user${index}:a`) }))
time(
  `default push rules of one event for ${readers} members`,
  10_000,
  () => {
    const client: JsonObject = { type: event.type, sender: event.sender, room_id: event.roomId, content: event.content }
    const facts = { event: client, memberCount: readers, senderLevel: 0, notificationLevel: () => 50 }
    const evaluator = new PushEvaluator(facts)
    for (const reader of everybody) evaluator.outcomeFor(reader, compiled)
  },
  50,
)
