import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger } from '#observability/logger.ts'
import { roomVersion } from '#protocol/room-versions.ts'
import { aRow } from '../../test/event-rows.ts'
import { UnsignedAdditions, type UnsignedAdder } from './unsigned-additions.ts'

const rules = roomVersion('12')
assert.ok(rules)
const versions = new Map([[1, rules]])

function open(...functions: readonly UnsignedAdder['addToUnsigned'][]): UnsignedAdditions {
  const plugIns = functions.map((addToUnsigned, index) => ({ name: `plug-in ${index}`, addToUnsigned }))
  return new UnsignedAdditions({ plugIns, logger: silentLogger })
}

test('each distinct event is looked at once, and the later of two plug-ins counts', async () => {
  const seen: unknown[] = []
  const additions = open(
    (event) => {
      seen.push(event['event_id'])
      return { a: 1, b: 1 }
    },
    () => Promise.resolve({ b: 2 }),
  )
  const [first, second] = [aRow(), aRow()]
  const said = await additions.of([first, second, first], versions)
  assert.deepEqual(seen, [first.eventId, second.eventId])
  assert.deepEqual(
    [...(said.get(first.eventId) ?? [])],
    [
      ['a', '1'],
      ['b', '2'],
    ],
  )
})

test('a plug-in sees what redaction left, and can change nothing', async () => {
  const additions = open((event) => {
    assert.throws(() => ((event as { type: string }).type = 'x'), TypeError)
    assert.throws(() => ((event['content'] as { body: string }).body = 'x'), TypeError)
    return { sees: event['content'] }
  })
  const [whole, redacted] = [aRow(), aRow({ redactedBy: 9 })]
  const said = await additions.of([whole, redacted], versions)
  assert.equal(said.get(whole.eventId)?.get('sees'), `{"body":"no ${whole.eventNid}"}`)
  assert.equal(said.get(redacted.eventId)?.get('sees'), '{}')
})

test('a plug-in that fails adds nothing, is counted, and holds up nobody', async () => {
  const cyclic: Record<string, unknown> = {}
  cyclic['self'] = cyclic
  const wrong: readonly (() => unknown)[] = [
    () => {
      throw new Error('no')
    },
    () => Promise.reject(new Error('no')),
    () => [1],
    () => 'text',
    () => cyclic,
    () => ({ long: 'x'.repeat(5_000) }),
    () => new Promise(() => undefined),
  ]
  const additions = open(
    ...wrong,
    () => ({ good: true }),
    () => undefined,
    () => null,
  )
  const row = aRow()
  const said = await additions.of([row], versions)
  assert.deepEqual([...said], [[row.eventId, new Map([['good', 'true']])]])
  assert.deepEqual(
    [...additions.failures.values()],
    wrong.map(() => 1),
  )
})

test('without plug-ins no event is looked at', async () => {
  assert.equal((await open().of([aRow({ json: 'not even JSON' })], versions)).size, 0)
})
