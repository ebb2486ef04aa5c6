import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { errorCatalog, MatrixError, specificationOf, type ErrorCode } from './errors.ts'

const root = join(import.meta.dirname, '../..')
const codes = Object.keys(errorCatalog) as ErrorCode[]

/** Codes of what this server does not do yet. Whoever brings one of these to life tests it, and takes it from here. */
const notProvoked: Readonly<Record<string, readonly ErrorCode[]>> = {
  'captchas are not asked for': ['M_CAPTCHA_INVALID', 'M_CAPTCHA_NEEDED'],
  'there is no media': ['M_CANNOT_OVERWRITE_MEDIA', 'M_NOT_YET_UPLOADED'],
  'there are no application services': ['M_APPSERVICE_LOGIN_UNSUPPORTED', 'M_EXCLUSIVE', 'M_UNKNOWN_DEVICE'],
  'other servers do not join here': [
    'M_INCOMPATIBLE_ROOM_VERSION',
    'M_UNABLE_TO_AUTHORISE_JOIN',
    'M_UNABLE_TO_GRANT_JOIN',
  ],
  'no addresses are kept': [
    'M_SERVER_NOT_TRUSTED',
    'M_THREEPID_AUTH_FAILED',
    'M_THREEPID_DENIED',
    'M_THREEPID_IN_USE',
    'M_THREEPID_MEDIUM_NOT_SUPPORTED',
    'M_THREEPID_NOT_FOUND',
  ],
  'accounts are neither locked nor suspended, and logins do not tell that one was closed': [
    'M_USER_DEACTIVATED',
    'M_USER_LIMIT_EXCEEDED',
    'M_USER_LOCKED',
    'M_USER_SUSPENDED',
  ],
  'the server sends no notices': ['M_CANNOT_LEAVE_SERVER_NOTICE_ROOM'],
  'invitations are not blocked': ['M_INVITE_BLOCKED'],
}

function textOf(patterns: readonly string[], exclude: (path: string) => boolean): string {
  const paths = globSync([...patterns], { cwd: root }).filter((path) => !exclude(path))
  return paths.map((path) => readFileSync(join(root, path), 'utf8')).join('\n')
}

describe('the catalogue of errors', () => {
  for (const code of codes) {
    test(`${code} has a status, a place in the specification and words`, () => {
      const { status, when } = errorCatalog[code]
      assert.ok(status >= 400 && status < 600)
      assert.match(specificationOf(code), /^https:\/\/[^#]+(#[a-z0-9_-]+|pull\/\d+)$/)
      assert.match(when, /^[A-Z].*[^.]\.$/)
      assert.equal(new MatrixError(code, 'No.').status, status)
    })
  }

  const isTest = (path: string): boolean => path.endsWith('.test.ts')
  const untested = new Set(Object.values(notProvoked).flat())

  test('every code is provoked by some test, or the server cannot be made to say it', () => {
    const tests = textOf(['{src,test}/**/*.test.ts'], (path) => path.endsWith('protocol/errors.test.ts'))
    const unproven = codes.filter((code) => !tests.includes(`'${code}'`) && !untested.has(code))
    assert.deepEqual(unproven, [])
  })

  test('what no test provokes, no code says', () => {
    const sources = textOf(['src/**/*.ts'], (path) => isTest(path) || path.endsWith('protocol/errors.ts'))
    assert.deepEqual(
      [...untested].filter((code) => sources.includes(`'${code}'`)),
      [],
    )
  })
})
