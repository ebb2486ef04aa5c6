import type { RateLimits } from '#http/rate-limits.ts'
import type { HttpServer } from '#http/server.ts'
import { logLevels, type Logger, type LogLevel } from '#observability/logger.ts'
import type { Registration } from '#users/registration.ts'
import type { SharedSecretRegistration } from '#users/shared-secret-registration.ts'
import type { Config, ListenerConfig } from './config.ts'
import { fileKey } from './config/section.ts'
import { Failure } from './failure.ts'
import { readTls } from './read-tls.ts'

/** What can be changed while the server runs. */
export interface Changeable {
  readonly logger: Logger
  readonly limits: RateLimits
  readonly registration: Registration
  readonly sharedSecretRegistration: SharedSecretRegistration
  /** One for each listener that was configured at the start, in its order. */
  readonly servers: readonly HttpServer[]
}

/** Parts of the configuration of which a change waits for the next start, whole. */
const laterParts = ['serverName', 'publicAddress', 'dataFolder', 'database', 'plugIns', 'tracing'] as const

/**
 * Puts in force what has changed in the configuration and can change while the server runs, reads certificates again, and
 * says in the log what it did and what waits for the next start. Gives what is in force then: the old configuration with
 * the parts of the new one that could change. Everything is read before anything changes: throws Failure for a certificate that cannot be used, Node's error for one
 * that cannot be read, and has changed nothing then.
 */
export async function reload(before: Config, now: Config, house: Changeable): Promise<Config> {
  const certificates = await readCertificates(before, now)
  const done: string[] = []
  for (const { index, file, tls } of certificates) {
    house.servers[index]?.useCertificate(tls)
    done.push(`The certificate ${file} was read again.`)
  }
  if (now.log.level !== before.log.level) {
    done.push(`The log tells what is ${now.log.level} and worse.`)
  }
  if (differ(now.rateLimits, before.rateLimits)) {
    house.limits.change(now.rateLimits)
    done.push('The rate limits are those of the file.')
  }
  if (now.registration.mode !== before.registration.mode) {
    house.registration.changeMode(now.registration.mode)
    done.push(`Registration is ${now.registration.mode}.`)
  }
  if (now.registration.sharedSecret !== before.registration.sharedSecret) {
    house.sharedSecretRegistration.changeSecret(now.registration.sharedSecret)
    done.push('The shared secret of registration is that of the file.')
  }
  const later = waiting(before, now)
  if (later.length > 0) done.push(`What changed in ${later.join(', ')} waits for the next start.`)
  say(done, house.logger, before.log.level, now.log.level)
  const { rateLimits, registration } = now
  return { ...before, rateLimits, registration, log: { ...before.log, level: now.log.level } }
}

/** Says what was done while the log tells the most of before and now, so that becoming quiet is said too. */
function say(done: readonly string[], logger: Logger, before: LogLevel, now: LogLevel): void {
  if (logLevels.indexOf(now) < logLevels.indexOf(before)) logger.changeLevel(now)
  logger.info('Read the configuration again', { done: done.length === 0 ? ['Nothing has changed.'] : done })
  logger.changeLevel(now)
}

/** The certificates of listeners that are where they were, checked. */
async function readCertificates(
  before: Config,
  now: Config,
): Promise<{ readonly index: number; readonly file: string; readonly tls: Awaited<ReturnType<typeof readTls>> }[]> {
  const read = before.listeners.map(async (old, index) => {
    const files = now.listeners.find(
      ({ address, port, tls }) => address === old.address && port === old.port && tls !== undefined,
    )?.tls
    if (old.tls === undefined || files === undefined) return []
    const { certificate, key } = files
    const tls = await readTls(files)
    try {
      process.getBuiltinModule('node:tls').createSecureContext({ cert: tls.certificate, key: tls.key })
    } catch (error) {
      throw new Failure(`${certificate} and ${key} cannot be used together: ${(error as Error).message}.`)
    }
    return [{ index, file: certificate, tls }]
  })
  return (await Promise.all(read)).flat()
}

/** The keys of the file under which something changed that waits for the next start. */
function waiting(before: Config, now: Config): string[] {
  const later: string[] = laterParts.filter((part) => differ(now[part], before[part])).map(fileKey)
  if (differ(now.listeners.map(withoutFiles), before.listeners.map(withoutFiles))) later.push('listeners')
  for (const part of ['format', 'slowRequestMs', 'slowQueryMs'] as const)
    if (now.log[part] !== before.log[part]) later.push(`log.${fileKey(part)}`)
  return later
}

/** What of a listener stays as long as it listens: all but the files of its certificate. */
function withoutFiles({ tls, ...listener }: ListenerConfig): object {
  return { ...listener, tls: tls !== undefined }
}

function differ(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) !== JSON.stringify(other)
}
