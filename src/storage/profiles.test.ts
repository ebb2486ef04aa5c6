import assert from 'node:assert/strict'
import type { UserId } from '#protocol/identifiers.ts'
import { eachEngine } from '../../test/databases.ts'
import { deleteProfile, deleteProfileField, profileFields, setProfileField } from './profiles.ts'

const alice = '@alice:example.org' as UserId
const bob = '@bob:example.org' as UserId

eachEngine('fields of a profile are set, replaced and removed, for one user alone', async (_t, database) => {
  await database.runInteraction('profiles', async (txn) => {
    await setProfileField(txn, alice, 'm.tz', '"A"')
    await setProfileField(txn, alice, 'displayname', '"Al"')
    await setProfileField(txn, alice, 'displayname', '"Alice"')
    await setProfileField(txn, bob, 'displayname', '"Bob"')
    assert.deepEqual(await profileFields(txn, alice), [
      { field: 'displayname', value: '"Alice"' },
      { field: 'm.tz', value: '"A"' },
    ])
    assert.equal(await deleteProfileField(txn, alice, 'm.tz'), true)
    assert.equal(await deleteProfileField(txn, alice, 'm.tz'), false)
    await deleteProfile(txn, alice)
    assert.deepEqual(await profileFields(txn, alice), [])
    assert.equal((await profileFields(txn, bob)).length, 1)
  })
})
