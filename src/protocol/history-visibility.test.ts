import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mayRead, type ReadingCase } from './history-visibility.ts'

function reads(
  visibility: string | undefined,
  membership: string | undefined,
  more: Partial<ReadingCase> = {},
): boolean {
  return mayRead({
    visibilityBefore: visibility,
    visibilityAfter: visibility,
    membershipBefore: membership,
    membershipAfter: membership,
    joinedLater: false,
    ...more,
  })
}

test('who was joined sees the event whatever the visibility', () => {
  for (const visibility of ['joined', 'invited', 'shared', 'world_readable', undefined])
    assert.equal(reads(visibility, 'join'), true)
})

test('the world sees only world readable history', () => {
  assert.equal(reads('world_readable', undefined), true)
  for (const visibility of ['joined', 'invited', 'shared', undefined]) assert.equal(reads(visibility, undefined), false)
})

test('who joins later sees shared history, and nothing of joined or invited history', () => {
  const later = { joinedLater: true }
  assert.equal(reads('shared', undefined, later), true)
  assert.equal(reads(undefined, 'leave', later), true, 'no visibility is shared')
  assert.equal(reads('unheard_of', undefined, later), true)
  assert.equal(reads('joined', undefined, later), false)
  assert.equal(reads('invited', undefined, later), false)
})

test('who was invited sees invited history from then on', () => {
  assert.equal(reads('invited', 'invite'), true)
  assert.equal(reads('joined', 'invite'), false)
  assert.equal(reads('shared', 'invite'), false)
})

test('a banned or departed user sees nothing further', () => {
  for (const membership of ['ban', 'leave', 'knock']) {
    assert.equal(reads('shared', membership), false)
    assert.equal(reads('invited', membership), false)
  }
})

test('the more generous side of a change counts', () => {
  assert.equal(reads('joined', undefined, { visibilityAfter: 'world_readable' }), true)
  assert.equal(reads('joined', undefined, { visibilityBefore: 'world_readable' }), true)
  assert.equal(reads('joined', 'leave', { membershipAfter: 'join' }), true)
  assert.equal(reads('joined', 'leave', { membershipBefore: 'join' }), true, 'one’s own leaving')
})
