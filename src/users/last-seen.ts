import type { Clock } from '#base/clock.ts'
import { LruCache } from '#base/lru-cache.ts'
import type { Logger } from '#observability/logger.ts'
import { runInBackground } from '#observability/request-context.ts'
import { type Sighting, updateLastSeen } from '#storage/devices.ts'
import type { Database } from '#storage/transaction.ts'
import type { Requester } from './requester.ts'

const flushEveryMs = 30_000
/** A device at the same address is noted again after this time. */
const againAfterMs = 60_000
const pendingSightingsMax = 20_000
const recentSightingsMax = 20_000
const addressCharactersMax = 64
const userAgentCharactersMax = 256

/** Notes when and from where devices were last seen, in memory, and writes it in batches behind the requests. */
export class LastSeen {
  readonly #database: Database
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #recent = new LruCache<string, Sighting>(recentSightingsMax)
  #pending = new Map<string, Sighting>()
  #timer: NodeJS.Timeout | undefined

  constructor(deps: { readonly database: Database; readonly clock: Clock; readonly logger: Logger }) {
    this.#database = deps.database
    this.#clock = deps.clock
    this.#logger = deps.logger
  }

  /** Notes a request. Constant time; nothing is written here. */
  note(requester: Requester, ip: string, userAgent: string): void {
    const key = `${requester.userId}\0${requester.deviceId}`
    const ts = this.#clock.now()
    const before = this.#recent.get(key)
    const same =
      before?.ip === clip(ip, addressCharactersMax) && before.userAgent === clip(userAgent, userAgentCharactersMax)
    // The clock may have been set back in the meantime.
    if (same && Math.abs(ts - before.ts) < againAfterMs) return
    if (this.#pending.size >= pendingSightingsMax && !this.#pending.has(key)) return
    const sighting = {
      userId: requester.userId,
      deviceId: requester.deviceId,
      ts,
      ip: clip(ip, addressCharactersMax),
      userAgent: clip(userAgent, userAgentCharactersMax),
    }
    this.#recent.set(key, sighting)
    this.#pending.set(key, sighting)
  }

  /** The newest sighting of a device that memory still has. */
  of(userId: string, deviceId: string): Sighting | undefined {
    return this.#recent.get(`${userId}\0${deviceId}`)
  }

  /** Writes what is pending. What cannot be written is dropped and logged: it is not worth a queue. */
  async flush(): Promise<void> {
    if (this.#pending.size === 0) return
    // In one order always, so that two processes cannot wait for each other's rows.
    const sightings = [...this.#pending].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, sighting]) => sighting)
    this.#pending = new Map()
    try {
      await runInBackground('write_last_seen', () =>
        this.#database.runInteraction('write_last_seen', (txn) => updateLastSeen(txn, sightings)),
      )
    } catch (error) {
      this.#logger.warn('could not write when devices were last seen', { error, devices: sightings.length })
    }
  }

  /** Begins to write every half minute. */
  run(): void {
    this.#timer ??= setInterval(() => void this.flush(), flushEveryMs).unref()
  }

  /** Writes what is pending for the last time. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#timer = undefined
    await this.flush()
  }
}

/** A part of a string would keep the whole of it in memory, so what is cut is copied. */
function clip(text: string, charactersMax: number): string {
  const short = text.length > charactersMax ? Buffer.from(text.slice(0, charactersMax)).toString() : text
  return short.replaceAll('\0', '').toWellFormed()
}
