import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { silentLogger } from '#observability/logger.ts'
import { parseServerName } from '#protocol/identifiers.ts'
import { Failure } from './failure.ts'
import { loadPlugIns } from './plug-ins.ts'

const serverName = parseServerName('example.org')

function folderWith(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-plug-ins-'))
  t.after(() => {
    rmSync(folder, { recursive: true })
  })
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

const labels = `export function plugIn({ serverName, settings }) {
  return { addToUnsigned: () => ({ label: settings.label + ' of ' + serverName }) }
}`

test('a plug-in is a package of the data folder, or a file, and is told its settings', async (t) => {
  const dataFolder = folderWith(t, {
    'node_modules/labels/package.json': '{"name":"labels","type":"module","main":"index.js"}',
    'node_modules/labels/index.js': labels,
    'own/labels.mjs': labels,
    'own/idle.mjs': 'export const plugIn = async () => ({})',
  })
  const plugIns = ['labels', './own/labels.mjs', './own/idle.mjs'].map((module) => ({
    module,
    settings: { label: module },
  }))
  const adders = await loadPlugIns({ config: { plugIns, dataFolder, serverName }, logger: silentLogger })
  assert.deepEqual(
    adders.map((adder) => [adder.name, adder.addToUnsigned({})]),
    [
      ['labels', { label: 'labels of example.org' }],
      ['./own/labels.mjs', { label: './own/labels.mjs of example.org' }],
    ],
  )
})

test('a plug-in that cannot be used is named', async (t) => {
  const dataFolder = folderWith(t, {
    'throws.mjs': "export const plugIn = () => { throw new Error('no licence') }",
    'without.mjs': 'export const other = 1',
    'wrong.mjs': 'export const plugIn = () => ({ addToUnsigned: 1 })',
    'nothing.mjs': 'export const plugIn = () => undefined',
  })
  for (const [module, why] of [
    ['absent', /Cannot find module/],
    ['./throws.mjs', /no licence/],
    ['./without.mjs', /exports no function/],
    ['./wrong.mjs', /gives no plug-in/],
    ['./nothing.mjs', /gives no plug-in/],
  ] as const) {
    const config = { plugIns: [{ module, settings: {} }], dataFolder, serverName }
    await assert.rejects(loadPlugIns({ config, logger: silentLogger }), (error: unknown) => {
      assert.ok(error instanceof Failure)
      assert.match(error.message, why)
      assert.ok(error.message.includes(module))
      return true
    })
  }
})
