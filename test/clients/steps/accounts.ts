/** Making accounts, their keys and their backup. */
import assert from 'node:assert/strict'
import { AuthType, createClient, MatrixError, type RegisterRequest } from 'matrix-js-sdk'
import { type Credentials, Person } from '../person.ts'
import type { Step } from '../story.ts'

export const passwords = { alice: 'correct horse battery staple', bob: 'Tr0ub4dor&3 and more' } as const

/** Registers by the user-interactive dance: asked without proof, answered 401 with a session, asked again with it. */
async function register(baseUrl: string, username: keyof typeof passwords): Promise<Credentials> {
  const client = createClient({ baseUrl })
  const wish: RegisterRequest = { username, password: passwords[username], initial_device_display_name: 'laptop' }
  const refused = await client.registerRequest(wish).then(
    () => assert.fail('registered without authentication'),
    (error: unknown) => error,
  )
  assert.ok(refused instanceof MatrixError && refused.httpStatus === 401, String(refused))
  const { session, flows } = refused.data as { session: string; flows: { stages: string[] }[] }
  assert.ok(flows.some((flow) => flow.stages.includes(AuthType.Dummy)))
  const made = await client.registerRequest({ ...wish, auth: { type: AuthType.Dummy, session } })
  const { user_id: userId, access_token: accessToken, device_id: deviceId } = made
  assert.match(userId, new RegExp(`^@${username}:`))
  assert.ok(accessToken !== undefined && deviceId !== undefined)
  return { baseUrl, userId, accessToken, deviceId }
}

/** Cross-signing keys, secret storage and a key backup, as a client sets them up after registration. */
async function setUpEncryption(person: Person, password: string): Promise<void> {
  await person.crypto.bootstrapCrossSigning({
    authUploadDeviceSigningKeys: async (upload) => {
      try {
        await upload(null)
      } catch (error) {
        if (!(error instanceof MatrixError) || error.httpStatus !== 401) throw error
        const { session } = error.data as { session: string }
        const identifier = { type: 'm.id.user', user: person.userId }
        await upload({ type: AuthType.Password, session, identifier, password })
      }
    },
  })
  await person.crypto.bootstrapSecretStorage({
    createSecretStorageKey: () => person.crypto.createRecoveryKeyFromPassphrase(),
    setupNewSecretStorage: true,
    setupNewKeyBackup: true,
  })
  assert.equal(await person.crypto.isCrossSigningReady(), true)
  assert.equal(await person.crypto.isSecretStorageReady(), true)
  await person.until('the key backup to be in use', async () => {
    return (await person.crypto.getActiveSessionBackupVersion()) !== null
  })
}

export const accountSteps: readonly Step[] = [
  [
    'Alice registers, and her client starts to sync',
    async (story) => {
      story.aliceKeys = new Map()
      story.alice = await Person.start(await register(story.baseUrl, 'alice'), story.aliceKeys)
      const { user_id: userId, device_id: deviceId } = await story.alice.client.whoami()
      assert.deepEqual({ userId, deviceId }, { userId: story.alice.userId, deviceId: story.alice.credentials.deviceId })
    },
  ],
  [
    'Bob registers, and his client starts to sync',
    async (story) => {
      story.bobKeys = new Map()
      story.bob = await Person.start(await register(story.baseUrl, 'bob'), story.bobKeys)
      assert.notEqual(story.bob.userId, story.alice.userId)
    },
  ],
  [
    'a name that is taken is refused',
    async (story) => {
      const client = createClient({ baseUrl: story.baseUrl })
      await assert.rejects(client.registerRequest({ username: 'alice', password: 'x' }), { errcode: 'M_USER_IN_USE' })
      assert.equal(await client.isUsernameAvailable('carol'), true)
    },
  ],
  [
    'Alice sets up cross-signing, secret storage and a key backup',
    async ({ alice }) => setUpEncryption(alice, passwords.alice),
  ],
  [
    'Bob sets up cross-signing, secret storage and a key backup',
    async ({ bob }) => setUpEncryption(bob, passwords.bob),
  ],
  [
    'Alice gives herself a name that Bob can look up',
    async ({ alice, bob }) => {
      await alice.client.setDisplayName('Alice Liddell')
      assert.equal((await bob.client.getProfileInfo(alice.userId)).displayname, 'Alice Liddell')
    },
  ],
]
