import { accessSync, constants, existsSync, readFileSync, statfsSync, statSync } from 'node:fs'
import { parseSigningKey } from '#protocol/signing-keys.ts'
import { Failure } from '../failure.ts'
import { signingKeyFile } from '../signing-key-file.ts'
import { Note, type Patient } from './check.ts'

/** Room on the disk below which writing may soon fail. */
const freeBytesMin = 1_073_741_824

function isOpenToOthers(file: string): boolean {
  return process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0
}

function closedToOthers(file: string): void {
  if (isOpenToOthers(file)) throw new Failure(`${file} can be read by others: chmod 600 it.`)
}

/** Whether others can read the configuration when there are secrets in it. */
export function checkConfigFile({ config: { registration, database }, configFile }: Patient): string {
  const secrets = registration.sharedSecret !== undefined || /^postgres(ql)?:\/\/[^@/]*:[^@/]+@/.test(database.url)
  if (secrets) closedToOthers(configFile)
  const rights = secrets ? 'its secrets can be read by nobody else' : 'there is no secret in it'
  return `The configuration ${configFile} can be used, and ${rights}.`
}

/** Whether the data folder can be used and its disk has room. */
export function checkFolder({ config: { dataFolder } }: Patient): string {
  accessSync(dataFolder, constants.R_OK | constants.W_OK)
  const { bavail, bsize } = statfsSync(dataFolder)
  const free = bavail * bsize
  const gib = (free / 2 ** 30).toFixed(1)
  if (free < freeBytesMin) throw new Failure(`The disk of ${dataFolder} has only ${gib} GiB left: make room.`)
  return `The data folder ${dataFolder} can be read and written, and has ${gib} GiB left.`
}

/** Whether what people wrote can be read by others on this machine. */
export function checkDatabaseFile({ config: { database } }: Patient): string | Note {
  const scheme = 'sqlite:'
  if (!database.url.startsWith(scheme)) return 'The database is a server, which keeps its own files.'
  const file = database.url.slice(scheme.length)
  if (!existsSync(file)) return new Note(`There is no database at ${file} yet: the next start makes it.`)
  const folder = file.replace(/[^/\\]*$/, '')
  if (isOpenToOthers(file) && isOpenToOthers(folder))
    throw new Failure(`${file} can be read by others: chmod 700 ${folder}, or chmod 600 it.`)
  return `The database file ${file} can be read by nobody else.`
}

/** Whether the signing key is there for us alone. Makes none. */
export function checkKey({ config: { dataFolder } }: Patient): string | Note {
  const file = signingKeyFile(dataFolder)
  if (!existsSync(file)) {
    return new Note(
      `There is no signing key at ${file} yet: the next start makes one. If this server had one, put it back first: another key makes it another server.`,
    )
  }
  closedToOthers(file)
  try {
    return `The signing key ${parseSigningKey(readFileSync(file, 'utf8')).keyId} is there.`
  } catch {
    throw new Failure(`${file} holds no signing key: put back the one this server had.`)
  }
}
