/**
 * `npm run check`: everything that must hold before a change is done, cheapest first. Prints each command before it
 * runs it and stops at the first that fails. With `--static`, all but the unit tests.
 */
import { spawnSync } from 'node:child_process'

const steps: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ['house', 'node', 'scripts/check-house.ts'],
  ['docs', 'node', 'scripts/check-docs.ts'],
  ['format', 'prettier', '--check', '--log-level', 'warn', '.'],
  ['dead code', 'knip', '--no-config-hints'],
  ['types', 'tsc', '--noEmit'],
  ['lint', 'eslint', '.', '--max-warnings=0'],
  ['unit tests', 'node', 'scripts/test.ts', '--unit'],
]

const wanted = process.argv.includes('--static') ? steps.slice(0, -1) : steps
for (const [name, command, ...args] of wanted) {
  process.stdout.write(`▸ ${name}: ${[command, ...args].join(' ')}\n`)
  const started = performance.now()
  const { status } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  if (status !== 0) {
    process.stdout.write(`✖ ${name} failed after ${seconds} s\n`)
    process.exit(1)
  }
  process.stdout.write(`  ${seconds} s\n`)
}
process.stdout.write('✔ all of it holds\n')
