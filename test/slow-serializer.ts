import { isJsonObject, type JsonObject, type JsonValue } from '#protocol/json.ts'
import { redact } from '#protocol/redaction.ts'
import { pickFields, splitPath } from '#protocol/property-path.ts'
import type { EventRow } from '#storage/events.ts'
import type { SerializeContext } from '../src/rooms/client-events/serialize.ts'

/** What the slow serializer is told: as the fast one, with the wanted fields as they were asked for. */
export type SlowContext = Omit<SerializeContext, 'cuts' | 'fields'> & { readonly fields: readonly string[] }

type Members = Map<string, JsonValue>

const serverKeys = ['auth_events', 'prev_events', 'hashes', 'signatures', 'depth', 'origin', 'prev_state']
const promoted = [
  'age',
  'redacted_because',
  'replaces_state',
  'prev_content',
  'invite_room_state',
  'knock_room_state',
] as const

/**
 * Events as clients read them, the obvious way: parse, change step by step as the rules say, and give the object. Slow,
 * and what the real one is held to.
 */
export function slowSerialize(rows: readonly EventRow[], context: SlowContext): JsonObject[] {
  return rows.map((row) => {
    const stateAfter = row.stateAfter ?? undefined
    return full(row, context, stateAfter === undefined ? undefined : context.memberships.get(stateAfter), true)
  })
}

function entriesOf(value: JsonValue | undefined): Members {
  return new Map(isJsonObject(value) ? (Object.entries(value) as [string, JsonValue][]) : [])
}

function objectOf(members: Members): JsonObject {
  return Object.fromEntries(members)
}

function pduOf(row: EventRow, context: SlowContext): JsonObject {
  const rules = context.versions.get(row.roomNid)
  if (rules === undefined) throw new Error('unknown room')
  const pdu = JSON.parse(row.json) as JsonObject
  return row.redactedBy === null ? pdu : redact(pdu, rules)
}

/** Steps 1 to 12, without `unsigned` put into the event. */
function base(
  row: EventRow,
  context: SlowContext,
  membership: string | undefined,
): { event: Members; unsigned: Members } {
  const rules = context.versions.get(row.roomNid)
  const event = entriesOf(pduOf(row, context))
  // What an event says of itself in `unsigned`, or where the server speaks, is not told.
  for (const key of ['unsigned', 'event_id']) event.delete(key)
  event.set('event_id', row.eventId)
  const unsigned: Members = new Map()
  const age = context.now - row.originServerTs
  if (Number.isSafeInteger(age)) unsigned.set('age', age)
  const { reader } = context
  if (reader !== undefined && reader.userNid === row.senderNid) {
    const own = row.deviceId === null ? reader.hasOneDevice : row.deviceId === reader.deviceId
    if (row.txnId !== null && own) unsigned.set('transaction_id', row.txnId)
    const delayId = context.delayIds.get(row.eventNid)
    if (delayId !== undefined) unsigned.set('org.matrix.msc4140.delay_id', delayId)
  }
  const replaced = row.replacesNid === null ? undefined : context.companions.get(row.replacesNid)
  if (replaced !== undefined) {
    unsigned.set('replaces_state', replaced.eventId)
    const before = pduOf(replaced, context)
    // A member that is null counts as absent.
    if (before['content'] !== undefined && before['content'] !== null) unsigned.set('prev_content', before['content'])
    if (typeof before['sender'] === 'string') unsigned.set('prev_sender', before['sender'])
  }
  if (context.format !== 'raw') {
    for (const key of serverKeys) event.delete(key)
    if (context.format === 'v2WithoutRoomId') event.delete('room_id')
    if (context.format === 'v1') {
      for (const key of [...promoted, 'user_id']) event.delete(key)
      const sender = event.get('sender')
      if (sender !== undefined && sender !== null) event.set('user_id', sender)
      promote(event, unsigned)
    }
  }
  if (row.type === 'm.room.create' && rules?.roomIdIsCreateId === true) event.set('room_id', '!' + row.eventId.slice(1))
  if (row.type === 'm.room.redaction') placeRedacts(event, rules?.redactsInContent === true)
  if (context.adminMetadata && row.softFailed === 1) unsigned.set('io.element.synapse.soft_failed', true)
  const sticky = entriesOf(pduOf(row, context)['msc4354_sticky']).get('duration_ms')
  if (typeof sticky === 'number' && Number.isInteger(sticky) && sticky >= 0) {
    const expires = Math.min(row.originServerTs, context.now) + Math.min(sticky, 3_600_000)
    if (expires > context.now) unsigned.set('msc4354_sticky_duration_ttl_ms', expires - context.now)
  }
  if (membership !== undefined) unsigned.set('membership', membership)
  return { event, unsigned }
}

function promote(event: Members, unsigned: Members): void {
  for (const key of promoted) {
    const value = unsigned.get(key)
    if (value !== undefined) event.set(key, value)
  }
}

function placeRedacts(event: Members, inContent: boolean): void {
  const content = event.get('content')
  const redacts = inContent ? entriesOf(content).get('redacts') : event.get('redacts')
  if (redacts === undefined || redacts === null) return
  if (inContent) event.set('redacts', redacts)
  else if (content === undefined || isJsonObject(content))
    event.set('content', objectOf(entriesOf(content).set('redacts', redacts)))
}

/** Steps 13 to 16. */
function full(row: EventRow, context: SlowContext, membership: string | undefined, bundled: boolean): JsonObject {
  const { event, unsigned } = base(row, context, membership)
  const redaction = row.redactedBy === null ? undefined : context.companions.get(row.redactedBy)
  if (redaction !== undefined) {
    const told = base(redaction, context, undefined)
    unsigned.set('redacted_by', redaction.eventId)
    unsigned.set('redacted_because', objectOf(told.event.set('unsigned', objectOf(told.unsigned))))
    if (context.format === 'v1') promote(event, unsigned)
  }
  for (const [key, text] of context.additions.get(row.eventId) ?? [])
    if (!unsigned.has(key) && key !== 'm.relations') unsigned.set(key, JSON.parse(text) as JsonValue)
  event.set('unsigned', objectOf(unsigned))
  const whole = objectOf(event)
  const picked = context.fields.length === 0 ? whole : pickFields(whole, context.fields.map(splitPath))
  const relations = bundled ? relationsOf(row, context) : undefined
  if (relations === undefined) return picked
  const left = entriesOf(picked)
  return objectOf(left.set('unsigned', objectOf(entriesOf(left.get('unsigned')).set('m.relations', relations))))
}

function relationsOf(row: EventRow, context: SlowContext): JsonObject | undefined {
  const facts = context.relations.get(row.eventId)
  const relations: Members = new Map()
  const edit = facts?.editNid === undefined ? undefined : context.companions.get(facts.editNid)
  const latest = facts?.thread === undefined ? undefined : context.companions.get(facts.thread.latestNid)
  const references = facts?.references ?? []
  if (references.length > 0)
    relations.set('m.reference', { chunk: references.map(({ eventId }) => ({ event_id: eventId })) })
  if (edit !== undefined) relations.set('m.replace', full(edit, context, undefined, false))
  if (facts?.thread !== undefined && latest !== undefined)
    relations.set('m.thread', {
      count: facts.thread.count,
      current_user_participated: context.participated.has(row.eventId),
      latest_event: full(latest, context, undefined, true),
    })
  return relations.size === 0 ? undefined : objectOf(relations)
}
