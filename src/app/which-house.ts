import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { textOption, UsageError, type Arguments, type CommandOption } from './command.ts'
import { loadConfig, sampleConfig, type Change, type Config } from './config.ts'
import { registrationModes } from './config/registration.ts'
import { Failure } from './failure.ts'

const configFileName = 'tessera.yaml'
const dataFolderDefault = 'data'
const serverNameDefault = 'localhost'

/** Options that stand above what the configuration file says. */
export const changeOptions = {
  'server-name': { type: 'string', value: 'NAME', about: 'The name of this server, as example.org (localhost).' },
  listen: { type: 'string', value: 'ADDRESS:PORT', about: 'Where to listen (127.0.0.1:8008).' },
  database: { type: 'string', value: 'URL', about: 'sqlite:FILE or postgres://USER:PASSWORD@HOST:PORT/NAME.' },
  registration: { type: 'string', value: 'MODE', about: `Who may make an account: ${registrationModes.join(', ')}.` },
  'no-rate-limits': { type: 'boolean', about: 'Limit nothing, for trials and measurements.' },
} as const satisfies Record<string, CommandOption>

/** The homeserver that a command is about. */
export interface House {
  readonly config: Config
  readonly configFile: string
  /** True when its configuration was made just now. */
  readonly isNew: boolean
}

/**
 * The configuration of the homeserver that the options name, which has to be there. Throws Failure when it is not,
 * ConfigError when it cannot be used.
 */
export function findHouse(given: Arguments): House {
  const configFile = configFileOf(given)
  if (!existsSync(configFile)) {
    throw new Failure(
      `There is no configuration at ${configFile}. Name it with --config FILE or --data DIR, or make it with: tessera start`,
    )
  }
  return { config: loadConfig(configFile, changesOf(given)), configFile, isNew: false }
}

/** As `findHouse`, but makes folder and configuration where there are none yet. A file named by --config is never made. */
export function findOrMakeHouse(given: Arguments): House {
  const configFile = configFileOf(given)
  if (existsSync(configFile) || textOption(given, 'config') !== undefined) return findHouse(given)
  const changes = changesOf(given)
  const named = changes.some(({ path }) => path[0] === 'server_name')
  const sample = sampleConfig(named ? changes : [{ path: ['server_name'], value: serverNameDefault }, ...changes])
  const folder = dirname(configFile)
  makeFolder(folder)
  // It may come to hold secrets: the database's password, the registration secret.
  writeFileSync(configFile, sample, { mode: 0o600, flag: 'wx' })
  return { config: loadConfig(configFile), configFile, isNew: true }
}

/** Makes a folder and those it stands in, for its owner alone. */
function makeFolder(folder: string): void {
  // Not by mkdir's own `recursive`, which never ends where an existing folder takes no files (/proc).
  if (existsSync(folder)) return
  makeFolder(dirname(folder))
  mkdirSync(folder, { mode: 0o700 })
}

/** The configuration file that the options name, as an absolute path. */
export function configFileOf(given: Arguments): string {
  const file = textOption(given, 'config')
  return resolve(file ?? join(textOption(given, 'data') ?? dataFolderDefault, configFileName))
}

function changesOf(given: Arguments): Change[] {
  const changes: Change[] = []
  const add = (name: string, path: readonly (string | number)[]): void => {
    const value = textOption(given, name)
    if (value !== undefined) changes.push({ path, value })
  }
  add('server-name', ['server_name'])
  add('database', ['database', 'url'])
  add('registration', ['registration', 'mode'])
  if (given.options['no-rate-limits'] === true) changes.push({ path: ['rate_limits'], value: 'off' })
  const listen = textOption(given, 'listen')
  if (listen !== undefined) {
    const { address, port } = parseListen(listen)
    changes.push({ path: ['listeners', 0, 'address'], value: address }, { path: ['listeners', 0, 'port'], value: port })
  }
  const [data, config] = [textOption(given, 'data'), textOption(given, 'config')]
  if (data !== undefined && config !== undefined) changes.push({ path: ['data_folder'], value: resolve(data) })
  return changes
}

/** `127.0.0.1:8008`, `[::1]:8008`, `:8008` for all addresses, or a port alone. */
function parseListen(text: string): { address: string; port: number } {
  const match = /^(?:(?<address>\[[\da-f:]+\]|[^:\s]*):)?(?<port>\d{1,5})$/i.exec(text)
  if (match?.groups === undefined)
    throw new UsageError(`--listen takes ADDRESS:PORT, as 127.0.0.1:8008, and not "${text}"`)
  const { address, port } = match.groups
  const host = address === undefined ? '127.0.0.1' : address === '' ? '::' : address.replace(/^\[(.*)\]$/, '$1')
  return { address: host, port: Number(port) }
}
