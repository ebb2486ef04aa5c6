import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { serverPlace, startServer } from '../../test/server-process.ts'

test('SIGHUP puts a changed configuration in force, says what it did, and leaves a broken one alone', async (t) => {
  const place = await serverPlace(t, 'sqlite')
  const server = await startServer(place)
  t.after(() => server.kill())
  const file = join(place.folder, 'tessera.yaml')
  const said = async (text: string): Promise<void> => {
    const deadline = performance.now() + 10_000
    while (!server.printed().includes(text)) {
      assert.ok(performance.now() < deadline, `never said "${text}":\n${server.printed()}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  writeFileSync(file, readFileSync(file, 'utf8').replace('level: info', 'level: debug'))
  process.kill(server.pid, 'SIGHUP')
  await said('The log tells what is debug and worse.')
  writeFileSync(file, `${readFileSync(file, 'utf8')}\nnonsense: 1\n`)
  process.kill(server.pid, 'SIGHUP')
  await said('the one before stays in force')
  assert.equal((await fetch(`${server.address}/ready`)).status, 200)
  assert.equal(await server.stop(), 0)
})
