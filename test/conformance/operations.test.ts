import assert from 'node:assert/strict'
import { test } from 'node:test'
import { committedReport, doors, missingOperations, missingReport, operations, unknownDoors } from './operations.ts'

test('every door has the method and path of an operation of the specification, or is a known extra', () => {
  assert.deepEqual(unknownDoors(doors(), operations()), [])
})

test('no method and path is declared twice', () => {
  const names = doors().flatMap((door) => [door.path, ...(door.aliases ?? [])].map((path) => `${door.method} ${path}`))
  const twice = names.filter((name, position) => names.indexOf(name) !== position)
  assert.deepEqual(twice, [])
})

test('what is missing is exactly what missing.tsv says (node test/conformance/operations.ts --write)', () => {
  const report = missingReport(doors(), operations())
  for (const line of report.split('\n').filter((text) => text.startsWith('#'))) process.stdout.write(`${line}\n`)
  assert.equal(report, committedReport())
})

test('a door with a path or method of its own making is found', () => {
  const known = [
    { api: 'client-server', method: 'GET', path: '/_matrix/client/v3/rooms/{roomId}/members', file: 'rooms' },
  ]
  const right = { method: 'GET', path: '/_matrix/client/v3/rooms/{id}/members' }
  const wrong = { method: 'POST', path: '/_matrix/client/v3/rooms/{roomId}/members' }
  const aliased = { ...right, aliases: ['/_matrix/client/r0/rooms/{id}/members', '/elsewhere'] }
  assert.deepEqual(unknownDoors([right, wrong, aliased], known), [
    'POST /_matrix/client/v3/rooms/{roomId}/members',
    'GET /elsewhere',
  ])
  assert.deepEqual(missingOperations([wrong], known), known)
  assert.deepEqual(missingOperations([right], known), [])
})
