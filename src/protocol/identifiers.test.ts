import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as ids from './identifiers.ts'

test('server names are names, IPv4 and IPv6 literals, with or without a port', () => {
  for (const name of [
    'matrix.org',
    'matrix.org:8888',
    '1.2.3.4',
    '1.2.3.4:1234',
    '[1234:5678::abcd]',
    '[::1]:5678',
    '[::ffff:1.2.3.4]',
    'localhost',
    'A-b.C',
  ]) {
    assert.ok(ids.isServerName(name), name)
  }
  for (const name of [
    '',
    'a b',
    '1.2.3.256',
    '[1::2::3]',
    '[12345::]',
    '[::1',
    '[]',
    'a:',
    'a:123456',
    'a:b',
    'ä.org',
    'a/b',
    '[1:2:3:4:5:6:7:8:9]',
    1,
    null,
  ]) {
    assert.equal(ids.isServerName(name), false, String(name))
  }
})

test('user ids may be historical, but have a domain, no NUL and at most 255 bytes', () => {
  for (const id of ['@a:b', '@:b', '@Ä ö:b', '@a:b:80', '@a:[::1]:80']) assert.ok(ids.isUserId(id), id)
  for (const id of ['a:b', '@a', '@a:', '@a\0:b', '@\ud800:b', `@${'ä'.repeat(127)}:b`, {}, undefined]) {
    assert.equal(ids.isUserId(id), false, String(id))
  }
  assert.throws(() => ids.parseUserId('alice'), { code: 'M_INVALID_PARAM' })
})

test('room and event ids come with and without a domain', () => {
  assert.ok(ids.isRoomId('!a:b'))
  assert.ok(ids.isRoomId('!Nhcu5BS-UMnFX7hBVfVSoXiD7OgH6iRT-xyIuqDnpYQ'))
  assert.ok(ids.isEventId('$acR1l0raoZnm60CBwAVgqbZqoO/mYU81xysh1u7XcJk'))
  assert.ok(ids.isEventId('$a:b.c'))
  for (const id of ['!', '!:b', '!a:', '#a:b', '!a\0']) assert.equal(ids.isRoomId(id), false, id)
  assert.ok(ids.isRoomAlias('#a b:c'))
  assert.equal(ids.isRoomAlias('#a'), false)
})

test('parts of an id', () => {
  const user = ids.parseUserId('@a:b:80')
  assert.equal(ids.localpartOf(user), 'a')
  assert.equal(ids.serverNameOf(user), 'b:80')
  assert.equal(ids.domainOf('!abc'), undefined)
  assert.deepEqual(ids.readMxc('mxc://a.b:1/xyZ_-9'), { serverName: 'a.b:1', mediaId: 'xyZ_-9' })
  for (const bad of ['mxc://a', 'mxc://a/', 'mxc:///x', 'mxc://a/b/c', 'http://a/b', 5])
    assert.equal(ids.readMxc(bad), undefined)
})

test('a new account has a localpart of the strict form', () => {
  const server = ids.parseServerName('example.org')
  assert.equal(ids.checkNewLocalpart('a.b_=-/+9', server), '@a.b_=-/+9:example.org')
  for (const bad of ['', 'A', 'ä', 'a b', 'a:b', 'a'.repeat(250)]) {
    assert.throws(() => ids.checkNewLocalpart(bad, server), { code: 'M_INVALID_USERNAME' })
  }
})
