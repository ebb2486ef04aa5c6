import assert from 'node:assert/strict'
import { eachEngine } from '../../../test/databases.ts'
import { idsOf, openTalkers } from '../../../test/talkers.ts'

const client = '/_matrix/client/v3'
const encode = encodeURIComponent

eachEngine('an event is shown with what happened around it', async (t, database) => {
  const { alice } = await openTalkers(t, database)
  const roomId = await alice.createRoom()
  const said: string[] = []
  for (let index = 0; index < 7; index++) said.push(await alice.say(roomId, `no ${index}`))
  const path = `${client}/rooms/${roomId}/context/${encode(said[3] ?? '')}`
  const context = await alice.ok('GET', `${path}?limit=4`)
  assert.equal(context.event.event_id, said[3])
  assert.deepEqual(idsOf(context.events_before), [said[2], said[1]])
  assert.deepEqual(idsOf(context.events_after), [said[4], said[5]])
  assert.ok(context.state.some((event: { type: string }) => event.type === 'm.room.power_levels'))
  const on = await alice.ok('GET', `${client}/rooms/${roomId}/messages?dir=f&from=${context.end}`)
  assert.deepEqual(idsOf(on.chunk), [said[6]])
  const back = await alice.ok('GET', `${client}/rooms/${roomId}/messages?dir=b&limit=1&from=${context.start}`)
  assert.deepEqual(idsOf(back.chunk), [said[0]])
  const alone = await alice.ok('GET', `${path}?limit=0`)
  assert.deepEqual([alone.events_before, alone.events_after], [[], []])
  const lazy = await alice.ok('GET', `${path}?filter=${encode('{"lazy_load_members":true}')}`)
  assert.equal(lazy.state.filter((event: { type: string }) => event.type === 'm.room.member').length, 1)
})
