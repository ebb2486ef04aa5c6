/**
 * `npm test`: runs every test there is, on both engines, a few files at a time; arguments are paths or globs that
 * narrow it down. `--unit` runs only the tests that stand beside what they test.
 * The last lines printed are the summary of Node's own test runner.
 */
import { spawnSync } from 'node:child_process'

/** Test files at a time. Much of their time is waiting for the disk and for each other's answers. */
const filesAtATime = 4
/** A single test that takes longer hangs. */
const testMsMax = 240_000

const beside = ['src/**/*.test.ts', 'scripts/**/*.test.ts']
const given = process.argv.slice(2)
const unit = given[0] === '--unit'
const named = unit ? given.slice(1) : given
const patterns = named.length > 0 ? named : unit ? beside : [...beside, 'test/**/*.test.ts']

const options = [
  `--test-concurrency=${filesAtATime}`,
  `--test-timeout=${testMsMax}`,
  '--test-reporter=spec',
  '--disable-warning=ExperimentalWarning',
]
const { status } = spawnSync(process.execPath, ['--test', ...options, ...patterns], {
  stdio: ['ignore', 'inherit', 'inherit'],
})
process.exitCode = status ?? 1
