import { systemClock, type Clock } from '#base/clock.ts'
import { systemRandom, type Random } from '#base/random.ts'
import type { Logger } from '#observability/logger.ts'
import { uncounted, type Metrics } from '#observability/metrics.ts'
import type { ServerName } from '#protocol/identifiers.ts'
import type { SigningKey } from '#protocol/signing-keys.ts'
import type { Config } from '../config.ts'
import { openSigningKey } from '../signing-key-file.ts'

/** What every floor may be given. */
export interface Ground {
  readonly config: Config
  readonly serverName: ServerName
  /** The address under which clients reach us, without a slash at its end. */
  readonly publicAddress: string
  /** Signs for this server. */
  readonly signingKey: SigningKey
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Where everything is counted. */
  readonly metrics: Metrics
}

/** Lays the ground floor. The data folder has to be there; a signing key is made in it when there is none. */
export function layGround(config: Config, logger: Logger, metrics: Metrics = uncounted): Ground {
  return {
    config,
    serverName: config.serverName,
    publicAddress: config.publicAddress ?? derivedAddress(config),
    signingKey: openSigningKey(config.dataFolder),
    clock: systemClock,
    random: systemRandom,
    logger,
    metrics,
  }
}

/** A trial on one machine is reached where it listens; a server with a name of its own under that name. */
function derivedAddress(config: Config): string {
  const [listener] = config.listeners
  if (config.serverName.split(':', 1)[0] !== 'localhost' || listener === undefined)
    return `https://${config.serverName}`
  return `${listener.tls === undefined ? 'http' : 'https'}://localhost:${listener.port}`
}
