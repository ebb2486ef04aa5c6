import { test } from 'node:test'
import { engines } from '../databases.ts'
import { postgresMissing } from '../postgres.ts'
import { serverForTest } from '../server-process.ts'
import { accountSteps } from './steps/accounts.ts'
import { deviceSteps } from './steps/devices.ts'
import { relationSteps } from './steps/relations.ts'
import { talkSteps } from './steps/talk.ts'
import { unreadSteps } from './steps/unread.ts'
import { play } from './story.ts'

for (const engine of engines) {
  const skip = engine === 'postgres' ? (postgresMissing() ?? false) : false
  test(`two people talk through matrix-js-sdk (${engine})`, { skip }, async (t) => {
    const server = await serverForTest(t, engine)
    await play(t, server.address, [...accountSteps, ...talkSteps, ...relationSteps, ...unreadSteps, ...deviceSteps])
  })
}
