import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { globMatches, globMatchesWords } from './glob.ts'

test('a star stands for anything, a question mark for one character', () => {
  for (const [pattern, text] of [
    ['', ''],
    ['*', ''],
    ['*', 'anything'],
    ['lunc?*', 'lunch plans'],
    ['lunc?*', 'lunch'],
    ['a*b*c', 'abc'],
    ['a*b*c', 'a b b c c'],
    ['*.evil.com', 'www.evil.com'],
    ['?', '\u{1f600}'],
    ['*?', 'x'],
    ['a?c*', 'abcd'],
  ] as const) {
    assert.ok(globMatches(pattern, text), `${pattern} ~ ${text}`)
  }
  for (const [pattern, text] of [
    ['', 'a'],
    ['lunc?*', 'lunc'],
    ['lunc?*', ' lunch'],
    ['a*b*c', 'acb'],
    ['?', ''],
    ['*.evil.com', 'evil.com'],
    ['ab*ba', 'aba'],
    ['a.c', 'abc'],
    ['x'.repeat(2000), 'x'.repeat(2000)],
  ] as const) {
    assert.equal(globMatches(pattern, text), false, `${pattern} ~ ${text}`)
  }
})

test('words are matched between boundaries', () => {
  for (const [pattern, text] of [
    ['ex*ple', 'an example event.'],
    ['ex*ple', 'exple'],
    ['ex*ple', 'an exciting triple-whammy'],
    ['cake', 'cake'],
    ['cake', '(cake)'],
    ['@room', 'hey @room!'],
    ['c?ke', 'a coke'],
    ['*', ''],
    ['a*', 'xa a'],
    ['*a', 'xa'],
  ] as const) {
    assert.ok(globMatchesWords(pattern, text), `${pattern} ~ ${text}`)
  }
  for (const [pattern, text] of [
    ['cake', 'cakes'],
    ['cake', 'pancake'],
    ['cake', 'cake_'],
    ['ex*ple', 'exxx'],
    ['ex*ple', 'example1'],
    ['c?ke', 'ccoke'],
  ] as const) {
    assert.equal(globMatchesWords(pattern, text), false, `${pattern} ~ ${text}`)
  }
})

test('the same answers as a regular expression, for any pattern', () => {
  const unit = fc.constantFrom('a', 'b', '*', '?')
  fc.assert(
    fc.property(
      fc.string({ unit, maxLength: 8 }),
      fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 }),
      (p, text) => {
        const source = p.replaceAll('*', '.*').replaceAll('?', '.')
        assert.equal(globMatches(p, text), new RegExp(`^${source}$`).test(text))
      },
    ),
  )
  fc.assert(
    fc.property(
      fc.string({ unit, maxLength: 6 }),
      fc.string({ unit: fc.constantFrom('a', 'b', ' '), maxLength: 12 }),
      (p, text) => {
        const source = p.replaceAll('*', '.*').replaceAll('?', '.')
        assert.equal(globMatchesWords(p, text), new RegExp(`(?:^|\\W|\\b)${source}(?:\\b|\\W|$)`).test(text))
      },
    ),
  )
})

/** How many characters `match` looks at. Throws as soon as there are more than `max`: whoever backtracks would not end. */
function charactersRead(t: TestContext, max: number, match: () => unknown): number {
  let read = 0
  const count = (characters: number): void => {
    read += characters
    if (read > max) throw new Error(`more than ${max} characters were looked at`)
  }
  const { charCodeAt, startsWith, indexOf } = String.prototype
  t.mock.method(String.prototype, 'charCodeAt', function (this: string, index: number) {
    count(1)
    return charCodeAt.call(this, index)
  })
  t.mock.method(String.prototype, 'startsWith', function (this: string, piece: string, at: number) {
    count(piece.length)
    return startsWith.call(this, piece, at)
  })
  t.mock.method(String.prototype, 'indexOf', function (this: string, piece: string, from: number) {
    const found = indexOf.call(this, piece, from)
    count(((found < 0 ? this.length : found) - from + 1) * piece.length)
    return found
  })
  try {
    match()
    return read
  } finally {
    t.mock.restoreAll()
  }
}

test('no pattern makes anybody look at more than its length times that of the text, twice', (t) => {
  const text = 'a'.repeat(1_000)
  for (const pattern of [
    '*a'.repeat(50),
    `${'a*'.repeat(30)}b`,
    '*?a'.repeat(30),
    `${'?'.repeat(100)}x`,
    '*a?b'.repeat(20),
  ]) {
    const max = 2 * pattern.length * text.length
    assert.ok(charactersRead(t, max, () => globMatches(pattern, text)) > 0)
    assert.ok(charactersRead(t, max, () => globMatchesWords(pattern, text)) > 0)
    const words = 'a '.repeat(500)
    assert.ok(charactersRead(t, max, () => globMatchesWords(pattern, words)) > 0)
  }
})
