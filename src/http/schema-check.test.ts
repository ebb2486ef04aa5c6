import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faultFinderFor, type FaultFinder } from './schema-check.ts'
import { Type, type Schema } from './schema.ts'

function finder(schema: unknown): FaultFinder {
  return faultFinderFor(schema as Schema)
}

const device = Type.Object({ id: Type.String({ minLength: 1 }), seen: Type.Optional(Type.Integer({ minimum: 0 })) })
const devices = finder(
  Type.Object({
    list: Type.Array(device, { maxItems: 2 }),
    order: Type.Optional(Type.Enum(['up', 'down'])),
    who: Type.Optional(Type.Union([Type.Null(), Type.Literal('all'), Type.String()])),
    map: Type.Optional(Type.Unsafe({ type: 'object', additionalProperties: device })),
  }),
)

const table: readonly (readonly [string, unknown, string | undefined])[] = [
  [
    'what is right',
    { list: [{ id: 'a', seen: 0 }], order: 'up', who: null, map: { x: { id: 'b' } }, more: 1 },
    undefined,
  ],
  ['another kind of whole', [], ' has to be an object'],
  ['null', null, ' has to be an object'],
  ['a missing member', {}, 'list is missing'],
  ['a member of another type', { list: {} }, 'list has to be an array'],
  ['a missing member far inside', { list: [{ id: 'a' }, {}] }, 'list.1.id is missing'],
  ['a text too short', { list: [{ id: '' }] }, 'list.0.id has to have at least 1 characters'],
  ['a number too small', { list: [{ id: 'a', seen: -1 }] }, 'list.0.seen has to be at least 0'],
  ['a fraction', { list: [{ id: 'a', seen: 1.5 }] }, 'list.0.seen has to be an integer'],
  ['an integer that loses digits', { list: [{ id: 'a', seen: 2 ** 53 }] }, 'list.0.seen has to be an integer'],
  ['too many elements', { list: [{ id: 'a' }, { id: 'b' }, { id: 'c' }] }, 'list has to have at most 2 elements'],
  ['a word that is not one of them', { list: [], order: 'left' }, 'order has to be one of "up", "down"'],
  ['none of several', { list: [], who: 1 }, 'who has to be null, or has to be "all", or has to be a string'],
  ['a value of a map', { list: [], map: { x: {} } }, 'map.x.id is missing'],
]

for (const [name, value, says] of table) {
  test(`the check finds ${name}`, () => {
    const fault = devices(value)
    assert.equal(fault === undefined ? undefined : `${fault.path.join('.')} ${fault.text}`, says)
  })
}

test('a schema with a keyword that would not be checked is refused when it is made', () => {
  assert.throws(() => finder(Type.String({ pattern: 'x' })), /pattern/)
})

test('members that every object inherits are not taken for given ones', () => {
  assert.equal(finder(Type.Object({ name: Type.String() }))({})?.missing, true)
})
