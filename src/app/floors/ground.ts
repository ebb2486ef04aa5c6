import { systemClock, type Clock } from '#base/clock.ts'
import { systemRandom, type Random } from '#base/random.ts'
import type { Logger } from '#observability/logger.ts'
import { uncounted, type Metrics } from '#observability/metrics.ts'
import type { ServerName } from '#protocol/identifiers.ts'
import type { SigningKey } from '#protocol/signing-keys.ts'
import type { Config } from '../config.ts'
import { publicAddressOf } from '../public-address.ts'
import { openSigningKey } from '../signing-key-file.ts'

/** What every floor may be given. */
export interface Ground {
  readonly config: Config
  readonly serverName: ServerName
  /** The address under which clients reach us, without a slash at its end. Asked for when a client is told. */
  readonly publicAddress: () => string
  /** Signs for this server. */
  readonly signingKey: SigningKey
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Where everything is counted. */
  readonly metrics: Metrics
}

/**
 * Lays the ground floor. The data folder has to be there; a signing key is made in it when there is none. `listening`
 * gives the address where the first listener listens, once it does.
 */
export function layGround(
  config: Config,
  logger: Logger,
  {
    metrics = uncounted,
    listening,
  }: { readonly metrics?: Metrics; readonly listening?: () => string | undefined } = {},
): Ground {
  return {
    config,
    serverName: config.serverName,
    publicAddress: () => publicAddressOf(config, listening?.()),
    signingKey: openSigningKey(config.dataFolder),
    clock: systemClock,
    random: systemRandom,
    logger,
    metrics,
  }
}
