import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { checkAuth } from './auth-rules.ts'
import { canonicalJson } from './canonical-json.ts'
import type { Event } from './event.ts'
import { readReceivedEvent } from './event-format.ts'
import { contentHash, eventId } from './hashes.ts'
import type { JsonObject } from './json.ts'
import { eventOfPdu } from './parse-event.ts'
import { redact } from './redaction.ts'
import { roomVersion, type RoomVersionRules } from './room-versions.ts'
import { stateKeyText } from './state-key.ts'
import { resolveState } from './state-resolution.ts'

// The files say in their notes where they come from.

interface FormVectors {
  readonly cases: readonly {
    version: string
    pdu: JsonObject
    eventId: string
    contentHash: string
    redacted: JsonObject
  }[]
}
interface AuthVectors {
  readonly rooms: readonly { version: string; state: JsonObject[]; cases: { event: JsonObject; allowed: boolean }[] }[]
}
interface ResolutionVectors {
  readonly rooms: readonly {
    version: string
    events: JsonObject[]
    cases: { states: number[][]; resolved: number[] }[]
  }[]
}

function vectors(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../test/vectors/${name}.json`, import.meta.url), 'utf8'))
}

function rulesOf(version: string): RoomVersionRules {
  const rules = roomVersion(version)
  assert.ok(rules)
  return rules
}

const keyOf = (event: Event): string => stateKeyText(event.type, event.stateKey ?? '')

test('ids, content hashes and redactions of events are those of another homeserver', () => {
  const { cases } = vectors('event-forms') as FormVectors
  assert.ok(cases.length >= 120)
  for (const each of cases) {
    const rules = rulesOf(each.version)
    assert.equal(eventId(each.pdu, rules), each.eventId)
    assert.equal(contentHash(each.pdu, rules), each.contentHash)
    assert.equal(canonicalJson(redact(each.pdu, rules)), canonicalJson(each.redacted))
    assert.equal(readReceivedEvent(JSON.stringify(each.pdu), rules).valid, true)
  }
})

test('the auth rules decide as another homeserver does', () => {
  const { rooms } = vectors('auth-verdicts') as AuthVectors
  let count = 0
  for (const { version, state, cases } of rooms) {
    const rules = rulesOf(version)
    const events = new Map(state.map((pdu) => eventOfPdu(pdu, rules)).map((event) => [keyOf(event), event]))
    for (const { event, allowed } of cases) {
      const verdict = checkAuth(eventOfPdu(event, rules), (type, key) => events.get(stateKeyText(type, key)), rules)
      assert.equal(verdict.allowed, allowed, `version ${version}: ${JSON.stringify(event)} ${JSON.stringify(verdict)}`)
      if (!verdict.allowed) assert.notEqual(verdict.reason, '', verdict.rule)
      count += 1
    }
  }
  assert.ok(count >= 300)
})

test('forks resolve to what another homeserver resolves them to', () => {
  const { rooms } = vectors('state-resolutions') as ResolutionVectors
  let count = 0
  for (const { version, events: pdus, cases } of rooms) {
    const rules = rulesOf(version)
    const events = pdus.map((pdu) => eventOfPdu(pdu, rules))
    const byId = new Map(events.map((event) => [event.eventId, event]))
    const source = { event: (id: Event['eventId']) => byId.get(id), isRejected: () => false }
    const stateOf = (indices: readonly number[]) =>
      new Map(indices.flatMap((index) => events[index] ?? []).map((event) => [keyOf(event), event.eventId]))
    for (const { states, resolved } of cases) {
      const result = resolveState(states.map(stateOf), source, rules)
      assert.deepEqual([...result.values()].sort(), [...stateOf(resolved).values()].sort(), `version ${version}`)
      count += 1
    }
  }
  assert.ok(count >= 150)
})
