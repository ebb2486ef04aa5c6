/**
 * Holds `src/` to the plan in house.ts: `node scripts/check-house.ts` prints every fault and exits with 1 when there
 * is one. Read file by file with the TypeScript parser and no types, so that it takes about a second.
 */
import { globSync, readFileSync } from 'node:fs'
import { faultsOfFile, faultsOfFolders, type Fault } from './house-rules.ts'

const files = globSync(['src/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts', 'scripts/**/*.ts'])
  .map((path) => path.replaceAll('\\', '/'))
  .sort()
const faults: Fault[] = [
  ...files.flatMap((path) => faultsOfFile(path, readFileSync(path, 'utf8'))),
  ...faultsOfFolders(files),
]
for (const fault of faults) process.stderr.write(`${fault.path}:${fault.line} ${fault.problem}\n`)
process.stdout.write(`house: ${files.length} files, ${faults.length} faults\n`)
process.exitCode = faults.length === 0 ? 0 : 1
