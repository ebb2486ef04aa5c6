import type { EventRow } from '#storage/events.ts'

let made = 0

/** An event's row for tests that look only at its facts; those not given are plausible and differ from row to row. */
export function aRow(facts: Partial<EventRow> = {}): EventRow {
  const eventNid = facts.eventNid ?? ++made
  return {
    eventNid,
    eventId: `$event${eventNid}`,
    roomNid: 1,
    type: 'm.room.message',
    keyNid: null,
    senderNid: 1,
    topological: facts.streamPosition ?? eventNid,
    streamPosition: eventNid,
    originServerTs: 1_700_000_000_000,
    receivedTs: 1_700_000_000_000,
    outlier: 0,
    softFailed: 0,
    rejected: null,
    redactedBy: null,
    stateBefore: 1,
    stateAfter: 1,
    replacesNid: null,
    deviceId: null,
    txnId: null,
    json: `{"content":{"body":"no ${eventNid}"},"sender":"@a:test.example","type":"m.room.message"}`,
    ...facts,
  }
}
