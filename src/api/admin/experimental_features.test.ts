import assert from 'node:assert/strict'
import { parseUserId } from '#protocol/identifiers.ts'
import { eachEngine } from '../../../test/databases.ts'
import { openPeople } from '../../../test/people.ts'

eachEngine("a feature switched for a user stands in their versions and in nobody else's", async (t, database) => {
  const people = await openPeople(t, database)
  const root = parseUserId('@root:example.org')
  await people.accounts.create({ userId: root, password: undefined, admin: true })
  const { accessToken: admin } = await people.sessions.create({ userId: root })
  const [ann, ben] = [await people.person('ann'), await people.person('ben')]
  const pathOf = (userId: string): string => `/_synapse/admin/v1/experimental_features/${encodeURIComponent(userId)}`
  const set = async (features: unknown, token = admin, userId = ann.userId): Promise<number> =>
    (await people.call('PUT', pathOf(userId), { token, body: { features } })).status
  const unstable = async (token: string): Promise<Record<string, boolean>> =>
    (await people.call('GET', '/_matrix/client/versions', { token })).body.unstable_features

  const features = { msc3881: true, 'org.example.try': true, 'org.matrix.msc4222': false }
  assert.equal(await set(features, ann.token), 403)
  assert.equal(await set(features), 200)
  assert.deepEqual((await people.call('GET', pathOf(ann.userId), { token: admin })).body, { features })
  const hers = await unstable(ann.token)
  assert.deepEqual(
    [hers['org.matrix.msc3881'], hers['org.example.try'], hers['org.matrix.msc4222']],
    [true, true, false],
  )
  const his = await unstable(ben.token)
  assert.deepEqual([his['org.matrix.msc3881'], his['org.matrix.msc4222']], [undefined, true])
  await set({ msc3881: false })
  assert.equal((await unstable(ann.token))['org.matrix.msc3881'], false)

  assert.equal(await set({ 'Not A Name': true }), 400)
  assert.equal(await set({ msc1: 'yes' }), 400)
  assert.equal(await set(features, admin, '@nobody:example.org'), 404)
  assert.equal((await people.call('GET', pathOf('@nobody:example.org'), { token: admin })).status, 404)
  const refused = await people.call('GET', '/_matrix/client/versions', { token: 'nobody’s'.replace('’', '') })
  assert.deepEqual([refused.status, refused.body.errcode], [401, 'M_UNKNOWN_TOKEN'])
})
