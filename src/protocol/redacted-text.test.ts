import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { rulesOf } from '../../test/auth-rooms.ts'
import { canonicalJson } from './canonical-json.ts'
import { referenceHash } from './hashes.ts'
import type { JsonObject } from './json.ts'
import { redactedText } from './redacted-text.ts'
import { redact } from './redaction.ts'
import { knownRoomVersions } from './room-versions.ts'

test('redacting the text gives the text of what is redacted', () => {
  const content = {
    ...{ membership: 'join', creator: '@a:b', join_rule: 'public', allow: [], aliases: [], ban: 5, users: { a: 1 } },
    ...{ invite: 1, history_visibility: 'shared', redacts: '$x', body: '{"a":"', other: { membership: 1 } },
    join_authorised_via_users_server: '@b:b',
  }
  const invites = [undefined, 5, {}, { display_name: 'x' }, { display_name: 'x', signed: { token: 't' } }] as const
  const types = [
    'member',
    'create',
    'join_rules',
    'power_levels',
    'aliases',
    'history_visibility',
    'redaction',
    'other',
  ]
  for (const version of knownRoomVersions) {
    for (const type of types) {
      for (const invite of invites) {
        const full = { ...content, ...(invite === undefined ? {} : { third_party_invite: invite }) }
        const pdu = { type: `m.room.${type}`, content: full, origin: 'o', prev_state: [], depth: 1, unsigned: {}, x: 1 }
        const rules = rulesOf(version)
        assert.equal(redactedText(canonicalJson(pdu), rules), canonicalJson(redact(pdu, rules)))
      }
    }
  }
  assert.equal(redactedText('{"content":5,"type":5}', rulesOf('11')), '{"content":{},"type":5}')
})

test('redacting twice is redacting once, and keeps the reference hash', () => {
  const names = [
    'membership',
    'creator',
    'join_rule',
    'allow',
    'users',
    'invite',
    'aliases',
    'redacts',
    'third_party_invite',
  ]
  const content = fc.dictionary(
    fc.constantFrom(...names, 'body', '__proto__'),
    fc.oneof(fc.maxSafeInteger(), fc.string()),
  )
  const invite = fc.constantFrom(undefined, { signed: { a: 1 }, display_name: 'd' }, { display_name: 'd' })
  const type = fc.constantFrom(...['member', 'create', 'join_rules', 'power_levels', 'aliases', 'redaction', 'x'])
  const more = fc.dictionary(
    fc.constantFrom('origin', 'unsigned', 'prev_state', 'membership', 'redacts', 'x'),
    fc.string(),
  )
  fc.assert(
    fc.property(
      fc.constantFrom(...knownRoomVersions),
      type,
      content,
      invite,
      more,
      (version, name, said, third, top) => {
        const rules = rulesOf(version)
        const third_party_invite = third === undefined ? {} : { third_party_invite: third }
        const pdu: JsonObject = {
          ...top,
          type: `m.room.${name}`,
          content: { ...said, ...third_party_invite },
          depth: 1,
        }
        const once = redact(pdu, rules)
        assert.deepEqual(redact(once, rules), once)
        assert.deepEqual(referenceHash(once, rules), referenceHash(pdu, rules))
        assert.equal(redactedText(canonicalJson(pdu), rules), canonicalJson(once))
      },
    ),
  )
})
