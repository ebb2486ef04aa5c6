import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import type { UserId } from '#protocol/identifiers.ts'
import { Stream } from '#streams/stream.ts'
import { Typing } from './typing.ts'

const alice = '@alice:example.org' as UserId
const room = 7

async function typingWithStream(): Promise<{ typing: Typing; stream: Stream; woken: number[] }> {
  let next = 1
  const woken: number[] = []
  const numbers = { reserve: (_: string, count: number) => Promise.resolve((next += count) - count) }
  const stream = await Stream.open('typing', numbers, (changed) => woken.push(...(changed.rooms ?? [])))
  return { typing: new Typing({ streams: { typing: stream } }), stream, woken }
}

test('who types is shown until they stop, and both wake the room', async () => {
  const { typing, woken } = await typingWithStream()
  await typing.start(alice, room)
  assert.deepEqual(typing.inRoom(room), [alice])
  await typing.start(alice, room)
  assert.deepEqual(woken, [room], 'going on typing is no change')
  await typing.stop(alice, room)
  await typing.stop(alice, room)
  assert.deepEqual(typing.inRoom(room), [])
  assert.deepEqual(woken, [room, room])
})

test('typing ends by itself after its time, which has a limit', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.after(() => mock.timers.reset())
  const { typing } = await typingWithStream()
  await typing.start(alice, room, 5_000)
  mock.timers.tick(4_999)
  assert.deepEqual(typing.inRoom(room), [alice])
  mock.timers.tick(1)
  assert.deepEqual(typing.inRoom(room), [])
  await typing.start(alice, room, 1e9)
  mock.timers.tick(120_000)
  assert.deepEqual(typing.inRoom(room), [])
})

test('each stop and start moves the stream', async () => {
  const { typing, stream } = await typingWithStream()
  const before = stream.position
  await typing.start(alice, room)
  await typing.stop(alice, room)
  assert.equal(stream.position, before + 2)
  assert.equal(stream.roomChangedSince(room, before), true)
  typing.close()
})
