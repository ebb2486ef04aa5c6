import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseUserId } from './identifiers.ts'
import { transitionOf } from './membership-transitions.ts'
import { heroesOf, memberName, roomName } from './room-summary.ts'

const user = (name: string | number) => parseUserId(`@${name}:a`)
const member = (name: string | number, membership: string, streamPosition: number) => ({
  userId: user(name),
  membership,
  streamPosition,
})

test('heroes are the first five who are there, without the reader', () => {
  const members = [9, 3, 7, 1, 5, 8, 2].map((n) => member(n, n % 2 === 0 ? 'invite' : 'join', n))
  assert.deepEqual(
    heroesOf([...members, member('gone', 'leave', 0), member('knocks', 'knock', 0)], user(3)),
    [1, 2, 5, 7, 8].map(user),
  )
  assert.deepEqual(heroesOf([member('me', 'join', 1), member('b', 'ban', 3), member('l', 'leave', 2)], user('me')), [
    user('l'),
    user('b'),
  ])
  assert.deepEqual(heroesOf([member('me', 'join', 1)], user('me')), [])
})

test('a room is called by its name, its alias or its members', () => {
  const facts = { name: undefined, canonicalAlias: undefined, heroNames: ['A', 'B'], joinedCount: 3, invitedCount: 0 }
  assert.equal(roomName({ ...facts, name: 'N', canonicalAlias: '#a:b' }), 'N')
  assert.equal(roomName({ ...facts, name: '', canonicalAlias: '#a:b' }), '#a:b')
  assert.equal(roomName(facts), 'A and B')
  assert.equal(roomName({ ...facts, joinedCount: 2 }), 'A and B')
  assert.equal(roomName({ ...facts, joinedCount: 3, invitedCount: 1 }), 'A, B and 1 other')
  assert.equal(roomName({ ...facts, joinedCount: 1234 }), 'A, B and 1231 others')
  assert.equal(roomName({ ...facts, joinedCount: 1 }), 'Empty room (was A and B)')
  assert.equal(roomName({ ...facts, joinedCount: 1, heroNames: [] }), 'Empty room')
  assert.equal(memberName(user('a'), 'A', true), 'A (@a:a)')
  assert.equal(memberName(user('a'), 5, false), '@a:a')
})

test('steps in membership have a name each', () => {
  assert.equal(transitionOf(undefined, 'join', true), 'joined')
  assert.equal(transitionOf('join', 'leave', true), 'left')
  assert.equal(transitionOf('join', 'leave', false), 'kicked')
  assert.equal(transitionOf('invite', 'leave', false), 'withdrawn')
  assert.equal(transitionOf('knock', 'leave', false), 'denied')
  assert.equal(transitionOf('ban', 'join', true), 'impossible')
  assert.equal(transitionOf('ban', 'leave', false), 'unbanned')
})
