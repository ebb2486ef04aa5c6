import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomId, UserId } from '#protocol/identifiers.ts'
import type { Database } from '#storage/transaction.ts'
import { eachEngine } from '../../test/databases.ts'
import { KeyBackup, type UploadedSession } from './key-backup.ts'
import { replaces } from './key-backup/replaces.ts'

const alice = '@alice:here' as UserId
const room = '!room:here' as RoomId
const algorithm = 'm.megolm_backup.v1.curve25519-aes-sha2'

function session(sessionId: string, changes: Partial<UploadedSession> = {}): UploadedSession {
  const rank = { firstMessageIndex: 5, forwardedCount: 1, isVerified: false }
  return { roomId: room, sessionId, ...rank, sessionData: { mac: sessionId }, ...changes }
}

async function withBackup(database: Database): Promise<{ backup: KeyBackup; version: string }> {
  const backup = new KeyBackup({ database })
  return { backup, version: await backup.create(alice, algorithm, { public_key: 'x' }) }
}

async function indexOf(backup: KeyBackup, version: string, sessionId: string): Promise<number> {
  const text = await backup.read(alice, version, { roomId: room, sessionId })
  return (JSON.parse(text) as { first_message_index: number }).first_message_index
}

eachEngine('versions count up, the latest is current, and a deleted one is gone for good', async (_t, database) => {
  const { backup, version } = await withBackup(database)
  await assert.rejects(backup.info('@bob:here' as UserId), { code: 'M_NOT_FOUND' })
  assert.equal(version, '1')
  assert.equal(await backup.create(alice, algorithm, { public_key: 'y' }), '2')
  const second = { version: '2', algorithm, auth_data: { public_key: 'y' }, count: 0, etag: '0' }
  assert.deepEqual(await backup.info(alice), second)
  await backup.delete(alice, '2')
  await backup.delete(alice, '2')
  assert.equal((await backup.info(alice)).version, '1')
  await assert.rejects(backup.info(alice, '2'), { code: 'M_NOT_FOUND' })
  await assert.rejects(backup.read(alice, '2', {}), { code: 'M_NOT_FOUND' })
  assert.equal(await backup.create(alice, algorithm, {}), '3')
  for (const unknown of ['4', '0', '01', '-1', '1e0', '', 'x', '9'.repeat(30), '1\0']) {
    await assert.rejects(backup.info(alice, unknown), { code: 'M_NOT_FOUND' }, unknown)
    await assert.rejects(backup.delete(alice, unknown), { code: 'M_NOT_FOUND' }, unknown)
  }
})

eachEngine('auth_data can be replaced, the algorithm cannot', async (_t, database) => {
  const { backup, version } = await withBackup(database)
  await backup.update(alice, version, algorithm, { public_key: 'x', signatures: { a: 1 } })
  assert.deepEqual((await backup.info(alice)).auth_data, { public_key: 'x', signatures: { a: 1 } })
  await assert.rejects(backup.update(alice, version, 'other', {}), { code: 'M_INVALID_PARAM' })
  await assert.rejects(backup.update(alice, '9', algorithm, {}), { code: 'M_NOT_FOUND' })
})

eachEngine('keys come back as they were stored, whole, by room and by session', async (_t, database) => {
  const { backup, version } = await withBackup(database)
  const other = '!other:here' as RoomId
  const odd = session('odd "name"\n', { roomId: other, isVerified: true, firstMessageIndex: 0, forwardedCount: 0 })
  const state = await backup.store(alice, version, [session('a'), session('b'), odd])
  assert.deepEqual(state, { count: 3, etag: '1' })
  const a = { first_message_index: 5, forwarded_count: 1, is_verified: false, session_data: { mac: 'a' } }
  const b = { ...a, session_data: { mac: 'b' } }
  const rest = { first_message_index: 0, forwarded_count: 0, is_verified: true, session_data: odd.sessionData }
  const all = { [room]: { sessions: { a, b } }, [other]: { sessions: { [odd.sessionId]: rest } } }
  assert.deepEqual(JSON.parse(await backup.read(alice, version, {})), { rooms: all })
  assert.deepEqual(JSON.parse(await backup.read(alice, version, { roomId: room })), { sessions: { a, b } })
  assert.deepEqual(JSON.parse(await backup.read(alice, version, { roomId: room, sessionId: 'a' })), a)
  const nowhere = { roomId: '!nowhere:here' as RoomId }
  assert.deepEqual(JSON.parse(await backup.read(alice, version, nowhere)), { sessions: {} })
  await assert.rejects(backup.read(alice, version, { ...nowhere, sessionId: 'a' }), { code: 'M_NOT_FOUND' })
  await assert.rejects(backup.read(alice, version, { roomId: other, sessionId: 'a' }), { code: 'M_NOT_FOUND' })
})

