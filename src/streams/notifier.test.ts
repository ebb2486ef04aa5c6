import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseUserId } from '#protocol/identifiers.ts'
import { Notifier } from './notifier.ts'

const alice = parseUserId('@alice:example.org')
const bob = parseUserId('@bob:example.org')
const carol = parseUserId('@carol:example.org')

function options(timeoutMs = 60_000): { timeoutMs: number; signal: AbortSignal } {
  return { timeoutMs, signal: new AbortController().signal }
}

test('a change in a room wakes who waits in it, and nobody else', async () => {
  const notifier = new Notifier()
  let changed = false
  notifier.userRooms(alice, [1, 2])
  notifier.userRooms(bob, [2])
  const woken = notifier.wait(alice, () => changed, options())
  const asleep = notifier.wait(bob, () => changed, options(1))
  changed = true
  notifier.wake({ rooms: [1] })
  assert.equal(await woken, true)
  assert.equal(notifier.openWaits, 1)
  assert.equal(await asleep, false)
  assert.equal(notifier.openWaits, 0)
})

test('a wait whose condition is not met goes on, one that is met ends at once', async () => {
  const notifier = new Notifier()
  let position = 0
  const wait = notifier.wait(alice, () => position > 1, options())
  position = 1
  notifier.wake({ users: [alice] })
  assert.equal(notifier.openWaits, 1)
  position = 2
  notifier.wake({ users: [alice] })
  assert.equal(await wait, true)
  assert.equal(await notifier.wait(alice, () => position > 1, options()), true)
})

test('a user who joins or leaves during a poll is woken for the rooms they are in then', async () => {
  const notifier = new Notifier()
  notifier.userRooms(alice, [1])
  let wakes = 0
  const until = (): boolean => {
    wakes += 1
    return wakes > 2
  }
  const wait = notifier.wait(alice, until, options())
  notifier.left(alice, 1)
  notifier.wake({ rooms: [1] })
  assert.equal(wakes, 1)
  notifier.joined(alice, 3)
  notifier.wake({ rooms: [3] })
  assert.equal(wakes, 2)
  notifier.userRooms(alice, [4])
  notifier.wake({ rooms: [3] })
  notifier.wake({ rooms: [4] })
  assert.equal(await wait, true)
})

test('a client that goes away ends its wait at once', async () => {
  const notifier = new Notifier()
  const client = new AbortController()
  const wait = notifier.wait(alice, () => false, { timeoutMs: 60_000, signal: client.signal })
  client.abort()
  assert.equal(await wait, false)
  assert.equal(await notifier.wait(alice, () => false, { timeoutMs: 60_000, signal: client.signal }), false)
})

test('a user cannot hold waits without bound, and the oldest ends first', async () => {
  const notifier = new Notifier()
  const client = new AbortController()
  const waits = Array.from({ length: 201 }, () =>
    notifier.wait(carol, () => false, { timeoutMs: 60_000, signal: client.signal }),
  )
  assert.equal(await waits[0], false)
  assert.equal(notifier.openWaits, 200)
  client.abort()
  await Promise.all(waits)
})
