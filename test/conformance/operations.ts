/**
 * Our doors against the operations of the specification.
 *
 * `operations.tsv` is a list of facts taken from the OpenAPI files of Matrix v1.19: interface, method, path, and the name
 * of the file that describes it, which is also the name of our file. `missing.tsv` is what we do not answer yet; it is
 * written by `node test/conformance/operations.ts --write`, and a test fails when it is not what the code says.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { clientRoutes } from '#api/client.ts'

/** One operation of the specification. */
export interface Operation {
  readonly api: string
  readonly method: string
  readonly path: string
  /** The OpenAPI file, without its ending. */
  readonly file: string
}

/** What of a route concerns conformance. */
export interface Door {
  readonly method: string
  readonly path: string
  readonly aliases?: readonly string[]
}

const operationsPath = 'test/conformance/operations.tsv'
const missingPath = 'test/conformance/missing.tsv'

/** Doors that the specification does not have. Each has a reason. */
const extras: readonly string[] = [
  // Registration by shared secret, as Synapse has it; scripts of administrators use it.
  'GET /_synapse/admin/v1/register',
  'POST /_synapse/admin/v1/register',
]

/** Names under which a door may answer besides its own: what clients used before an operation was stable. */
const aliasPattern = /^\/_matrix\/(client|media)\/(r0|v1|v3|unstable)\//

/** Parameter names do not matter: `/rooms/{roomId}` and `/rooms/{id}` are one path. */
function shapeOf({ method, path }: { readonly method: string; readonly path: string }): string {
  return `${method} ${path.replaceAll(/\{[^}]+\}/g, '{}')}`
}

/** The specification's operations. */
export function operations(): Operation[] {
  const [, ...lines] = readFileSync(operationsPath, 'utf8').trimEnd().split('\n')
  return lines.map((line) => {
    const [api = '', method = '', path = '', file = ''] = line.split('\t')
    return { api, method, path, file }
  })
}

/**
 * Every door we declare. The capabilities that the doors would call are stand-ins: declaring a route calls none of them.
 */
export function doors(): Door[] {
  const standIn: unknown = new Proxy(() => standIn, {
    get: (_, name) => (name === Symbol.iterator ? undefined : standIn),
  })
  return [...clientRoutes(standIn as Parameters<typeof clientRoutes>[0])]
}

/** Doors, and further names of doors, that the specification does not know. */
export function unknownDoors(ours: readonly Door[], known: readonly Operation[]): string[] {
  const shapes = new Set([...known.map(shapeOf), ...extras])
  return ours.flatMap((door) => {
    const aliases = (door.aliases ?? []).filter((path) => !aliasPattern.test(path))
    const names = shapes.has(shapeOf(door)) ? aliases : [door.path, ...aliases]
    return names.map((path) => `${door.method} ${path}`)
  })
}

/** Operations that no door answers. */
export function missingOperations(ours: readonly Door[], known: readonly Operation[]): Operation[] {
  const shapes = new Set(
    ours.flatMap(({ method, path, aliases = [] }) => [path, ...aliases].map((name) => shapeOf({ method, path: name }))),
  )
  return known.filter((operation) => !shapes.has(shapeOf(operation)))
}

/** The text of `missing.tsv`: a count for each interface, then the operations. */
export function missingReport(ours: readonly Door[], known: readonly Operation[]): string {
  const missing = missingOperations(ours, known)
  const counts = [...new Set(known.map((operation) => operation.api))].map((api) => {
    const all = known.filter((operation) => operation.api === api).length
    const without = missing.filter((operation) => operation.api === api).length
    return `# ${api}: ${all - without} of ${all} operations answered`
  })
  const lines = missing.map(({ api, method, path, file }) => [api, method, path, file].join('\t'))
  return `${[...counts, ...lines].join('\n')}\n`
}

/** The committed report. */
export function committedReport(): string {
  return readFileSync(missingPath, 'utf8')
}

if (import.meta.main) {
  const report = missingReport(doors(), operations())
  if (process.argv.includes('--write')) writeFileSync(missingPath, report)
  process.stdout.write(report)
}
