import assert from 'node:assert/strict'

import { parseUserId } from '#protocol/identifiers.ts'

import { eachEngine } from '../../test/databases.ts'
import {
  membershipsInRoom,
  setMemberships,
  stayEndAfter,
  type MembershipRow,
  type MembershipState,
  type NewMembership,
} from './memberships.ts'

const userId = parseUserId('@ann:here')

function becoming(membership: MembershipState, streamPosition: number): NewMembership {
  return {
    ...{ roomNid: 1, userNid: 1, membership, eventNid: streamPosition, senderNid: 1, streamPosition, local: 1 },
    forgotten: 0,
  }
}

eachEngine('when a stay ends is noted, however much of it is written together', async (_t, database) => {
  let known: MembershipRow | undefined
  let position = 0
  /** Writes what the user becomes, together; gives when the last stay ended. */
  const become = async (...course: readonly MembershipState[]): Promise<number | null> => {
    const rows = course.map((membership) => becoming(membership, ++position))
    const changes = rows.map((row) => ({ userId, row }))
    await database.runInteraction('set', (txn) => setMemberships(txn, changes))
    const [stored] = await database.runInteraction('read', (txn) => membershipsInRoom(txn, 1))
    // What follows the changes in memory comes to the same.
    for (const row of rows) known = { ...row, stayEnd: stayEndAfter(known, row) }
    assert.equal(stored?.membership, known?.membership)
    if (stored?.membership !== 'join') assert.equal(stored?.stayEnd, known?.stayEnd)
    return stored?.stayEnd ?? null
  }
  assert.equal(await become('invite', 'leave'), 0, 'who was never there has no stay')
  await become('join')
  await become('join')
  assert.equal(await become('leave'), 5)
  assert.equal(await become('ban'), 5)
  assert.equal(await become('leave', 'join', 'leave', 'invite'), 9)
  await become('join')
  assert.equal(await become('leave', 'invite'), 12)
  await become('leave', 'join')
  assert.equal(await become('join', 'leave'), 17)
})
