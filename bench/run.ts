/**
 * Measures Tessera, started here with fresh data, and after it any homeserver whose address is given:
 *
 *   npm run bench -- [scenario…] [--database URL|postgres] [--against URL[#PID]…] [--shared-secret SECRET]
 *                    [--peers-only] [--profile] [--dry]
 *
 * Prints the figures beside their targets and appends them to bench/results.jsonl; `--dry` appends nothing.
 * `--database postgres` is a fresh database on a server of its own that puts every commit on the disk. The process id of
 * a peer gives its processor time, `--peers-only` leaves Tessera out, `--profile` leaves a profile of it in bench/profiles. The client runs on the
 * same machine: leave that alone meanwhile.
 */
import { parseArgs } from 'node:util'

import type { CoreScenario } from './kit/core-scenario.ts'
import { startDurablePostgres } from './kit/durable-postgres.ts'
import { Homeserver } from './kit/homeserver.ts'
import { appendResults, printResult, type Result } from './kit/results.ts'
import { openStage, type Scenario } from './kit/scenario.ts'
import { startServer } from './kit/server-process.ts'
import { withDatabasePlace, type DatabaseScenario } from './kit/database-place.ts'
import { accountingScenario } from './scenarios/accounting.ts'
import { dashboardScenario } from './scenarios/dashboard.ts'
import { gateScenarios, versionsScenario } from './scenarios/database.ts'
import { sendsScenario } from './scenarios/database-sends.ts'
import { memberScenarios } from './scenarios/members.ts'
import { protocolScenarios } from './scenarios/protocol.ts'
import { graphScenarios } from './scenarios/graph.ts'
import { purgeScenarios } from './scenarios/purge.ts'
import { relationScenarios } from './scenarios/relations.ts'
import { roomScenarios } from './scenarios/rooms.ts'
import { sendScenarios } from './scenarios/send.ts'
import { serializeScenario } from './scenarios/serialize.ts'
import { serializeShareScenario } from './scenarios/serialize-share.ts'
import { stateScenarios } from './scenarios/state.ts'
import { storageScenarios } from './scenarios/storage.ts'
import { syncScenarios } from './scenarios/sync.ts'

const scenarios: readonly Scenario[] = [...sendScenarios, ...roomScenarios, ...syncScenarios, versionsScenario]
/** Each on a database of its own, and only by name: they take long. `state`, `storage` and `database` stand for all that begin so. */
const databaseScenarios: readonly DatabaseScenario[] = [
  ...stateScenarios,
  ...storageScenarios,
  ...purgeScenarios,
  ...graphScenarios,
  ...relationScenarios,
  ...memberScenarios,
  ...gateScenarios,
  accountingScenario,
  sendsScenario,
]
/** Without the server of the others, and only by name. `protocol` stands for all that begin so. */
const coreScenarios: readonly CoreScenario[] = [
  ...protocolScenarios,
  serializeScenario,
  serializeShareScenario,
  dashboardScenario,
]
const startTargets = { startMs: { max: 1_000 }, idleMib: { max: 90 } }

const { values: options, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    against: { type: 'string', multiple: true, default: [] },
    database: { type: 'string' },
    'shared-secret': { type: 'string' },
    'peers-only': { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    dry: { type: 'boolean', default: false },
  },
})
const known = [...scenarios, ...databaseScenarios, ...coreScenarios].map(({ name }) => name)
const means = (name: string, scenario: string): boolean => name === scenario || scenario.startsWith(`${name}-`)
const unknown = names.filter((name) => !known.some((scenario) => means(name, scenario)))
if (unknown.length > 0) {
  process.stderr.write(`unknown: ${unknown.join(', ')}; known: ${known.join(', ')}\n`)
  process.exit(2)
}
const wanted = names.length === 0 ? scenarios : scenarios.filter(({ name }) => names.some((each) => means(each, name)))
const wantedOfDatabase = databaseScenarios.filter(({ name }) => names.some((each) => means(each, name)))
const wantedOfCore = coreScenarios.filter(({ name }) => names.some((each) => means(each, name)))
const results: Result[] = []
const postgres =
  options.database === 'postgres' && (wantedOfDatabase.length > 0 || wanted.length > 0)
    ? await startDurablePostgres()
    : undefined

for (const { name, about, targets, run } of wantedOfCore) {
  note({ server: 'core', scenario: name, about, targets, figures: await run() })
}
for (const scenario of wantedOfDatabase) await runOnDatabase(scenario)
if (!options['peers-only'] && wanted.length > 0) await runOurs()
await postgres?.stop()
for (const address of options.against) {
  const [url = '', pid] = address.split('#', 2)
  await runAll(new URL(url).host, { url, pid: pid === undefined ? undefined : Number(pid) })
}
if (!options.dry) appendResults(results)

async function runOnDatabase(scenario: DatabaseScenario): Promise<void> {
  const server = postgres === undefined ? 'sqlite' : 'postgres'
  const { name, about, targets } = scenario
  const figures = await withDatabasePlace(postgres, (place) => scenario.run(place))
  note({ server, scenario: name, about, targets, figures })
}

async function runOurs(): Promise<void> {
  const server = options.database === undefined ? 'sqlite' : 'postgres'
  const made = await postgres?.createDatabase()
  const ours = await startServer({ database: made?.url ?? options.database, profile: options.profile })
  try {
    const figures = { startMs: ours.startMs, idleMib: ours.idleMib }
    note({ server, scenario: 'start', about: 'to the first answer; memory at rest', figures, targets: startTargets })
    await runAll(server, ours)
  } finally {
    await ours.stop()
    await made?.drop()
  }
}

async function runAll(server: string, { url, pid }: { url: string; pid: number | undefined }): Promise<void> {
  const homeserver = new Homeserver(url, options['shared-secret'])
  const stage = openStage(homeserver, pid)
  for (const scenario of wanted) {
    try {
      const { name, about, targets } = scenario
      note({ server, scenario: name, about, targets, figures: await scenario.run(stage) })
    } catch (error) {
      process.stdout.write(`${server.padEnd(9)} ${scenario.name.padEnd(12)} failed: ${String(error)}\n`)
      process.exitCode = 1
    }
  }
  homeserver.close()
}

function note(result: Result): void {
  results.push(result)
  printResult(result)
}
