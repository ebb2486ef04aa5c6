import assert from 'node:assert/strict'
import { test } from 'node:test'
import { anEvent } from '../../test/events.ts'
import type { JsonObject } from './json.ts'
import { mayServerTakePart } from './server-acl.ts'

const may = (content: JsonObject, server: string): boolean =>
  mayServerTakePart(anEvent({ type: 'm.room.server_acl', stateKey: '', content }), server)

test('without a list every server may; with an empty one none', () => {
  assert.ok(mayServerTakePart(undefined, 'a.example'))
  assert.equal(may({}, 'a.example'), false)
  assert.equal(may({ allow: 'a.example' }, 'a.example'), false)
})

test('what is denied is denied, whatever is allowed; neither case nor port counts', () => {
  const acl = { allow: ['*', 5], deny: ['Evil.com', '*.evil.com'] }
  assert.ok(may(acl, 'good.com:8448'))
  for (const server of ['evil.com', 'EVIL.com:8448', 'www.evil.com:1']) assert.equal(may(acl, server), false, server)
  assert.ok(may(acl, 'notevil.com'))
})

test('addresses may be shut out as such', () => {
  for (const server of ['1.2.3.4', '1.2.3.4:80', '[::1]', '[1234:5678::abcd]:80']) {
    assert.equal(may({ allow: ['*'], allow_ip_literals: false }, server), false, server)
    assert.ok(may({ allow: ['*'], allow_ip_literals: 'false' }, server), server)
    assert.ok(may({ allow: ['*'] }, server), server)
  }
  assert.ok(may({ allow: ['*'], allow_ip_literals: false }, 'a.1.2.3.4'))
  assert.ok(may({ allow: ['[::1]'] }, '[::1]:80'))
})
