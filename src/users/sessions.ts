import type { Clock } from '#base/clock.ts'
import { LruCache } from '#base/lru-cache.ts'
import { MatrixError } from '#protocol/errors.ts'
import type { UserId } from '#protocol/identifiers.ts'
import * as store from '#storage/access-tokens.ts'
import { crossSigningKeysOf } from '#storage/cross-signing.ts'
import { insertDevice } from '#storage/devices.ts'
import type { Database, Transaction } from '#storage/transaction.ts'
import { plainText } from './checks/plain-text.ts'
import type { Requester } from './requester.ts'
import { newAccessToken, newDeviceId, newRefreshToken, tokenHash } from './tokens.ts'

const cachedTokensMax = 50_000
const tokenCharactersMax = 512
const deviceIdBytesMax = 255
export const deviceNameBytesMax = 400
const defaultAccessTokenLifetimeMs = 60 * 60 * 1000

/** What a login asks for. */
export interface SessionRequest {
  readonly userId: UserId
  /** The device to log in again; a new one is made when undefined or not known. */
  readonly deviceId?: string | undefined
  /** Display name of a new device. */
  readonly deviceName?: string | undefined
  /** The client can refresh tokens: its access token expires. */
  readonly refreshable?: boolean | undefined
}

/** A login whose tokens are drawn, so that the transaction that makes it may run more than once. */
export interface DrawnSession extends DrawnTokens {
  readonly userId: UserId
  readonly deviceId: string
  readonly deviceIsNamed: boolean
  readonly displayName: string | null
}

/** Tokens that nobody has yet. */
interface DrawnTokens {
  readonly accessToken: string
  /** For a client that can refresh. */
  readonly refreshToken: string | undefined
  readonly now: number
}

/** What a login gives. `refreshToken` and `expiresInMs` are there together, when the client can refresh. */
export interface Session {
  readonly userId: UserId
  readonly deviceId: string
  readonly accessToken: string
  readonly refreshToken?: string
  readonly expiresInMs?: number
}

interface CachedToken {
  readonly requester: Requester
  readonly expiresTs: number | null
}

/**
 * Logins: which token stands for whom. Tokens are random and only their hashes are stored.
 * https://spec.matrix.org/v1.19/client-server-api/#using-access-tokens
 *
 * A refresh token stays good until the tokens it gave are first used, so a client that lost the answer asks again:
 *
 *     refresh(R1) → A2, R2 (answer lost) ; refresh(R1) → A3, R3 (A2, R2 gone) ; A3 used → R1, A1 gone
 */
export class Sessions {
  readonly #database: Database
  readonly #clock: Clock
  readonly #accessTokenLifetimeMs: number
  readonly #cache = new LruCache<string, CachedToken>(cachedTokensMax, 'access_tokens')
  /** Counts revocations, so that a look-up that ran beside one does not bring the token back into the cache. */
  #revocations = 0

  constructor(deps: {
    readonly database: Database
    readonly clock: Clock
    /** Milliseconds for which the access token of a client that can refresh is good. */
    readonly accessTokenLifetimeMs?: number
  }) {
    this.#database = deps.database
    this.#clock = deps.clock
    this.#accessTokenLifetimeMs = deps.accessTokenLifetimeMs ?? defaultAccessTokenLifetimeMs
  }

