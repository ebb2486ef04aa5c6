import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bytesOfBase64, unpaddedBase64 } from './crypto.ts'
import { signJson, verifyJson } from './signatures.ts'
import { newSigningKey, parseSigningKey, printSigningKey } from './signing-keys.ts'

const key = newSigningKey(bytesOfBase64('YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1'), '1')

// https://spec.matrix.org/v1.19/appendices/#json-signing
test('the examples of the specification have the signatures given there', () => {
  assert.deepEqual(signJson({}, 'domain', key), {
    signatures: {
      domain: {
        'ed25519:1': 'K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ',
      },
    },
  })
  assert.deepEqual(signJson({ one: 1, two: 'Two' }, 'domain', key)['signatures'], {
    domain: {
      'ed25519:1': 'KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw',
    },
  })
})

test('what is signed verifies; any changed value fails', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.integer(), { minKeys: 1 }), fc.integer({ min: 1 }), (object, by) => {
      const signed = signJson(object, 'a', key)
      assert.deepEqual(
        verifyJson(signed, 'a', () => key.publicKey),
        { valid: true },
      )
      const [name] = Object.keys(object).filter((each) => each !== 'signatures' && each !== 'unsigned')
      if (name === undefined) return
      const changed = { ...signed, [name]: (object[name] ?? 0) + by }
      assert.equal(verifyJson(changed, 'a', () => key.publicKey).valid, false)
    }),
  )
})

test('unknown keys are passed over, but one known signature must be there and every known one right', () => {
  const other = newSigningKey(undefined, 'other')
  const twice = signJson(signJson({ a: 1 }, 'a', key), 'a', other)
  const known = (keyId: string) => (keyId === 'ed25519:1' ? key.publicKey : undefined)
  assert.equal(verifyJson(twice, 'a', known).valid, true)
  assert.equal(verifyJson(twice, 'a', () => undefined).valid, false)
  assert.equal(verifyJson(twice, 'a', () => key.publicKey).valid, false)
  assert.equal(verifyJson(twice, 'b', known).valid, false)
  assert.equal(verifyJson({ a: 1, signatures: { a: { 'ed25519:1': '!' } } }, 'a', known).valid, false)
  assert.equal(verifyJson({ a: 1.5, signatures: { a: { 'ed25519:1': '' } } }, 'a', known).valid, false)
})

test('a signing key survives being written down', () => {
  const made = newSigningKey()
  assert.deepEqual(parseSigningKey(printSigningKey(made)), made)
  assert.match(made.keyId, /^ed25519:a_[A-Za-z0-9_]{6}$/)
  assert.throws(() => parseSigningKey('ed25519 a_1 short'))
})

test('Base64 has no padding going out and needs none coming in', () => {
  for (const [text, encoded] of [
    ['', ''],
    ['f', 'Zg'],
    ['fo', 'Zm8'],
    ['foo', 'Zm9v'],
    ['foobar', 'Zm9vYmFy'],
  ] as const) {
    assert.equal(unpaddedBase64(Buffer.from(text)), encoded)
    assert.deepEqual(bytesOfBase64(encoded), Buffer.from(text))
  }
  assert.deepEqual(bytesOfBase64('Zg=='), Buffer.from('f'))
  assert.equal(bytesOfBase64('Z'), undefined)
  assert.equal(bytesOfBase64('Z-'), undefined)
})
