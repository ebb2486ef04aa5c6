import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aMember, anEvent } from '../../test/events.ts'
import { buildEvent } from './build-event.ts'
import { countsFor, keyValidityMsMax, requiredSigners, verifyEventSignatures } from './event-signatures.ts'
import { parseRoomId, parseServerName, parseUserId } from './identifiers.ts'
import { roomVersion, type RoomVersionRules } from './room-versions.ts'
import { newSigningKey } from './signing-keys.ts'

function rulesOf(version: string): RoomVersionRules {
  const rules = roomVersion(version)
  assert.ok(rules)
  return rules
}

test('the sender signs; the server of the event id in versions 1 and 2, and that of whoever let a member in from 8', () => {
  const signers = (version: string, ...event: Parameters<typeof aMember>) =>
    [...requiredSigners(aMember(...event), rulesOf(version))].sort()
  const ids = { eventId: '$e:c.example' }
  const authorised = { ...ids, content: { join_authorised_via_users_server: '@x:d.example' } }
  assert.deepEqual(signers('2', 'join', '@a:a.example', ids), ['a.example', 'c.example'])
  assert.deepEqual(signers('3', 'join', '@a:a.example', ids), ['a.example'])
  assert.deepEqual(signers('7', 'join', '@a:a.example', authorised), ['a.example'])
  assert.deepEqual(signers('8', 'join', '@a:a.example', authorised), ['a.example', 'd.example'])
  const byMail = { content: { third_party_invite: { signed: {} } }, target: '@b:b.example' }
  assert.deepEqual(signers('12', 'invite', '@a:a.example', byMail), [])
  assert.deepEqual([...requiredSigners(anEvent({ content: { third_party_invite: {} } }), rulesOf('12'))], ['a.example'])
})

test('from version 5 a key counts while it is valid, and for 7 days at most', () => {
  const key = (validUntilTs: number) => ({ publicKey: new Uint8Array(32), validUntilTs })
  const now = 1_700_000_000_000
  assert.equal(countsFor(key(now), now, rulesOf('5'), now), true)
  assert.equal(countsFor(key(now - 1), now, rulesOf('5'), now), false)
  assert.equal(countsFor(key(now - 1), now, rulesOf('4'), now), true)
  const future = now + keyValidityMsMax
  assert.equal(countsFor(key(Number.MAX_SAFE_INTEGER), future, rulesOf('12'), now), true)
  assert.equal(countsFor(key(Number.MAX_SAFE_INTEGER), future + 1, rulesOf('12'), now), false)
})

test('an event verifies with the key it was signed with, redacted or not, and with no other', () => {
  const rules = rulesOf('12')
  const key = newSigningKey(undefined, 'x')
  const draft = {
    type: 'm.room.message',
    sender: parseUserId('@a:a.example'),
    roomId: parseRoomId('!r'),
    content: { body: 'hello' },
    depth: 1,
    prevEvents: [],
    authEvents: [],
    originServerTs: 5,
  }
  const { event } = buildEvent(draft, rules, parseServerName('a.example'), key)
  const verdict = (pdu: typeof event.pdu, publicKey: Uint8Array) =>
    verifyEventSignatures({ ...event, pdu }, rules, () => ({ publicKey, validUntilTs: 10 }), 0).valid
  assert.equal(verdict(event.pdu, key.publicKey), true)
  assert.equal(verdict({ ...event.pdu, content: {} }, key.publicKey), true)
  assert.equal(verdict({ ...event.pdu, depth: 2 }, key.publicKey), false)
  assert.equal(verdict(event.pdu, newSigningKey().publicKey), false)
  assert.equal(verifyEventSignatures(event, rules, () => undefined, 0).valid, false)
})
