import assert from 'node:assert/strict'
import { canonicalJson } from '#protocol/canonical-json.ts'
import { fieldTree } from '#protocol/picked-text.ts'
import type { JsonObject } from '#protocol/json.ts'
import { roomVersion, type RoomVersionRules } from '#protocol/room-versions.ts'
import type { EventRow } from '#storage/events.ts'
import { CutCache } from '../src/rooms/client-events/cut-cache.ts'
import type { RelationFacts } from '../src/rooms/client-events/relation-facts.ts'
import { serialize } from '../src/rooms/client-events/serialize.ts'
import { aRow } from './event-rows.ts'
import { slowSerialize, type SlowContext } from './slow-serializer.ts'

/** Milliseconds since 1970, for all tests of how events are told. */
export const now = 1_700_000_100_000
/** Two users. */
export const alice = 1
export const bob = 2

function rulesOf(version: string): RoomVersionRules {
  const rules = roomVersion(version)
  assert.ok(rules)
  return rules
}

const rooms = new Map([
  [1, rulesOf('12')],
  [10, rulesOf('10')],
  [11, rulesOf('11')],
])

/** Nothing is known but what is wished. */
export function contextOf(wish: Partial<SlowContext> = {}): SlowContext {
  return {
    format: 'v1',
    now,
    reader: { userNid: alice, deviceId: 'DEVICE', hasOneDevice: false },
    fields: [],
    adminMetadata: false,
    versions: rooms,
    companions: new Map(),
    relations: new Map(),
    participated: new Set(),
    memberships: new Map(),
    additions: new Map(),
    delayIds: new Map(),
    ...wish,
  }
}

/** Events as the real serializer tells them, which must be what the slow one gives. */
export function told(rows: readonly EventRow[], wish: Partial<SlowContext> = {}): JsonObject[] {
  const context = contextOf(wish)
  const texts = serialize(rows, { ...context, fields: fieldTree(context.fields), cuts: new CutCache() })
  const events = texts.map((text) => JSON.parse(text) as JsonObject)
  assert.deepEqual(events, slowSerialize(rows, context))
  return events
}

/** One event as the first of `told`. */
export function one(row: EventRow, wish: Partial<SlowContext> = {}): JsonObject {
  return told([row], wish)[0] ?? {}
}

/** The `unsigned` of `one`. */
export function unsignedOf(row: EventRow, wish: Partial<SlowContext> = {}): JsonObject {
  return one(row, wish)['unsigned'] as JsonObject
}

/** A message as its sender's server signed it. */
export const pdu = {
  auth_events: ['$a'],
  content: { body: 'hello', msgtype: 'm.text' },
  depth: 7,
  hashes: { sha256: 'abc' },
  origin_server_ts: 1_700_000_000_000,
  prev_events: ['$p'],
  room_id: '!r:example.org',
  sender: '@a:example.org',
  signatures: { 'example.org': { 'ed25519:1': 'sig' } },
  type: 'm.room.message',
}

/** A stored event with this PDU, changed by `more`. */
export function stored(more: object = {}, facts: Partial<EventRow> = {}): EventRow {
  const whole = { ...pdu, ...more }
  return aRow({ json: canonicalJson(whole, false), type: whole.type, ...facts })
}

/** Events to be told inside others. */
export function companions(...rows: readonly EventRow[]): ReadonlyMap<number, EventRow> {
  return new Map(rows.map((row) => [row.eventNid, row]))
}

/** Nothing relates to an event. */
export const nothing: RelationFacts = { editNid: undefined, thread: undefined, references: [] }

/** What relates to one event. */
export function relating(row: EventRow, facts: Partial<RelationFacts>): ReadonlyMap<string, RelationFacts> {
  return new Map([[row.eventId, { ...nothing, ...facts }]])
}
