import type { RateLimitSettings } from '#http/rate-limits.ts'
import type { LogFormat, LogLevel } from '#observability/logger.ts'
import type { ServerName } from '#protocol/identifiers.ts'

/** The APIs a listener can offer. */
export const apiNames = ['client'] as const
export type ApiName = (typeof apiNames)[number]

export const registrationModes = ['open', 'token', 'closed'] as const
export type RegistrationMode = (typeof registrationModes)[number]

export interface ListenerConfig {
  readonly address: string
  /** 0 takes any free port. */
  readonly port: number
  readonly apis: readonly ApiName[]
  /** Files in PEM, as absolute paths; undefined for plain HTTP. */
  readonly tls: { readonly certificate: string; readonly key: string } | undefined
  readonly trustedProxies: readonly string[]
}

/** Everything the configuration says, checked, with its defaults; never changed afterwards. */
export interface Config {
  readonly serverName: ServerName
  /** The address that clients are told, without a slash at its end; undefined to derive it. */
  readonly publicAddress: string | undefined
  /** An absolute path. */
  readonly dataFolder: string
  readonly listeners: readonly ListenerConfig[]
  readonly database: {
    /** `sqlite:/absolute/file.db` or `postgres://…`. */
    readonly url: string
    readonly poolSize: number
  }
  readonly registration: {
    readonly mode: RegistrationMode
    readonly sharedSecret: string | undefined
  }
  readonly rateLimits: RateLimitSettings
  readonly log: { readonly level: LogLevel; readonly format: LogFormat }
}