  /**
   * Who holds this access token. Almost always answered from memory. Throws M_UNKNOWN_TOKEN, with `soft_logout` true
   * when the token has only expired.
   */
  async authenticate(token: string): Promise<Requester> {
    if (token.length > tokenCharactersMax) throw unknownToken(false)
    const hash = tokenHash(token)
    const found = this.#cache.get(hash) ?? (await this.#load(hash))
    if (found === undefined) throw unknownToken(false)
    if (found.expiresTs !== null && found.expiresTs <= this.#clock.now()) throw unknownToken(true)
    return found.requester
  }

  /** Logs a device in. Tokens that the device had are revoked. Throws M_INVALID_PARAM on a device id that cannot be. */
  async create(request: SessionRequest): Promise<Session> {
    const drawn = this.draw(request)
    return this.#database.runInteraction('create_session', (txn) => this.start(txn, drawn))
  }

  /** What `start` makes a session of. Throws M_INVALID_PARAM on a device id or a name that cannot be. */
  draw({ userId, deviceId, deviceName, refreshable }: SessionRequest): DrawnSession {
    return {
      userId,
      deviceId: deviceId === undefined ? newDeviceId() : checkDeviceId(deviceId),
      deviceIsNamed: deviceId !== undefined,
      displayName:
        deviceName === undefined ? null : plainText(deviceName, 'initial_device_display_name', deviceNameBytesMax),
      ...this.#drawTokens(refreshable === true),
    }
  }

  /** `create` as a part of the caller's transaction. */
  async start(txn: Transaction, drawn: DrawnSession): Promise<Session> {
    const { userId, deviceId, displayName, now } = drawn
    const isNew = await insertDevice(txn, { userId, deviceId, displayName, createdTs: now })
    if (isNew && drawn.deviceIsNamed) await refuseKeyAsName(txn, userId, deviceId)
    const revoked = isNew ? [] : await store.deleteTokensOfDevices(txn, userId, [deviceId])
    const session = await this.#issue(txn, drawn, drawn, null)
    txn.afterCommit(() => this.revoked(revoked))
    return session
  }

  /**
   * New tokens for a refresh token. Throws M_UNKNOWN_TOKEN when it is not known: logged out, or replaced by one that
   * was used. https://spec.matrix.org/v1.19/client-server-api/#refreshing-access-tokens
   */
  refresh(token: string): Promise<Session> {
    if (token.length > tokenCharactersMax) return Promise.reject(unknownToken(false))
    const hash = tokenHash(token)
    const drawn = this.#drawTokens(true)
    return this.#database.runInteraction('refresh_session', async (txn) => {
      const row = await store.refreshToken(txn, hash)
      if (row === undefined) throw unknownToken(false)
      if (row.refreshedFrom !== null) await store.confirmRefreshToken(txn, hash, row.refreshedFrom)
      const revoked = await store.deleteUnusedRefreshed(txn, row, hash)
      const session = await this.#issue(txn, row, drawn, hash)
      txn.afterCommit(() => this.revoked(revoked))
      return session
    })
  }

  /** Forgets tokens by their hashes, after the transaction that deleted them. */
  revoked(tokenHashes: readonly string[]): void {
    if (tokenHashes.length === 0) return
    this.#revocations++
    for (const hash of tokenHashes) this.#cache.delete(hash)
  }

  #drawTokens(refreshable: boolean): DrawnTokens {
    return {
      accessToken: newAccessToken(),
      refreshToken: refreshable ? newRefreshToken() : undefined,
      now: this.#clock.now(),
    }
  }

  async #issue(
    txn: Transaction,
    { userId, deviceId }: { readonly userId: UserId; readonly deviceId: string },
    { accessToken, refreshToken, now }: DrawnTokens,
    refreshedFrom: string | null,
  ): Promise<Session> {
    const token = { userId, deviceId, createdTs: now, refreshedFrom }
    const expiresTs = refreshToken === undefined ? null : now + this.#accessTokenLifetimeMs
    await store.insertAccessToken(txn, { ...token, tokenHash: tokenHash(accessToken) }, expiresTs)
    if (refreshToken === undefined) return { userId, deviceId, accessToken }
    await store.insertRefreshToken(txn, { ...token, tokenHash: tokenHash(refreshToken) })
    return { userId, deviceId, accessToken, refreshToken, expiresInMs: this.#accessTokenLifetimeMs }
  }

  async #load(hash: string): Promise<CachedToken | undefined> {
    const revocations = this.#revocations
    const row = await this.#database.runInteraction('authenticate', (txn) => store.accessToken(txn, hash), {
      readOnly: true,
    })
    if (row === undefined) return undefined
    const requester = { userId: row.userId, deviceId: row.deviceId, isAdmin: row.admin === 1, isGuest: false }
    const found = { requester, expiresTs: row.expiresTs }
    if (row.refreshedFrom !== null) await this.#confirm(hash, { ...row, refreshedFrom: row.refreshedFrom })
    else if (revocations === this.#revocations) this.#cache.set(hash, found)
    return found
  }

  /** The first use of a token that a refresh gave; it enters the cache at the next one. */
  async #confirm(hash: string, row: store.AccessTokenRow & { readonly refreshedFrom: string }): Promise<void> {
    await this.#database.runInteraction('confirm_refreshed_token', async (txn) => {
      const revoked = await store.confirmRefreshed(txn, hash, row)
      txn.afterCommit(() => this.revoked(revoked))
    })
  }
}

/**
 * Devices and cross-signing keys share one space of names, where a device must not pose as a key.
 * https://spec.matrix.org/v1.19/client-server-api/#key-and-signature-security
 */
async function refuseKeyAsName(txn: Transaction, userId: UserId, deviceId: string): Promise<void> {
  const keys = await crossSigningKeysOf(txn, [userId])
  if (!keys.some((key) => key.publicKey === deviceId)) return
  throw new MatrixError('M_INVALID_PARAM', 'device_id is the public key of a cross-signing key: choose another.')
}

/** Gives back a device id that a client chose, or throws M_INVALID_PARAM. */
export function checkDeviceId(deviceId: string): string {
  if (deviceId === '') throw new MatrixError('M_INVALID_PARAM', 'device_id must not be empty.')
  return plainText(deviceId, 'device_id', deviceIdBytesMax)
}

function unknownToken(softLogout: boolean): MatrixError {
  const message = softLogout
    ? 'The access token has expired: refresh it, or log in again.'
    : 'The access token is not known: log in again.'
  return new MatrixError('M_UNKNOWN_TOKEN', message, { extra: { soft_logout: softLogout } })
}
