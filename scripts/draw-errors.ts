/**
 * Writes docs/errors.md from the catalogue in src/protocol/errors.ts: `node scripts/draw-errors.ts --write`. Without
 * `--write` it only says whether the page is up to date; a test of the catalogue asks the same.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { errorCatalog, specificationOf, type ErrorCode } from '#protocol/errors.ts'

const pagePath = 'docs/errors.md'

/** The page, whole. */
export function drawErrors(): string {
  const codes = Object.keys(errorCatalog) as ErrorCode[]
  const rows = codes.map((code) => {
    const { status, when } = errorCatalog[code]
    return `| [\`${code}\`](${specificationOf(code)}) | ${status} | ${when} |`
  })
  return [
    '# Errors',
    '',
    'Every error code that this server knows, with the HTTP status that it has unless the endpoint says otherwise. Made',
    'from `src/protocol/errors.ts` by `npm run generate`.',
    '',
    '| code | status | what it says |',
    '| --- | --- | --- |',
    ...rows,
    '',
  ].join('\n')
}

if (import.meta.main) {
  if (process.argv.includes('--write')) writeFileSync(pagePath, drawErrors())
  else if (readFileSync(pagePath, 'utf8') !== drawErrors()) {
    process.stderr.write(`${pagePath} is out of date: npm run generate\n`)
    process.exit(1)
  }
}
