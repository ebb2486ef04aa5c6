import { X509Certificate, createPrivateKey } from 'node:crypto'
import { accessSync, constants, readFileSync, statfsSync, statSync } from 'node:fs'
import { request } from 'undici'
import { systemClock } from '#base/clock.ts'
import { silentLogger } from '#observability/logger.ts'
import { databaseHealth } from '#storage/database-health.ts'
import { openDatabase } from '#storage/database-pool.ts'
import type { Config } from './config.ts'
import { Failure } from './failure.ts'
import { isTrial, publicAddressOf } from './public-address.ts'
import { openSigningKey, signingKeyFile } from './signing-key-file.ts'

/** How long the server may take to answer. */
const answerMsMax = 5_000
/** A certificate that ends sooner should have been renewed by now. */
const certificateDaysMin = 14
/** How far two clocks may be apart. */
const clockMsMax = 5_000
/** Room on the disk below which writing may soon fail. */
const freeBytesMin = 1_073_741_824
/** No clock is right that says an earlier time: this program was not there. */
const earliestMs = 1_767_225_600_000
const dayMs = 86_400_000

/** Gives what is fine; throws what is wrong, with what to do. */
export type Check = (config: Config) => string | Promise<string>

function closedToOthers(file: string): void {
  const { mode } = statSync(file)
  if (process.platform !== 'win32' && (mode & 0o077) !== 0)
    throw new Failure(`${file} can be read by others: chmod 600 it.`)
}

/** Whether others can read the configuration when there are secrets in it. */
export function configFileCheck(file: string): Check {
  return ({ registration, database }) => {
    const secrets = registration.sharedSecret !== undefined || /^postgres(ql)?:\/\/[^@/]*:[^@/]+@/.test(database.url)
    if (secrets) closedToOthers(file)
    return secrets ? 'Its secrets can be read by nobody else.' : 'There is no secret in it.'
  }
}

/** Whether the data folder can be used and its disk has room. */
export function checkFolder({ dataFolder }: Config): string {
  accessSync(dataFolder, constants.R_OK | constants.W_OK)
  const { bavail, bsize } = statfsSync(dataFolder)
  const free = bavail * bsize
  const gib = (free / 2 ** 30).toFixed(1)
  if (free < freeBytesMin) throw new Failure(`The disk of ${dataFolder} has only ${gib} GiB left: make room.`)
  return `The data folder ${dataFolder} can be read and written, and has ${gib} GiB left.`
}

/** Whether the signing key is there for us alone. */
export function checkKey({ dataFolder }: Config): string {
  closedToOthers(signingKeyFile(dataFolder))
  return `The signing key ${openSigningKey(dataFolder).keyId} is there.`
}

/** Whether the certificates of listeners are good for a while. */
export function checkCertificates({ listeners }: Config): string {
  let soonest: { readonly file: string; readonly days: number } | undefined
  for (const { tls } of listeners) {
    if (tls === undefined) continue
    const certificate = new X509Certificate(readFileSync(tls.certificate))
    if (!certificate.checkPrivateKey(createPrivateKey(readFileSync(tls.key))))
      throw new Failure(`${tls.key} is not the key of ${tls.certificate}: name those that belong together.`)
    const days = Math.floor((Date.parse(certificate.validTo) - systemClock.now()) / dayMs)
    if (days < certificateDaysMin)
      throw new Failure(`${tls.certificate} ends in ${days} days: renew it, then send the server SIGHUP.`)
    if (soonest === undefined || days < soonest.days) soonest = { file: tls.certificate, days }
  }
  if (soonest === undefined) return 'No listener has a certificate: what is in front of the server has.'
  return `The certificates are good for ${soonest.days} days.`
}

/** Whether the clock can be right: signatures and tokens depend on it. */
export function checkClock(): string {
  if (systemClock.now() < earliestMs)
    throw new Failure(
      'The clock of this machine is in the past: let it be set from the network (timedatectl set-ntp on).',
    )
  return 'The clock of this machine can be right.'
}

/** Whether the database opens, is whole and of this version. Changes nothing in it. */
export async function checkDatabase(config: Config): Promise<string> {
  const database = await openDatabase({ ...config.database, logger: silentLogger })
  try {
    const { missing, unfinished, faults, clockMs } = await databaseHealth(database)
    if (faults.length > 0) throw new Failure(`The database: ${faults.join(' ')}`)
    if (clockMs !== undefined && Math.abs(clockMs - systemClock.now()) > clockMsMax)
      throw new Failure('The clocks of this machine and of the database are apart: let both be set from the network.')
    const next = missing.length === 0 ? 'is of this version' : `is brought to this version by the next start`
    const going = unfinished.map(({ name, share }) => ` The migration ${name} is ${Math.floor(share * 100)} % done.`)
    return `The database (${database.engine}) opens, is whole and ${next}.${going.join('')}`
  } finally {
    await database.close()
  }
}

/** Whether clients reach the running server where they are told that it is. */
export async function checkAddress(config: Config): Promise<string> {
  const publicAddress = publicAddressOf(config, undefined)
  const url = `${publicAddress}/_matrix/client/versions`
  const { why } = await ask(url)
  if (why !== undefined)
    throw new Failure(`The server runs, but ${url} ${why}. Clients are told this address: see public_address.`)
  return `The server runs and answers at ${publicAddress}.`
}

/** Whether the server name leads clients to the running server. */
export async function checkWellKnown(config: Config): Promise<string> {
  const { serverName } = config
  const publicAddress = publicAddressOf(config, undefined)
  if (isTrial(config)) return 'localhost has no well-known address, and needs none.'
  const url = `https://${serverName}/.well-known/matrix/client`
  const { why, body } = await ask(url)
  const advice = `Let ${url} answer {"m.homeserver": {"base_url": "${publicAddress}"}}, or be passed on to the server.`
  if (why !== undefined) throw new Failure(`${url} ${why}. ${advice}`)
  if (baseUrl(body) !== publicAddress) throw new Failure(`${url} leads elsewhere. ${advice}`)
  return `${serverName} leads clients to ${publicAddress}.`
}

function baseUrl(body: string): string | undefined {
  try {
    const { 'm.homeserver': home } = JSON.parse(body) as { 'm.homeserver'?: { base_url?: string } }
    return home?.base_url?.replace(/\/$/, '')
  } catch {
    return undefined
  }
}

async function ask(url: string): Promise<{ readonly why: string | undefined; readonly body: string }> {
  try {
    const { statusCode, body } = await request(url, { headersTimeout: answerMsMax, bodyTimeout: answerMsMax })
    return { body: await body.text(), why: statusCode === 200 ? undefined : `answers ${statusCode}` }
  } catch (error) {
    return { body: '', why: `does not answer (${error instanceof Error ? error.message : String(error)})` }
  }
}
