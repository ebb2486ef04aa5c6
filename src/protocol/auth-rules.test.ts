import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { alice, aRoom, assertAllowed, assertRejected, bob, dave, rulesOf } from '../../test/auth-rooms.ts'
import { aMember, anEvent } from '../../test/events.ts'
import { authEventKeys, checkAuth, checkAuthEvents } from './auth-rules.ts'
import type { Event } from './event.ts'
import { roomIdOfCreate } from './hashes.ts'
import type { EventId } from './identifiers.ts'
import { knownRoomVersions } from './room-versions.ts'

describe('create events', () => {
  for (const version of knownRoomVersions) {
    test(`the rules of version ${version}`, () => {
      const { rules, create } = aRoom(version)
      const check = (wish: Partial<Event>) => checkAuth({ ...create, ...wish }, () => undefined, rules)
      assertAllowed(check({}))
      assertRejected(check({ prevEvents: ['$x' as EventId] }), '1.1')
      assertRejected(check({ content: { creator: alice, room_version: '99' } }), '1.3')
      assertRejected(check({ content: { creator: alice, room_version: 1 } }), '1.3')
      if (rules.roomIdIsCreateId) {
        assertRejected(check({ pdu: { room_id: '!x' } }), '1.2')
        assertAllowed(check({ content: { additional_creators: [bob] } }))
        for (const bad of ['x', [1], ['bob'], {}, null]) {
          assertRejected(check({ content: { additional_creators: bad } }), '1.4')
        }
      } else {
        assertRejected(check({ roomId: '!x:b.example' as Event['roomId'] }), '1.2')
        if (rules.creatorIsSender) assertAllowed(check({ content: {} }))
        else assertRejected(check({ content: {} }), '1.4')
      }
    })
  }

  test('in version 12 an event belongs to the room that its create event made', () => {
    const room = aRoom('12')
    assert.equal(roomIdOfCreate(room.create.eventId), room.roomId)
    assertAllowed(room.check(room.event({})))
    assertRejected(room.check(room.event({ roomId: '!other' })), '2')
    assertRejected(
      checkAuth(room.event({}), () => undefined, room.rules),
      '2',
    )
    assertRejected(
      checkAuth(aRoom('11').event({}), () => undefined, rulesOf('11')),
      '2.4',
    )
  })

  test('a room that is not federated is closed to other servers', () => {
    const room = aRoom('11', { create: { 'm.federate': false } })
    assertRejected(room.check(room.event({ sender: bob })), '3')
    assertAllowed(room.check(room.event({})))
    const open = aRoom('11', { create: { 'm.federate': 'false' } })
    assertAllowed(open.check(open.event({ sender: bob })))
    const v12 = aRoom('12', { create: { 'm.federate': false } })
    assertRejected(v12.check(v12.event({ sender: bob })), '4')
  })
})

describe('auth events', () => {
  const selected = (event: Event, version: string) => authEventKeys(event, rulesOf(version)).map((key) => key.join('|'))

  test('a message names the create event (until version 11), the power levels and the sender', () => {
    const message = anEvent()
    assert.deepEqual(selected(message, '11'), ['m.room.create|', 'm.room.power_levels|', `m.room.member|${alice}`])
    assert.deepEqual(selected(message, '12'), ['m.room.power_levels|', `m.room.member|${alice}`])
  })

  test('a membership names the target, too, and what lets it in', () => {
    const base = ['m.room.power_levels|', `m.room.member|${alice}`]
    const bobs = `m.room.member|${bob}`
    const target = { target: bob }
    assert.deepEqual(selected(aMember('ban', alice, target), '12'), [...base, bobs])
    assert.deepEqual(selected(aMember('join', alice), '12'), [...base, 'm.room.join_rules|'])
    assert.deepEqual(selected(aMember('knock', alice), '12'), [...base, 'm.room.join_rules|'])
    assert.deepEqual(selected(aMember('invite', alice, target), '12'), [...base, bobs, 'm.room.join_rules|'])
    const byMail = { ...target, content: { third_party_invite: { signed: { token: 'tok' } } } }
    assert.deepEqual(selected(aMember('invite', alice, byMail), '12'), [
      ...base,
      bobs,
      'm.room.join_rules|',
      'm.room.third_party_invite|tok',
    ])
    const authorised = { content: { join_authorised_via_users_server: bob } }
    assert.deepEqual(selected(aMember('join', alice, authorised), '12'), [...base, 'm.room.join_rules|', bobs])
    assert.equal(selected(aMember('join', alice, authorised), '7').includes(bobs), false)
    assert.deepEqual(selected(anEvent({ type: 'm.room.create' }), '11'), [])
  })

  test('those named are one of each kind, have a bearing, were accepted and are of the same room', () => {
    for (const [version, number] of [
      ['11', '2'],
      ['12', '3'],
      ['1', '2'],
    ] as const) {
      const room = aRoom(version)
      const message = room.event({})
      const accepted = (event: Event, rejected = false) => ({ event, rejected })
      const create = room.rules.roomIdIsCreateId ? [] : [accepted(room.create)]
      const sender = accepted(room.member('join', alice))
      const check = (...named: { event: Event; rejected: boolean }[]) => checkAuthEvents(message, named, room.rules)
      assertAllowed(check(...create, sender))
      assertRejected(check(...create, sender, sender), `${number}.1`)
      assertRejected(check(...create, accepted(room.member('join', bob))), `${number}.2`)
      assertRejected(check(...create, accepted(room.event({ type: 'm.room.power_levels' }))), `${number}.2`)
      assertRejected(check(...create, accepted(room.member('join', alice), true)), `${number}.3`)
      assertRejected(check(...create, accepted(aMember('join', alice, { roomId: '!x:y' }))), `${number}.5`)
      if (room.rules.roomIdIsCreateId) assertRejected(check(accepted(room.create)), '3.2')
      else assertRejected(check(sender), '2.4')
    }
  })
})

