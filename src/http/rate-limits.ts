import type { Clock } from '#base/clock.ts'
import { LruCache } from '#base/lru-cache.ts'
import { MatrixError } from '#protocol/errors.ts'
import type { LimitName } from './route.ts'

/** How often something may be done: `burst` times at once, then `perSecond` times a second. */
export interface RateLimit {
  readonly perSecond: number
  readonly burst: number
}

/** The limits in force; a name that is missing or undefined is not limited. */
export type RateLimitSettings = Readonly<Partial<Record<LimitName, RateLimit | undefined>>>

/** How many requesters' buckets are remembered for each limit; beyond that the ones quiet for longest are forgotten. */
const bucketsMax = 20_000

interface Bucket {
  /** How many more requests may come at `at`. */
  tokens: number
  at: number
}

/**
 * Token buckets, one for each limit and requester (or address, when nobody is logged in).
 * https://spec.matrix.org/v1.19/client-server-api/#rate-limiting
 */
export class RateLimits {
  readonly #clock: Clock
  readonly #limits = new Map<LimitName, { limit: RateLimit; buckets: LruCache<string, Bucket> }>()

  constructor(deps: { readonly clock: Clock; readonly settings: RateLimitSettings }) {
    this.#clock = deps.clock
    this.change(deps.settings)
  }

  /** Puts other limits in force. What was used up under those before is forgotten. */
  change(settings: RateLimitSettings): void {
    this.#limits.clear()
    for (const [name, limit] of Object.entries(settings)) {
      if (limit !== undefined) this.#limits.set(name as LimitName, { limit, buckets: new LruCache(bucketsMax) })
    }
  }

  /**
   * Takes one token of `key`'s bucket. Throws `M_LIMIT_EXCEEDED` with `retry_after_ms` when it is empty; a refused
   * request costs nothing. Constant time.
   */
  take(name: LimitName, key: string): void {
    const limited = this.#limits.get(name)
    if (limited === undefined) return
    const { perSecond, burst } = limited.limit
    const now = this.#clock.monotonic()
    const bucket = limited.buckets.get(key)
    if (bucket === undefined) {
      limited.buckets.set(key, { tokens: burst - 1, at: now })
      return
    }
    const tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) / 1000) * perSecond)
    if (tokens < 1) {
      const waitMs = Math.max(1, Math.ceil(((1 - tokens) / perSecond) * 1000))
      throw new MatrixError('M_LIMIT_EXCEEDED', 'Too many requests. Wait a little and try again.', {
        extra: { retry_after_ms: waitMs },
      })
    }
    bucket.tokens = tokens - 1
    bucket.at = now
  }
}
