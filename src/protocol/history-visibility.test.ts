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

/** Memberships before an event (downwards) and after it (across); a message has the same on both sides. */
const memberships = [undefined, 'invite', 'join', 'leave', 'ban', 'knock']

const everything = ['xxxxxx', 'xxxxxx', 'xxxxxx', 'xxxxxx', 'xxxxxx', 'xxxxxx']
const whileJoined = ['..x...', '..x...', 'xxxxxx', '..x...', '..x...', '..x...']
const sinceInvited = ['.xx...', 'xxxxxx', 'xxxxxx', '.xx...', '.xx...', '.xx...']

const tables: readonly {
  readonly visibility: string | undefined
  readonly neverAfter: readonly string[]
  readonly joinedLater: readonly string[]
}[] = [
  { visibility: 'world_readable', neverAfter: everything, joinedLater: everything },
  { visibility: 'shared', neverAfter: whileJoined, joinedLater: everything },
  { visibility: undefined, neverAfter: whileJoined, joinedLater: everything },
  { visibility: 'unheard_of', neverAfter: whileJoined, joinedLater: everything },
  { visibility: 'invited', neverAfter: sinceInvited, joinedLater: sinceInvited },
  { visibility: 'joined', neverAfter: whileJoined, joinedLater: whileJoined },
]

for (const { visibility, neverAfter, joinedLater } of tables) {
  for (const later of [false, true]) {
    const name = `${visibility ?? 'no'} visibility, ${later ? 'joined later' : 'never joined after'}`
    test(`${name}: each membership before and after the event sees what the table says`, () => {
      for (const [row, membershipBefore] of memberships.entries()) {
        for (const [column, membershipAfter] of memberships.entries()) {
          const expected = (later ? joinedLater : neverAfter)[row]?.[column] === 'x'
          const reading = { membershipBefore, membershipAfter, joinedLater: later }
          const cell = `${membershipBefore ?? 'nothing'} before, ${membershipAfter ?? 'nothing'} after`
          assert.equal(reads(visibility, undefined, reading), expected, cell)
        }
      }
    })
  }
}

/** Visibilities before their own change (downwards) and after it (across). */
const visibilities = ['world_readable', 'shared', undefined, 'unheard_of', 'invited', 'joined']

const changes: readonly {
  readonly who: string
  readonly is: Partial<ReadingCase>
  readonly sees: readonly string[]
}[] = [
  {
    who: 'a stranger',
    is: {},
    sees: ['xxxxxx', 'x.....', 'x.....', 'x.....', 'x.....', 'x.....'],
  },
  {
    who: 'who joins later',
    is: { joinedLater: true },
    sees: ['xxxxxx', 'xxxxxx', 'xxxxxx', 'xxxxxx', 'xxxx..', 'xxxx..'],
  },
  {
    who: 'who is invited',
    is: { membershipBefore: 'invite', membershipAfter: 'invite' },
    sees: ['xxxxxx', 'x...x.', 'x...x.', 'x...x.', 'xxxxxx', 'x...x.'],
  },
  {
    who: 'who is banned',
    is: { membershipBefore: 'ban', membershipAfter: 'ban' },
    sees: ['xxxxxx', 'x.....', 'x.....', 'x.....', 'x.....', 'x.....'],
  },
  {
    who: 'who is joined',
    is: { membershipBefore: 'join', membershipAfter: 'join' },
    sees: everything,
  },
]

for (const { who, is, sees } of changes) {
  test(`a change of the visibility is seen by ${who} as the table says`, () => {
    for (const [row, visibilityBefore] of visibilities.entries()) {
      for (const [column, visibilityAfter] of visibilities.entries()) {
        const cell = `${visibilityBefore ?? 'none'} before, ${visibilityAfter ?? 'none'} after`
        const expected = sees[row]?.[column] === 'x'
        assert.equal(reads(undefined, undefined, { visibilityBefore, visibilityAfter, ...is }), expected, cell)
      }
    }
  })
}
