/**
 * `npm test`: runs every test there is, on both engines, a few files at a time; arguments are paths or globs that
 * narrow it down. `--unit` runs only the tests that stand beside what they test; `--rehearse` those with a database of
 * their own, each body of an interaction run twice and compared (`src/storage/engines/rehearsal.ts`).
 * The last lines printed are the summary of Node's own test runner.
 */
import { spawnSync } from 'node:child_process'

/** Test files at a time. Much of their time is waiting for the disk and for each other's answers. */
const filesAtATime = 4
/** A single test that takes longer hangs. */
const testMsMax = 240_000

const beside = ['src/**/*.test.ts', 'scripts/**/*.test.ts']
/** Not what starts whole servers, src/app and most of test itself: these open their databases as users do, unrehearsed. */
const withDatabase = [
  'src/!(app)/**/*.test.ts',
  'test/{contract,migrations,property}/*.test.ts',
  'test/purge-leaves-nothing.test.ts',
]
const kinds = new Map([
  ['--unit', beside],
  ['--rehearse', withDatabase],
])
const given = process.argv.slice(2)
const kind = kinds.get(given[0] ?? '')
const named = kind === undefined ? given : given.slice(1)
const patterns = named.length > 0 ? named : (kind ?? [...beside, 'test/**/*.test.ts'])
const env = kind === withDatabase ? { ...process.env, TESSERA_TEST_REHEARSE: '1' } : process.env

const options = [
  `--test-concurrency=${filesAtATime}`,
  `--test-timeout=${testMsMax}`,
  '--test-reporter=spec',
  '--disable-warning=ExperimentalWarning',
]
const { status } = spawnSync(process.execPath, ['--test', ...options, ...patterns], {
  env,
  stdio: ['ignore', 'inherit', 'inherit'],
})
process.exitCode = status ?? 1
