import type { JsonObject } from '#protocol/json.ts'
import { redact } from '#protocol/redaction.ts'
import type { EventRow } from '#storage/events.ts'
import { CutCache } from '../../src/rooms/client-events/cut-cache.ts'
import type { RelationFacts } from '../../src/rooms/client-events/relation-facts.ts'
import { serialize, type SerializeContext } from '../../src/rooms/client-events/serialize.ts'
import { aRow } from '../../test/event-rows.ts'
import { type CoreScenario, median, microseconds } from '../kit/core-scenario.ts'
import { defaultRules } from './protocol-state.ts'

const events = 1_000
const now = 1_780_000_100_000
const times = 20

/** A message of some 800 bytes, as its sender's server signed it. */
function message(index: number, content: object = {}): string {
  return JSON.stringify({
    auth_events: ['$-kJHgFEr4yZ1Zs3m3bYqz9jmQwYkT4xKQ0h8rK0bq3E', '$zXcVbNm1234567890asdfghjklqwertyuiopZXCVBNM'],
    content: {
      body: `Shall we meet at the old bridge at half past ${index}?`,
      'm.mentions': {},
      msgtype: 'm.text',
      ...content,
    },
    depth: 1_000 + index,
    hashes: { sha256: 'gQHz8Lk4hQWwGAVmpZqrF8BD5IIgEtdSAMsVSZ9p3bY' },
    origin_server_ts: 1_780_000_000_000 + index,
    prev_events: ['$gQHz8Lk4hQWwGAVmpZqrF8BD5IIgEtdSAMsVSZ9p3bY'],
    room_id: '!Nhcu5BS-UMnFX7hBVfVSoXiD7OgH6iRT-xyIuqDnpYQ',
    sender: `@user${index % 50}:example.org`,
    signatures: { 'example.org': { 'ed25519:a_abcd': `${'s'.repeat(80)}${String(index).padStart(6, '0')}` } },
    type: 'm.room.message',
  })
}

function stored(index: number, facts: Partial<EventRow> = {}, content?: object): EventRow {
  return aRow({ json: message(index, content), originServerTs: 1_780_000_000_000 + index, ...facts })
}

/** A thousand events: a tenth is edited, a tenth begins a thread, a twentieth is redacted. */
function typical(): { rows: EventRow[]; context: Omit<SerializeContext, 'cuts'> } {
  const companions = new Map<number, EventRow>()
  const relations = new Map<string, RelationFacts>()
  const beside = (row: EventRow): number => {
    companions.set(row.eventNid, row)
    return row.eventNid
  }
  const rows = Array.from({ length: events }, (_, index) => {
    const redactedBy = index % 20 === 7 ? beside(stored(index, { type: 'm.room.redaction' })) : null
    const row = stored(index, { redactedBy, ...(index % 3 === 0 ? { deviceId: 'DEVICE', txnId: `m${index}` } : {}) })
    const edit = { 'm.new_content': { body: 'at six', msgtype: 'm.text' }, 'm.relates_to': { event_id: row.eventId } }
    const editNid = index % 10 === 3 ? beside(stored(index, {}, edit)) : undefined
    const thread = index % 10 === 5 ? { latestNid: beside(stored(index)), count: index } : undefined
    if (editNid !== undefined || thread !== undefined) relations.set(row.eventId, { editNid, thread, references: [] })
    return row
  })
  const context = {
    format: 'v2WithoutRoomId',
    now,
    reader: { userNid: 1, deviceId: 'DEVICE', hasOneDevice: false },
    fields: undefined,
    adminMetadata: false,
    versions: new Map([[1, defaultRules()]]),
    companions,
    relations,
    participated: new Set<string>(),
    memberships: new Map([[1, 'join']]),
    additions: new Map(),
    delayIds: new Map(),
  } as const
  return { rows, context }
}

/** The same the usual way: every event parsed, changed and printed again, for each reader. */
function rebuilt(row: EventRow, context: Omit<SerializeContext, 'cuts'>): JsonObject {
  const pdu = JSON.parse(row.json) as JsonObject
  const {
    auth_events: _authEvents,
    prev_events: _prevEvents,
    hashes: _hashes,
    signatures: _signatures,
    depth: _depth,
    room_id: _roomId,
    ...event
  } = row.redactedBy === null ? pdu : redact(pdu, defaultRules())
  const redaction = row.redactedBy === null ? undefined : context.companions.get(row.redactedBy)
  const facts = context.relations.get(row.eventId)
  const edit = facts?.editNid === undefined ? undefined : context.companions.get(facts.editNid)
  const latest = facts?.thread === undefined ? undefined : context.companions.get(facts.thread.latestNid)
  const relations = {
    ...(edit === undefined ? {} : { 'm.replace': rebuilt(edit, context) }),
    ...(latest === undefined
      ? {}
      : { 'm.thread': { count: facts?.thread?.count, latest_event: rebuilt(latest, context) } }),
  }
  const unsigned = {
    age: now - row.originServerTs,
    membership: 'join',
    ...(row.txnId === null ? {} : { transaction_id: row.txnId }),
    ...(redaction === undefined ? {} : { redacted_because: rebuilt(redaction, context) }),
    ...(facts === undefined ? {} : { 'm.relations': relations }),
  }
  return { ...event, event_id: row.eventId, unsigned }
}

/** Bytes that one call leaves behind for the collector, for each event. */
function allocatedBytes(run: () => unknown): number {
  const rounds = Array.from({ length: times }, () => {
    const before = process.memoryUsage().heapUsed
    run()
    return (process.memoryUsage().heapUsed - before) / events
  })
  return median(rounds)
}

/** A thousand typical events into the text of an answer, with and without their cut texts in memory. */
export const serializeScenario: CoreScenario = {
  name: 'serialize',
  about: `${events} typical events into the text of an answer`,
  targets: { warmMs: { max: 1 }, coldMs: { max: 3 }, timesRebuilding: { min: 5 } },
  run: () => {
    const { rows, context } = typical()
    const cuts = new CutCache()
    // Joined, so that the text is really written and no rope of pieces is left to whoever sends it.
    const warm = (): string => serialize(rows, { ...context, cuts }).join(',')
    const cold = (): string => serialize(rows, { ...context, cuts: new CutCache() }).join(',')
    const rebuild = (): string => rows.map((row) => JSON.stringify(rebuilt(row, context))).join(',')
    const [warmUs, coldUs, rebuildUs] = [warm, cold, rebuild].map((run) => microseconds(times, run))
    if (warmUs === undefined || coldUs === undefined || rebuildUs === undefined) throw new Error('nothing was measured')
    return {
      warmMs: warmUs / 1000,
      coldMs: coldUs / 1000,
      rebuildMs: rebuildUs / 1000,
      timesRebuilding: rebuildUs / warmUs,
      bytesAnEvent: allocatedBytes(warm),
    }
  },
}
