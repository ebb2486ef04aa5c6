import assert from 'node:assert/strict'
import { eachEngine } from '../../../test/databases.ts'
import type { Answered } from '../../../test/people.ts'
import { idsOf, openTalkers, type Person } from '../../../test/talkers.ts'

const client = '/_matrix/client/v3'
const encode = encodeURIComponent

let requests = 0

function sendRedaction(person: Person, roomId: string, content: object): Promise<Answered> {
  return person.call('PUT', `${client}/rooms/${roomId}/send/m.room.redaction/r${++requests}`, content)
}

for (const version of ['1', '3', '10', '11', '12']) {
  eachEngine(`a redaction sent like any event redacts, in room version ${version}`, async (t, database) => {
    const { alice } = await openTalkers(t, database)
    const roomId = await alice.createRoom({ preset: 'public_chat', room_version: version })
    const eventId = await alice.say(roomId, 'oops')
    const answer = await sendRedaction(alice, roomId, { redacts: eventId, reason: 'typo', 'org.example.more': 1 })
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    const event = await alice.ok('GET', `${client}/rooms/${roomId}/event/${encode(eventId)}`)
    assert.deepEqual(event.content, {})
    assert.equal(event.unsigned.redacted_by, answer.body.event_id)
    const because = event.unsigned.redacted_because
    assert.deepEqual(because.content, { redacts: eventId, reason: 'typo', 'org.example.more': 1 })
    assert.equal(because.redacts, eventId)
    const { chunk } = await alice.ok('GET', `${client}/rooms/${roomId}/messages?dir=b&limit=1`)
    assert.deepEqual(idsOf(chunk), [answer.body.event_id])
  })
}

eachEngine('both ways of redacting ask for the same power and the same event', async (t, database) => {
  const { alice, bob, carol } = await openTalkers(t, database)
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  const otherRoomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.ok('POST', `${client}/rooms/${roomId}/join`)
  const ofAlice = await alice.say(roomId, 'by alice')
  const ofBob = await bob.say(roomId, 'by bob')
  const elsewhere = await alice.say(otherRoomId, 'elsewhere')
  const create = (await alice.ok('GET', `${client}/rooms/${roomId}/state/m.room.create/?format=event`)).event_id
  const cases: readonly [string, Person, string, number, string | undefined][] = [
    ['of somebody else without the power', bob, ofAlice, 403, 'M_FORBIDDEN'],
    ['by somebody who is not in the room', carol, ofBob, 403, 'M_FORBIDDEN'],
    ['of an event that nobody knows', alice, '$unknown', 404, 'M_NOT_FOUND'],
    ['of an event of another room', alice, elsewhere, 404, 'M_NOT_FOUND'],
    ['of the create event', alice, create, 403, 'M_FORBIDDEN'],
    ["of one's own event", bob, ofBob, 200, undefined],
    ['of somebody else with the power', alice, ofBob, 200, undefined],
  ]
  for (const [what, person, eventId, status, errcode] of cases) {
    const path = `${client}/rooms/${roomId}/redact/${encode(eventId)}/d${++requests}`
    for (const answer of [
      await sendRedaction(person, roomId, { redacts: eventId }),
      await person.call('PUT', path, {}),
    ]) {
      assert.equal(answer.status, status, what)
      assert.equal(answer.body.errcode, errcode, what)
    }
  }
  for (const content of [{}, { redacts: null }, { redacts: { event_id: ofAlice } }, { redacts: 7 }])
    assert.equal((await sendRedaction(alice, roomId, content)).body.errcode, 'M_MISSING_PARAM')
  assert.equal((await sendRedaction(alice, roomId, { redacts: 'no id' })).body.errcode, 'M_INVALID_PARAM')
  const left = await alice.ok('GET', `${client}/rooms/${roomId}/event/${encode(ofAlice)}`)
  assert.equal(left.content.body, 'by alice')
})

eachEngine('a redaction repeated with its transaction id is one', async (t, database) => {
  const { alice } = await openTalkers(t, database)
  const roomId = await alice.createRoom()
  const eventId = await alice.say(roomId, 'oops')
  const path = `${client}/rooms/${roomId}/send/m.room.redaction/again`
  const first = await alice.ok('PUT', path, { redacts: eventId })
  assert.deepEqual(await alice.ok('PUT', path, { redacts: eventId }), first)
})
