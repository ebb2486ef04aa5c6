import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseServerName } from './identifiers.ts'
import { parseServerAuth, printServerAuth } from './server-auth-header.ts'

const expected = { origin: 'a.example:80', destination: 'b.example', keyId: 'ed25519:1', signature: 'ab+/c' }

test('what is printed is read back', () => {
  const auth = { ...expected, origin: parseServerName('a.example:80'), destination: parseServerName('b.example') }
  const header = printServerAuth(auth)
  assert.equal(header, 'X-Matrix origin="a.example:80",destination="b.example",key="ed25519:1",sig="ab+/c"')
  assert.deepEqual(parseServerAuth(header), auth)
})

test('headers are read as other servers write them', () => {
  for (const header of [
    'X-Matrix origin=a.example:80,destination=b.example,key=ed25519:1,sig=ab+/c',
    'x-matrix   ORIGIN="a.example:80" ,\tSig="ab+/c", key="ed25519:1",destination=b.example',
    'X-Matrix origin="a.exam\\ple:80",destination="b.example",key="ed25519\\:1",sig="ab+/c",extra="x,y"',
    'X-Matrix origin = "a.example:80", destination="b.example",,key="ed25519:1",signature="ab+/c",',
  ]) {
    assert.deepEqual(parseServerAuth(header), expected, header)
  }
  const old = parseServerAuth('X-Matrix origin=a.example,key="ed25519:1",sig="x"')
  assert.equal(old?.destination, undefined)
  assert.equal(old?.origin, 'a.example')
})

test('anything else is no such header', () => {
  for (const header of [
    '',
    'Bearer x',
    'X-Matrix',
    'X-Matrixorigin=a,key=b,sig=c',
    'X-Matrix origin=a.example,key=b',
    'X-Matrix origin="a.example,key=b,sig=c',
    'X-Matrix origin=a.example,origin=b.example,key=b,sig=c',
    'X-Matrix origin=a b,key=b,sig=c',
    'X-Matrix origin=a/b,key=b,sig=c',
    'X-Matrix origin=,key=b,sig=c',
    'X-Matrix origin=a.example,destination="not a name",key=b,sig=c',
  ]) {
    assert.equal(parseServerAuth(header), undefined, header)
  }
})
