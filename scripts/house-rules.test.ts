import assert from 'node:assert/strict'
import { test } from 'node:test'
import { house } from './house.ts'
import { faultsOfFile, faultsOfFolders } from './house-rules.ts'

/** A file with one fault, and words that its report must have. */
const seeded: readonly (readonly [name: string, path: string, text: string, says: RegExp])[] = [
  ['an upward import', 'src/rooms/a.ts', "import { b } from '#sync/b.ts'", /rooms\/ may not use sync\//],
  ['an upward type import', 'src/storage/a.ts', "import type { B } from '#rooms/b.ts'", /may not use rooms/],
  ['an upward import type', 'src/storage/a.ts', "type B = import('#rooms/b.ts').B", /may not use rooms/],
  ['a sideways import', 'src/sync/a.ts', "import { b } from '#push/b.ts'", /may not use push/],
  ['a door that uses storage', 'src/api/client/a.ts', "import { b } from '#storage/b.ts'", /may not use storage/],
  ['sync that uses storage', 'src/sync/a.ts', "import { b } from '#storage/b.ts'", /may not use storage/],
  ['the ground floor using itself', 'src/base/a.ts', "import { b } from '#protocol/b.ts'", /may use: nothing/],
  ['cluster used below app', 'src/rooms/a.ts', "import { b } from '#cluster/b.ts'", /may not use cluster/],
  ['a back room', 'src/sync/a.ts', "import { b } from '#rooms/persist-event/b.ts'", /is a back room/],
  ['an escape by ../', 'src/sync/a.ts', "import { b } from '../rooms/b.ts'", /leaves its folder/],
  ['its own folder by #', 'src/rooms/a.ts', "import { b } from '#rooms/b.ts'", /in this very folder/],
  ['an unknown folder in an import', 'src/rooms/a.ts', "import { b } from '#lobby/b.ts'", /no folder of the plan/],
  ['an unknown folder', 'src/lobby/a.ts', '', /stands in no folder of the plan/],
  ['an import of a test', 'src/rooms/a.ts', "import { b } from './b.test.ts'", /imports a test/],
  ['shared test code in the program', 'src/rooms/a.ts', "import { b } from '../../test/b.ts'", /leaves its folder/],
  ['a test that reaches up', 'src/rooms/a.test.ts', "import { b } from '#api/client.ts'", /may not use api/],
  ['a re-export', 'src/rooms/a.ts', "export { b } from './b.ts'", /exports again/],
  ['a star re-export', 'src/rooms/a.ts', "export * from './b.ts'", /exports again/],
  ['a vague name', 'src/rooms/utils.ts', '', /says nothing/],
  ['an index file', 'src/rooms/index.ts', '', /says nothing/],
  ['a long file', 'src/rooms/a.ts', '\n'.repeat(401), /401 lines/],
  ['SQL outside storage', 'src/rooms/a.ts', "txn.all('SELECT a FROM b')", /SQL stands in storage/],
  ['SQL in a template', 'src/users/a.ts', 'txn.run(`INSERT INTO ${x} VALUES (1)`)', /SQL stands in storage/],
  [
    'an event cut elsewhere',
    'src/sync/a.ts',
    "import { cutEvent } from '#protocol/client-event.ts'",
    /only src\/rooms/,
  ],
  ['an event read in a door', 'src/api/client/a.ts', 'export const a = row.json', /may not look into the text/],
  ['an event taken apart in sync', 'src/sync/a.ts', 'const { json: text } = row', /may not look into the text/],
  ['SELECT *', 'src/storage/a.ts', "txn.all('SELECT * FROM b')", /name the columns/],
  ['SELECT x.*', 'src/storage/a.ts', 'txn.all(`WITH y AS (SELECT x.* FROM x) SELECT a FROM y`)', /name the columns/],
  ['async in protocol', 'src/protocol/a.ts', 'export async function a() {}', /no async/],
  ['a dynamic import in protocol', 'src/protocol/a.ts', "import('./b.ts')", /no dynamic import/],
  ['a timer in protocol', 'src/protocol/a.ts', 'setTimeout(a, 1)', /no 'setTimeout'/],
  ['a date in protocol', 'src/protocol/a.ts', 'const a = Date.now()', /no 'Date'/],
  ['the process in protocol', 'src/protocol/a.ts', 'const a = process.env.A', /no 'process'/],
  ['chance in protocol', 'src/protocol/a.ts', 'const a = Math.random()', /no Math.random/],
  ['a node module in protocol', 'src/protocol/a.ts', "import fs from 'node:fs'", /'node:fs' may not/],
  ['crypto outside its file', 'src/protocol/a.ts', "import { hash } from 'node:crypto'", /'node:crypto' may not/],
]

for (const [name, path, text, says] of seeded) {
  test(`the house does not allow ${name}`, () => {
    const faults = faultsOfFile(path, text)
    assert.equal(faults.length, 1, JSON.stringify(faults))
    assert.match(faults[0]?.problem ?? '', says)
  })
}

test('the house does not allow too many imports', () => {
  const text = Array.from({ length: 21 }, (_, n) => `import './a${n}.ts'`).join('\n')
  assert.match(faultsOfFile('src/rooms/a.ts', text)[0]?.problem ?? '', /21 imports/)
})

test('the house does not allow too many front doors', () => {
  const paths = Array.from({ length: 31 }, (_, n) => `src/sync/a${n}.ts`)
  assert.match(faultsOfFolders(paths)[0]?.problem ?? '', /31 front doors/)
})

test('a fault names its line', () => {
  assert.equal(faultsOfFile('src/rooms/a.ts', "\n\nimport { b } from '#sync/b.ts'")[0]?.line, 3)
})

const fine: readonly (readonly [name: string, path: string, text: string])[] = [
  ['a lower folder by its front door', 'src/sync/a.ts', "import { b } from '#rooms/b.ts'"],
  ['the ground floor', 'src/storage/a.ts', "import { b } from '#protocol/b.ts'"],
  ['its own back room', 'src/rooms/a.ts', "import { b } from './persist-event/b.ts'"],
  ['its own front door from a back room', 'src/api/client/a.ts', "import { route } from '../route.ts'"],
  ['a test that uses any lower floor', 'src/sync/a.test.ts', "import { b } from '#storage/b.ts'"],
  ['a test that uses what tests share', 'src/sync/a.test.ts', "import { b } from '../../test/databases.ts'"],
  ['crypto in its file', 'src/protocol/crypto.ts', "import { hash } from 'node:crypto'"],
  ['impure words as names of members', 'src/protocol/a.ts', 'const a = { process: 1 }\nexport const b = a.process'],
  ['impure words in comments', 'src/protocol/a.ts', '// process and Date.now() and await\nexport const a = 1'],
  ['counting rows', 'src/storage/a.ts', "txn.get('SELECT count(*) AS n FROM b')"],
  ['prose that begins like SQL', 'src/rooms/a.ts', "throw new Error('Update the room first')"],
]

for (const [name, path, text] of fine) {
  test(`the house allows ${name}`, () => assert.deepEqual(faultsOfFile(path, text), []))
}

test('every folder uses only folders that stand earlier in the plan', () => {
  for (const [position, folder] of house.entries()) {
    const earlier = house.slice(0, position).filter((other) => other.floor < folder.floor)
    const names = new Set([...earlier.map((other) => other.name), ...(folder.name === 'cluster' ? ['streams'] : [])])
    for (const used of folder.mayUse) assert.ok(names.has(used), `${folder.name} uses ${used}`)
  }
})

test('the plan has 18 folders', () => assert.equal(new Set(house.map((folder) => folder.name)).size, 18))
