import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sign } from './crypto.ts'
import { checkSignatures, packSignatureChecks } from './signature-batch.ts'
import { newSigningKey } from './signing-keys.ts'

test('a batch of signatures gives one verdict each, in order', () => {
  const [one, other] = [newSigningKey(), newSigningKey()]
  const texts = ['', '{"a":1}', '{"name":"日本 \u{1f600}"}', 'x'.repeat(70_000)]
  const right = texts.map((text) => ({ text, signature: sign(text, one.secretKey), publicKey: one.publicKey }))
  const wrong = [
    ...right.map((check) => ({ ...check, text: `${check.text} ` })),
    ...right.map((check) => ({ ...check, publicKey: other.publicKey })),
    ...right.map((check) => ({ ...check, signature: check.signature.subarray(1) })),
    ...right.map((check) => ({ ...check, publicKey: new Uint8Array(0) })),
  ]
  const mixed = wrong.flatMap((check, index) => [check, ...right.slice(index % 4, (index % 4) + 1)])
  assert.deepEqual(
    [...checkSignatures(packSignatureChecks(mixed))],
    wrong.flatMap(() => [0, 1]),
  )
  assert.deepEqual([...checkSignatures(packSignatureChecks([]))], [])
})

test('bytes that are no batch are refused', () => {
  const packed = packSignatureChecks([{ text: 'a', signature: new Uint8Array(64), publicKey: new Uint8Array(32) }])
  assert.throws(() => checkSignatures(packed.subarray(0, 50)), RangeError)
  assert.throws(() => checkSignatures(packed.subarray(0, 5)), RangeError)
})
