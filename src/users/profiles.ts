import { LruCache } from '#base/lru-cache.ts'
import { MatrixError } from '#protocol/errors.ts'
import { readMxc, type UserId } from '#protocol/identifiers.ts'
import type { JsonObject, JsonValue } from '#protocol/json.ts'
import { accountsByIds } from '#storage/accounts.ts'
import * as store from '#storage/profiles.ts'
import type { Database } from '#storage/transaction.ts'
import type { Requester } from './requester.ts'

const cachedProfilesMax = 10_000
/** https://spec.matrix.org/v1.19/client-server-api/#profiles */
const profileBytesMax = 65_536
const fieldBytesMax = 255
const displayNameBytesMax = 1024
const fieldGrammar = /^(avatar_url|displayname|m\.tz|[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+)$/

/** The fields that stand in member events. */
const memberFieldNames = ['displayname', 'avatar_url'] as const

/** Told when fields of a profile changed that stand in member events. */
export type ProfileListener = (requester: Requester) => Promise<void>

/** What our users say of themselves. https://spec.matrix.org/v1.19/client-server-api/#profiles */
export class Profiles {
  readonly #database: Database
  readonly #cache = new LruCache<UserId, JsonObject>(cachedProfilesMax, 'profiles')
  readonly #listeners: ProfileListener[] = []
  /** Counts changes, so that a read that ran beside one does not bring the old profile back into the cache. */
  #changes = 0

  constructor(deps: { readonly database: Database }) {
    this.#database = deps.database
  }

  /** Registers who is told, after the change is durable and before the client is answered. */
  onProfileChanged(listener: ProfileListener): void {
    this.#listeners.push(listener)
  }

  /** All fields of a user's profile; undefined when the user has no active account here. */
  async get(userId: UserId): Promise<JsonObject | undefined> {
    const cached = this.#cache.get(userId)
    if (cached !== undefined) return cached
    const changes = this.#changes
    const profile = await this.#database.runInteraction(
      'get_profile',
      async (txn) => {
        const [account] = await accountsByIds(txn, [userId])
        if (account?.deactivatedTs !== null) return undefined
        return profileOf(await store.profileFields(txn, userId))
      },
      { readOnly: true },
    )
    if (profile !== undefined && changes === this.#changes) this.#cache.set(userId, profile)
    return profile
  }

  /** One field. Throws M_NOT_FOUND when the user or the field is not there. */
  async field(userId: UserId, field: string): Promise<JsonValue> {
    const value = (await this.get(userId))?.[checkField(field)]
    if (value === undefined) throw new MatrixError('M_NOT_FOUND', 'This user has no such field in their profile.')
    return value
  }

  /** `displayname` and `avatar_url` of one of our users, those that are set; nothing for others. */
  async memberFields(userId: UserId): Promise<JsonObject> {
    const profile = (await this.get(userId)) ?? {}
    const set = memberFieldNames.filter((name) => profile[name] !== undefined)
    return Object.fromEntries(set.map((name) => [name, profile[name]]))
  }

  /**
   * Sets one field of the requester's profile; an empty display name or avatar takes it away, as clients expect.
   * Throws M_KEY_TOO_LARGE, M_PROFILE_TOO_LARGE, and M_INVALID_PARAM for a field or value that cannot be.
   */
  async set(requester: Requester, field: string, value: JsonValue): Promise<void> {
    checkField(field)
    if ((field === 'displayname' || field === 'avatar_url') && value === '') return this.remove(requester, field)
    checkValue(field, value)
    const { userId } = requester
    await this.#database.runInteraction('set_profile_field', async (txn) => {
      await store.setProfileField(txn, userId, field, JSON.stringify(value))
      const profile = JSON.stringify(profileOf(await store.profileFields(txn, userId)))
      if (Buffer.byteLength(profile) > profileBytesMax)
        throw new MatrixError('M_PROFILE_TOO_LARGE', `A profile has at most ${profileBytesMax} bytes.`)
    })
    await this.#changed(requester, field)
  }

  /** Removes one field, if it is there. Throws M_INVALID_PARAM or M_KEY_TOO_LARGE for a field that cannot be. */
  async remove(requester: Requester, field: string): Promise<void> {
    checkField(field)
    const removed = await this.#database.runInteraction('delete_profile_field', (txn) =>
      store.deleteProfileField(txn, requester.userId, field),
    )
    if (removed) await this.#changed(requester, field)
  }

  /** Removes a whole profile; nobody is told. For accounts that end. */
  async erase(userId: UserId): Promise<void> {
    await this.#database.runInteraction('erase_profile', (txn) => store.deleteProfile(txn, userId))
    this.#forget(userId)
  }

  async #changed(requester: Requester, field: string): Promise<void> {
    this.#forget(requester.userId)
    if (!memberFieldNames.some((name) => name === field)) return
    for (const listener of this.#listeners) await listener(requester)
  }

  #forget(userId: UserId): void {
    this.#changes++
    this.#cache.delete(userId)
  }
}

function profileOf(rows: readonly store.ProfileFieldRow[]): JsonObject {
  return Object.fromEntries(rows.map(({ field, value }) => [field, JSON.parse(value) as JsonValue]))
}

function checkField(field: string): string {
  if (Buffer.byteLength(field) > fieldBytesMax)
    throw new MatrixError('M_KEY_TOO_LARGE', `The name of a field has at most ${fieldBytesMax} bytes.`)
  if (!fieldGrammar.test(field))
    throw new MatrixError(
      'M_INVALID_PARAM',
      'A field is displayname, avatar_url, m.tz, or a name of one’s own such as org.example.color.',
    )
  return field
}

function checkValue(field: string, value: JsonValue): void {
  if (field === 'avatar_url' && readMxc(value) === undefined)
    throw new MatrixError('M_INVALID_PARAM', 'avatar_url must be an mxc:// address.')
  if (field !== 'displayname' && field !== 'm.tz') return
  if (typeof value !== 'string') throw new MatrixError('M_INVALID_PARAM', `${field} must be a string.`)
  if (Buffer.byteLength(value) > displayNameBytesMax)
    throw new MatrixError('M_INVALID_PARAM', `${field} has at most ${displayNameBytesMax} bytes.`)
}
