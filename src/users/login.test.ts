import assert from 'node:assert/strict'
import { systemClock } from '#base/clock.ts'
import type { ServerName, UserId } from '#protocol/identifiers.ts'
import { putCrossSigningKeys } from '#storage/cross-signing.ts'
import { eachEngine } from '../../test/databases.ts'
import { Accounts } from './accounts.ts'
import { Login } from './login.ts'
import { Passwords } from './passwords.ts'
import { Sessions } from './sessions.ts'

const userId = '@alice:example.org' as UserId

eachEngine('no login may call its device as one of the user’s cross-signing keys is called', async (_t, database) => {
  const passwords = new Passwords({ memoryKib: 8, passes: 1 })
  const serverName = 'example.org' as ServerName
  const accounts = new Accounts({ database, clock: systemClock, passwords, serverName })
  const login = new Login({ accounts, database, sessions: new Sessions({ database, clock: systemClock }) })
  await accounts.create({ userId, password: 'correct horse' })
  const key = { userId, usage: 'master', publicKey: 'base64key', json: '{}' } as const
  await database.runInteraction('put_keys', (txn) => putCrossSigningKeys(txn, [key]))
  const request = { user: 'alice', password: 'correct horse', deviceName: undefined, refreshable: false }
  await assert.rejects(login.withPassword({ ...request, deviceId: 'base64key' }), { code: 'M_FORBIDDEN' })
  assert.equal((await login.withPassword({ ...request, deviceId: 'OTHER' })).deviceId, 'OTHER')
})
