import { describe, test } from 'node:test'
import { alice, aRoom, assertAllowed, assertRejected, bob, carol, dave } from '../../../test/auth-rooms.ts'
import { aMember, anEvent, stateOf } from '../../../test/events.ts'
import { checkAuth } from '../auth-rules.ts'
import { bytesOfBase64, unpaddedBase64 } from '../crypto.ts'
import type { Event } from '../event.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import { knownRoomVersions } from '../room-versions.ts'
import { signJson } from '../signatures.ts'
import { newSigningKey } from '../signing-keys.ts'

describe('joining', () => {
  test('the creator joins right after the create event', () => {
    for (const version of knownRoomVersions) {
      const { rules, create, roomId } = aRoom(version)
      const first = (userId: string, prevEvents: readonly Event[]) =>
        checkAuth(aMember('join', userId, { roomId, prevEvents }), stateOf(create), rules)
      assertAllowed(first(alice, [create]))
      assertRejected(first(bob, [create]))
      assertRejected(first(alice, [anEvent()]))
      assertRejected(first(alice, [create, anEvent()]))
    }
  })

  test('nobody joins for another, and the banned do not join', () => {
    const room = aRoom('12', { joinRule: 'public' })
    assertRejected(room.check(room.member('join', alice, dave)), '5.3.2')
    assertAllowed(room.check(room.member('join', dave)))
    room.with(room.member('ban', alice, dave))
    assertRejected(room.check(room.member('join', dave)), '5.3.3')
    assertRejected(aRoom('1').check(aMember('join', alice, { target: dave })), '5.2.2')
  })

  test('an invitation opens a room for the invited', () => {
    for (const joinRule of ['invite', 'knock', 'restricted', 'knock_restricted']) {
      const room = aRoom('12', { joinRule })
      assertRejected(room.check(room.member('join', dave)))
      assertAllowed(room.check(room.member('join', bob)))
      room.with(room.member('invite', alice, dave))
      assertAllowed(room.check(room.member('join', dave)))
    }
  })

  test('a join rule that the version does not know lets nobody in', () => {
    for (const [version, joinRule, rule] of [
      ['6', 'knock', '4.2.6'],
      ['7', 'restricted', '4.2.6'],
      ['9', 'knock_restricted', '4.3.7'],
      ['12', 'private', '5.3.7'],
      ['5', 'knock', '5.2.6'],
    ] as const) {
      const room = aRoom(version, { joinRule })
      room.with(room.member('invite', alice, dave))
      assertRejected(room.check(room.member('join', dave)), rule)
    }
  })

  test('a restricted room is entered with the word of a member who may invite', () => {
    for (const [version, joinRule] of [
      ['8', 'restricted'],
      ['10', 'knock_restricted'],
      ['12', 'restricted'],
    ] as const) {
      const room = aRoom(version, { joinRule, levels: { invite: 50 } })
      const join = (by: JsonValue) =>
        room.check(room.member('join', dave, dave, { join_authorised_via_users_server: by }))
      assertAllowed(join(alice))
      assertRejected(join(bob), version === '12' ? '5.3.5.2' : '4.3.5.2')
      assertRejected(join(carol))
      assertRejected(join('alice'), version === '12' ? '5.2.1' : '4.2.1')
      assertRejected(join(5))
      assertRejected(room.check(room.member('join', dave)))
    }
  })

  test('without join rules a room is for the invited', () => {
    const { rules, create, roomId } = aRoom('11')
    const state = stateOf(create, aMember('join', alice, { roomId }))
    assertRejected(checkAuth(aMember('join', dave, { roomId }), state, rules), '4.3.7')
  })
})

describe('inviting', () => {
  test('members with the level for it invite those who are outside and not banned', () => {
    const room = aRoom('12', { levels: { invite: 1, users: { [carol]: 1 } } })
    room.with(room.member('join', carol))
    assertAllowed(room.check(room.member('invite', carol, dave)))
    assertRejected(room.check(room.member('invite', bob, dave)), '5.4.5')
    assertRejected(room.check(room.member('invite', dave, carol)), '5.4.2')
    assertRejected(room.check(room.member('invite', carol, bob)), '5.4.3')
    room.with(room.member('ban', alice, dave))
    assertRejected(room.check(room.member('invite', carol, dave)), '5.4.3')
    const old = aRoom('6', { levels: { invite: 1 } })
    assertRejected(old.check(old.member('invite', bob, dave)), '4.3.5')
  })

  test('an invitation by e-mail holds when it was signed with one of its keys', () => {
    const key = newSigningKey(bytesOfBase64('YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1'), '0')
    const room = aRoom('12')
    const publicKey = unpaddedBase64(key.publicKey)
    const invitation = (content: JsonObject, sender = alice) =>
      room.event({ type: 'm.room.third_party_invite', stateKey: 'tok', sender, content })
    const signed = signJson({ mxid: dave, token: 'tok', sender: alice }, 'id.example', key)
    const check = (content: JsonValue, sender = alice) =>
      room.check(room.member('invite', sender, dave, { third_party_invite: content }))

    assertRejected(check({ signed }), '5.4.1.5')
    room.with(invitation({ public_keys: [{ public_key: 'x' }, 5, { public_key: publicKey }] }))
    assertAllowed(check({ signed }))
    room.with(invitation({ public_key: publicKey }))
    assertAllowed(check({ signed }))
    for (const [content, rule] of [
      [{}, '2'],
      [null, '2'],
      [{ signed: 5 }, '2'],
      [{ signed: { mxid: dave } }, '3'],
      [{ signed: { ...signed, mxid: carol } }, '4'],
      [{ signed: { ...signed, token: 'other' } }, '5'],
      [{ signed: { ...signed, extra: 1 } }, '8'],
      [{ signed: { ...signed, extra: 1.5 } }, '8'],
      [{ signed: { mxid: dave, token: 'tok' } }, '8'],
    ] as const) {
      assertRejected(check(content), `5.4.1.${rule}`)
    }
    assertRejected(check({ signed }, bob), '5.4.1.6')
    room.with(invitation({ public_key: unpaddedBase64(newSigningKey().publicKey) }))
    assertRejected(check({ signed }), '5.4.1.8')
    room.with(room.member('ban', alice, dave))
    assertRejected(check({ signed }), '5.4.1.1')
  })

  test('sending such an invitation takes the invite level and nothing else', () => {
    const room = aRoom('12', { levels: { invite: 0, state_default: 50 } })
    assertAllowed(room.check(room.event({ type: 'm.room.third_party_invite', stateKey: '@x', sender: bob })))
    const strict = aRoom('12', { levels: { invite: 1, events: { 'm.room.third_party_invite': 0 } } })
    assertRejected(strict.check(strict.event({ type: 'm.room.third_party_invite', stateKey: 'x', sender: bob })), '7.1')
  })
})

