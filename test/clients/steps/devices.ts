/** A second device, a client that was away, and the end. */
import assert from 'node:assert/strict'
import { AuthType, createClient, MatrixError, Method } from 'matrix-js-sdk'
import { type Credentials, Person } from '../person.ts'
import type { Step } from '../story.ts'
import { passwords } from './accounts.ts'
import { roomOf, say } from './talk.ts'

async function logIn(baseUrl: string, user: string, password: string): Promise<Credentials> {
  const client = createClient({ baseUrl })
  const { flows } = await client.loginFlows()
  assert.ok(flows.some((flow) => flow.type === AuthType.Password))
  const made = await client.loginRequest({
    type: AuthType.Password,
    identifier: { type: 'm.id.user', user },
    password,
    initial_device_display_name: 'phone',
  })
  return { baseUrl, userId: made.user_id, accessToken: made.access_token, deviceId: made.device_id }
}

/** How many keys the server says it has in backup. The client's own figure is from when it looked last. */
async function backupCount({ client }: Person): Promise<number> {
  const { count } = await client.http.authedRequest<{ count: number }>(Method.Get, '/room_keys/version')
  return count
}

export const deviceSteps: readonly Step[] = [
  [
    'the keys of the room reach the backup',
    async ({ alice, bob }) => {
      for (const person of [alice, bob]) {
        await person.until('a key in the backup', async () => (await backupCount(person)) > 0)
      }
    },
  ],
  [
    'a wrong password is refused',
    async ({ baseUrl }) => {
      await assert.rejects(logIn(baseUrl, 'alice', 'let me in'), (error: unknown) => {
        return error instanceof MatrixError && error.errcode === 'M_FORBIDDEN' && error.httpStatus === 403
      })
    },
  ],
  [
    'Alice logs in on a phone, and her laptop learns of it',
    async (story) => {
      const { alice, baseUrl } = story
      story.phone = await Person.start(await logIn(baseUrl, 'alice', passwords.alice), story.aliceKeys)
      const { deviceId } = story.phone.credentials
      assert.notEqual(deviceId, alice.credentials.deviceId)
      const device = await alice.until('the phone', async () => {
        const devices = await alice.crypto.getUserDeviceInfo([alice.userId])
        return devices.get(alice.userId)?.get(deviceId)
      })
      assert.equal(device.displayName, 'phone')
    },
  ],
  [
    'the phone proves itself with the recovery key, and laptop and Bob see that it is hers',
    async ({ alice, bob, phone }) => {
      await phone.crypto.bootstrapCrossSigning({})
      for (const person of [phone, alice, bob]) {
        await person.until('a signature on the phone', async () => {
          const status = await person.crypto.getDeviceVerificationStatus(alice.userId, phone.credentials.deviceId)
          return status?.signedByOwner
        })
      }
    },
  ],
  [
    'the phone restores the backup and reads what was said before it was there',
    async (story) => {
      const { phone, roomId } = story
      await phone.crypto.loadSessionBackupPrivateKeyFromSecretStorage()
      const { imported, total } = await phone.crypto.restoreKeyBackup()
      assert.ok(imported > 0 && imported === total, `${imported} of ${total} keys`)
      assert.equal((await phone.reads(roomId, story.helloId)).body, 'Have some wine')
      assert.equal((await phone.reads(roomId, story.answerId)).body, 'There is no wine')
      assert.equal(roomOf(phone, story).findEventById(story.blunderId)?.isRedacted(), true)
    },
  ],
  [
    'what Bob says now, all of Alice reads',
    async (story) => {
      const eventId = await say(story.bob, story, 'It was not very civil of you to sit down')
      for (const person of [story.alice, story.phone]) {
        const read = await person.reads(story.roomId, eventId)
        assert.deepEqual(read, { body: 'It was not very civil of you to sit down', encrypted: true })
      }
    },
  ],
  [
    'Bob stops, misses a message, goes on where he was, and reads it',
    async (story) => {
      const { alice, roomId } = story
      await story.bob.stop()
      const eventId = await say(alice, story, 'I did not know it was your table')
      story.bob = await Person.start(story.bob.credentials, story.bobKeys)
      assert.equal((await story.bob.reads(roomId, eventId)).body, 'I did not know it was your table')
      assert.equal((await story.bob.reads(roomId, story.helloId)).body, 'Have some wine')
      const answerId = await say(story.bob, story, 'It is laid for a great many more than three')
      assert.equal((await alice.reads(roomId, answerId)).encrypted, true)
    },
  ],
  [
    'the phone logs out: its token is refused, and the others forget the device',
    async ({ alice, bob, phone }) => {
      const { baseUrl, accessToken, deviceId } = phone.credentials
      await phone.client.logout(true)
      const later = createClient({ baseUrl, accessToken })
      await assert.rejects(later.whoami(), { errcode: 'M_UNKNOWN_TOKEN' })
      for (const person of [alice, bob]) {
        await person.until('the phone to be gone', async () => {
          const devices = await person.crypto.getUserDeviceInfo([alice.userId])
          return devices.get(alice.userId)?.has(deviceId) === false
        })
      }
    },
  ],
  [
    'Alice and Bob log out',
    async ({ alice, bob }) => {
      for (const { client, credentials } of [alice, bob]) {
        await client.logout(true)
        const later = createClient({ baseUrl: credentials.baseUrl, accessToken: credentials.accessToken })
        await assert.rejects(later.whoami(), { errcode: 'M_UNKNOWN_TOKEN' })
      }
    },
  ],
]
