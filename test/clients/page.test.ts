import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { type Browser, chromium } from 'playwright-core'
import { serverForTest } from '../server-process.ts'

const executablePath = process.env['TESSERA_TEST_CHROMIUM'] ?? '/usr/bin/chromium'
const skip = existsSync(executablePath) ? false : `the program ${executablePath} is missing`

async function openBrowser(): Promise<Browser> {
  const quiet = ['--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
  return chromium.launch({
    executablePath,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', ...quiet],
  })
}

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? 'with JavaScript' : 'without JavaScript'
  test(`the page at / makes the first account and names clients, ${how}`, { skip }, async (t) => {
    const server = await serverForTest(t, 'sqlite')
    const browser = await openBrowser()
    t.after(() => browser.close())
    const page = await browser.newPage({ javaScriptEnabled })
    const token = /^ {2}(\S+)$/m.exec(server.printed().slice(server.printed().indexOf('give this token')))?.[1]
    assert.ok(token !== undefined, server.printed())

    await page.goto(server.address)
    assert.match(await page.innerText('body'), /Tessera/)
    const form = {
      token: page.getByLabel(/token/i),
      name: page.getByLabel('User name'),
      password: page.getByLabel('Password'),
    }
    await form.token.fill('not the token')
    await form.name.fill('alice')
    await form.password.fill('correct horse battery staple')
    await page.getByRole('button').click()
    assert.match(await page.getByRole('alert').innerText(), /not the token/)
    assert.equal(await form.name.inputValue(), 'alice')
    assert.equal(await login(server.address), 403)

    await form.token.fill(token)
    await form.name.fill('alice')
    await form.password.fill('correct horse battery staple')
    await page.getByRole('button').click()
    await page.getByText('@alice:localhost').first().waitFor()
    assert.equal(await login(server.address), 200)

    await page.goto(server.address)
    assert.equal(await form.token.count(), 0, 'the form is gone')
    const text = await page.innerText('body')
    assert.match(text, /Element/)
    assert.match(text, /http:\/\/localhost:\d+/, 'the address to give them')
  })
}

async function login(address: string): Promise<number> {
  const identifier = { type: 'm.id.user', user: 'alice' }
  const body = JSON.stringify({ type: 'm.login.password', identifier, password: 'correct horse battery staple' })
  return (await fetch(`${address}/_matrix/client/v3/login`, { method: 'POST', body })).status
}
