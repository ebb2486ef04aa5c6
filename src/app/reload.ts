import type { RateLimits } from '#http/rate-limits.ts'
import type { HttpServer } from '#http/server.ts'
import type { Logger } from '#observability/logger.ts'
import type { Registration } from '#users/registration.ts'
import type { Config } from './config.ts'
import { readTls } from './read-tls.ts'

/** What can be changed while the server runs. */
export interface Changeable {
  readonly logger: Logger
  readonly limits: RateLimits
  readonly registration: Registration
  /** One for each listener of the configuration, in its order. */
  readonly servers: readonly HttpServer[]
}

/** Parts of the configuration of which a change waits for the next start. */
const laterParts = ['serverName', 'publicAddress', 'dataFolder', 'database'] as const

/**
 * Puts in force what has changed in the configuration and can change while the server runs, and reads certificates again;
 * gives what it did, and what waits for the next start, a sentence each. Throws Node's error for a certificate that cannot be read.
 */
export async function reload(before: Config, now: Config, house: Changeable): Promise<string[]> {
  const done: string[] = []
  for (const [index, { tls }] of now.listeners.entries()) {
    const server = house.servers[index]
    if (tls === undefined || server === undefined || before.listeners[index]?.tls === undefined) continue
    server.useCertificate(await readTls(tls))
    done.push(`The certificate ${tls.certificate} was read again.`)
  }
  if (now.log.level !== before.log.level) {
    house.logger.changeLevel(now.log.level)
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
  const later = laterParts.filter((part) => differ(now[part], before[part]))
  if (later.length > 0) done.push(`What changed in ${later.join(', ')} waits for the next start.`)
  return done
}

function differ(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) !== JSON.stringify(other)
}
