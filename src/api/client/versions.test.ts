import assert from 'node:assert/strict'
import { test } from 'node:test'
import { versionsRoutes } from './versions.ts'

test('every version from v1.1 to v1.19 is named, since clients look for the one they need', async () => {
  const [route] = versionsRoutes({ featureFlags: { of: async () => ({}) } })
  const answer = (await route?.handler({} as never)) as { versions: string[]; unstable_features: object }
  assert.equal(answer.versions.length, 19)
  assert.deepEqual([answer.versions[0], answer.versions[18]], ['v1.1', 'v1.19'])
  assert.ok(Object.values(answer.unstable_features).every((value) => value === true))
})
