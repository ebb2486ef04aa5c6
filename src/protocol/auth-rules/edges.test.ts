import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { alice, aRoom, assertAllowed, assertRejected, bob, carol, dave, rulesOf } from '../../../test/auth-rooms.ts'
import { authEventKeys, checkAuth } from '../auth-rules.ts'
import { sign, unpaddedBase64, unpaddedBase64Url } from '../crypto.ts'
import { parseUserId } from '../identifiers.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import { signedText } from '../signatures.ts'
import { newSigningKey } from '../signing-keys.ts'

describe('the numbers of the rules', () => {
  for (const [version, numbers] of [
    ['1', { federate: '3', joined: '6', invite: '7.1', level: '8', stateKey: '9' }],
    ['5', { federate: '3', joined: '6', invite: '7.1', level: '8', stateKey: '9' }],
    ['6', { federate: '3', joined: '5', invite: '6.1', level: '7', stateKey: '8' }],
    ['11', { federate: '3', joined: '5', invite: '6.1', level: '7', stateKey: '8' }],
    ['12', { federate: '4', joined: '6', invite: '7.1', level: '8', stateKey: '9' }],
  ] as const) {
    test(`are those of the specification of room version ${version}`, () => {
      const room = aRoom(version, { levels: { invite: 10, events: { high: 60 } } })
      const from = (sender: string, type: string, stateKey?: string) =>
        room.check(room.event({ type, sender, stateKey }))
      const closed = aRoom(version, { create: { 'm.federate': false } })
      assertRejected(closed.check(closed.event({ sender: bob })), numbers.federate)
      assertRejected(from(dave, 'm.room.message'), numbers.joined)
      assertRejected(from(bob, 'm.room.third_party_invite', 'token'), numbers.invite)
      assertRejected(from(bob, 'high'), numbers.level)
      assertRejected(from(alice, 'own', bob), numbers.stateKey)
      const nameless = room.event({ type: 'm.room.message' })
      const without = checkAuth(nameless, () => undefined, room.rules)
      assertRejected(without, version === '12' ? '2' : '2.4')
    })
  }
})

describe('at the edge of a level', () => {
  test('more power than the other is not enough to kick or ban: it takes the level too', () => {
    const room = aRoom('12', { levels: { users: { [bob]: 30 }, kick: 31, ban: 31 } })
    assertRejected(room.check(room.member('leave', bob, dave)), '5.5.5')
    assertRejected(room.check(room.member('ban', bob, dave)), '5.6.3')
    const enough = aRoom('12', { levels: { users: { [bob]: 31 }, kick: 31, ban: 31 } })
    assertAllowed(enough.check(enough.member('leave', bob, dave)))
    assertAllowed(enough.check(enough.member('ban', bob, dave)))
  })

  test('a join is authorised by a member with just the level to invite, and by nobody outside', () => {
    const join = (level: number, authoriser: JsonValue, member = true) => {
      const room = aRoom('12', { joinRule: 'restricted', levels: { invite: 20, users: { [carol]: level } } })
      if (member) room.with(room.member('join', carol))
      return room.check(room.member('join', dave, dave, { join_authorised_via_users_server: authoriser }))
    }
    assertAllowed(join(20, carol))
    assertRejected(join(19, carol), '5.3.5.2')
    assertRejected(join(20, carol, false), '5.3.5.2')
    assertRejected(join(20, 5), '5.2.1')
  })

  test('levels just at the sender’s own may be set, changed and removed', () => {
    for (const version of ['6', '9', '10', '12']) {
      const before = { users: { [bob]: 50 }, ban: 50, events: { a: 50 }, notifications: { room: 50 } }
      const room = aRoom(version, { levels: before })
      const to = (content: JsonObject) =>
        room.check(room.event({ type: 'm.room.power_levels', stateKey: '', sender: bob, content }))
      assertAllowed(to(before))
      assertAllowed(to({ ...before, ban: 40, kick: 50, events: { b: 50 }, notifications: {} }))
      assertAllowed(to({ users: {} }))
      assertRejected(to({ ...before, ban: 51 }))
      assertRejected(to({ ...before, events: { a: 51 } }))
      assertRejected(to({ ...before, notifications: { room: 51 } }))
      assertRejected(to({ ...before, users: { [bob]: 51 } }))
      for (const wrong of ['x', [], { a: 'x' }, { a: null }]) assertRejected(to({ ...before, events: wrong }))
      assertRejected(to({ ...before, ban: 'x' }))
    }
  })
})

test('all additional creators are users, not some', () => {
  const { rules, create } = aRoom('12')
  const check = (creators: JsonValue) => {
    const content = { additional_creators: creators }
    return checkAuth({ ...create, content, pdu: { content } }, () => undefined, rules)
  }
  assertAllowed(check([bob, carol]))
  assertAllowed(check([]))
  assertRejected(check([bob, 'carol']), '1.4')
})

