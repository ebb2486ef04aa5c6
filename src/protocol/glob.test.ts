import assert from 'node:assert/strict'
import { test } from 'node:test'
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

test('no pattern takes long', () => {
  const started = performance.now()
  globMatches('*a'.repeat(500), 'a'.repeat(60_000))
  globMatches(`${'a*'.repeat(300)}b`, 'a'.repeat(60_000))
  globMatchesWords(`${'?'.repeat(200)}x`, 'a'.repeat(60_000))
  assert.ok(performance.now() - started < 2000)
})
