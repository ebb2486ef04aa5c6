import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { isMap, isNode, isScalar, LineCounter, parseDocument, stringify, type Document } from 'yaml'
import { parseServerName, type ServerName } from '#protocol/identifiers.ts'
import { houseFields } from './config/house.ts'
import { commentLines, section, sectionLines, type SectionOf } from './config/section.ts'
import type { Problem } from './config/setting.ts'

const house = section('', houseFields)
type HouseConfig = SectionOf<typeof houseFields>

/** Everything the configuration says, checked, with defaults in place and paths absolute; never changed afterwards. */
export interface Config extends Omit<HouseConfig, 'serverName' | 'rateLimits'> {
  readonly serverName: ServerName
  /** Without a name in it, nothing is limited. */
  readonly rateLimits: NonNullable<HouseConfig['rateLimits']> | Readonly<Record<string, never>>
}

export type ListenerConfig = Config['listeners'][number]

/** The configuration cannot be used; `problems` says everything that is wrong with it, a line each. */
export class ConfigError extends Error {
  readonly problems: readonly string[]
  /** The file it was read from, when it was. */
  readonly file: string | undefined

  constructor(problems: readonly string[], file?: string) {
    super(problems.join('\n'))
    this.name = 'ConfigError'
    this.problems = problems
    this.file = file
  }
}

/** Values of the file by key, before they are checked. */
export type RawConfig = Readonly<Record<string, unknown>>

/** A value to put in the place of the file's, for example from the command line. */
export interface Change {
  readonly path: readonly (string | number)[]
  readonly value: string | number
}

/**
 * Reads a configuration file (YAML), makes `changes` to what it says (not to the file), checks everything and gives
 * the whole. Paths in it are taken from the file's folder. Throws ConfigError with every problem at once.
 */
export function loadConfig(file: string, changes: readonly Change[] = []): Config {
  try {
    const raw: unknown = parseYaml(readSource(file), changes).toJS() ?? {}
    if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
      throw new ConfigError(['has to be keys with values, such as server_name: example.org'])
    }
    return checkConfig(raw as RawConfig, dirname(resolve(file)))
  } catch (error) {
    throw error instanceof ConfigError ? new ConfigError(error.problems, file) : error
  }
}

function readSource(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new ConfigError([`cannot be read (${(error as NodeJS.ErrnoException).code})`])
  }
}

function parseYaml(source: string, changes: readonly Change[]): Document {
  const lineCounter = new LineCounter()
  const document: Document = parseDocument(source, { lineCounter, prettyErrors: false })
  if (document.errors.length > 0) {
    throw new ConfigError(
      document.errors.map(({ message, pos }) => {
        const { line, col } = lineCounter.linePos(pos[0])
        return `line ${line}, column ${col}: ${message}`
      }),
    )
  }
  for (const { path, value } of changes) document.setIn(path, value)
  return document
}

/** Checks values against the schema; `folder` is what relative paths start from. Throws ConfigError. */
export function checkConfig(raw: RawConfig, folder: string): Config {
  const problems: Problem[] = []
  const checked = house.read(raw, '', problems)
  if (checked === undefined || problems.length > 0) {
    throw new ConfigError(problems.map(({ at, text }) => (at === '' ? text : `${at} ${text}`)))
  }
  const dataFolder = resolve(folder, checked.dataFolder)
  return Object.freeze({
    ...checked,
    serverName: parseServerName(checked.serverName),
    publicAddress: checked.publicAddress?.replace(/\/$/, ''),
    dataFolder,
    listeners: checked.listeners.map((listener) => withAbsolutePaths(listener, folder)),
    database: { ...checked.database, url: absoluteDatabaseUrl(checked.database.url, dataFolder) },
    rateLimits: checked.rateLimits ?? {},
  })
}

function withAbsolutePaths(listener: HouseConfig['listeners'][number], folder: string): ListenerConfig {
  const { tls } = listener
  if (tls === undefined) return listener
  return { ...listener, tls: { certificate: resolve(folder, tls.certificate), key: resolve(folder, tls.key) } }
}

function absoluteDatabaseUrl(url: string, dataFolder: string): string {
  const scheme = 'sqlite:'
  if (!url.startsWith(scheme)) return url
  return `${scheme}${resolve(dataFolder, url.slice(scheme.length).replace(/^\/\/\/?(?=\/)/, ''))}`
}

/**
 * The commented sample: every setting with what it does and what holds without it, `changes` put in. It is a complete
 * configuration, but for the server name, which is an example when no change names it.
 */
export function sampleConfig(changes: readonly Change[] = []): string {
  const head = commentLines(
    'The configuration of a Tessera homeserver. Every setting is here; all but server_name may be left out. Check it with: tessera config check',
  )
  const sample = [...head, '', ...sectionLines(houseFields), ''].join('\n')
  const document = parseYaml(sample, [])
  const places = changes.map(({ path, value }) => ({ ...placeOf(document, path), value }))
  places.sort((a, b) => b.start - a.start)
  return places.reduce(
    (text, { start, end, value }) =>
      `${text.slice(0, start)}: ${stringify(value).trim()}${text.slice(text.slice(0, end).trimEnd().length)}`,
    sample,
  )
}

/** From the end of a key to the end of its value, as offsets in the text, so that what is around them stays as it is. */
function placeOf(document: Document, path: Change['path']): { readonly start: number; readonly end: number } {
  const parent: unknown = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true)
  const pair = isMap(parent) ? parent.items.find(({ key }) => isScalar(key) && key.value === path.at(-1)) : undefined
  const start = isScalar(pair?.key) ? pair.key.range?.[1] : undefined
  const end = isNode(pair?.value) ? pair.value.range?.[1] : undefined
  if (start === undefined || end === undefined) throw new Error(`the sample has no value at ${path.join('.')}`)
  return { start, end }
}