test('in versions 1 and 2 a redaction that names nothing, or ids without a server, takes the level', () => {
  const redaction = (eventId: string, redacts: JsonObject) => {
    const room = aRoom('1')
    const pdu = { type: 'm.room.redaction', ...redacts }
    return room.check(room.event({ type: 'm.room.redaction', sender: bob, eventId, pdu }))
  }
  assertRejected(redaction('$r:b.example', {}), '11.3')
  assertRejected(redaction('$r', { redacts: '$x' }), '11.3')
  assertRejected(redaction('$r', {}), '11.3')
  assertRejected(redaction('$r', { redacts: '$x:b.example' }), '11.3')
})

describe('an invitation that came by e-mail', () => {
  const key = newSigningKey()
  const signed = { mxid: dave, token: 'tok' }
  const signature = unpaddedBase64(sign(signedText(signed), key.secretKey))
  const check = (signatures: JsonValue, keys: JsonObject, more: JsonObject = {}) => {
    const room = aRoom('12', { levels: { invite: 0 } })
    room.with(room.event({ type: 'm.room.third_party_invite', stateKey: 'tok', sender: bob, content: keys }))
    const content = { third_party_invite: { signed: { ...signed, ...more, signatures } } }
    return room.check(room.member('invite', bob, dave, content))
  }
  const publicKey = unpaddedBase64(key.publicKey)

  test('is believed with the key in either alphabet, alone or in the list', () => {
    const signatures = { id: { 'ed25519:0': signature } }
    assertAllowed(check(signatures, { public_key: publicKey }))
    assertAllowed(check(signatures, { public_key: unpaddedBase64Url(key.publicKey) }))
    assertAllowed(check(signatures, { public_keys: [5, { public_key: 7 }, { public_key: publicKey }] }))
    assertAllowed(check({ other: 5, id: { 'ed25519:0': signature } }, { public_key: publicKey }))
    assertRejected(check(signatures, {}))
    assertRejected(check(signatures, { public_key: unpaddedBase64(newSigningKey().publicKey) }))
  })

  test('is not, with a signature of another kind, or none, or without a token or a user', () => {
    assertRejected(check({ id: { 'rsa:0': signature } }, { public_key: publicKey }))
    assertRejected(check({ id: { 'ed25519:0': 5 } }, { public_key: publicKey }))
    assertRejected(check({ id: 'x' }, { public_key: publicKey }))
    assertRejected(check(undefined as never, { public_key: publicKey }))
    const signatures = { id: { 'ed25519:0': signature } }
    assertRejected(check(signatures, { public_key: publicKey }, { token: 5 }), '5.4.1.3')
    assertRejected(check(signatures, { public_key: publicKey }, { mxid: 5 }), '5.4.1.3')
  })

  test('is not, once so many keys and signatures were tried that nobody honest would have sent them', () => {
    const wrong = unpaddedBase64(new Uint8Array(64))
    const many = (count: number) => ({
      ...Object.fromEntries(Array.from({ length: count }, (_, index) => [`ed25519:${index}x`, wrong])),
      'ed25519:right': signature,
    })
    assertAllowed(check({ id: many(63) }, { public_key: publicKey }))
    assertRejected(check({ id: many(64) }, { public_key: publicKey }))
  })
})

test('the parts of the state that bear on an event', () => {
  const keysOf = (version: string, stateKey: string | undefined, type: string, content: JsonObject) =>
    authEventKeys({ type, sender: parseUserId(alice), stateKey, content }, rulesOf(version))
      .map((key) => key.join(' '))
      .sort()
  const common = ['m.room.member @alice:a.example', 'm.room.power_levels ']
  const token = { third_party_invite: { signed: { token: 'tok' } } }
  const via = { join_authorised_via_users_server: carol }
  const member = 'm.room.member'
  assert.deepEqual(keysOf('12', '', 'm.room.topic', { membership: 'join', ...token, ...via }), common)
  assert.deepEqual(keysOf('12', undefined, 'm.room.message', {}), common)
  assert.deepEqual(keysOf('11', bob, member, { membership: 'ban', ...token, ...via }), [
    'm.room.create ',
    'm.room.member @alice:a.example',
    'm.room.member @bob:b.example',
    'm.room.power_levels ',
  ])
  assert.deepEqual(keysOf('12', alice, member, { membership: 'knock' }), ['m.room.join_rules ', ...common])
  assert.deepEqual(keysOf('12', bob, member, { membership: 'invite', ...token, ...via }), [
    'm.room.join_rules ',
    'm.room.member @alice:a.example',
    'm.room.member @bob:b.example',
    'm.room.power_levels ',
    'm.room.third_party_invite tok',
  ])
  assert.deepEqual(keysOf('7', alice, member, { membership: 'join', ...token, ...via }), [
    'm.room.create ',
    'm.room.join_rules ',
    ...common,
  ])
  assert.ok(keysOf('8', alice, member, { membership: 'join', ...via }).includes(`m.room.member ${carol}`))
  assert.ok(!keysOf('8', alice, member, { membership: 'leave', ...via }).includes(`m.room.member ${carol}`))
  const wrong = { third_party_invite: { signed: { token: 5 } } }
  assert.equal(keysOf('12', bob, member, { membership: 'invite', ...wrong }).length, 4)
  assert.deepEqual(keysOf('11', '', 'm.room.create', {}), [])
})