describe('other events', () => {
  test('a membership says who and what, and what is known', () => {
    const room = aRoom('12')
    assertRejected(room.check(room.event({ type: 'm.room.member', content: { membership: 'join' } })), '5.1')
    assertRejected(room.check(room.event({ type: 'm.room.member', stateKey: alice })), '5.1')
    assertRejected(room.check(room.member('dance', alice)), '5.8')
    assertRejected(
      room.check(room.event({ type: 'm.room.member', stateKey: alice, content: { membership: 5 } })),
      '5.8',
    )
    assertRejected(aRoom('7').check(aMember('dance', alice)), '4.7')
    assertRejected(aRoom('6').check(aMember('dance', alice)), '4.6')
  })

  test('only members send, each what their level reaches', () => {
    const room = aRoom('12', { levels: { events: { 'm.room.topic': 0, 'm.sticker': 1 }, events_default: 0 } })
    assertAllowed(room.check(room.event({ sender: bob })))
    assertRejected(room.check(room.event({ sender: dave })), '6')
    assertAllowed(room.check(room.event({ sender: bob, type: 'm.room.topic', stateKey: '' })))
    assertRejected(room.check(room.event({ sender: bob, type: 'm.room.name', stateKey: '' })), '8')
    assertRejected(room.check(room.event({ sender: bob, type: 'm.sticker' })), '8')
    assertAllowed(room.check(room.event({ type: 'm.sticker' })))
    assertRejected(room.check(room.event({ type: 'org.example', stateKey: bob })), '9')
    assertAllowed(room.check(room.event({ type: 'org.example', stateKey: alice })))
  })

  test('without power levels the creator has 100, or stands above all, and state takes 50', () => {
    for (const version of knownRoomVersions) {
      const room = aRoom(version, { levels: null })
      assertAllowed(room.check(room.event({ type: 'm.room.name', stateKey: '' })))
      assertRejected(room.check(room.event({ type: 'm.room.name', stateKey: '', sender: bob })))
      assertAllowed(room.check(room.event({ sender: bob })))
    }
  })

  test('until version 5 a server sets its own aliases', () => {
    for (const version of ['1', '5']) {
      const room = aRoom(version)
      const aliases = (stateKey?: string) => room.event({ type: 'm.room.aliases', sender: dave, stateKey })
      assertAllowed(room.check(aliases('b.example')))
      assertRejected(room.check(aliases('a.example')), '4.2')
      assertRejected(room.check(aliases()), '4.1')
    }
    const six = aRoom('6')
    assertRejected(six.check(six.event({ type: 'm.room.aliases', sender: dave, stateKey: 'b.example' })), '5')
  })

  test('in versions 1 and 2 a redaction takes the level, or an event id of the same server', () => {
    const redaction = (version: string, redacts: string, sender: string, eventId: string) => {
      const room = aRoom(version)
      return room.check(
        room.event({ type: 'm.room.redaction', sender, eventId, pdu: { type: 'm.room.redaction', redacts } }),
      )
    }
    assertAllowed(redaction('1', '$x:b.example', alice, '$r:a.example'))
    assertAllowed(redaction('2', '$x:b.example', bob, '$r:b.example'))
    assertRejected(redaction('1', '$x:a.example', bob, '$r:b.example'), '11.3')
    assertAllowed(redaction('3', '$x:a.example', bob, '$r:b.example'))
  })
})