describe('leaving, kicking and banning', () => {
  test('who is in, invited or knocking may leave; others have nothing to leave', () => {
    const room = aRoom('12')
    assertAllowed(room.check(room.member('leave', bob)))
    assertRejected(room.check(room.member('leave', dave)), '5.5.1')
    for (const membership of ['invite', 'knock']) {
      room.with(room.member(membership, dave))
      assertAllowed(room.check(room.member('leave', dave)))
    }
    room.with(room.member('ban', alice, dave))
    assertRejected(room.check(room.member('leave', dave)), '5.5.1')
    const old = aRoom('6')
    old.with(old.member('knock', dave))
    assertRejected(old.check(old.member('leave', dave)), '4.4.1')
  })

  test('kicking takes the level for it and more than the other has', () => {
    const room = aRoom('11', { levels: { users: { [alice]: 100, [bob]: 50, [carol]: 50 } } })
    room.with(room.member('join', carol))
    assertAllowed(room.check(room.member('leave', bob, dave)))
    assertAllowed(room.check(room.member('leave', alice, bob)))
    assertRejected(room.check(room.member('leave', bob, carol)), '4.5.5')
    assertRejected(room.check(room.member('leave', dave, bob)), '4.5.2')
    const plain = aRoom('12')
    assertRejected(plain.check(plain.member('leave', bob, dave)), '5.5.5')
  })

  test('lifting a ban takes the ban level as well', () => {
    const room = aRoom('12', { levels: { ban: 75, users: { [bob]: 50, [carol]: 75 } } })
    room.with(room.member('join', carol), room.member('ban', alice, dave))
    assertRejected(room.check(room.member('leave', bob, dave)), '5.5.3')
    assertAllowed(room.check(room.member('leave', carol, dave)))
  })

  test('banning takes the level for it and more than the other has', () => {
    const room = aRoom('12', { levels: { users: { [bob]: 50 } } })
    assertAllowed(room.check(room.member('ban', bob, dave)))
    assertAllowed(room.check(room.member('ban', alice, bob)))
    assertRejected(room.check(room.member('ban', bob, alice)), '5.6.3')
    assertRejected(room.check(room.member('ban', dave, bob)), '5.6.1')
    assertRejected(aRoom('1').check(aMember('ban', dave, { target: bob })), '5.5.1')
  })

  test('in version 12 creators neither kick nor ban one another', () => {
    const room = aRoom('12', { create: { additional_creators: [bob] } })
    assertRejected(room.check(room.member('ban', alice, bob)), '5.6.3')
    assertRejected(room.check(room.member('leave', bob, alice)), '5.5.5')
    assertAllowed(room.check(room.member('ban', bob, dave)))
  })
})

describe('knocking', () => {
  test('one knocks for oneself, where knocks are taken, while outside', () => {
    for (const [version, joinRule] of [
      ['7', 'knock'],
      ['12', 'knock'],
      ['10', 'knock_restricted'],
    ] as const) {
      const room = aRoom(version, { joinRule })
      assertAllowed(room.check(room.member('knock', dave)))
      room.with(room.member('knock', dave))
      assertAllowed(room.check(room.member('knock', dave)))
      assertRejected(room.check(room.member('knock', bob)))
      assertRejected(room.check(room.member('knock', alice, dave)))
      for (const membership of ['invite', 'ban']) {
        room.with(room.member(membership, alice, dave))
        assertRejected(room.check(room.member('knock', dave)))
      }
    }
    const closed = aRoom('12', { joinRule: 'public' })
    assertRejected(closed.check(closed.member('knock', dave)), '5.7.1')
    const nine = aRoom('9', { joinRule: 'knock_restricted' })
    assertRejected(nine.check(nine.member('knock', dave)), '4.7.1')
    const six = aRoom('6', { joinRule: 'knock' })
    assertRejected(six.check(six.member('knock', dave)), '4.6')
  })
})
