import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { LineCounter, parseDocument } from 'yaml'
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

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** Values of the file by key, before they are checked. */
export type RawConfig = Readonly<Record<string, unknown>>

/**
 * Reads a configuration file (YAML), lays `overrides` over it (from the command line), checks everything and gives the
 * whole. Paths in it are taken from the file's folder. Throws ConfigError with every problem at once.
 */
export function loadConfig(file: string, overrides: RawConfig = {}): Config {
  return checkConfig({ ...readRawConfig(file), ...overrides }, dirname(resolve(file)))
}

/** The keys and values of a configuration file, not checked yet. Throws ConfigError when it cannot be read. */
export function readRawConfig(file: string): RawConfig {
  let source: string
  try {
    source = readFileSync(file, 'utf8')
  } catch (error) {
    throw new ConfigError([`cannot be read: ${(error as Error).message}`])
  }
  const lineCounter = new LineCounter()
  const document = parseDocument(source, { lineCounter, prettyErrors: false })
  if (document.errors.length > 0) {
    throw new ConfigError(
      document.errors.map(({ message, pos }) => {
        const { line, col } = lineCounter.linePos(pos[0])
        return `line ${line}, column ${col}: ${message}`
      }),
    )
  }
  const raw: unknown = document.toJS() ?? {}
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    throw new ConfigError(['has to be a list of keys with values, such as server_name: example.org'])
  }
  return raw as RawConfig
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
 * The commented sample: every setting with what it does and what holds without it. `given` are values (in YAML) to put
 * in by top-level key; the server name is one that has to be.
 */
export function sampleConfig(given: Readonly<Record<string, string>>): string {
  const head = commentLines(
    'The configuration of a Tessera homeserver. Every value below is what holds without it, so that you may leave out whatever you do not change. Check it with: tessera config check',
  )
  return [...head, '', ...sectionLines(houseFields, given), ''].join('\n')
}
