import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { RoomId, UserId } from '#protocol/identifiers.ts'
import { KeyBackup, type UploadedSession } from '#users/key-backup.ts'
import { eachEngine } from '../databases.ts'
import { keyHouse, TestDevice } from '../keys.ts'

const algorithm = 'signed_curve25519'

eachEngine('no one-time key is given twice, however many claim and upload at once', async (_t, db) => {
  const house = await keyHouse(db)
  const alice = await house.user('alice', 'PHONE')
  const bob = await house.user('bob', 'LAPTOP')
  const owners = [alice, bob]
  const devices = owners.map((owner) => new TestDevice(owner))
  const given: string[] = []
  const claim = async (): Promise<void> => {
    const wanted = new Map(owners.map((owner) => [owner.userId, new Map([[owner.deviceId, algorithm]])]))
    for (const [userId, found] of await house.oneTimeKeys.claim(wanted)) {
      for (const keys of found.values()) given.push(...Object.keys(keys).map((name) => `${userId} ${name}`))
    }
  }
  const uploaded = new Set<string>()
  const upload = async (batch: number): Promise<void> => {
    const ids = Array.from({ length: 10 }, (_, index) => `${batch}-${index}`)
    for (const [index, owner] of owners.entries()) {
      await house.deviceKeys.upload(owner, { oneTimeKeys: devices[index]?.oneTimeKeys(...ids) })
      for (const id of ids) uploaded.add(`${owner.userId} ${algorithm}:${id}`)
    }
  }
  const work: Promise<void>[] = []
  // Each batch comes twice, as if its answer had been lost.
  for (let batch = 0; batch < 4; batch++) work.push(upload(batch), upload(batch))
  for (let count = 0; count < 30; count++) work.push(claim())
  await Promise.all(work)
  for (let count = 0; count < 20; count++) await claim()
  assert.equal(new Set(given).size, given.length, 'a key was given twice')
  for (let count = 0; count < 20; count++) await claim()
  assert.deepEqual(new Set(given), uploaded)
  assert.deepEqual((await house.oneTimeKeys.counts(alice.userId, 'PHONE')).counts, { [algorithm]: 0 })
})

/** What a claim or upload does to a queue, said as simply as can be. */
type Step = { readonly kind: 'upload'; readonly ids: readonly string[] } | { readonly kind: 'claim' }

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('upload' as const),
      ids: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { minLength: 1, maxLength: 4 }),
    }),
    fc.record({ kind: fc.constant('claim' as const) }),
  ),
  { maxLength: 20 },
)

eachEngine('a queue of one-time keys does what a list of keys ever seen would do', async (_t, db) => {
  const house = await keyHouse(db)
  let run = 0
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      const owner = await house.user(`user${run++}`, 'PHONE')
      const phone = new TestDevice(owner)
      const keys = phone.oneTimeKeys('a', 'b', 'c', 'd', 'e', 'f')
      const seen = new Set<string>()
      const batches: Set<string>[] = []
      for (const step of script) {
        if (step.kind === 'upload') {
          const named = step.ids.map((id) => [`${algorithm}:${id}`, keys[`${algorithm}:${id}`]] as const)
          await house.deviceKeys.upload(owner, { oneTimeKeys: Object.fromEntries(named) })
          const fresh = step.ids.filter((id) => !seen.has(id))
          for (const id of fresh) seen.add(id)
          if (fresh.length > 0) batches.push(new Set(fresh))
        } else {
          const wanted = new Map([[owner.userId, new Map([['PHONE', algorithm]])]])
          const found = (await house.oneTimeKeys.claim(wanted)).get(owner.userId)?.get('PHONE') ?? {}
          const id = Object.keys(found)[0]?.slice(algorithm.length + 1)
          const [oldest] = batches
          assert.equal(id !== undefined && oldest?.delete(id) === true, oldest !== undefined)
          if (oldest?.size === 0) batches.shift()
        }
        const left = batches.reduce((sum, batch) => sum + batch.size, 0)
        const { counts } = await house.oneTimeKeys.counts(owner.userId, 'PHONE')
        assert.equal(counts[algorithm] ?? 0, left)
      }
    }),
    { numRuns: 15, verbose: 1 },
  )
})

const alice = '@alice:here' as UserId

const sessions: fc.Arbitrary<UploadedSession[]> = fc.array(
  fc.record({
    roomId: fc.constantFrom('!one:here' as RoomId, '!two:here' as RoomId),
    sessionId: fc.constantFrom('a', 'b', 'c'),
    firstMessageIndex: fc.nat(3),
    forwardedCount: fc.nat(2),
    isVerified: fc.boolean(),
    sessionData: fc.record({ n: fc.nat() }),
  }),
  { minLength: 1, maxLength: 12 },
)

/** Lower is better: what the specification compares, in its order. */
function rankOf(key: Pick<UploadedSession, 'firstMessageIndex' | 'forwardedCount' | 'isVerified'>): string {
  return `${key.isVerified ? 0 : 1}.${key.firstMessageIndex}.${key.forwardedCount}`
}

function bestOf(uploaded: readonly UploadedSession[]): Map<string, string> {
  const best = new Map<string, string>()
  for (const each of uploaded) {
    const name = `${each.roomId} ${each.sessionId}`
    const rank = rankOf(each)
    const known = best.get(name)
    if (known === undefined || rank < known) best.set(name, rank)
  }
  return best
}

interface ReadSession {
  readonly first_message_index: number
  readonly forwarded_count: number
  readonly is_verified: boolean
}

eachEngine('a backup keeps the best key of each session, in whatever order and company they come', async (_t, db) => {
  const backup = new KeyBackup({ database: db })
  await fc.assert(
    fc.asyncProperty(fc.array(sessions, { minLength: 1, maxLength: 4 }), async (uploads) => {
      const version = await backup.create(alice, 'test', {})
      await Promise.all(uploads.map((upload) => backup.store(alice, version, upload)))
      const { rooms } = JSON.parse(await backup.read(alice, version, {})) as {
        rooms: Record<string, { sessions: Record<string, ReadSession> }>
      }
      const kept = new Map<string, string>()
      for (const [roomId, room] of Object.entries(rooms)) {
        for (const [sessionId, read] of Object.entries(room.sessions)) {
          const rank = { firstMessageIndex: read.first_message_index, forwardedCount: read.forwarded_count }
          kept.set(`${roomId} ${sessionId}`, rankOf({ ...rank, isVerified: read.is_verified }))
        }
      }
      assert.deepEqual([...kept].toSorted(), [...bestOf(uploads.flat())].toSorted())
      assert.equal((await backup.info(alice, version)).count, kept.size)
    }),
    { numRuns: 25, verbose: 1 },
  )
})

eachEngine('backups made at once get versions of their own', async (_t, db) => {
  const backup = new KeyBackup({ database: db })
  const versions = await Promise.all(Array.from({ length: 5 }, () => backup.create(alice, 'test', {})))
  assert.deepEqual(versions.toSorted(), ['1', '2', '3', '4', '5'])
})
