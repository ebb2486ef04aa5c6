import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildEvent } from './build-event.ts'
import { bytesOfBase64 } from './crypto.ts'
import { contentHash, essentialText, eventId, hasRightContentHash } from './hashes.ts'
import { parseRoomId, parseServerName, parseUserId, type EventId } from './identifiers.ts'
import type { JsonObject } from './json.ts'
import { parseEvent } from './parse-event.ts'
import { redact } from './redaction.ts'
import { knownRoomVersions, roomVersion, type RoomVersionRules } from './room-versions.ts'
import { signJson, verifyJson } from './signatures.ts'
import { newSigningKey } from './signing-keys.ts'

const key = newSigningKey(bytesOfBase64('YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1'), '1')
const domain = parseServerName('domain')

function rulesOf(version: string): RoomVersionRules {
  const rules = roomVersion(version)
  assert.ok(rules)
  return rules
}

function hashedAndSigned(pdu: JsonObject, rules: RoomVersionRules): JsonObject {
  const hashed = { ...pdu, hashes: { sha256: contentHash(pdu, rules) } }
  const signed = signJson(redact(hashed, rules), 'domain', key)
  return { ...hashed, signatures: signed['signatures'] }
}

// https://spec.matrix.org/v1.19/appendices/#event-signing
test('the smallest event of the specification has the hash and signature given there', () => {
  const signed = hashedAndSigned(
    {
      room_id: '!x:domain',
      sender: '@a:domain',
      origin: 'domain',
      origin_server_ts: 1000000,
      signatures: {},
      hashes: {},
      type: 'X',
      content: {},
      prev_events: [],
      auth_events: [],
      depth: 3,
      unsigned: { age_ts: 1000000 },
    },
    rulesOf('1'),
  )
  assert.deepEqual(signed['hashes'], { sha256: '5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos' })
  assert.deepEqual(signed['signatures'], {
    domain: {
      'ed25519:1': 'KxwGjPSDEtvnFgU00fwFz+l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMszkwsQma+lYAg',
    },
  })
})

test('the event with redactable content has the hash and signature given in the specification', () => {
  const signed = hashedAndSigned(
    {
      content: { body: 'Here is the message content' },
      event_id: '$0:domain',
      origin: 'domain',
      origin_server_ts: 1000000,
      type: 'm.room.message',
      room_id: '!r:domain',
      sender: '@u:domain',
      signatures: {},
      unsigned: { age_ts: 1000000 },
    },
    rulesOf('1'),
  )
  assert.deepEqual(signed['hashes'], { sha256: 'onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g' })
  assert.deepEqual(signed['signatures'], {
    domain: {
      'ed25519:1': 'Wm+VzmOUOz08Ds+0NTWb1d4CZrVsJSikkeRxh6aCcUwu6pNC78FunoD7KNWzqFn241eYHYMGCA5McEiVPdhzBA',
    },
  })
})

for (const version of knownRoomVersions) {
  test(`an event built for room version ${version} is what its parts hash and sign to`, () => {
    const rules = rulesOf(version)
    const { event, text } = buildEvent(
      {
        type: 'm.room.member',
        sender: parseUserId('@a:domain'),
        roomId: parseRoomId('!x:domain'),
        stateKey: '@a:domain',
        content: { membership: 'join', displayname: 'Ä "quoted"\n', third_party_invite: { signed: { a: 1 }, b: 2 } },
        depth: 7,
        prevEvents: ['$p:domain' as EventId],
        authEvents: ['$c:domain' as EventId, '$d:domain' as EventId],
        originServerTs: 1_700_000_000_000,
      },
      rules,
      domain,
      key,
    )
    const pdu = JSON.parse(text) as JsonObject
    assert.deepEqual(pdu, event.pdu)
    assert.ok(hasRightContentHash(pdu, rules))
    assert.deepEqual(
      verifyJson(redact(pdu, rules), 'domain', () => key.publicKey),
      { valid: true },
    )
    assert.equal(eventId(pdu, rules), event.eventId)
    assert.deepEqual(parseEvent(text, rules), event)
    assert.equal(essentialText(redact(pdu, rules), rules), essentialText(pdu, rules))
  })

  test(`a redaction in room version ${version} names its event where the version wants it`, () => {
    const rules = rulesOf(version)
    const { text } = buildEvent(
      {
        type: 'm.room.redaction',
        sender: parseUserId('@a:domain'),
        roomId: parseRoomId('!x:domain'),
        content: { reason: 'spam' },
        depth: 7,
        prevEvents: [],
        authEvents: [],
        originServerTs: 1,
        redacts: '$target' as EventId,
      },
      rules,
      domain,
      key,
    )
    const pdu = JSON.parse(text) as { redacts?: string; content: { redacts?: string } }
    assert.equal(rules.redactsInContent ? pdu.content.redacts : pdu.redacts, '$target')
    assert.equal(rules.redactsInContent ? pdu.redacts : pdu.content.redacts, undefined)
    assert.ok(hasRightContentHash(pdu, rules))
    assert.deepEqual(
      verifyJson(redact(pdu as JsonObject, rules), 'domain', () => key.publicKey),
      { valid: true },
    )
  })
}

test('the room id of version 12 is the id of its create event', () => {
  const rules = rulesOf('12')
  const { event, text } = buildEvent(
    {
      type: 'm.room.create',
      sender: parseUserId('@a:domain'),
      roomId: undefined,
      stateKey: '',
      content: { room_version: '12' },
      depth: 1,
      prevEvents: [],
      authEvents: [],
      originServerTs: 1,
    },
    rules,
    domain,
    key,
  )
  assert.equal(event.roomId, `!${event.eventId.slice(1)}`)
  assert.equal(event.pdu['room_id'], undefined)
  assert.equal(text.includes('room_id'), false)
  assert.deepEqual(parseEvent(text, rules), event)
})

test('an event over 65,536 bytes, or with a type over 255, is too large', () => {
  const draft = {
    type: 'm.room.message',
    sender: parseUserId('@a:domain'),
    roomId: parseRoomId('!x:domain'),
    content: { body: 'x'.repeat(65_536) },
    depth: 7,
    prevEvents: [],
    authEvents: [],
    originServerTs: 1,
  }
  assert.throws(() => buildEvent(draft, rulesOf('11'), domain, key), { code: 'M_TOO_LARGE' })
  const longType = { ...draft, content: {}, type: 'ä'.repeat(128) }
  assert.throws(() => buildEvent(longType, rulesOf('11'), domain, key), { code: 'M_TOO_LARGE' })
  const float = { ...draft, content: { a: 1.5 } }
  assert.throws(() => buildEvent(float, rulesOf('1'), domain, key), { code: 'M_BAD_JSON' })
})