eachEngine('a better key replaces a worse one, and only a change changes the etag', async (_t, database) => {
  const { backup, version } = await withBackup(database)
  await backup.store(alice, version, [session('a')])
  const same = await backup.store(alice, version, [session('a'), session('a', { firstMessageIndex: 9 })])
  assert.deepEqual(same, { count: 1, etag: '1' })
  const better = await backup.store(alice, version, [session('a', { firstMessageIndex: 2 })])
  assert.deepEqual(better, { count: 1, etag: '2' })
  assert.equal(await indexOf(backup, version, 'a'), 2)
  await backup.store(alice, version, [session('a', { isVerified: true, firstMessageIndex: 7 })])
  assert.equal(await indexOf(backup, version, 'a'), 7)
})

eachEngine('keys go only into the current version, and the error names it', async (_t, database) => {
  const { backup, version } = await withBackup(database)
  const current = await backup.create(alice, algorithm, {})
  await assert.rejects(backup.store(alice, version, [session('a')]), {
    code: 'M_WRONG_ROOM_KEYS_VERSION',
    status: 403,
    extra: { current_version: current },
  })
  await backup.delete(alice, version)
  await backup.delete(alice, current)
  await assert.rejects(backup.store(alice, current, [session('a')]), { code: 'M_NOT_FOUND' })
})

eachEngine('keys are deleted by session, by room and all at once', async (_t, database) => {
  const { backup, version } = await withBackup(database)
  const other = '!other:here' as RoomId
  await backup.store(alice, version, [session('a'), session('b'), session('c'), session('d', { roomId: other })])
  assert.deepEqual(await backup.deleteKeys(alice, version, { roomId: room, sessionId: 'a' }), { count: 3, etag: '2' })
  assert.deepEqual(await backup.deleteKeys(alice, version, { roomId: room, sessionId: 'a' }), { count: 3, etag: '2' })
  assert.deepEqual(await backup.deleteKeys(alice, version, { roomId: room }), { count: 1, etag: '3' })
  assert.deepEqual(await backup.deleteKeys(alice, version, {}), { count: 0, etag: '4' })
  assert.deepEqual(await backup.info(alice), { ...(await backup.info(alice, version)), count: 0, etag: '4' })
  await assert.rejects(backup.deleteKeys(alice, '9', {}), { code: 'M_NOT_FOUND' })
})

eachEngine('backups of others, and keys too large or too many, are out of reach', async (_t, database) => {
  const { backup, version } = await withBackup(database)
  const bob = '@bob:here' as UserId
  await assert.rejects(backup.read(bob, version, {}), { code: 'M_NOT_FOUND' })
  await assert.rejects(backup.store(bob, version, [session('a')]), { code: 'M_NOT_FOUND' })
  const large = { x: 'x'.repeat(70_000) }
  await assert.rejects(backup.create(alice, algorithm, large), { code: 'M_TOO_LARGE' })
  await assert.rejects(backup.create(alice, '', {}), { code: 'M_INVALID_PARAM' })
  await assert.rejects(backup.store(alice, version, [session('a', { sessionData: large })]), { code: 'M_TOO_LARGE' })
  await assert.rejects(backup.store(alice, version, [session('\0')]), { code: 'M_INVALID_PARAM' })
  await assert.rejects(backup.read(alice, version, { roomId: room, sessionId: '\0' }), { code: 'M_INVALID_PARAM' })
  const many = Array.from({ length: 10_001 }, (_, index) => session(`s${index}`))
  await assert.rejects(backup.store(alice, version, many), { code: 'M_TOO_LARGE' })
})

test('verified goes before earlier, earlier before less forwarded, and of equals the stored stays', () => {
  const stored = { isVerified: false, firstMessageIndex: 5, forwardedCount: 5 }
  assert.equal(replaces({ isVerified: true, firstMessageIndex: 9, forwardedCount: 9 }, stored), true)
  assert.equal(replaces(stored, { isVerified: true, firstMessageIndex: 9, forwardedCount: 9 }), false)
  assert.equal(replaces({ ...stored, firstMessageIndex: 4, forwardedCount: 9 }, stored), true)
  assert.equal(replaces({ ...stored, firstMessageIndex: 6, forwardedCount: 0 }, stored), false)
  assert.equal(replaces({ ...stored, forwardedCount: 4 }, stored), true)
  assert.equal(replaces(stored, stored), false)
})
